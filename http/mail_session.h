// One mail on its way over a connection that libcurl has opened, greeted and, where it has to be,
// encrypted. From there on libcurl is only asked to send and receive: what it does by itself with a
// mail blocks its thread until the server has answered.
// Owned by its Handle; used on the reactor's thread alone.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "http/smtp_dialogue.h"

namespace stepwell::http {

// The connection, as far as a session needs it. A count of 0 without an error: not now.
class MailWire {
 public:
  virtual ~MailWire() = default;
  virtual Result<std::size_t> send(std::string_view bytes) = 0;
  virtual Result<std::size_t> receive(char* into, std::size_t most) = 0;
};

class MailSession {
 public:
  // `authorization`: as SmtpDialogue has it; what it refers to outlives this, as does `mail`.
  MailSession(std::shared_ptr<const Mail> mail, MailWire& wire, SmtpReply capabilities,
              std::string server, std::string_view authorization, SteadyTime now);

  // As far as it goes without waiting.
  void go_on(SteadyTime now);
  bool ended() const { return ended_; }
  // Once it has ended: why there is no answer, or nullptr.
  Problem* problem() { return problem_ ? &*problem_ : nullptr; }
  const MailAnswer& answer() const { return dialogue_.answer(); }
  // Says goodbye where the server is not in the middle of a mail's content; false: it is.
  bool quit();

  bool wants_write() const { return !ended_ && (pending() > 0 || content_under_way_); }
  // The dot behind the content is with the kernel: nothing more is to be sent of the mail.
  bool all_written() const { return dot_ && pending() == 0; }
  // Of the content: a server that has not got its end delivers nothing (RFC 5321 §4.1.1.4).
  Sent sent() const { return dot_ ? Sent::yes : content_begun_ ? Sent::partly : Sent::no; }
  std::uint64_t bytes_sent() const { return bytes_sent_; }
  std::uint64_t bytes_received() const { return bytes_received_; }
  // When something went one way or the other last.
  SteadyTime moved() const { return moved_; }

 private:
  std::size_t pending() const { return (line_.empty() ? out_.size() : line_.size()) - offset_; }
  void say(SmtpDialogue::Say what);
  bool flush();
  bool fill();
  bool receive();
  void take_replies();
  void end_with(Problem problem);

  const std::shared_ptr<const Mail> mail_;
  MailWire& wire_;
  const SmtpReply capabilities_;
  const std::string server_;
  SmtpDialogue dialogue_;
  SmtpReader reader_;
  Secret line_;      // what goes out: a command …
  std::string out_;  // … or content
  std::size_t offset_ = 0;
  bool content_begun_ = false;
  bool content_under_way_ = false;
  bool line_start_ = true;
  bool dot_ = false;
  bool ended_ = false;
  std::optional<Problem> problem_;
  std::uint64_t bytes_sent_ = 0;
  std::uint64_t bytes_received_ = 0;
  SteadyTime moved_;
};

}  // namespace stepwell::http
