// What a YAML file says, with the place of every part: the tree that definitions and settings are
// read from. Made by parse_yaml(); immutable; no type of the YAML library appears here.
// Callable from any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/value.h"
#include "config/faults.h"
#include "config/template.h"

namespace stepwell::config {

struct YamlNode;
// Shared, because an alias stands for the very node of its anchor.
using NodePtr = std::shared_ptr<const YamlNode>;

struct YamlNode {
  enum class Kind : std::uint8_t { scalar, sequence, mapping };
  enum class Style : std::uint8_t { plain, quoted };  // of scalars; block scalars count as quoted
  struct Member {
    std::string key;
    Position key_position;
    NodePtr node;
  };

  Kind kind = Kind::scalar;
  Style style = Style::plain;
  Value value;  // all that is below included; containers share their elements' values
  Position position;
  std::size_t offset = 0;         // of the first byte in the text
  std::vector<NodePtr> elements;  // of a sequence
  std::vector<Member> members;    // of a mapping
  // With aliases counted as what they stand for.
  std::uint32_t count = 1;
  std::uint32_t height = 1;
  std::uint64_t bytes = 0;

  const Member* find(std::string_view key) const;
};

struct YamlLimits {
  std::size_t bytes = 1024UL * 1024;
  std::uint32_t depth = 64;
  std::uint32_t nodes = 100'000;
  std::uint64_t expanded_bytes = 16ULL * 1024 * 1024;  // of text, aliases expanded
};

// One YAML 1.2 document in UTF-8 (JSON is one too). Scalars are resolved by the core schema
// (YAML 1.2.2 §10.3.2); duplicate keys are faults. Null where a fault leaves nothing to go on with
// or where the file is empty (which is a fault too unless `may_be_empty`).
NodePtr parse_yaml(std::string_view text, FaultList& faults, bool may_be_empty = false,
                   const YamlLimits& limits = {});

// The value of a plain scalar by the core schema; sets `fault` for what JSON cannot hold.
Value resolve_plain_scalar(std::string_view text, std::string& fault);

// Where byte `index` of the scalar's value stands in the file, in every style of scalars; the end
// of the value is right behind its last word. Columns count characters (code points). `text` is
// what parse_yaml() was given.
Position position_within(std::string_view text, const YamlNode& scalar, std::size_t index);

}  // namespace stepwell::config
