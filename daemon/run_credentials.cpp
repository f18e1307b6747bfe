#include "daemon/run_credentials.h"

#include <algorithm>
#include <utility>

#include "daemon/text_source.h"
#include "http/url.h"

namespace stepwell::daemon {

namespace {

Problem credential_option_invalid(const std::string& detail) {
  return make_problem(ErrorKind::configuration, "credential-option-invalid",
                      detail +
                          "; write NAME=bearer:@FILE, NAME=basic:USERNAME:@FILE, "
                          "NAME=digest:USERNAME:@FILE, NAME=apiKey:PREFIX:@FILE or "
                          "NAME=header:HEADER:@FILE");
}

void collect(const Value& value, std::vector<std::string>& origins) {
  if (value.is_string()) {
    const std::string_view text = value.as_string();
    if (!text.starts_with("http://") && !text.starts_with("https://")) return;
    const std::size_t host = text.find("//") + 2;
    const auto url = http::parse_url(text.substr(0, text.find_first_of("/?#{", host)));
    if (!url) return;
    std::string origin = url->origin.text();
    if (std::find(origins.begin(), origins.end(), origin) == origins.end())
      origins.push_back(std::move(origin));
    return;
  }
  for (const Value& element : value.elements()) collect(element, origins);
  for (const Value::Member& member : value.members()) collect(member.value, origins);
}

}  // namespace

Result<auth::NewCredential> parse_credential_option(const std::string& option) {
  const std::size_t equals = option.find('=');
  if (equals == std::string::npos)
    return fail(credential_option_invalid("a credential has no name"));
  auth::NewCredential credential;
  credential.name = option.substr(0, equals);
  // KIND[:MIDDLE]:SOURCE; the source is a path, which may hold colons, or "-".
  const std::size_t file = option.find(":@", equals);
  const std::size_t last = file != std::string::npos ? file : option.rfind(':');
  if (last == std::string::npos || last < equals)
    return fail(
        credential_option_invalid("credential '" + credential.name + "' has no kind and file"));
  const std::size_t colon = option.find(':', equals);
  const std::string kind = option.substr(equals + 1, colon - equals - 1);
  const std::string middle = last > colon ? option.substr(colon + 1, last - colon - 1) : "";
  const std::string source = option.substr(last + 1);
  if (file == std::string::npos && source != "-") {
    return fail(credential_option_invalid(
        "credential '" + credential.name +
        "' must come from a file (@FILE) or standard input (-), never as text"));
  }
  if (kind == "bearer") {
    credential.kind = auth::CredentialKind::bearer;
  } else if (kind == "basic" || kind == "digest") {
    credential.kind = *auth::parse_credential_kind(kind);
    credential.value.username = middle;
  } else if (kind == "apiKey") {
    credential.kind = auth::CredentialKind::api_key;
    credential.prefix = middle;
  } else if (kind == "header") {
    credential.kind = auth::CredentialKind::api_key;
    credential.header = middle;
  } else {
    return fail(
        credential_option_invalid("credential '" + credential.name + "' has no known kind"));
  }
  auto text = read_text_source(source);
  if (!text) return fail(std::move(text.error()));
  if (text->ends_with('\n')) text->pop_back();
  credential.value.secret = Secret::take(std::move(*text));
  return credential;
}

std::vector<std::string> endpoint_origins(const Value& document) {
  std::vector<std::string> origins;
  collect(document, origins);
  return origins;
}

}  // namespace stepwell::daemon
