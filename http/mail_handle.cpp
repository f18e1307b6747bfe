// A handle of a pool for mails. libcurl opens the connection, reads the greeting, says EHLO and
// does STARTTLS; then it is told to leave the rest to us (CURLOPT_CONNECT_ONLY), since what it does
// at a mail's end would block the thread until the server answers.
#include <curl/curl.h>

#include <utility>

#include "http/classify.h"
#include "http/handle.h"
#include "http/pool.h"
#include "http/url.h"

namespace stepwell::http {
namespace {

template <class T>
void tell(void* easy, CURLoption option, T value) {
  static_cast<void>(curl_easy_setopt(easy, option, value));
}

// This machine by the name or address that stands in the URL; what a name means elsewhere is
// nobody's guess.
bool is_this_machine(const std::string& host) {
  if (host == "localhost") return true;
  const bool bracketed = host.size() > 2 && host.front() == '[';
  const auto address =
      Address::parse(bracketed ? std::string_view(host).substr(1, host.size() - 2) : host);
  if (!address) return false;
  if (!address->v6) return address->bytes[0] == 127;
  auto loopback = Address::parse("::1");
  return loopback && address->bytes == loopback->bytes;
}

StartTls policy_of(const Mail& mail, const std::string& host) {
  if (mail.start_tls != StartTls::automatic) return mail.start_tls;
  return is_this_machine(host) ? StartTls::optional : StartTls::required;
}

}  // namespace

void Handle::set_mail_options() {
  tell(easy_, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
  tell(easy_, CURLOPT_CONNECT_ONLY, 1L);
  tell(easy_, CURLOPT_FRESH_CONNECT, 1L);
  tell(easy_, CURLOPT_HEADERFUNCTION, &Handle::on_mail_reply);
}

Status Handle::prepare_mail(const Request& request) {
  auto url = parse_mail_url(request.url);
  if (!url) return fail(std::move(url.error()));
  replies_ = {};
  reply_ = {};
  tell(easy_, CURLOPT_URL, request.url.c_str());
  const StartTls policy = policy_of(*request.mail, url->origin.host);
  tell(easy_, CURLOPT_USE_SSL,
       static_cast<long>(policy == StartTls::required   ? CURLUSESSL_ALL
                         : policy == StartTls::optional ? CURLUSESSL_TRY
                                                        : CURLUSESSL_NONE));
  return {};
}

std::size_t Handle::on_mail_reply(char* data, std::size_t size, std::size_t count, void* self) {
  Handle& handle = *static_cast<Handle*>(self);
  Transfer& transfer = *handle.transfer_;
  const std::string_view line(data, size * count);
  if (transfer.header_bytes == 0) transfer.first_byte_at = handle.surroundings_.now;
  transfer.header_bytes += line.size();
  if (!handle.replies_.take(line) ||
      transfer.header_bytes > transfer.request().limits.response_headers.count) {
    handle.stop(make_problem(ErrorKind::communication, "smtp-protocol",
                             "what " + transfer.target() + " answers is not SMTP"));
    return 0;
  }
  while (auto reply = handle.replies_.next()) handle.reply_ = std::move(*reply);
  return line.size();
}

bool Handle::encrypted() const {
  if (transfer_->origin.starts_with("smtps:")) return true;
  curl_tlssessioninfo* session = nullptr;
  return curl_easy_getinfo(easy_, CURLINFO_TLS_SSL_PTR, &session) == CURLE_OK &&
         session != nullptr && session->internals != nullptr;
}

Status Handle::begin_mail() {
  const Request& request = transfer_->request();
  curl_socket_t fd = CURL_SOCKET_BAD;
  if (curl_easy_getinfo(easy_, CURLINFO_ACTIVESOCKET, &fd) != CURLE_OK || fd == CURL_SOCKET_BAD)
    return fail(connection_reset(transfer_->target(), "closed the connection"));
  std::string_view authorization;
  if (request.guard)
    for (const Secret& line : request.guard->secret_headers()) authorization = line.reveal();
  const auto url = parse_mail_url(request.url);
  if (!authorization.empty() && !encrypted() && !(url && is_this_machine(url->origin.host)))
    return fail(make_problem(ErrorKind::communication, "tls",
                             "the credential is not shown to " + transfer_->target() +
                                 ", since the connection is not encrypted: it offers no STARTTLS, "
                                 "or `email.starttls` says never"));
  set_socket(fd);
  MailWire& wire = *this;
  mail_ = std::make_unique<MailSession>(request.mail, wire, reply_, transfer_->target(),
                                        authorization, surroundings_.now);
  return {};
}

Result<std::size_t> Handle::send(std::string_view bytes) {
  std::size_t count = 0;
  const CURLcode code = curl_easy_send(easy_, bytes.data(), bytes.size(), &count);
  if (code == CURLE_OK || code == CURLE_AGAIN) return count;
  return fail(connection_reset(transfer_->target(), "broke the connection off"));
}

Result<std::size_t> Handle::receive(char* into, std::size_t most) {
  std::size_t count = 0;
  const CURLcode code = curl_easy_recv(easy_, into, most, &count);
  if (code == CURLE_AGAIN) return 0;
  if (code == CURLE_OK && count > 0) return count;
  return fail(connection_reset(transfer_->target(), "closed the connection without an answer"));
}

std::optional<MailAnswer> Handle::refused_greeting(int curl_code) const {
  const bool answered = curl_code == CURLE_WEIRD_SERVER_REPLY ||
                        curl_code == CURLE_REMOTE_ACCESS_DENIED ||
                        curl_code == CURLE_USE_SSL_FAILED;
  if (!answered || reply_.code < 400) return std::nullopt;
  MailAnswer answer;
  answer.stage = MailAnswer::Stage::greeting;
  answer.code = reply_.code;
  answer.text = reply_.text;
  return answer;
}

Problem Handle::mail_problem(int curl_code) const {
  const std::string target = transfer_->target();
  switch (curl_code) {
    case CURLE_USE_SSL_FAILED:
      return make_problem(ErrorKind::communication, "tls",
                          target +
                              " offers no STARTTLS, and mail is not sent over a connection that "
                              "is not encrypted; use smtps:// where it has that, or see the "
                              "setting `email.starttls`");
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_WRITE_ERROR:
      return make_problem(ErrorKind::communication, "smtp-protocol",
                          "what " + target + " answers is not SMTP");
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_GOT_NOTHING:
      return connection_reset(target, "closed the connection before the mail was sent");
    default:
      break;
  }
  Failure failure;
  failure.curl_code = curl_code;
  failure.message = message_[0] != '\0' ? std::string_view(message_.data())
                                        : curl_easy_strerror(static_cast<CURLcode>(curl_code));
  failure.target = target;
  return classify(failure);
}

}  // namespace stepwell::http
