// A schema as it runs, and the steps on the way there: check_schema() finds every fault of the
// document, compile_schema() has the library read it and keeps what it read as a small program.
// Internal to config/. A program is immutable and shared by all threads.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/value.h"
#include "config/schema.h"
#include "expression/pattern.h"

namespace stepwell::config::detail {

using NodeNumber = std::uint32_t;

// One keyword, or a few that belong together.
struct SchemaRule {
  enum class Kind : std::uint8_t {
    types,             // argument: bits of SchemaType
    one_of,            // argument: the values (`enum`, `const`)
    minimum,           // argument: a number
    above,             // exclusiveMinimum
    maximum,           //
    below,             // exclusiveMaximum
    multiple,          // argument: a number
    min_length,        // argument: a count, as for those that follow
    max_length,        //
    min_items,         //
    max_items,         //
    min_properties,    //
    max_properties,    //
    pattern,           // patterns: one
    unique,            //
    items,             // schemas: the one for all elements
    tuple,             // schemas: those of the first elements, and last that of all others
    contains,          // schemas: one; argument: [least, most] where they are given
    required,          // argument: the names
    properties,        // argument: name → node; schemas: all others', then each pattern's
    property_names,    // schemas: one
    dependent_names,   // argument: name → names
    dependent_schema,  // argument: name → node
    all_of,            // schemas
    any_of,            //
    just_one_of,       //
    none_of,           // schemas: one (`not`)
    condition,         // schemas: if, then, else
    reference,         // schemas: one; argument: which of CheckedSchema::references
  };
  Kind kind{};
  Value argument;
  std::vector<NodeNumber> schemas;
  std::vector<expression::Pattern> patterns;
};

enum SchemaType : std::uint8_t {
  kNullType = 1,
  kBooleanType = 2,
  kIntegerType = 4,
  kNumberType = 8,
  kStringType = 16,
  kArrayType = 32,
  kObjectType = 64,
};

struct SchemaNode {
  bool never = false;  // the schema `false`
  std::vector<SchemaRule> rules;
};

// Node 0 takes anything.
struct SchemaProgram {
  std::vector<SchemaNode> nodes;
  NodeNumber root = 0;
};

// Members that check_schema() puts into what it hands on; the checked document cannot have them.
inline constexpr const char* kReferenceKeyword = "$stepwell:reference";  // [document, reference]
inline constexpr const char* kCountsKeyword = "$stepwell:counts";        // [least, most] or nulls

// A schema without faults in the keywords of draft 7, without references.
struct CheckedSchema {
  std::vector<Value> documents;  // the root, then what is referred to
  std::map<std::string, expression::Pattern, std::less<>> patterns;
  std::vector<std::string> references;  // where each `$ref` stands, as a JSON pointer
};

// Adds to `faults`; what it returns is of use only where there is no error among them.
CheckedSchema check_schema(const Value& document, std::vector<SchemaFault>& faults);
// An empty program with a fault where the library refuses it.
SchemaProgram compile_schema(const CheckedSchema& checked, std::vector<SchemaFault>& faults);

// A pointer with one more part (RFC 6901 §3).
std::string pointer_below(const std::string& pointer, std::string_view part);

}  // namespace stepwell::config::detail
