// From the evaluated arguments of `call: email` to a mail and its envelope. docs/definitions.md,
// "Email", describes them.
// Pure but for opening the files that are attached; callable from any thread that may block.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/value.h"
#include "engine/files.h"
#include "http/mail.h"
#include "http/url.h"
#include "steps/email_step.h"

namespace stepwell::steps {

struct Email {
  std::string url;
  http::Origin origin;
  bool own_server = false;  // the step names the server itself
  std::shared_ptr<const http::Mail> mail;
  std::string message_id;  // with its brackets
  std::string texts;       // all that stands in it for people to read, attached files left out
};

// What the arguments do not say.
struct EmailContext {
  const EmailStepOptions& options;
  engine::Files* files = nullptr;  // null: there are none
  WallTime now{};
  std::string_view key;       // the same for the same mail, however often it is sent
  std::string_view boundary;  // letters and digits that nobody can know beforehand
};

// Errors: validation/`mail-invalid`, 404 `file-unknown`; configuration/`url-invalid`;
// runtime/`store-failed`.
Result<Email> make_email(const Value& arguments, const EmailContext& context);

}  // namespace stepwell::steps
