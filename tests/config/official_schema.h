// The standard's own JSON Schema (draft 2020-12), as an oracle for what a definition is: exactly
// the keywords that it is written in, `unevaluatedProperties` included, which the product's schemas
// do not have. Held against python3-jsonschema by accept_test.cpp. For tests, on one thread.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/value.h"
#include "expression/pattern.h"

namespace stepwell::config {

class OfficialSchema {
 public:
  // A keyword that the oracle does not know is told by unknown_keywords().
  explicit OfficialSchema(Value document);

  bool accepts(const Value& definition) const;
  const std::vector<std::string>& unknown_keywords() const { return unknown_; }

 private:
  struct Node;
  using Seen = std::vector<bool>;  // which members of the object some keyword has looked at

  const Node* make(const Value& schema);
  void read(const Value& schema, Node& node);
  void read_keyword(std::string_view name, const Value& argument, Node& node);
  std::vector<const Node*> make_all(const Value& schemas);
  const Value& at(std::string_view pointer) const;

  bool holds(const Node& node, const Value& value, Seen& seen) const;
  bool scalar_holds(const Node& node, const Value& value) const;
  bool members_hold(const Node& node, const Value& value, Seen& seen) const;
  bool combined_hold(const Node& node, const Value& value, Seen& seen) const;

  Value document_;
  std::deque<Node> nodes_;
  std::map<const void*, const Node*> made_;  // by the schema's members
  std::vector<std::string> unknown_;
  const Node* root_ = nullptr;
};

struct OfficialSchema::Node {
  bool never = false;
  std::string type;
  Value one_of;  // an array (`enum`, `const`); null: anything
  std::optional<expression::Pattern> pattern;
  std::optional<double> minimum, maximum;
  std::size_t min_length = 0, min_items = 0, min_properties = 0, max_properties = 1'000'000;
  std::vector<std::string> required;
  Value dependent_required;
  std::map<std::string, const Node*, std::less<>> properties;
  const Node* additional = nullptr;
  const Node* items = nullptr;
  bool closed = false;  // unevaluatedProperties: false
  const Node* reference = nullptr;
  std::vector<const Node*> all_of, any_of, just_one_of;
  const Node* none_of = nullptr;
  const Node* condition = nullptr;
  const Node* consequence = nullptr;
  const Node* otherwise = nullptr;
};

}  // namespace stepwell::config
