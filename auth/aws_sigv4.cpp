#include "auth/aws_sigv4.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "auth/cipher.h"
#include "base/ascii.h"
#include "base/encoding.h"
#include "http/headers.h"
#include "http/url.h"

namespace stepwell::auth {

namespace {

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";
constexpr std::string_view kEnd = "aws4_request";
constexpr std::size_t kMaxSigningSecret = 16UL * 1024;

Problem signing_invalid(std::string detail) {
  return make_problem(ErrorKind::validation, "credential-invalid", std::move(detail));
}

// What may stand between the slashes of a scope.
bool is_scope_word(std::string_view text) {
  return !text.empty() && text.size() <= 63 && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || is_ascii_digit(c) || c == '-';
  });
}

bool is_graphic(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c <= '~'; });
}

std::optional<unsigned> hex_value(char c) {
  if (is_ascii_digit(c)) return c - '0';
  if (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'f') return ascii_lower(c) - 'a' + 10;
  return std::nullopt;
}

// Percent-decoding (RFC 3986 §2.1); what is no escape stays.
std::string decode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      const auto high = hex_value(text[i + 1]);
      const auto low = hex_value(text[i + 2]);
      if (high && low) {
        out += static_cast<char>(*high * 16 + *low);
        i += 2;
        continue;
      }
    }
    out += text[i];
  }
  return out;
}

// Each segment encoded for itself.
std::string encode_path(std::string_view path) {
  std::string out;
  for (;;) {
    const std::size_t slash = path.find('/');
    out += percent_encode(path.substr(0, slash));
    if (slash == std::string_view::npos) return out;
    out += '/';
    path.remove_prefix(slash + 1);
  }
}

// Without dot segments; without empty ones too, where they do not count.
std::string normalised(std::string_view path, bool drop_empty) {
  std::vector<std::string_view> kept;
  bool directory = false;  // the last segment seen stands for a directory
  for (std::string_view rest = path.substr(path.starts_with('/') ? 1 : 0);;) {
    const std::size_t slash = rest.find('/');
    const std::string_view segment = rest.substr(0, slash);
    directory = segment.empty() || segment == "." || segment == "..";
    if (segment == "..") {
      if (!kept.empty()) kept.pop_back();
    } else if (segment != "." && (!segment.empty() || !drop_empty)) {
      kept.push_back(segment);
    }
    if (slash == std::string_view::npos) break;
    rest.remove_prefix(slash + 1);
  }
  std::string out;
  for (const std::string_view segment : kept) out.append("/").append(segment);
  if (out.empty() || (directory && !out.ends_with('/'))) out += '/';
  return out;
}

// Without the spaces around it, and with one for each run inside.
void append_trimmed(std::string& out, std::string_view value) {
  bool begun = false;
  bool pending = false;
  for (const char c : value) {
    if (c == ' ' || c == '\t') {
      pending = begun;
      continue;
    }
    if (pending) out += ' ';
    out += c;
    begun = true;
    pending = false;
  }
}

// These take the path as it is, the others normalise it.
bool is_s3(std::string_view service) {
  return service == "s3" || service == "s3-outposts" || service == "s3-object-lambda" ||
         service == "s3express";
}

Secret line_of(std::string_view name, std::string_view value) {
  Secret line = Secret::of_size(name.size() + 2 + value.size() + 1);  // the last byte stays NUL
  char* at = std::copy(name.begin(), name.end(), line.writable());
  *at++ = ':';
  *at++ = ' ';
  std::copy(value.begin(), value.end(), at);
  return line;
}

// The request's own headers that are signed. Errors: `header-invalid`.
Result<std::vector<http::Header>> own_headers(const http::Request& request) {
  constexpr std::array<std::string_view, 4> kOurs = {
      "Authorization", "X-Amz-Date", "X-Amz-Content-Sha256", "X-Amz-Security-Token"};
  std::vector<http::Header> out;
  for (const http::Header& header : request.headers) {
    for (const std::string_view ours : kOurs)
      if (http::equal_names(header.name, ours))
        return fail(make_problem(ErrorKind::configuration, "header-invalid",
                                 "the request has a header " + header.name +
                                     " of its own, which the signature of the credential sets; "
                                     "take it away"));
    const bool amz = http::equal_names(std::string_view(header.name).substr(0, 6), "x-amz-");
    if (amz || http::equal_names(header.name, "Content-Type")) out.push_back(header);
  }
  return out;
}

}  // namespace

