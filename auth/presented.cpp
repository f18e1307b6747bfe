#include "auth/presented.h"

#include <string>
#include <utility>

#include "base/encoding.h"

namespace stepwell::auth {

namespace {

Secret basic_line(const CredentialValue& value) {  // RFC 7617 §2
  std::string pair;
  // Room for all of it: a string that grows leaves copies behind.
  pair.reserve(value.username.size() + value.secret.size() + 1);
  pair.append(value.username).append(":").append(value.secret.reveal());
  std::string encoded = to_base64(pair);
  std::string line;
  line.reserve(32 + encoded.size());
  line.append("Authorization: Basic ").append(encoded) += '\0';
  wipe(pair);
  wipe(encoded);
  return Secret::take(std::move(line));
}

Secret token_line(std::string_view start, const CredentialValue& value) {
  std::string line;
  line.reserve(start.size() + value.secret.size() + 1);
  line.append(start).append(value.secret.reveal()) += '\0';
  return Secret::take(std::move(line));
}

Secret api_key_line(const Credential& credential, const CredentialValue& value) {
  return token_line(credential.header.empty() ? "Authorization: " + credential.prefix + " "
                                              : credential.header + ": ",
                    value);
}

}  // namespace

std::shared_ptr<const Presented> present(const Credential& credential,
                                         const CredentialValue& value) {
  auto shown = std::make_shared<Presented>();
  switch (credential.kind) {
    case CredentialKind::basic:
      shown->lines.push_back(basic_line(value));
      break;
    case CredentialKind::bearer:  // RFC 6750 §2.1
      shown->lines.push_back(token_line("Authorization: Bearer ", value));
      break;
    case CredentialKind::api_key:
      shown->lines.push_back(api_key_line(credential, value));
      break;
    case CredentialKind::digest:
      shown->digest = std::make_unique<const http::DigestLogin>(
          http::DigestLogin{value.username, value.secret.duplicate()});
      break;
    case CredentialKind::client_certificate:
      shown->identity = std::make_unique<const http::TlsIdentity>(
          http::TlsIdentity{Secret(value.reveal("certificate")), value.secret.duplicate(),
                            Secret(value.reveal("passphrase"))});
      break;
    case CredentialKind::oauth2:
    case CredentialKind::aws_sigv4:
    case CredentialKind::hmac:
      break;
  }
  return shown;
}

}  // namespace stepwell::auth
