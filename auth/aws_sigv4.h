// AWS Signature Version 4, as "Create a signed AWS API request" of the AWS Identity and Access
// Management User Guide describes it. A signature is for one request at one time: it is made anew
// for each attempt, from the very bytes that the transport sends.
// Pure functions, callable from any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "auth/credential.h"
#include "base/clock.h"
#include "base/result.h"
#include "base/secret.h"
#include "base/value.h"
#include "http/message.h"

namespace stepwell::auth {

// A credential's `settings` where its kind is awsSigV4.
struct SigV4Settings {
  std::string region;   // "eu-central-1"
  std::string service;  // "execute-api", "s3", …: as it stands in the credential scope

  // {region, service}, both required. Errors: validation/`credential-invalid`, which names the
  // member.
  static Result<SigV4Settings> parse(const Value& settings);
  Value to_value() const;
};

// Errors: validation/`credential-invalid`; the detail never quotes a value.
Status check(const SigV4Settings& settings, const CredentialValue& value);

// The header lines to add to the request, each with the NUL that ends a C string: X-Amz-Date,
// X-Amz-Content-Sha256, Authorization, and X-Amz-Security-Token where the credential is a
// temporary one. Signed are these, the host, the content type and every x-amz-* of the request.
// Errors: configuration/`header-invalid` where the request has one of these lines itself;
// `url-invalid`.
Result<std::vector<Secret>> sign(const SigV4Settings& settings, const CredentialValue& value,
                                 const http::Request& request, WallTime now);

// The steps of the procedure by themselves.
namespace sigv4 {

// "20150830T123600Z".
std::string timestamp(WallTime time);
// "20150830/us-east-1/iam/aws4_request"; `timestamp` is the above or its first 8 characters.
std::string scope(std::string_view timestamp, const SigV4Settings& settings);

// The value of the Host field as libcurl sends it: as the URL has it, without the scheme's own
// port. Precondition: parse_url(url).
std::string host_field(std::string_view url);
// The path of a URL. S3 takes it as it is sent, decoded and encoded once; every other service
// normalised (RFC 3986 §6.2.2.3, no empty segments) and encoded a second time.
std::string canonical_uri(std::string_view path, bool s3);
// The query of a URL: names and values encoded alike, in order.
std::string canonical_query(std::string_view query);

struct CanonicalRequest {
  std::string text;
  std::string signed_headers;  // "host;x-amz-date"
};
// `path` and `query` are canonical already; every header given is signed; `payload_hash` is the
// SHA-256 in hexadecimal.
CanonicalRequest canonical_request(std::string_view method, std::string_view path,
                                   std::string_view query, std::vector<http::Header> headers,
                                   std::string_view payload_hash);
std::string string_to_sign(std::string_view timestamp, std::string_view scope,
                           std::string_view canonical_request);
// In hexadecimal.
std::string signature(std::string_view secret_key, std::string_view timestamp,
                      const SigV4Settings& settings, std::string_view string_to_sign);

}  // namespace sigv4

}  // namespace stepwell::auth
