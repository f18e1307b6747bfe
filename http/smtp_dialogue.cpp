#include "http/smtp_dialogue.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "base/ascii.h"
#include "base/encoding.h"
#include "base/json.h"
#include "http/mail_text.h"

namespace stepwell::http {
namespace {

constexpr std::size_t kMaxReplyLine = 4096;  // §4.5.3.1.5 says 512
constexpr std::size_t kMaxReply = 64UL * 1024;
constexpr std::size_t kMaxCommand = 512;  // §4.5.3.1.4
constexpr int kUnexpected = 554;          // stands for an answer that makes no sense here

constexpr std::string_view kAuthorization = "Authorization: ";

bool equal_words(std::string_view a, std::string_view b) {
  return ascii_lower(a) == ascii_lower(b);
}

Secret decoded(std::string_view text) {
  Secret out = Secret::of_size(text.size() / 4 * 3 + 3);
  return Secret(out.reveal().substr(0, decode_base64(text, out.writable()).value_or(0)));
}

Secret in_base64(std::string&& text) {
  std::string encoded = to_base64(text);
  wipe(text);
  return Secret::take(std::move(encoded));
}

// A string that does not grow, and so leaves no copies behind.
std::string joined(std::initializer_list<std::string_view> parts) {
  std::size_t size = 0;
  for (const std::string_view part : parts) size += part.size();
  std::string out;
  out.reserve(size);
  for (const std::string_view part : parts) out += part;
  return out;
}

// The words of a line, between single spaces.
bool has_word(std::string_view line, std::string_view word) {
  while (!line.empty()) {
    const std::size_t end = std::min(line.find(' '), line.size());
    if (equal_words(line.substr(0, end), word)) return true;
    line.remove_prefix(std::min(end + 1, line.size()));
  }
  return false;
}

}  // namespace

std::string_view to_string(MailAnswer::Stage stage) {
  constexpr std::array<std::string_view, 5> kNames{"greeting", "login", "sender", "recipient",
                                                   "content"};
  return kNames[static_cast<std::size_t>(stage)];
}

// ---- SmtpReader ----

bool SmtpReader::take(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::size_t end = bytes.find('\n');
    line_ += bytes.substr(0, end);
    if (line_.size() > kMaxReplyLine) return false;
    if (end == std::string_view::npos) return true;
    bytes.remove_prefix(end + 1);
    if (line_.ends_with('\r')) line_.pop_back();
    if (!take_line()) return false;
    line_.clear();
  }
  return true;
}

// "250-text", "250 text" or "250".
bool SmtpReader::take_line() {
  int code = 0;
  const char* const begin = line_.data();
  const auto [end, error] =
      std::from_chars(begin, begin + std::min<std::size_t>(3, line_.size()), code);
  if (error != std::errc() || end != begin + 3 || code < 200 || code > 599) return false;
  const bool last = line_.size() == 3 || line_[3] == ' ';
  if (!last && line_[3] != '-') return false;
  if (reply_.code != 0 && reply_.code != code) return false;
  if (reply_.code != 0) reply_.text += '\n';
  reply_.code = code;
  if (line_.size() > 4) reply_.text += std::string_view(line_).substr(4);
  if (reply_.text.size() > kMaxReply) return false;
  if (last) {
    reply_.text = valid_utf8(reply_.text);
    complete_.push_back(std::exchange(reply_, {}));
  }
  return true;
}

std::optional<SmtpReply> SmtpReader::next() {
  if (complete_.empty()) return std::nullopt;
  SmtpReply reply = std::move(complete_.front());
  complete_.erase(complete_.begin());
  return reply;
}

// ---- SmtpDialogue ----

SmtpDialogue::SmtpDialogue(const Mail& mail, const SmtpReply& capabilities, std::string server,
                           std::string_view authorization)
    : mail_(mail),
      capabilities_(capabilities),
      server_(std::move(server)),
      authorization_(authorization.ends_with('\0')
                         ? authorization.substr(0, authorization.size() - 1)
                         : authorization) {}

// Is there a line that begins with the keyword, and has the word among its parameters?
bool SmtpDialogue::offers(std::string_view keyword, std::string_view word) const {
  std::string_view rest = capabilities_.text;
  // The first line names the server.
  rest.remove_prefix(std::min(rest.find('\n'), rest.size()));
  while (!rest.empty()) {
    rest.remove_prefix(1);
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = rest.substr(0, end);
    // Old servers write "AUTH=LOGIN".
    const std::size_t name = std::min(line.find_first_of(" ="), line.size());
    if (equal_words(line.substr(0, name), keyword) &&
        (word.empty() || has_word(line.substr(std::min(name + 1, line.size())), word)))
      return true;
    rest.remove_prefix(end);
  }
  return false;
}

