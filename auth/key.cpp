#include "auth/key.h"

#include <array>
#include <span>

#include "base/encoding.h"

namespace stepwell::auth {

namespace {

constexpr std::array<std::string_view, kKeyStates> kKeyStateNames = {"active", "expired", "revoked",
                                                                     "deleted"};
constexpr std::string_view kStart = "sw_";
constexpr std::string_view kIdDigits = "abcdefghijklmnopqrstuvwxyz234567";
constexpr std::string_view kDigits =
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
constexpr std::size_t kIdLength = 12;
constexpr std::size_t kSecretLength = 32;
constexpr std::size_t kChecksumLength = 6;
constexpr std::size_t kDot = kStart.size() + kIdLength;
constexpr std::size_t kLength = kDot + 1 + kSecretLength + kChecksumLength;

unsigned random_byte(Entropy& entropy) {
  std::byte byte{};
  entropy.fill(std::span(&byte, 1));
  return std::to_integer<unsigned>(byte);
}

// Each digit equally likely: what does not fit evenly is drawn again.
char random_digit(Entropy& entropy, std::string_view digits) {
  const std::size_t usable = 256 / digits.size() * digits.size();
  unsigned byte = random_byte(entropy);
  while (byte >= usable) byte = random_byte(entropy);
  return digits[byte % digits.size()];
}

std::array<char, kChecksumLength> checksum_of(std::string_view text) {
  std::array<char, kChecksumLength> checksum{};
  std::uint32_t rest = crc32(text);
  for (std::size_t i = kChecksumLength; i-- > 0; rest /= 62) checksum[i] = kDigits[rest % 62];
  return checksum;
}

}  // namespace

std::string_view to_string(KeyState state) noexcept {
  return kKeyStateNames[static_cast<std::size_t>(state)];
}

std::optional<KeyState> parse_key_state(std::string_view text) noexcept {
  for (std::size_t i = 0; i < kKeyStateNames.size(); ++i) {
    if (kKeyStateNames[i] == text) return static_cast<KeyState>(i);
  }
  return std::nullopt;
}

Value scope_names(const std::vector<Permission>& scopes) {
  Value names = Value::array();
  for (const Permission scope : scopes) names.push_back(to_string(scope));
  return names;
}

Value describe(const KeyRate& rate) {
  const std::int64_t per = rate.per.count();
  std::string text = std::to_string(per) + "ms";
  if (per % 1000 == 0) text = std::to_string(per / 1000) + "s";
  if (per % 60'000 == 0) text = std::to_string(per / 60'000) + "m";
  return Value::object({{"requests", rate.requests},
                        {"per", text},
                        {"burst", rate.burst > 0 ? rate.burst : rate.requests}});
}

KeyState state_at(const ApiKey& key, WallTime now) noexcept {
  const bool past = key.expires_at && now >= *key.expires_at;
  return key.state == KeyState::active && past ? KeyState::expired : key.state;
}

Value describe(const ApiKey& key, WallTime now) {
  Value object = Value::object({{"id", key.id},
                                {"name", key.name},
                                {"user", key.user},
                                {"scopes", scope_names(key.scopes)},
                                {"state", to_string(state_at(key, now))}});
  object.set("rateLimit", key.rate ? describe(*key.rate) : Value());
  if (key.expires_at) object.set("expiresAt", format_time(*key.expires_at));
  object.set("createdBy", key.created_by);
  object.set("createdAt", format_time(key.created_at));
  object.set("changedBy", key.changed_by);
  object.set("changedAt", format_time(key.changed_at));
  return object;
}

Value describe(const User& user) {
  return Value::object({{"name", user.name},
                        {"role", to_string(user.role)},
                        {"active", user.active},
                        {"createdBy", user.created_by},
                        {"createdAt", format_time(user.created_at)}});
}

Secret generate_key(Entropy& entropy) {
  Secret key = Secret::of_size(kLength);
  char* out = key.writable();
  for (const char c : kStart) *out++ = c;
  for (std::size_t i = 0; i < kIdLength; ++i) *out++ = random_digit(entropy, kIdDigits);
  *out++ = '.';
  for (std::size_t i = 0; i < kSecretLength; ++i) *out++ = random_digit(entropy, kDigits);
  for (const char c : checksum_of(key.reveal().substr(0, kLength - kChecksumLength))) *out++ = c;
  return key;
}

std::optional<std::string_view> key_id_of(std::string_view text) noexcept {
  if (text.size() != kLength || !text.starts_with(kStart) || text[kDot] != '.') return std::nullopt;
  const std::string_view id = text.substr(kStart.size(), kIdLength);
  if (id.find_first_not_of(kIdDigits) != std::string_view::npos) return std::nullopt;
  if (text.substr(kDot + 1).find_first_not_of(kDigits) != std::string_view::npos)
    return std::nullopt;
  const auto checksum = checksum_of(text.substr(0, kLength - kChecksumLength));
  if (text.substr(kLength - kChecksumLength) != std::string_view(checksum.data(), checksum.size()))
    return std::nullopt;
  return text.substr(0, kDot);
}

std::vector<std::string_view> key_texts_in(std::string_view text) {
  std::vector<std::string_view> keys;
  for (std::size_t at = text.find(kStart); at != std::string_view::npos;
       at = text.find(kStart, at + 1)) {
    if (const std::string_view key = text.substr(at, kLength); key_id_of(key)) keys.push_back(key);
  }
  return keys;
}

}  // namespace stepwell::auth
