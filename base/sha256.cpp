#include "base/sha256.h"

#include <sodium.h>

namespace stepwell {

namespace {

unsigned char* octets(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

const unsigned char* octets(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

}  // namespace

struct Sha256::State {
  crypto_hash_sha256_state hash;
};

std::string sha256(std::string_view message) {
  std::string hash(crypto_hash_sha256_BYTES, '\0');
  crypto_hash_sha256(octets(hash), octets(message), message.size());
  return hash;
}

Sha256::Sha256() : state_(std::make_unique<State>()) { crypto_hash_sha256_init(&state_->hash); }

Sha256::~Sha256() = default;

void Sha256::add(std::string_view piece) {
  crypto_hash_sha256_update(&state_->hash, octets(piece), piece.size());
}

std::string Sha256::finish() {
  std::string hash(crypto_hash_sha256_BYTES, '\0');
  crypto_hash_sha256_final(&state_->hash, octets(hash));
  return hash;
}

}  // namespace stepwell
