// The keywords of JSON Schema with what each may hold. Internal to config/; constants and pure
// functions, callable from any thread.
// Source: JSON Schema drafts 7, 2019-09 and 2020-12, "Core" and "Validation".
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <string_view>
#include <vector>

#include "config/schema_program.h"

namespace stepwell::config::detail {

// What a keyword's value must be.
enum class Shape : std::uint8_t {
  schema,
  schemas,         // at least one
  schema_map,      // name → schema
  pattern_map,     // pattern → schema
  schema_or_list,  // `items`
  dependencies,    // name → schema or names
  names_map,       // name → names
  names,
  types,
  values,
  number,
  divisor,
  count,
  flag,
  pattern,
  text,
  anything,
  reference,
  anchor,
  dialect,
  unsupported,
};

struct Keyword {
  std::string_view name;
  Shape shape;
};
inline constexpr std::array<Keyword, 57> kKeywords{{
    {"$ref", Shape::reference},
    {"$anchor", Shape::anchor},
    {"$schema", Shape::dialect},
    {"$id", Shape::text},
    {"$comment", Shape::text},
    {"$defs", Shape::schema_map},
    {"definitions", Shape::schema_map},
    {"type", Shape::types},
    {"enum", Shape::values},
    {"const", Shape::anything},
    {"multipleOf", Shape::divisor},
    {"maximum", Shape::number},
    {"exclusiveMaximum", Shape::number},
    {"minimum", Shape::number},
    {"exclusiveMinimum", Shape::number},
    {"maxLength", Shape::count},
    {"minLength", Shape::count},
    {"pattern", Shape::pattern},
    {"items", Shape::schema_or_list},
    {"prefixItems", Shape::schemas},
    {"additionalItems", Shape::schema},
    {"maxItems", Shape::count},
    {"minItems", Shape::count},
    {"uniqueItems", Shape::flag},
    {"contains", Shape::schema},
    {"maxContains", Shape::count},
    {"minContains", Shape::count},
    {"maxProperties", Shape::count},
    {"minProperties", Shape::count},
    {"required", Shape::names},
    {"properties", Shape::schema_map},
    {"patternProperties", Shape::pattern_map},
    {"additionalProperties", Shape::schema},
    {"propertyNames", Shape::schema},
    {"dependencies", Shape::dependencies},
    {"dependentRequired", Shape::names_map},
    {"dependentSchemas", Shape::schema_map},
    {"if", Shape::schema},
    {"then", Shape::schema},
    {"else", Shape::schema},
    {"allOf", Shape::schemas},
    {"anyOf", Shape::schemas},
    {"oneOf", Shape::schemas},
    {"not", Shape::schema},
    {"title", Shape::text},
    {"description", Shape::text},
    {"default", Shape::anything},
    {"examples", Shape::anything},
    {"format", Shape::text},
    {"deprecated", Shape::flag},
    {"readOnly", Shape::flag},
    {"writeOnly", Shape::flag},
    {"contentEncoding", Shape::text},
    {"contentMediaType", Shape::text},
    {"unevaluatedProperties", Shape::unsupported},
    {"unevaluatedItems", Shape::unsupported},
    {"$dynamicRef", Shape::unsupported},
}};

inline const Keyword* find_keyword(std::string_view name) {
  const auto* found = std::find_if(kKeywords.begin(), kKeywords.end(),
                                   [&](const Keyword& keyword) { return keyword.name == name; });
  return found == kKeywords.end() ? nullptr : found;
}

// Which stored object this is: the same for all handles to it. Null for empty ones.
using Identity = const Value::Member*;
inline Identity identity(const Value& value) {
  return value.members().empty() ? nullptr : value.members().data();
}

// Which schemas are referred to, and which refer.
struct SchemaTargets {
  std::map<Identity, std::size_t> documents;   // a schema that is referred to → its document
  std::map<Identity, std::size_t> references;  // a schema with a `$ref` → which one that is
  std::vector<std::size_t> document_of;        // a reference → the document that it leads to
};

// The schema in the keywords of draft 7, references as kReferenceKeyword, without annotations.
Value rewrite_schema(const Value& schema, const SchemaTargets& targets);

}  // namespace stepwell::config::detail
