// Mail addresses (RFC 5321 §4.1.2, RFC 5322 §3.4): read strictly, so that nothing that somebody
// gives as a recipient can become a command, a header field or another recipient.
// Pure functions and a plain value, callable from any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace stepwell::http {

struct MailAddress {
  std::string name;     // for people, UTF-8; may be empty
  std::string address;  // local@domain, ASCII

  bool operator==(const MailAddress&) const = default;
};

// ADDRESS, <ADDRESS>, NAME <ADDRESS> or "NAME" <ADDRESS>. Errors: validation/`mail-invalid`, whose
// detail quotes the text: for control characters, a missing or second @, characters that need
// quoting or SMTPUTF8 in the address, and what is too long.
Result<MailAddress> parse_mail_address(std::string_view text);
// One or more of them, with commas between. Errors: as above.
Result<std::vector<MailAddress>> parse_mail_addresses(std::string_view text);
// The two as they were given apart. Errors: as above.
Result<MailAddress> make_mail_address(std::string_view name, std::string_view address);

// What is behind the @.
std::string_view mail_domain(std::string_view address);

// Made of everything about a mail that cannot be sent: validation/400 `mail-invalid`.
Problem mail_invalid(std::string detail);

}  // namespace stepwell::http
