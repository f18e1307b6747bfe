// Destructuring patterns: $x, [$a, {b: $c}], alternatives with ?//.
#include <utility>

#include "expression/parser.h"

namespace stepwell::expression::detail {

namespace {
constexpr int kMaxPatternDepth = 64;
}

NodePtr Parser::patterns() {
  NodePtr node = make(NodeKind::patterns);
  do {
    NodePtr one = pattern(0);
    if (one == nullptr) return nullptr;
    node->add(std::move(one));
  } while (accept("?//"));
  return node;
}

NodePtr Parser::pattern(int depth) {
  if (depth > kMaxPatternDepth) return fail(token_.offset, "the pattern is nested too deep");
  if (token_.kind == TokenKind::variable) {
    NodePtr node = make(NodeKind::pattern_variable);
    node->text = token_.text;
    advance();
    return node;
  }
  if (token_.is_symbol("[")) return array_pattern(depth);
  if (token_.is_symbol("{")) return object_pattern(depth);
  return unexpected("a variable, \"[\" or \"{\"");
}

NodePtr Parser::array_pattern(int depth) {
  NodePtr node = make(NodeKind::pattern_array);
  advance();
  do {
    NodePtr element = pattern(depth + 1);
    if (element == nullptr) return nullptr;
    node->add(std::move(element));
  } while (accept(","));
  if (!expect("]", "to close the pattern")) return nullptr;
  return checked(std::move(node));
}

NodePtr Parser::object_pattern(int depth) {
  NodePtr node = make(NodeKind::pattern_object);
  advance();
  do {
    bool needs_value = token_.kind != TokenKind::variable;
    bool ignored = false;
    NodePtr key = object_key(ignored);
    if (key == nullptr) return nullptr;
    NodePtr value;
    if (accept(":")) {
      value = pattern(depth + 1);
      if (value == nullptr) return nullptr;
    } else if (needs_value) {
      return unexpected("\":\" and a pattern");
    }
    node->add(std::move(key));
    node->add(std::move(value));
  } while (accept(","));
  if (!expect("}", "to close the pattern")) return nullptr;
  return checked(std::move(node));
}

}  // namespace stepwell::expression::detail
