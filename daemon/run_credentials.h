// Credentials given to `stepwell run` on the command line, by file. Pure but for reading the file.
#pragma once

#include <string>
#include <vector>

#include "auth/credential.h"
#include "base/result.h"
#include "base/value.h"

namespace stepwell::daemon {

// "NAME=bearer:@FILE", "NAME=basic:USERNAME:@FILE", "NAME=apiKey:PREFIX:@FILE" or
// "NAME=header:HEADER:@FILE"; "-" instead of "@FILE" is standard input. One newline at the file's
// end is dropped. Errors: configuration/`credential-option-invalid`, which never quotes a value.
Result<auth::NewCredential> parse_credential_option(const std::string& option);

// The origins of all endpoints whose text begins with scheme and host, in a definition's document.
std::vector<std::string> endpoint_origins(const Value& document);

}  // namespace stepwell::daemon
