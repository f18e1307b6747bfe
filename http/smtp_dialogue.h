// The client's side of an SMTP session from its login to its end (RFC 5321, RFC 4954): what is said
// after each reply of the server. Pure: bytes come and go elsewhere.
// Owned by a MailSession; used on the reactor's thread alone.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/secret.h"
#include "http/mail.h"

namespace stepwell::http {

struct SmtpReply {
  int code = 0;      // 200 to 599
  std::string text;  // lines joined by "\n", without the code
};

// Makes replies of bytes.
class SmtpReader {
 public:
  // False: this is no SMTP (§4.2), or more than anybody has to say.
  bool take(std::string_view bytes);
  // The next complete one.
  std::optional<SmtpReply> next();
  // Something has come that is no complete reply yet.
  bool in_the_middle() const { return !line_.empty() || reply_.code != 0; }

 private:
  bool take_line();

  std::string line_;
  SmtpReply reply_;
  std::vector<SmtpReply> complete_;  // the next one first
};

class SmtpDialogue {
 public:
  // What is to be sent now.
  struct Say {
    enum class Kind : std::uint8_t {
      line,     // one, with its CRLF
      content,  // the mail's content and the dot that ends it (§4.1.1.4)
      nothing   // it is over; see problem() and answer()
    };
    Kind kind = Kind::nothing;
    Secret line;
  };

  // `capabilities`: what the server said to EHLO. `server`: "host:port". `authorization`: a header
  // line "Authorization: …", with or without a final NUL, or empty: no login. All that is referred
  // to outlives this.
  SmtpDialogue(const Mail& mail, const SmtpReply& capabilities, std::string server,
               std::string_view authorization);

  Say begin();
  Say take(const SmtpReply& reply);

  // Why there is no answer to give; nullptr: there is one, or will be.
  const Problem* problem() const { return problem_ ? &*problem_ : nullptr; }
  // Where the server repeats what it was shown of a credential, that is masked.
  const MailAnswer& answer() const { return answer_; }

 private:
  enum class State : std::uint8_t { login, sender, recipient, data, content, over };
  enum class Method : std::uint8_t { plain, login, oauthbearer, xoauth2 };

  Say say(State next, std::string line);
  Say end(MailAnswer::Stage stage, const SmtpReply& reply);
  Say fail_with(Problem problem);
  Say log_in();
  std::string_view choose_for_password(std::string_view parameter);
  std::string_view choose_for_token(std::string_view token);
  Say answer_challenge();
  Say name_sender();
  Say name_recipient();
  Say after_recipient(const SmtpReply& reply);
  void note_refused(const SmtpReply& reply);
  bool offers(std::string_view keyword, std::string_view word = {}) const;
  std::optional<std::uint64_t> size_limit() const;
  std::string masked(std::string text) const;

  const Mail& mail_;
  const SmtpReply& capabilities_;
  const std::string server_;
  const std::string_view authorization_;
  State state_ = State::over;
  Method method_ = Method::plain;
  int left_unanswered_ = 0;        // challenges
  std::vector<Secret> responses_;  // of the login: what is still to be said, the next one last
  std::vector<Secret> shown_;      // … and what was
  std::size_t recipient_ = 0;      // the next one to be named
  std::size_t taken_ = 0;          // recipients that the server takes
  std::size_t refusals_bytes_ = 0;
  MailAnswer answer_;
  std::optional<Problem> problem_;
};

}  // namespace stepwell::http
