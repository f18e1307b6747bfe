// Puts a checked JSON Schema into the keywords that the library knows, so that it meets no
// reference, no annotation and nothing of the later drafts.
#include "config/schema_keywords.h"

namespace stepwell::config::detail {

namespace {

class Rewriter {
 public:
  explicit Rewriter(const SchemaTargets& targets) : targets_(targets) {}
  Value rewrite(const Value& schema, bool top = false) const;

 private:
  Value rewrite_all(const Value& list) const;
  Value rewrite_members(const Value& map) const;
  void rewrite_items(const Value& schema, Value& out) const;
  void rewrite_dependencies(const Value& schema, Value& out) const;

  const SchemaTargets& targets_;
};

Value Rewriter::rewrite(const Value& schema, bool top) const {
  if (schema.members().empty()) return schema;
  if (!top)
    if (const auto target = targets_.documents.find(identity(schema));
        target != targets_.documents.end())
      return Value::object({{kReferenceKeyword, Value::array({Value(target->second), Value()})}});
  Value out = Value::object();
  for (const Value::Member& member : schema.members()) {
    const std::string_view name = member.name();
    const Keyword* known = find_keyword(name);
    if (known == nullptr || name == "$defs" || name == "definitions") continue;
    switch (known->shape) {
      case Shape::schema:
        if (name == "additionalItems" ||
            ((name == "then" || name == "else") && !schema.contains("if")))
          continue;
        out.set(name, rewrite(member.value));
        break;
      case Shape::schemas:
        if (name != "prefixItems") out.set(name, rewrite_all(member.value));
        break;
      case Shape::schema_map:
      case Shape::pattern_map:
        if (name != "dependentSchemas") out.set(name, rewrite_members(member.value));
        break;
      case Shape::names:
      case Shape::types:
      case Shape::values:
      case Shape::number:
      case Shape::divisor:
      case Shape::pattern:
        out.set(name, member.value);
        break;
      case Shape::count:
        if (name != "minContains" && name != "maxContains") out.set(name, member.value);
        break;
      case Shape::reference: {
        const std::size_t number = targets_.references.at(identity(schema));
        out.set(kReferenceKeyword,
                Value::array({Value(targets_.document_of[number]), Value(number)}));
        break;
      }
      default:
        if (name == "const" || name == "uniqueItems") out.set(name, member.value);
    }
  }
  rewrite_items(schema, out);
  rewrite_dependencies(schema, out);
  return out;
}

Value Rewriter::rewrite_all(const Value& list) const {
  Value out = Value::array();
  for (const Value& element : list.elements()) out.push_back(rewrite(element));
  return out;
}

Value Rewriter::rewrite_members(const Value& map) const {
  Value out = Value::object();
  for (const Value::Member& member : map.members())
    out.set(member.name(), member.value.is_array() ? member.value : rewrite(member.value));
  return out;
}

void Rewriter::rewrite_items(const Value& schema, Value& out) const {
  const Value* items = schema.find("items");
  const Value* others = schema.find("additionalItems");
  if (const Value* prefix = schema.find("prefixItems")) {
    out.set("items", rewrite_all(*prefix));
    others = items;
  } else if (items != nullptr) {
    out.set("items", items->is_array() ? rewrite_all(*items) : rewrite(*items));
  }
  if (others != nullptr && out.get("items").is_array())
    out.set("additionalItems", rewrite(*others));
  if (schema.contains("contains") &&
      (schema.contains("minContains") || schema.contains("maxContains")))
    out.set(kCountsKeyword, Value::array({schema.get("minContains"), schema.get("maxContains")}));
}

// Each by itself, since two of them may speak of the same name.
void Rewriter::rewrite_dependencies(const Value& schema, Value& out) const {
  Value all = out.get("allOf");
  for (const std::string_view name : {"dependencies", "dependentRequired", "dependentSchemas"})
    if (const Value* map = schema.find(name))
      all.push_back(Value::object({{"dependencies", rewrite_members(*map)}}));
  if (!all.is_null()) out.set("allOf", std::move(all));
}

}  // namespace

Value rewrite_schema(const Value& schema, const SchemaTargets& targets) {
  return Rewriter(targets).rewrite(schema, true);
}

}  // namespace stepwell::config::detail
