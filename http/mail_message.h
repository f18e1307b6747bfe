// A mail's content made of what people mean by one: sender, recipients, subject, text, attachments
// (RFC 5322, RFC 2045). Attachments are read when they are sent, not before.
// Pure functions and plain values; what compose_mail() gives is used by one thread at a time.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "http/mail_address.h"
#include "http/message.h"

namespace stepwell::http {

struct MailAttachment {
  std::string name;  // of a file, for people; no control characters
  std::string media_type = "application/octet-stream";
  std::string content;                 // …
  std::shared_ptr<BodySource> source;  // … or, where this is not null, what it gives
};

struct MailMessage {
  MailAddress from;
  std::vector<MailAddress> to;
  std::vector<MailAddress> cc;
  std::vector<MailAddress> reply_to;
  std::string subject;
  std::optional<std::string> text;  // at least one of both
  std::optional<std::string> html;
  std::vector<MailAttachment> attachments;
  std::string message_id;  // left@right, without brackets
  WallTime date{};
};

// `boundary`: letters and digits, unlike any text of the mail. Errors: validation/`mail-invalid`
// for control characters in what becomes a header field.
Result<std::shared_ptr<BodySource>> compose_mail(const MailMessage& message,
                                                 std::string_view boundary);

}  // namespace stepwell::http
