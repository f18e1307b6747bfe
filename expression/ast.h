// The syntax tree of an expression. Made by the Parser, read by the Compiler; immutable afterwards
// (the trees of the built-in functions are shared by all threads).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/value.h"

namespace stepwell::expression::detail {

enum class NodeKind : std::uint8_t {
  identity,
  recurse,      // ..
  index,        // kids: term, key; `optional`
  slice,        // kids: term, from or null, to or null; `optional`
  iterate,      // kids: term; `optional`
  literal,      // value
  string,       // kids: the pieces, literals and expressions by turns; text: the format or nothing
  format,       // text
  negate,       // kids: operand
  array,        // kids: content, if any
  object,       // kids: key, value, key, value …
  variable,     // text
  location,     // $__loc__; value
  call,         // text; kids: arguments
  pipe,         // kids
  comma,        // kids
  binary,       // operation; kids: left, right
  conditional,  // kids: condition, branch, condition, branch …, else or null
  attempt,      // kids: body, handler or null
  reduce,       // kids: source, patterns, start, update
  foreach,      // kids: source, patterns, start, update, extract or null
  bind,         // kids: source, patterns, body
  define,       // kids: functions …, body
  function,     // text, names: parameters ("$x" for values); kids: body
  label,        // text; kids: body
  leave,        // break $text
  patterns,     // kids: alternatives (?//)
  pattern_variable,  // text
  pattern_array,     // kids
  pattern_object,    // kids: key, pattern or null, …; a key that is a variable binds it too
};

enum class Operation : std::uint8_t {
  add,
  subtract,
  multiply,
  divide,
  modulo,
  equal,
  unequal,
  less,
  less_equal,
  greater,
  greater_equal,
  both,         // and
  either,       // or
  alternative,  // //
  assign,       // =
  update,       // |=
};

struct Node;
using NodePtr = std::unique_ptr<Node>;

struct Node {
  Node(NodeKind the_kind, std::size_t offset)
      : kind(the_kind), at(static_cast<std::uint32_t>(offset)) {}

  NodeKind kind;
  Operation operation = Operation::add;
  bool optional = false;  // with "?"
  bool compound = false;  // a binary whose operation is the op of an "op="
  std::uint16_t height = 1;
  std::uint32_t at;  // offset in the source
  std::string text;
  Value value;
  std::vector<NodePtr> kids;
  std::vector<std::string> names;

  const Node& kid(std::size_t index) const { return *kids[index]; }
  void add(NodePtr kid) {
    if (kid != nullptr && kid->height >= height)
      height = static_cast<std::uint16_t>(kid->height + 1);
    kids.push_back(std::move(kid));
  }
};

}  // namespace stepwell::expression::detail
