// The cryptographic primitives that auth uses, and the only header behind which libsodium lies.
// Pure functions, callable from any thread.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/entropy.h"
#include "base/secret.h"
#include "base/sha256.h"

namespace stepwell::auth {

inline constexpr std::size_t kCipherKeyBytes = 32;
inline constexpr std::size_t kNonceBytes = 24;
inline constexpr std::size_t kTagBytes = 16;

// XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03): nonce, ciphertext, tag. The nonce is random;
// 24 bytes of it never repeat in practice. `key` has kCipherKeyBytes.
std::string encrypt(const Secret& key, std::string_view associated, std::string_view plain,
                    Entropy& entropy);
// Nothing where key, associated data or a single bit of the blob differ.
std::optional<Secret> decrypt(const Secret& key, std::string_view associated,
                              std::string_view blob);

// Keyed BLAKE2b-256 (RFC 7693).
std::string keyed_hash(const Secret& key, std::string_view message);
// For protocols that ask for it.
using stepwell::Sha256;
using stepwell::sha256;

// HMAC-SHA-256 (RFC 2104); the key may have any length. It is wiped with its owner, since one may
// be the key of the next.
struct Mac {
  std::array<char, 32> bytes{};
  Mac() = default;
  Mac(const Mac&) = delete;
  Mac& operator=(const Mac&) = delete;
  ~Mac();
  std::string_view view() const noexcept { return {bytes.data(), bytes.size()}; }
};
void hmac_sha256(std::string_view key, std::string_view message, Mac& mac) noexcept;

// Takes time that depends on the sizes alone.
bool equal_in_constant_time(std::string_view a, std::string_view b) noexcept;

Secret random_secret(std::size_t size, Entropy& entropy);

}  // namespace stepwell::auth
