// Masks every known secret value by "***": as it is, in base64 (also `user:password` as a basic
// header has it), percent-encoded, JSON-escaped and in hexadecimal; and the secret part of
// anything that has the form of one of our own API keys.
// Values shorter than four bytes are left alone: they are no secrets, and masking them would
// destroy the text. Those shorter than eight are masked only in the answers to requests that
// carried them: elsewhere, a value such as "status" would destroy what has nothing to do with it.
// Costs a few nanoseconds a byte where there is nothing to find.
// Owned by Authority; all members may be called from any thread.
#pragma once

#include <bitset>
#include <cstdint>
#include <memory>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/secret.h"

namespace stepwell::auth {

// All forms of one value. Constant, so any thread may use it.
class ValueForms {
 public:
  // `username` may be empty.
  ValueForms(std::string_view username, std::string_view secret);

  // The text with every form masked.
  std::string mask(std::string text) const;

  // The longest first.
  const std::vector<std::string_view>& all() const { return forms_; }

 private:
  Secret bytes_;  // one after the other, on protected pages
  std::vector<std::string_view> forms_;
};

class Redactor {
 public:
  Redactor();
  ~Redactor();
  Redactor(const Redactor&) = delete;
  Redactor& operator=(const Redactor&) = delete;

  // Learns a value. `owner` and `version` name whose it is (a credential's name, or
  // anything); `username` may be empty.
  void add(std::string_view owner, std::uint32_t version, std::string_view username,
           std::string_view secret);

  // The same for a value that others soon follow, such as an access token: of one owner and
  // version the latest kPassing of them are known.
  void add_passing(std::string_view owner, std::uint32_t version, std::string_view secret);

  // Forgets what add() learnt under this owner and version.
  void remove(std::string_view owner, std::uint32_t version);

  // The text with all known values masked; the very same string where there is none.
  std::string mask(std::string text) const;
  // Does the text hold a value that somebody here stored, or a key of ours? What an upstream issued
  // (add_passing) is not looked for, nor a value that is a short word of letters: whoever chose it
  // could else stop every request that has it in its URL or body.
  bool knows_part_of(std::string_view text) const;
  // Of what knows_part_of() looks for, the longest that has ever been known, in bytes.
  std::size_t longest() const;
  // The text with the values of this one masked: for the answer to a request that carried it.
  std::string mask_for(std::string_view owner, std::uint32_t version, std::string text) const;

 private:
  using Known = std::vector<std::unique_ptr<const ValueForms>>;
  // How far a value is looked for, besides in the answers to requests that carried it.
  enum class Reach : std::uint8_t { nowhere, masked, masked_and_refused };
  void enter(Known& known, std::unique_ptr<const ValueForms> forms, Reach reach);
  void leave(const ValueForms& forms);
  std::string_view match(std::string_view text, std::size_t at) const;  // empty for none

  static constexpr std::size_t kPassing = 16;

  static constexpr std::size_t kBuckets = 1U << 14U;
  mutable std::shared_mutex mutex_;
  std::unordered_map<std::string, Known> by_owner_;     // guarded
  std::vector<std::vector<std::string_view>> buckets_;  // guarded; by hash of the first four bytes
  std::unordered_set<const char*> masked_only_;         // guarded; where such forms begin
  std::bitset<kBuckets> filled_;                        // guarded; the buckets that are not empty
  std::size_t longest_ = 0;                             // guarded
};

}  // namespace stepwell::auth