Result<SigV4Settings> SigV4Settings::parse(const Value& settings) {
  if (!settings.is_object())
    return fail(
        signing_invalid("the settings of a credential of the kind awsSigV4 are an object: "
                        "{\"region\": …, \"service\": …}"));
  SigV4Settings read;
  for (const Value::Member& member : settings.members()) {
    const bool region = member.name() == "region";
    if (!region && member.name() != "service")
      return fail(
          signing_invalid("the kind awsSigV4 has the settings region and service, and no others"));
    const std::string name(member.name());
    if (!member.value.is_string())
      return fail(signing_invalid(name + " is a " + std::string(kind_name(member.value)) +
                                  " instead of a string"));
    if (!is_scope_word(member.value.as_string()))
      return fail(signing_invalid(name +
                                  " has other characters than a-z, 0-9 and -, or none, or more "
                                  "than 63"));
    (region ? read.region : read.service) = member.value.as_string();
  }
  if (read.region.empty())
    return fail(signing_invalid("region is missing, for example eu-central-1"));
  if (read.service.empty())
    return fail(signing_invalid("service is missing, for example execute-api"));
  return read;
}

Value SigV4Settings::to_value() const {
  return Value::object({{"region", region}, {"service", service}});
}

Status check(const SigV4Settings& /*settings*/, const CredentialValue& value) {
  const std::string_view id = value.username;
  if (id.empty()) return fail(signing_invalid("the id of the access key is missing"));
  // These would end it where it stands in the Authorization header.
  if (id.size() > 128 || !is_graphic(id) || id.find_first_of("/,=") != std::string_view::npos)
    return fail(
        signing_invalid("the id of the access key is too long or has characters that none has"));
  const std::string_view secret = value.secret.reveal();
  if (secret.empty()) return fail(signing_invalid("the secret access key is missing"));
  if (secret.size() > kMaxSigningSecret || !is_graphic(secret))
    return fail(
        signing_invalid("the secret access key is too long or not printable ASCII; a newline at "
                        "its end comes from echo: use printf %s"));
  for (const auto& [name, more] : value.more) {
    if (name != "sessionToken")
      return fail(
          signing_invalid("the kind awsSigV4 takes sessionToken and no other further value"));
    if (more.empty() || more.size() > kMaxSigningSecret || !is_graphic(more.reveal()))
      return fail(
          signing_invalid("sessionToken is empty, longer than 16 KiB or not printable ASCII"));
  }
  return {};
}

namespace sigv4 {

std::string timestamp(WallTime time) {
  // 2015-08-30T12:36:00.250Z: without the separators, and without the fraction.
  std::string out;
  for (const char c : format_time(time).substr(0, 19))
    if (is_ascii_digit(c) || c == 'T') out += c;
  return out + "Z";
}

std::string scope(std::string_view timestamp, const SigV4Settings& settings) {
  std::string out(timestamp.substr(0, 8));
  return out.append("/")
      .append(settings.region)
      .append("/")
      .append(settings.service)
      .append("/")
      .append(kEnd);
}

std::string host_field(std::string_view url) {
  const Result<http::Url> parsed = http::parse_url(url);
  if (!parsed) return {};
  // Not Origin's, which is in lower case: the name is sent as it was written.
  std::string_view authority = url.substr(url.find("://") + 3);
  authority = authority.substr(0, authority.find_first_of("/?#"));
  const std::size_t bracket = authority.rfind(']');
  const std::size_t colon = authority.find(':', bracket == std::string_view::npos ? 0 : bracket);
  std::string host(authority.substr(0, colon));
  const http::Origin& origin = parsed->origin;
  if (origin.port != (origin.scheme == "https" ? 443 : 80))
    host += ":" + std::to_string(origin.port);
  return host;
}

std::string canonical_uri(std::string_view path, bool s3) {
  // libcurl takes dot segments out before it sends, so that S3, too, gets a path without them.
  const std::string sent = normalised(path, !s3);
  return encode_path(s3 ? decode(sent) : sent);
}

std::string canonical_query(std::string_view query) {
  std::vector<std::pair<std::string, std::string>> fields;
  while (!query.empty()) {
    const std::size_t end = query.find('&');
    const std::string_view field = query.substr(0, end);
    query.remove_prefix(end == std::string_view::npos ? query.size() : end + 1);
    if (field.empty()) continue;
    const std::size_t equals = field.find('=');
    const auto canonical = [](std::string_view text) {
      std::string plain(text);  // a plus means a space to those who read forms
      std::replace(plain.begin(), plain.end(), '+', ' ');
      return percent_encode(decode(plain));
    };
    fields.emplace_back(
        canonical(field.substr(0, equals)),
        equals == std::string_view::npos ? std::string() : canonical(field.substr(equals + 1)));
  }
  std::sort(fields.begin(), fields.end());
  std::string out;
  for (const auto& [name, value] : fields)
    out.append(out.empty() ? "" : "&").append(name).append("=").append(value);
  return out;
}

CanonicalRequest canonical_request(std::string_view method, std::string_view path,
                                   std::string_view query, std::vector<http::Header> headers,
                                   std::string_view payload_hash) {
  for (http::Header& header : headers) header.name = ascii_lower(header.name);
  // Of several with one name the values are joined in the order in which they are sent.
  std::stable_sort(headers.begin(), headers.end(),
                   [](const auto& a, const auto& b) { return a.name < b.name; });
  CanonicalRequest out;
  std::size_t room = method.size() + path.size() + query.size() + payload_hash.size() + 8;
  std::string_view last;
  for (const http::Header& header : headers) {
    room += 2 * header.name.size() + header.value.size() + 3;
    if (header.name == last) continue;
    last = header.name;
    out.signed_headers.append(out.signed_headers.empty() ? "" : ";").append(last);
  }
  out.text.reserve(room);  // a session's token is in it: a string that grows leaves copies behind
  out.text.append(method).append("\n").append(path).append("\n").append(query).append("\n");
  for (std::size_t i = 0; i < headers.size(); ++i) {
    if (i > 0 && headers[i - 1].name == headers[i].name)
      out.text.back() = ',';  // instead of the line's end
    else
      out.text.append(headers[i].name).append(":");
    append_trimmed(out.text, headers[i].value);
    out.text += '\n';
  }
  out.text.append("\n").append(out.signed_headers).append("\n").append(payload_hash);
  for (http::Header& header : headers) wipe(header.value);
  return out;
}

std::string string_to_sign(std::string_view timestamp, std::string_view scope,
                           std::string_view canonical_request) {
  std::string out(kAlgorithm);
  return out.append("\n").append(timestamp).append("\n").append(scope).append("\n").append(
      to_hex(sha256(canonical_request)));
}

std::string signature(std::string_view secret_key, std::string_view timestamp,
                      const SigV4Settings& settings, std::string_view string_to_sign) {
  std::string start;
  start.reserve(4 + secret_key.size());
  start.append("AWS4").append(secret_key);
  Mac date;
  Mac region;
  Mac service;
  Mac key;
  Mac result;
  hmac_sha256(start, timestamp.substr(0, 8), date);
  wipe(start);
  hmac_sha256(date.view(), settings.region, region);
  hmac_sha256(region.view(), settings.service, service);
  hmac_sha256(service.view(), kEnd, key);
  hmac_sha256(key.view(), string_to_sign, result);
  return to_hex(result.view());
}

}  // namespace sigv4

