// What a connection or an exchange needs besides header lines: client certificates, for which a
// permit is asked before a connection is opened, and logins whose first send is answered with a
// challenge, which makes two sends (legs) of one transfer.
#include <curl/curl.h>
#include <openssl/ssl.h>

#include <algorithm>

#include "http/classify.h"
#include "http/handle.h"
#include "http/headers.h"
#include "http/pool.h"

namespace stepwell::http {
namespace {

// The first of them is how a login begins, the second says that its nonce was too old (RFC 7616
// §3.3); a server that goes on like this would be asked without end.
constexpr int kMostChallenges = 2;

void set_text(void* easy, CURLoption option, const char* text) {
  static_cast<void>(curl_easy_setopt(easy, option, text));
}

// libcurl reads where the bytes lie, for as long as the handle exists.
void set_blob(void* easy, CURLoption option, const Secret& bytes) {
  curl_blob blob{};
  blob.data = const_cast<char*>(bytes.reveal().data());
  blob.len = bytes.size();
  blob.flags = CURL_BLOB_NOCOPY;
  static_cast<void>(curl_easy_setopt(easy, option, &blob));
}

std::string_view without_final_nul(const Secret& secret) {
  std::string_view text = secret.reveal();
  if (!text.empty() && text.back() == '\0') text.remove_suffix(1);
  return text;
}

// libcurl copies the string.
void set_secret_text(void* easy, CURLoption option, const Secret& secret) {
  const std::string_view text = without_final_nul(secret);
  if (text.size() < secret.size()) {
    set_text(easy, option, text.data());
    return;
  }
  Secret terminated = Secret::of_size(text.size() + 1);
  std::copy(text.begin(), text.end(), terminated.writable());
  set_text(easy, option, terminated.reveal().data());
}

// A permit covers the handshake, and nothing that a server may ask for once it is over: neither a
// certificate after the handshake (RFC 8446 §4.6.2, which libcurl would allow) nor another
// handshake (TLS 1.2). So the key signs under a permit, or not at all.
CURLcode sign_in_the_handshake_only(CURL* /*easy*/, void* context, void* /*nothing*/) {
  auto* tls = static_cast<SSL_CTX*>(context);
  SSL_CTX_set_post_handshake_auth(tls, 0);
  SSL_CTX_set_options(tls, SSL_OP_NO_RENEGOTIATION);
  return CURLE_OK;
}

Problem invalid(std::string detail) {
  return make_problem(ErrorKind::configuration, "header-invalid", std::move(detail));
}

}  // namespace

void Handle::set_identity() {
  const TlsIdentity* identity = home_.pool().identity();
  if (identity == nullptr) return;
  set_blob(easy_, CURLOPT_SSLCERT_BLOB, identity->certificate);
  set_blob(easy_, CURLOPT_SSLKEY_BLOB, identity->key);
  set_text(easy_, CURLOPT_SSLCERTTYPE, "PEM");
  set_text(easy_, CURLOPT_SSLKEYTYPE, "PEM");
  // Also where it is empty: OpenSSL would ask the terminal.
  set_secret_text(easy_, CURLOPT_KEYPASSWD, identity->passphrase);
  static_cast<void>(curl_easy_setopt(easy_, CURLOPT_SSL_CTX_FUNCTION, &sign_in_the_handshake_only));
  // A session that is resumed proves nothing anew.
  static_cast<void>(curl_easy_setopt(easy_, CURLOPT_SSL_SESSIONID_CACHE, 0L));
}

// A connection is about to be opened: one permit for all sockets that it takes to reach the host.
bool Handle::may_open_connection() {
  if (home_.pool().identity() == nullptr || transfer_->permit_to_connect) return true;
  if (transfer_->stopped) return false;  // libcurl tries the name's next address
  give_back(*transfer_);
  home_.lane().sending().remove(*transfer_);
  if (!take_permit()) return false;
  transfer_->permit_to_connect = transfer_->permit_held;
  return true;
}

Status Handle::set_login(Transfer& transfer, bool with_body) {
  const auto& guard = transfer.request().guard;
  const DigestLogin* login = guard ? guard->digest() : nullptr;
  if (login == nullptr) return {};
  const std::string_view password = without_final_nul(login->password);
  if (!is_field_value(login->username) || password.find('\0') != std::string_view::npos)
    return fail(invalid(
        "the credential's user name or password cannot be sent; check it for control characters"));
  for (const Header& header : transfer.request().headers) {
    if (equal_names(header.name, "Authorization"))
      return fail(invalid("the request has a header " + header.name +
                          " of its own, and the credential sets the same one; take one of them "
                          "away"));
  }
  // libcurl would answer with the challenge of one origin at another.
  if (!login_origin_.empty() && (!nonce_known_ || login_origin_ != transfer.origin)) forget_nonce();
  login_origin_ = transfer.origin;
  transfer.body_held_back = with_body && !nonce_known_;
  static_cast<void>(curl_easy_setopt(easy_, CURLOPT_HTTPAUTH, CURLAUTH_DIGEST));
  set_text(easy_, CURLOPT_USERNAME, login->username.c_str());
  set_secret_text(easy_, CURLOPT_PASSWORD, login->password);
  return {};
}

void Handle::clear_login() {
  if (login_origin_.empty()) return;
  set_text(easy_, CURLOPT_USERNAME, nullptr);
  set_text(easy_, CURLOPT_PASSWORD, nullptr);
}

// There is no other way to make libcurl do so. Its connections are the share's, and stay.
void Handle::forget_nonce() {
  curl_easy_reset(easy_);
  nonce_known_ = false;
  url_.clear();
  method_ = Method::none;
  custom_method_.clear();
  protocol_ = -1;
  set_constant_options();
}

// Is the answer whose head has just come one that libcurl may follow up with another send?
bool Handle::login_expected() const {
  const auto& guard = transfer_->request().guard;
  return transfer_->response.status == 401 && transfer_->challenges < kMostChallenges && guard &&
         guard->digest() != nullptr;
}

// libcurl goes on after a complete answer, which it does only to log in. A challenge means that
// nothing was executed (RFC 9110 §15.5.2), so that the next send is as good as the first one.
bool Handle::begin_next_leg() {
  Transfer& transfer = *transfer_;
  if (transfer.response.status == 401) {
    if (transfer.challenges == kMostChallenges) {
      transfer.challenges_end = true;
      return false;
    }
    ++transfer.challenges;
    nonce_known_ = true;
  } else {
    // It accepted what was to be challenged, and was sent without its body.
    if (!transfer.request().repeatable) {
      stop(outcome_unknown(transfer.target(),
                           "it took the request without asking for the login that the credential "
                           "stands for, and thus without its body"));
      return false;
    }
    note_end_of_send();
  }
  transfer.sends = 0;
  give_back(transfer);
  home_.lane().sending().remove(transfer);
  long heads = 0;
  curl_easy_getinfo(easy_, CURLINFO_REQUEST_SIZE, &heads);
  transfer.earlier_bytes = static_cast<std::uint64_t>(std::max(heads, 0L));
  transfer.leg_began = surroundings_.now;
  transfer.written = false;
  transfer.seen_unwritten = false;
  transfer.body_held_back = false;
  transfer.head_done = false;
  transfer.header_bytes = 0;
  transfer.expected_bytes = Transfer::kUnknown;
  transfer.response.status = 0;
  transfer.response.headers.clear();
  transfer.response.body.clear();
  return true;
}

}  // namespace stepwell::http
