// Finds every fault of a JSON Schema, and puts the keywords of its later drafts into those that the
// library knows (draft 7).
#include <algorithm>
#include <array>
#include <deque>
#include <optional>
#include <set>
#include <span>

#include "base/encoding.h"
#include "config/faults.h"
#include "config/kind_words.h"
#include "config/schema_keywords.h"

namespace stepwell::config::detail {

namespace {

constexpr std::size_t kMostPointerBytes = std::size_t{1024} * 1024;
constexpr std::uint32_t kDeepest = 256;

// Not worth a hint for what was meant, and without effect.
constexpr std::array<std::string_view, 6> kWithoutEffect{"$dynamicAnchor",   "$recursiveRef",
                                                         "$recursiveAnchor", "$vocabulary",
                                                         "contentSchema",    "example"};
constexpr std::array<std::string_view, 7> kTypes{"null",   "boolean", "integer", "number",
                                                 "string", "array",   "object"};

bool may_be_schema(const Value& value) { return value.is_object() || value.is_bool(); }

// The way to a value; made on the stack, each below those that it leads through.
struct Way {
  const Way* up = nullptr;
  std::string_view part;  // of the first: the pointer that it begins with

  std::string pointer() const {
    return up == nullptr ? std::string(part) : pointer_below(up->pointer(), part);
  }
};

std::string unescaped(std::string_view part) {
  std::string out;
  for (std::size_t i = 0; i < part.size(); ++i) {
    const bool escape = part[i] == '~' && i + 1 < part.size() && (part[i + 1] | 1) == '1';
    out += escape ? (part[i + 1] == '0' ? '~' : '/') : part[i];
    if (escape) ++i;
  }
  return out;
}

class Checker {
 public:
  Checker(const Value& document, std::vector<SchemaFault>& faults)
      : document_(document), faults_(faults) {}

  CheckedSchema check();

 private:
  struct Reference {
    std::string pointer;  // where it stands
    std::string text;
  };

  void schema(const Value& value, const Way& way);
  void keyword(const Keyword& keyword, const Value& value, const Way& way);
  void structure(const Keyword& keyword, const Value& value, const Way& way);
  void scalar(const Keyword& keyword, const Value& value, const Way& way);
  void schema_list(const Value& value, const Way& way);
  void schema_map(const Value& value, const Way& way, bool patterns);
  void names(const Value& value, const Way& way);
  void types(const Value& value, const Way& way);
  void pattern(std::string_view text, const Way& way, bool at_key = false);
  void without_effect(const Value& schema, const Way& way);
  void unknown(const Value& schema, std::string_view name, const Way& way);
  void reference(const Value& schema, const Value& value, const Way& way);
  const Value* resolve(const Reference& reference, std::string& pointer);
  const Value* step(const Value& from, const std::string& part, const Reference& reference);

  // Pointers can be as long as the document each; past a limit faults are told without a place.
  bool full() const { return pointer_bytes_ > kMostPointerBytes; }
  void fault(const Way& way, std::string what) {
    add(full() ? "" : way.pointer(), std::move(what), false);
  }
  void warn(const Way& way, std::string what) {
    if (!full()) add(way.pointer(), std::move(what), true);
  }
  void add(std::string pointer, std::string what, bool warning, bool at_key = false);
  void expected(const Way& way, std::string_view what, const Value& found) {
    fault(way, "expected " + std::string(what) + ", found " + std::string(kind_words(found)));
  }

