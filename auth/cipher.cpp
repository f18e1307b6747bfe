#include "auth/cipher.h"

#include <sodium.h>

#include <array>
#include <span>

namespace stepwell::auth {

static_assert(kCipherKeyBytes == crypto_aead_xchacha20poly1305_ietf_KEYBYTES);
static_assert(kNonceBytes == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES);
static_assert(kTagBytes == crypto_aead_xchacha20poly1305_ietf_ABYTES);

namespace {

const unsigned char* bytes(const char* text) {
  return reinterpret_cast<const unsigned char*>(text);
}
unsigned char* bytes(char* text) { return reinterpret_cast<unsigned char*>(text); }

}  // namespace

std::string encrypt(const Secret& key, std::string_view associated, std::string_view plain,
                    Entropy& entropy) {
  std::string blob(kNonceBytes + plain.size() + kTagBytes, '\0');
  entropy.fill(std::as_writable_bytes(std::span(blob.data(), kNonceBytes)));
  crypto_aead_xchacha20poly1305_ietf_encrypt(bytes(blob.data() + kNonceBytes), nullptr,
                                             bytes(plain.data()), plain.size(),
                                             bytes(associated.data()), associated.size(), nullptr,
                                             bytes(blob.data()), bytes(key.reveal().data()));
  return blob;
}

std::optional<Secret> decrypt(const Secret& key, std::string_view associated,
                              std::string_view blob) {
  if (blob.size() < kNonceBytes + kTagBytes || key.size() != kCipherKeyBytes) return std::nullopt;
  Secret plain = Secret::of_size(blob.size() - kNonceBytes - kTagBytes);
  unsigned char nothing = 0;
  unsigned char* out = plain.empty() ? &nothing : bytes(plain.writable());
  const int failed = crypto_aead_xchacha20poly1305_ietf_decrypt(
      out, nullptr, nullptr, bytes(blob.data() + kNonceBytes), blob.size() - kNonceBytes,
      bytes(associated.data()), associated.size(), bytes(blob.data()), bytes(key.reveal().data()));
  if (failed != 0) return std::nullopt;
  return plain;
}

std::string keyed_hash(const Secret& key, std::string_view message) {
  std::string hash(crypto_generichash_BYTES, '\0');
  crypto_generichash(bytes(hash.data()), hash.size(), bytes(message.data()), message.size(),
                     bytes(key.reveal().data()), key.size());
  return hash;
}

Mac::~Mac() { sodium_memzero(bytes.data(), bytes.size()); }

void hmac_sha256(std::string_view key, std::string_view message, Mac& mac) noexcept {
  static_assert(sizeof(mac.bytes) == crypto_auth_hmacsha256_BYTES);
  crypto_auth_hmacsha256_state state;
  crypto_auth_hmacsha256_init(&state, bytes(key.data()), key.size());
  crypto_auth_hmacsha256_update(&state, bytes(message.data()), message.size());
  crypto_auth_hmacsha256_final(&state, bytes(mac.bytes.data()));
  sodium_memzero(&state, sizeof state);
}

bool equal_in_constant_time(std::string_view a, std::string_view b) noexcept {
  return a.size() == b.size() && sodium_memcmp(a.data(), b.data(), a.size()) == 0;
}

Secret random_secret(std::size_t size, Entropy& entropy) {
  Secret secret = Secret::of_size(size);
  entropy.fill(std::as_writable_bytes(std::span(secret.writable(), size)));
  return secret;
}

}  // namespace stepwell::auth