Result<std::vector<Secret>> sign(const SigV4Settings& settings, const CredentialValue& value,
                                 const http::Request& request, WallTime now) {
  Result<std::vector<http::Header>> headers = own_headers(request);
  if (!headers) return fail(std::move(headers.error()));
  const Result<http::Url> url = http::parse_url(request.url);
  if (!url) return fail(url.error());

  const std::string time = sigv4::timestamp(now);
  const std::optional<std::string> known = request.source ? request.source->sha256() : std::nullopt;
  if (request.source && !known)
    return fail(make_problem(ErrorKind::configuration, "body-invalid",
                             "awsSigV4 signs the whole body, and a form with files is not held in "
                             "memory; send the file by itself"));
  const std::string payload_hash =
      known ? *known
            : to_hex(sha256(request.body ? std::string_view(*request.body) : std::string_view()));
  const auto session = value.more.find("sessionToken");
  headers->push_back({"Host", sigv4::host_field(request.url)});
  headers->push_back({"X-Amz-Date", time});
  headers->push_back({"X-Amz-Content-Sha256", payload_hash});
  std::vector<Secret> lines;
  lines.push_back(line_of("X-Amz-Date", time));
  lines.push_back(line_of("X-Amz-Content-Sha256", payload_hash));
  if (session != value.more.end()) {
    headers->push_back({"X-Amz-Security-Token", std::string(session->second.reveal())});
    lines.push_back(line_of("X-Amz-Security-Token", session->second.reveal()));
  }

  const std::string scope = sigv4::scope(time, settings);
  sigv4::CanonicalRequest canonical = sigv4::canonical_request(
      request.method, sigv4::canonical_uri(url->path, is_s3(settings.service)),
      sigv4::canonical_query(url->query), *std::move(headers), payload_hash);
  const std::string to_sign = sigv4::string_to_sign(time, scope, canonical.text);
  wipe(canonical.text);  // has the session's token
  const std::string signature = sigv4::signature(value.secret.reveal(), time, settings, to_sign);
  std::string authorization(kAlgorithm);
  authorization.append(" Credential=").append(value.username).append("/").append(scope);
  authorization.append(", SignedHeaders=").append(canonical.signed_headers);
  authorization.append(", Signature=").append(signature);
  lines.push_back(line_of("Authorization", authorization));
  return lines;
}

}  // namespace stepwell::auth