  const Value& document_;
  std::vector<SchemaFault>& faults_;
  CheckedSchema checked_;
  std::set<Identity> seen_;
  std::map<std::string, const Value*, std::less<>> anchors_;
  std::deque<Reference> references_;
  SchemaTargets targets_;
  std::size_t pointer_bytes_ = 0;
};

void Checker::add(std::string pointer, std::string what, bool warning, bool at_key) {
  pointer_bytes_ += pointer.size();
  if (full() && !faults_.empty() && !faults_.back().warning) return;  // more are of no use
  faults_.push_back({warning, std::move(pointer), std::move(what), at_key});
}

CheckedSchema Checker::check() {
  const Way root;
  if (document_.depth() > kDeepest) {
    fault(root, "the schema is nested deeper than " + std::to_string(kDeepest) + " levels");
    return {};
  }
  schema(document_, root);
  if (const Identity id = identity(document_)) targets_.documents.emplace(id, 0);
  std::vector<const Value*> documents{&document_};
  for (std::size_t i = 0; i < references_.size(); ++i) {  // it grows on the way
    const Reference one = references_[i];
    std::string base;
    const Value* target = resolve(one, base);
    targets_.document_of.push_back(0);
    if (target == nullptr) continue;
    const Identity id = identity(*target);
    if (seen_.count(id) == 0) schema(*target, {nullptr, base});
    const auto known = id == nullptr ? targets_.documents.end() : targets_.documents.find(id);
    targets_.document_of[i] = known == targets_.documents.end() ? documents.size() : known->second;
    if (known != targets_.documents.end()) continue;
    if (id != nullptr) targets_.documents.emplace(id, documents.size());
    documents.push_back(target);
  }
  const bool usable = std::all_of(faults_.begin(), faults_.end(),
                                  [](const SchemaFault& fault) { return fault.warning; });
  if (!usable) return {};
  for (const Value* document : documents)
    checked_.documents.push_back(rewrite_schema(*document, targets_));
  for (Reference& one : references_) checked_.references.push_back(std::move(one.pointer));
  return std::move(checked_);
}

void Checker::schema(const Value& value, const Way& way) {
  if (!may_be_schema(value)) return expected(way, "a schema (a mapping, true or false)", value);
  if (value.members().empty() || !seen_.insert(identity(value)).second) return;
  for (const Value::Member& member : value.members()) {
    const Way below{&way, member.name()};
    const Keyword* known = find_keyword(member.name());
    if (known == nullptr)
      unknown(value, member.name(), below);
    else if (known->shape == Shape::reference)
      reference(value, member.value, below);
    else if (known->shape == Shape::anchor && member.value.is_string())
      anchors_.emplace(member.value.as_string(), &value);
    else
      keyword(*known, member.value, below);
    if (member.name() == "$id" && way.up != nullptr)
      warn(below, "`$id` is not supported by this version but at the top: it has no effect");
  }
  without_effect(value, way);
}

void Checker::keyword(const Keyword& keyword, const Value& value, const Way& way) {
  switch (keyword.shape) {
    case Shape::schema:
      return schema(value, way);
    case Shape::schemas:
      return schema_list(value, way);
    case Shape::schema_map:
    case Shape::pattern_map:
      return schema_map(value, way, keyword.shape == Shape::pattern_map);
    case Shape::names:
      return names(value, way);
    case Shape::types:
      return types(value, way);
    case Shape::schema_or_list:
    case Shape::dependencies:
    case Shape::names_map:
    case Shape::values:
      return structure(keyword, value, way);
    case Shape::unsupported:
      return warn(way,
                  quoted(keyword.name) + " is not supported by this version: it has no effect");
    default:
      return scalar(keyword, value, way);
  }
}

void Checker::structure(const Keyword& keyword, const Value& value, const Way& way) {
  if (keyword.shape == Shape::schema_or_list) {
    if (!value.is_array()) return schema(value, way);
    if (!value.empty()) schema_list(value, way);
  } else if (keyword.shape == Shape::values) {
    if (!value.is_array() || value.empty()) expected(way, "a list of at least one value", value);
  } else if (!value.is_object()) {
    expected(way, "a mapping", value);
  } else {
    for (const Value::Member& member : value.members()) {
      const Way below{&way, member.name()};
      if (keyword.shape == Shape::names_map || member.value.is_array())
        names(member.value, below);
      else
        schema(member.value, below);
    }
  }
}

void Checker::scalar(const Keyword& keyword, const Value& value, const Way& way) {
  switch (keyword.shape) {
    case Shape::number:
      if (value.is_number()) return;
      return expected(way,
                      value.is_bool() ? "a number (true and false are of draft 4; write the bound "
                                        "itself here)"
                                      : "a number",
                      value);
    case Shape::divisor:
      if (value.is_number() && value.as_double() > 0) return;
      if (value.is_number()) return fault(way, "expected a number above 0");
      return expected(way, "a number above 0", value);
    case Shape::count:
      if (const auto whole = value.is_number() ? value.as_integer() : std::nullopt;
          whole && *whole >= 0)
        return;
      if (value.is_number()) return fault(way, "expected a whole number from 0 on");
      return expected(way, "a whole number from 0 on", value);
    case Shape::flag:
      if (!value.is_bool()) expected(way, "true or false", value);
      return;
    case Shape::pattern:
      return value.is_string() ? pattern(value.as_string(), way) : expected(way, "text", value);
    case Shape::dialect:
      if (!value.is_string()) return expected(way, "text", value);
      for (const std::string_view draft : {"draft-06", "draft-07", "2019-09", "2020-12"})
        if (value.as_string().find(draft) != std::string_view::npos) return;
      return warn(way, quoted(value.as_string()) +
                           " is none of the drafts 6, 7, 2019-09 and 2020-12, as which it is read");
    case Shape::anything:
      return;
    default:
      if (!value.is_string()) expected(way, "text", value);
  }
}

void Checker::schema_list(const Value& value, const Way& way) {
  if (!value.is_array() || value.empty())
    return expected(way, "a list of at least one schema", value);
  for (std::size_t i = 0; i < value.size(); ++i) {
    const std::string index = std::to_string(i);
    schema(value.at(i), {&way, index});
  }
}

void Checker::schema_map(const Value& value, const Way& way, bool patterns) {
  if (!value.is_object()) return expected(way, "a mapping of names to schemas", value);
  for (const Value::Member& member : value.members()) {
    const Way below{&way, member.name()};
    if (patterns) pattern(member.name(), below, true);
    if (member.name().find('\0') != std::string_view::npos)
      fault(below, "U+0000 is not supported here");
    schema(member.value, below);
  }
}

void Checker::names(const Value& value, const Way& way) {
  if (!value.is_array()) return expected(way, "a list of names", value);
  std::set<std::string_view> before;
  for (std::size_t i = 0; i < value.size(); ++i) {
    const std::string index = std::to_string(i);
    const Way below{&way, index};
    const Value& name = value.at(i);
    if (!name.is_string())
      expected(below, "text", name);
    else if (name.as_string().find('\0') != std::string_view::npos)
      fault(below, "U+0000 is not supported here");
    else if (!before.insert(name.as_string()).second)
      fault(below, quoted(name.as_string()) + " stands here twice");
  }
}

void Checker::types(const Value& value, const Way& way) {
  const auto one = [&](const Value& type, const Way& place) {
    if (!type.is_string()) return expected(place, "the name of a type", type);
    if (std::find(kTypes.begin(), kTypes.end(), type.as_string()) != kTypes.end()) return;
    std::string hint = did_you_mean(type.as_string(), kTypes);
    if (hint.empty()) hint = "; expected " + quoted_list(kTypes, "or");
    fault(place, quoted(type.as_string()) + " is no type" + hint);
  };
  if (!value.is_array()) return one(value, way);
  if (value.empty()) return expected(way, "the name of a type, or several", value);
  for (std::size_t i = 0; i < value.size(); ++i) {
    const std::string index = std::to_string(i);
    one(value.at(i), {&way, index});
  }
}

void Checker::pattern(std::string_view text, const Way& way, bool at_key) {
  if (checked_.patterns.find(text) != checked_.patterns.end()) return;
  auto compiled = expression::Pattern::compile(text);
  if (!compiled)
    add(way.pointer(), quoted(text) + " is no regular expression: " + compiled.error().detail,
        false, at_key);
  else if (text.find('\0') != std::string_view::npos)
    fault(way, "U+0000 is not supported here");
  else
    checked_.patterns.emplace(text, std::move(*compiled));
}

void Checker::without_effect(const Value& schema, const Way& way) {
  struct Pair {
    std::string_view keyword;
    std::string_view needs;
  };
  static constexpr std::array<Pair, 4> kPairs{
      {{"then", "if"}, {"else", "if"}, {"minContains", "contains"}, {"maxContains", "contains"}}};
  for (const Pair& pair : kPairs)
    if (schema.contains(pair.keyword) && !schema.contains(pair.needs))
      warn({&way, pair.keyword},
           quoted(pair.keyword) + " has no effect without " + quoted(pair.needs));
  const bool list = schema.get("items").is_array() && !schema.contains("prefixItems");
  if (schema.contains("additionalItems") && !list)
    warn({&way, "additionalItems"},
         "`additionalItems` has an effect only beside a list of schemas in `items`");
  if (schema.contains("prefixItems") && schema.get("items").is_array())
    fault({&way, "items"}, "expected a schema beside `prefixItems`, found a list");
}

void Checker::unknown(const Value& schema, std::string_view name, const Way& way) {
  if (name.starts_with("x-")) return;
  if (std::find(kWithoutEffect.begin(), kWithoutEffect.end(), name) != kWithoutEffect.end())
    return warn(way, quoted(name) + " is not supported by this version: it has no effect");
  std::vector<std::string_view> absent;
  for (const Keyword& keyword : kKeywords)
    if (!schema.contains(keyword.name)) absent.push_back(keyword.name);
  const std::string hint = did_you_mean(name, absent);
  warn(way, "unknown keyword " + quoted(name) + (hint.empty() ? "; it has no effect" : hint));
}

void Checker::reference(const Value& schema, const Value& value, const Way& way) {
  if (!value.is_string()) return expected(way, "text", value);
  if (full()) return fault({}, "too many references with too long a way to them");
  std::string pointer = way.pointer();
  pointer_bytes_ += pointer.size();
  targets_.references.emplace(identity(schema), references_.size());
  references_.push_back({std::move(pointer), std::string(value.as_string())});
}

// Source: RFC 6901 §6 for `#/…`; JSON Schema 2020-12 §8.2.2 for `#name`.
const Value* Checker::resolve(const Reference& reference, std::string& pointer) {
  std::string_view text = reference.text;
  if (const Value& id = document_.get("$id"); id.is_string() && !id.empty()) {
    std::string_view own = id.as_string();
    own = own.substr(0, own.find('#'));
    if (text.starts_with(own) && text.substr(own.size()).substr(0, 1) == "#")
      text.remove_prefix(own.size());
  }
  if (!text.starts_with("#")) {
    add(reference.pointer,
        quoted(text) +
            " lies outside of the schema; references lead only to places within it (`#/…`)",
        false);
    return nullptr;
  }
  const std::string fragment = percent_decode(text.substr(1));
  const Value* target = &document_;
  if (!fragment.empty() && fragment.front() != '/') {
    const auto anchor = anchors_.find(fragment);
    if (anchor != anchors_.end()) return anchor->second;
    add(reference.pointer, "no `$anchor` has the name " + quoted(fragment), false);
    return nullptr;
  }
  for (std::size_t at = 0; at < fragment.size();) {
    const std::size_t end = std::min(fragment.find('/', at + 1), fragment.size());
    target = step(*target, unescaped(std::string_view(fragment).substr(at + 1, end - at - 1)),
                  reference);
    if (target == nullptr) return nullptr;
    at = end;
  }
  pointer = fragment;
  if (may_be_schema(*target)) return target;
  add(reference.pointer,
      quoted(reference.text) + " leads to " + std::string(kind_words(*target)) +
          ", not to a schema",
      false);
  return nullptr;
}

const Value* Checker::step(const Value& from, const std::string& part, const Reference& reference) {
  if (from.is_object())
    if (const Value* member = from.find(part)) return member;
  if (from.is_array() && !part.empty() && part.size() < 9 &&
      part.find_first_not_of("0123456789") == std::string::npos && std::stoul(part) < from.size())
    return &from.at(std::stoul(part));
  std::vector<std::string_view> names;
  for (const Value::Member& member : from.members()) names.push_back(member.name());
  add(reference.pointer,
      quoted(reference.text) + " leads nowhere: there is no " + quoted(part) +
          did_you_mean(part, names),
      false);
  return nullptr;
}

}  // namespace

std::string pointer_below(const std::string& pointer, std::string_view part) {
  std::string out = pointer + "/";
  for (const char c : part) {
    if (c == '~')
      out += "~0";
    else if (c == '/')
      out += "~1";
    else
      out += c;
  }
  return out;
}

CheckedSchema check_schema(const Value& document, std::vector<SchemaFault>& faults) {
  return Checker(document, faults).check();
}

}  // namespace stepwell::config::detail
