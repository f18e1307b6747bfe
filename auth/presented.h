// What a request shows of a credential: header lines, a TLS identity, or the login for a Digest
// challenge. Made once for each version, shared by its guards and constant.
#pragma once

#include <memory>
#include <vector>

#include "auth/credential.h"
#include "base/secret.h"
#include "http/message.h"

namespace stepwell::auth {

struct Presented {
  std::vector<Secret> lines;  // each with its final NUL, so that libcurl reads it where it lies
  std::unique_ptr<const http::TlsIdentity> identity;
  std::unique_ptr<const http::DigestLogin> digest;
};

// Of the kinds that look the same in every request. oauth2 and awsSigV4 show nothing by
// themselves: their header lines depend on a token, or on the request that is signed.
std::shared_ptr<const Presented> present(const Credential& credential,
                                         const CredentialValue& value);

}  // namespace stepwell::auth