// RFC 1870 §3.
std::optional<std::uint64_t> SmtpDialogue::size_limit() const {
  const std::size_t at = capabilities_.text.find("\nSIZE ");
  if (at == std::string::npos) return std::nullopt;
  const char* const begin = capabilities_.text.data() + at + 6;
  std::uint64_t size = 0;
  const auto [end, error] =
      std::from_chars(begin, capabilities_.text.data() + capabilities_.text.size(), size);
  return error == std::errc() && end != begin && size > 0 ? std::optional(size) : std::nullopt;
}

std::string SmtpDialogue::masked(std::string text) const {
  for (const Secret& secret : shown_) {
    const std::string_view shown = secret.reveal();
    for (std::size_t at = 0; shown.size() >= 4 && (at = text.find(shown, at)) != std::string::npos;)
      text.replace(at, shown.size(), "***");
  }
  return text;
}

SmtpDialogue::Say SmtpDialogue::say(State next, std::string line) {
  state_ = next;
  line += "\r\n";
  return {Say::Kind::line, Secret::take(std::move(line))};
}

SmtpDialogue::Say SmtpDialogue::fail_with(Problem problem) {
  state_ = State::over;
  problem_ = std::move(problem);
  return {};
}

SmtpDialogue::Say SmtpDialogue::end(MailAnswer::Stage stage, const SmtpReply& reply) {
  state_ = State::over;
  answer_.stage = stage;
  answer_.code = reply.code;
  answer_.text = masked(reply.text);
  return {};
}

SmtpDialogue::Say SmtpDialogue::begin() {
  return authorization_.empty() ? name_sender() : log_in();
}

// The name of the method, and what is said for it; empty where the server has none that would do.
std::string_view SmtpDialogue::choose_for_password(std::string_view parameter) {
  const Secret pair = decoded(parameter);
  const std::string_view text = pair.reveal();
  const std::size_t colon = std::min(text.find(':'), text.size());
  const std::string_view user = text.substr(0, colon);
  const std::string_view password = text.substr(std::min(colon + 1, text.size()));
  if (offers("AUTH", "PLAIN")) {  // RFC 4616 §2
    constexpr std::string_view kNul("\0", 1);
    method_ = Method::plain;
    responses_.push_back(in_base64(joined({kNul, user, kNul, password})));
    return "PLAIN";
  }
  if (!offers("AUTH", "LOGIN")) return {};
  method_ = Method::login;
  responses_.push_back(in_base64(joined({password})));
  responses_.push_back(in_base64(joined({user})));
  return "LOGIN";
}

namespace {

// RFC 5801 §4.
std::string as_saslname(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '=')
      out += "=3D";
    else if (c == ',')
      out += "=2C";
    else
      out += c;
  }
  return out;
}

}  // namespace

std::string_view SmtpDialogue::choose_for_token(std::string_view token) {
  constexpr std::string_view kSeparator = "\x01";
  constexpr std::string_view kBearer = "auth=Bearer ";
  if (offers("AUTH", "OAUTHBEARER")) {  // RFC 7628 §3.1
    method_ = Method::oauthbearer;
    const std::size_t colon = std::min(server_.rfind(':'), server_.size());
    const std::string_view server = server_;
    responses_.push_back(in_base64(joined(
        {"n,a=", as_saslname(mail_.sender), ",", kSeparator, "host=", server.substr(0, colon),
         kSeparator, "port=", server.substr(std::min(colon + 1, server.size())), kSeparator,
         kBearer, token, kSeparator, kSeparator})));
    return "OAUTHBEARER";
  }
  if (!offers("AUTH", "XOAUTH2")) return {};
  method_ = Method::xoauth2;
  responses_.push_back(in_base64(
      joined({"user=", mail_.sender, kSeparator, kBearer, token, kSeparator, kSeparator})));
  return "XOAUTH2";
}

