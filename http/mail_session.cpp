#include "http/mail_session.h"

#include <array>
#include <utility>

#include "http/classify.h"

namespace stepwell::http {
namespace {

constexpr std::size_t kPiece = 16UL * 1024;
// Of one mail before others have their turn.
constexpr int kPiecesATurn = 16;

Problem no_smtp(const std::string& server) {
  return make_problem(ErrorKind::communication, "smtp-protocol",
                      "what " + server + " answers is not SMTP");
}

}  // namespace

MailSession::MailSession(std::shared_ptr<const Mail> mail, MailWire& wire, SmtpReply capabilities,
                         std::string server, std::string_view authorization, SteadyTime now)
    : mail_(std::move(mail)),
      wire_(wire),
      capabilities_(std::move(capabilities)),
      server_(std::move(server)),
      dialogue_(*mail_, capabilities_, server_, authorization),
      moved_(now) {
  say(dialogue_.begin());
}

void MailSession::end_with(Problem problem) {
  ended_ = true;
  problem_ = std::move(problem);
}

void MailSession::say(SmtpDialogue::Say what) {
  offset_ = 0;
  out_.clear();
  line_ = std::move(what.line);
  switch (what.kind) {
    case SmtpDialogue::Say::Kind::line:
      return;
    case SmtpDialogue::Say::Kind::content:
      content_begun_ = true;
      content_under_way_ = true;
      return;
    case SmtpDialogue::Say::Kind::nothing:
      break;
  }
  ended_ = true;
  content_under_way_ = false;
  if (dialogue_.problem() != nullptr) problem_ = *dialogue_.problem();
}

void MailSession::go_on(SteadyTime now) {
  const std::uint64_t before = bytes_sent_ + bytes_received_;
  for (int pieces = 0; !ended_ && pieces < kPiecesATurn; ++pieces) {
    bool moves = flush();
    if (!ended_ && content_under_way_ && pending() == 0) moves = fill() || moves;
    if (!ended_) moves = receive() || moves;
    if (!ended_) take_replies();
    if (!moves) break;
  }
  if (bytes_sent_ + bytes_received_ != before) moved_ = now;
}

// Something went out.
bool MailSession::flush() {
  bool moved = false;
  while (pending() > 0) {
    const std::string_view whole = line_.empty() ? std::string_view(out_) : line_.reveal();
    auto sent = wire_.send(whole.substr(offset_));
    if (!sent) {
      // The server may have said why before it went.
      receive();
      take_replies();
      if (!ended_) end_with(std::move(sent.error()));
      return false;
    }
    if (*sent == 0) return moved;
    offset_ += *sent;
    bytes_sent_ += *sent;
    moved = true;
  }
  return moved;
}

// The next piece of the content, its lines' first dots doubled (RFC 5321 §4.5.2), or the end.
bool MailSession::fill() {
  std::array<char, kPiece> piece{};
  auto count = mail_->content->read(piece.data(), piece.size());
  if (!count) {
    end_with(std::move(count.error()));
    return false;
  }
  offset_ = 0;
  out_.clear();
  line_ = {};
  if (*count == 0) {
    // By itself, so that it is known whether any of it went out.
    out_ = line_start_ ? ".\r\n" : "\r\n.\r\n";
    dot_ = true;
    content_under_way_ = false;
    return true;
  }
  for (std::size_t i = 0; i < *count; ++i) {
    if (line_start_ && piece[i] == '.') out_ += '.';
    out_ += piece[i];
    line_start_ = piece[i] == '\n';
  }
  return true;
}

// Something came in.
bool MailSession::receive() {
  std::array<char, 4096> bytes{};
  auto count = wire_.receive(bytes.data(), bytes.size());
  if (!count) {
    take_replies();
    if (!ended_) end_with(std::move(count.error()));
    return false;
  }
  if (*count == 0) return false;
  bytes_received_ += *count;
  if (!reader_.take({bytes.data(), *count})) {
    end_with(no_smtp(server_));
    return false;
  }
  return true;
}

void MailSession::take_replies() {
  while (!ended_) {
    const auto reply = reader_.next();
    if (!reply) return;
    // Before it has the whole content it can only refuse it.
    const bool early = content_under_way_ || (dot_ && pending() > 0);
    if (early && reply->code < 400) {
      end_with(no_smtp(server_));
      return;
    }
    say(dialogue_.take(*reply));
  }
}

bool MailSession::quit() {
  if (content_begun_ && !all_written()) return false;
  // Where it does not go out at once it is left out.
  static_cast<void>(wire_.send("QUIT\r\n"));
  return true;
}

}  // namespace stepwell::http
