#include "auth/jwt.h"

#include <chrono>

#include "auth/cipher.h"
#include "base/encoding.h"
#include "base/json.h"
#include "base/value.h"

namespace stepwell::auth {

namespace {

constexpr std::chrono::seconds kAssertionLife{60};

// RFC 4648 §5, without padding.
std::string to_base64url(std::string_view bytes) {
  std::string text = to_base64(bytes);
  while (text.ends_with('=')) text.pop_back();
  for (char& c : text) c = c == '+' ? '-' : c == '/' ? '_' : c;
  return text;
}

std::optional<std::string> from_base64url(std::string_view text) {
  std::string bytes;
  std::uint32_t bits = 0;
  unsigned count = 0;
  for (const char c : text) {
    const int digit = c >= 'A' && c <= 'Z'   ? c - 'A'
                      : c >= 'a' && c <= 'z' ? c - 'a' + 26
                      : c >= '0' && c <= '9' ? c - '0' + 52
                      : c == '-'             ? 62
                      : c == '_'             ? 63
                                             : -1;
    if (digit < 0) return std::nullopt;
    bits = (bits << 6U) | static_cast<std::uint32_t>(digit);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes += static_cast<char>((bits >> count) & 0xffU);
  }
  return bytes;
}

}  // namespace

Secret sign_client_assertion(std::string_view client, std::string_view secret,
                             std::string_view audience, WallTime now, std::string_view id) {
  const auto seconds =
      std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
  const Value claims = Value::object({{"iss", client},
                                      {"sub", client},
                                      {"aud", audience},
                                      {"iat", seconds},
                                      {"exp", seconds + kAssertionLife.count()},
                                      {"jti", id}});
  std::string text =
      to_base64url(R"({"alg":"HS256","typ":"JWT"})") + "." + to_base64url(to_json(claims));
  Mac mac;
  hmac_sha256(secret, text, mac);
  text += "." + to_base64url(mac.view());
  return Secret::take(std::move(text));
}

std::optional<std::string> issuer_of(std::string_view token) {
  const std::size_t first = token.find('.');
  if (first == std::string_view::npos) return std::nullopt;
  const std::size_t second = token.find('.', first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  const auto payload = from_base64url(token.substr(first + 1, second - first - 1));
  if (!payload) return std::nullopt;
  const auto claims = parse_json(*payload, {.max_depth = 32});
  if (!claims || !claims->is_object() || !claims->get("iss").is_string()) return std::nullopt;
  return std::string(claims->get("iss").as_string());
}

}  // namespace stepwell::auth