SmtpDialogue::Say SmtpDialogue::log_in() {
  std::string_view value = authorization_;
  value.remove_prefix(value.starts_with(kAuthorization) ? kAuthorization.size() : value.size());
  const std::size_t space = std::min(value.find(' '), value.size());
  const std::string_view scheme = value.substr(0, space);
  const std::string_view parameter = value.substr(std::min(space + 1, value.size()));
  const bool password = equal_words(scheme, "Basic");
  if (!password && !equal_words(scheme, "Bearer"))
    return fail_with(make_problem(ErrorKind::configuration, "credential-invalid",
                                  "the credential is of a kind that mail servers do not know; "
                                  "store one of the kind basic, bearer or oauth2"));
  const std::string_view method =
      password ? choose_for_password(parameter) : choose_for_token(parameter);
  if (method.empty())
    return fail_with(make_problem(
        ErrorKind::communication, "login-not-offered",
        server_ + " offers no login " +
            (password ? "with user name and password (AUTH PLAIN or LOGIN)"
                      : "with a token (AUTH OAUTHBEARER or XOAUTH2)") +
            "; many servers do so on encrypted connections only, or on another port (587)"));
  const std::string command = "AUTH " + std::string(method);
  // Together with the command where it fits (RFC 4954 §4).
  if (method_ == Method::login || command.size() + responses_.back().size() + 3 > kMaxCommand)
    return say(State::login, command);
  shown_.push_back(std::move(responses_.back()));
  responses_.pop_back();
  state_ = State::login;
  return {Say::Kind::line, Secret::take(joined({command, " ", shown_.back().reveal(), "\r\n"}))};
}

SmtpDialogue::Say SmtpDialogue::answer_challenge() {
  if (!responses_.empty()) {
    shown_.push_back(std::move(responses_.back()));
    responses_.pop_back();
    return {Say::Kind::line, Secret::take(joined({shown_.back().reveal(), "\r\n"}))};
  }
  // A refusal that comes as a challenge has to be acknowledged (RFC 7628 §3.2.3); anything else
  // that the server may want to know is not told (RFC 4954 §4).
  if (++left_unanswered_ > 2)
    return end(MailAnswer::Stage::login, {535, "it goes on asking for more"});
  if (left_unanswered_ == 2 || method_ == Method::plain || method_ == Method::login)
    return say(State::login, "*");
  return say(State::login, method_ == Method::oauthbearer ? "AQ==" : "");
}

SmtpDialogue::Say SmtpDialogue::name_sender() {
  const std::uint64_t size = mail_.content->size();
  std::string line = "MAIL FROM:<" + mail_.sender + ">";
  if (const auto limit = size_limit(); limit && size > *limit)
    return end(MailAnswer::Stage::sender,
               {552, "the mail has " + std::to_string(size) + " bytes, and the server takes " +
                         std::to_string(*limit) + " at most"});
  if (offers("SIZE")) line += " SIZE=" + std::to_string(size);
  return say(State::sender, std::move(line));
}

SmtpDialogue::Say SmtpDialogue::name_recipient() {
  return say(State::recipient, "RCPT TO:<" + mail_.recipients[recipient_++] + ">");
}

// Of a thousand refusals only some tell why at length. A text is kept whole or not at all: of a
// part nobody could tell whether it holds a part of a secret.
void SmtpDialogue::note_refused(const SmtpReply& reply) {
  constexpr std::size_t kMostTexts = 64UL * 1024;
  std::string text = masked(reply.text);
  if (refusals_bytes_ + text.size() > kMostTexts) text.clear();
  refusals_bytes_ += text.size();
  answer_.refused.push_back({mail_.recipients[recipient_ - 1], reply.code, std::move(text)});
}

SmtpDialogue::Say SmtpDialogue::after_recipient(const SmtpReply& reply) {
  if (reply.code < 300)
    ++taken_;
  else
    note_refused(reply);
  // The server is about to go.
  if (reply.code == 421) return end(MailAnswer::Stage::recipient, reply);
  if (recipient_ < mail_.recipients.size()) return name_recipient();
  if (answer_.refused.empty() || (mail_.partial && taken_ > 0)) return say(State::data, "DATA");
  // Nobody has got it so far. What may pass by itself must not hide what does not.
  const auto worst =
      std::max_element(answer_.refused.begin(), answer_.refused.end(),
                       [](const auto& a, const auto& b) { return a.code / 100 < b.code / 100; });
  return end(MailAnswer::Stage::recipient, {worst->code, worst->text});
}

SmtpDialogue::Say SmtpDialogue::take(const SmtpReply& reply) {
  const bool good = reply.code < 300;
  switch (state_) {
    case State::login:
      if (reply.code == 334) return answer_challenge();
      if (!good) return end(MailAnswer::Stage::login, reply);
      answer_.logged_in = true;
      return name_sender();
    case State::sender:
      return good ? name_recipient() : end(MailAnswer::Stage::sender, reply);
    case State::recipient:
      return after_recipient(reply);
    case State::data:
      if (reply.code != 354)
        return end(MailAnswer::Stage::content,
                   reply.code < 400 ? SmtpReply{kUnexpected, reply.text} : reply);
      state_ = State::content;
      return {Say::Kind::content, {}};
    case State::content:
      return end(MailAnswer::Stage::content, reply);
    case State::over:
      break;
  }
  return {};
}

}  // namespace stepwell::http
