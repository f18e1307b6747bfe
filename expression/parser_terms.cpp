// The terms of the grammar: everything that binds tighter than an operator.
#include <utility>

#include "expression/parser.h"

namespace stepwell::expression::detail {

NodePtr Parser::postfix() {
  const std::size_t offset = token_.offset;
  if (token_.is_symbol("-") || token_.is_keyword("try")) {
    // These recurse without a bracket, so they count for themselves.
    if (++depth_ > 256) return fail(offset, "the expression is nested more than 256 levels deep");
    NodePtr node;
    if (accept("-")) {
      NodePtr operand = postfix();
      if (operand != nullptr) {
        node = std::make_unique<Node>(NodeKind::negate, offset);
        node->add(std::move(operand));
      }
    } else {
      node = attempt();
    }
    --depth_;
    return node;
  }
  NodePtr start = term();
  return start == nullptr ? nullptr : suffixes(std::move(start));
}

NodePtr Parser::suffixes(NodePtr node) {
  while (node != nullptr) {
    const std::size_t offset = token_.offset;
    if (token_.kind == TokenKind::field) {
      auto index = std::make_unique<Node>(NodeKind::index, offset);
      NodePtr key = text_literal(token_.text, offset);
      advance();
      index->add(std::move(node));
      index->add(std::move(key));
      index->optional = accept("?");
      node = checked(std::move(index));
    } else if (accept(".")) {
      if (token_.kind == TokenKind::quote) {
        NodePtr key = string({}, offset);
        if (key == nullptr) return nullptr;
        auto index = std::make_unique<Node>(NodeKind::index, offset);
        index->add(std::move(node));
        index->add(std::move(key));
        index->optional = accept("?");
        node = checked(std::move(index));
      } else if (token_.is_symbol("[")) {
        node = bracket_suffix(std::move(node));
      } else {
        return unexpected("a field's name");
      }
    } else if (token_.is_symbol("[")) {
      node = bracket_suffix(std::move(node));
    } else if (accept("?")) {
      auto attempt_node = std::make_unique<Node>(NodeKind::attempt, offset);
      attempt_node->add(std::move(node));
      attempt_node->add(nullptr);
      node = checked(std::move(attempt_node));
    } else {
      break;
    }
  }
  return node;
}

// [] [k] [from:to] [from:] [:to]
NodePtr Parser::bracket_suffix(NodePtr target) {
  const std::size_t offset = token_.offset;
  advance();
  NodePtr node;
  if (accept("]")) {
    node = std::make_unique<Node>(NodeKind::iterate, offset);
    node->add(std::move(target));
  } else {
    NodePtr first;
    NodePtr second;
    bool slice = false;
    if (!token_.is_symbol(":")) {
      first = query();
      if (first == nullptr) return nullptr;
    }
    if (accept(":")) {
      slice = true;
      if (!token_.is_symbol("]")) {
        second = query();
        if (second == nullptr) return nullptr;
      } else if (first == nullptr) {
        return unexpected("a slice's bound");
      }
    }
    if (!expect_closing("]", "[", offset)) return nullptr;
    node = std::make_unique<Node>(slice ? NodeKind::slice : NodeKind::index, offset);
    node->add(std::move(target));
    node->add(std::move(first));
    if (slice) node->add(std::move(second));
  }
  node->optional = accept("?");
  return checked(std::move(node));
}

NodePtr Parser::term() {
  const std::size_t offset = token_.offset;
  switch (token_.kind) {
    case TokenKind::number: {
      NodePtr node = make(NodeKind::literal);
      node->value = Value::number_from_literal(token_.text);
      advance();
      return node;
    }
    case TokenKind::quote:
      return string({}, offset);
    case TokenKind::format: {
      std::string name(token_.text);
      advance();
      if (token_.kind == TokenKind::quote) return string(std::move(name), offset);
      auto node = std::make_unique<Node>(NodeKind::format, offset);
      node->text = std::move(name);
      return node;
    }
    case TokenKind::field: {
      auto node = std::make_unique<Node>(NodeKind::index, offset);
      node->add(make(NodeKind::identity));
      node->add(text_literal(token_.text, offset));
      advance();
      node->optional = accept("?");
      return node;
    }
    case TokenKind::variable: {
      const bool location = token_.text == "__loc__";
      NodePtr node = make(location ? NodeKind::location : NodeKind::variable);
      node->text = token_.text;
      if (location)
        node->value = Value::object({{"file", "<top-level>"}, {"line", line_at(offset)}});
      advance();
      return node;
    }
    case TokenKind::identifier:
      return call();
    case TokenKind::keyword:
      return term_keyword();
    case TokenKind::symbol:
      return term_symbol();
    default:
      return unexpected("an expression");
  }
}

NodePtr Parser::term_symbol() {
  const std::size_t offset = token_.offset;
  if (accept("..")) return std::make_unique<Node>(NodeKind::recurse, offset);
  if (accept(".")) {
    auto here = std::make_unique<Node>(NodeKind::identity, offset);
    if (token_.kind != TokenKind::quote) return here;
    NodePtr key = string({}, offset);
    if (key == nullptr) return nullptr;
    auto node = std::make_unique<Node>(NodeKind::index, offset);
    node->add(std::move(here));
    node->add(std::move(key));
    node->optional = accept("?");
    return node;
  }
  if (accept("(")) {
    NodePtr inner = query();
    if (inner == nullptr || !expect_closing(")", "(", offset)) return nullptr;
    return inner;
  }
  if (accept("[")) {
    auto node = std::make_unique<Node>(NodeKind::array, offset);
    if (accept("]")) return node;
    NodePtr content = query();
    if (content == nullptr || !expect_closing("]", "[", offset)) return nullptr;
    node->add(std::move(content));
    return checked(std::move(node));
  }
  if (token_.is_symbol("{")) return object();
  return unexpected("an expression");
}

NodePtr Parser::term_keyword() {
  const std::size_t offset = token_.offset;
  if (token_.is_keyword("if")) return conditional();
  if (token_.is_keyword("reduce")) return fold(NodeKind::reduce);
  if (token_.is_keyword("foreach")) return fold(NodeKind::foreach);
  if (accept_keyword("break")) {
    if (token_.kind != TokenKind::variable)
      return fail(offset,
                  "break requires a label to break to: write break $name inside of label "
                  "$name | …");
    auto node = std::make_unique<Node>(NodeKind::leave, offset);
    node->text = token_.text;
    advance();
    return node;
  }
  if (token_.is_keyword("import") || token_.is_keyword("include") || token_.is_keyword("module"))
    return fail(offset, "modules are not available: \"" + std::string(token_.text) +
                            "\" cannot be used in an expression; write the functions that it "
                            "needs in the expression itself, by def");
  return unexpected("an expression");
}

NodePtr Parser::call() {
  NodePtr node = make(NodeKind::call);
  node->text = token_.text;
  advance();
  if (node->text == "true" || node->text == "false" || node->text == "null") {
    if (!token_.is_symbol("(")) {
      node->kind = NodeKind::literal;
      if (node->text != "null") node->value = Value(node->text == "true");
      return node;
    }
  }
  if (!accept("(")) return node;
  do {
    NodePtr argument = query();
    if (argument == nullptr) return nullptr;
    node->add(std::move(argument));
  } while (accept(";"));
  if (!expect(")", "to close the arguments of " + node->text)) return nullptr;
  return checked(std::move(node));
}

// The current token is the opening quote; the lexer stands behind it.
NodePtr Parser::string(std::string format, std::size_t offset) {
  auto node = std::make_unique<Node>(NodeKind::string, offset);
  node->text = std::move(format);
  while (true) {
    Lexer::Piece piece = lexer_.string_piece();
    if (!piece.bad.empty())
      return fail(piece.bad.starts_with("the string") ? offset : piece.offset,
                  std::string(piece.bad));
    node->add(text_literal(piece.text, offset));
    if (piece.closes) break;
    advance();
    NodePtr inner = query();
    if (inner == nullptr) return nullptr;
    // Not accept(): behind the ")" the literal goes on, and the lexer must not read a token there.
    if (!token_.is_symbol(")")) return unexpected("\")\" to close the interpolation");
    node->add(std::move(inner));
  }
  advance();
  if (node->kids.size() == 1) return std::move(node->kids[0]);
  return checked(std::move(node));
}

NodePtr Parser::object() {
  NodePtr node = make(NodeKind::object);
  advance();
  while (!accept("}")) {
    bool needs_value = false;
    NodePtr key = object_key(needs_value);
    if (key == nullptr) return nullptr;
    NodePtr value;
    if (accept(":")) {
      if (key->kind == NodeKind::location || key->kind == NodeKind::format)
        return unexpected("\",\" or \"}\"");
      value = object_value();
      if (value == nullptr) return nullptr;
    } else if (needs_value || key->kind == NodeKind::format) {
      return unexpected("\":\" and the member's value");
    }
    node->add(std::move(key));
    node->add(std::move(value));
    if (token_.is_symbol("}")) continue;
    if (token_.kind == TokenKind::end) {
      expect_closing("}", "{", node->at);
      return nullptr;
    }
    if (!expect(",", "between the members of an object")) return nullptr;
  }
  return checked(std::move(node));
}

NodePtr Parser::object_key(bool& needs_value) {
  const std::size_t offset = token_.offset;
  NodePtr key;
  switch (token_.kind) {
    case TokenKind::identifier:
    case TokenKind::keyword:
      key = text_literal(token_.text, offset);
      advance();
      return key;
    case TokenKind::variable:
    case TokenKind::quote:
    case TokenKind::format:
      return term();
    case TokenKind::number:
      return fail(offset, "an object's key must be a name or a string: quote it, or write (…)");
    default:
      break;
  }
  if (!accept("(")) return unexpected("an object's key");
  needs_value = true;
  key = query();
  if (key == nullptr || !expect(")", "to close the key's \"(\"")) return nullptr;
  return key;
}

// Pipes but no commas.
NodePtr Parser::object_value() {
  NodePtr pipe = make(NodeKind::pipe);
  do {
    NodePtr part = expression(0);
    if (part == nullptr) return nullptr;
    pipe->add(std::move(part));
  } while (accept("|"));
  if (pipe->kids.size() == 1) return std::move(pipe->kids[0]);
  return pipe;
}

NodePtr Parser::conditional() {
  NodePtr node = make(NodeKind::conditional);
  const std::size_t offset = token_.offset;
  do {
    advance();
    NodePtr condition = query();
    if (condition == nullptr || !expect_keyword("then", "after the condition of \"if\""))
      return nullptr;
    NodePtr branch = query();
    if (branch == nullptr) return nullptr;
    node->add(std::move(condition));
    node->add(std::move(branch));
  } while (token_.is_keyword("elif"));
  NodePtr otherwise;
  if (accept_keyword("else")) {
    otherwise = query();
    if (otherwise == nullptr) return nullptr;
  }
  node->add(std::move(otherwise));
  if (!accept_keyword("end")) {
    const auto line = Lexer::position(source_, offset).first;
    return unexpected("\"end\" for the \"if\" of line " + std::to_string(line));
  }
  return checked(std::move(node));
}

NodePtr Parser::attempt() {
  NodePtr node = make(NodeKind::attempt);
  advance();
  NodePtr body = postfix();
  if (body == nullptr) return nullptr;
  NodePtr handler;
  if (accept_keyword("catch")) {
    handler = postfix();
    if (handler == nullptr) return nullptr;
  }
  node->add(std::move(body));
  node->add(std::move(handler));
  return checked(std::move(node));
}

NodePtr Parser::fold(NodeKind kind) {
  NodePtr node = make(kind);
  advance();
  NodePtr source = expression(0);
  if (source == nullptr || !expect_keyword("as", "after the source")) return nullptr;
  NodePtr alternatives = patterns();
  if (alternatives == nullptr || !expect("(", "after the variable")) return nullptr;
  NodePtr start = query();
  if (start == nullptr || !expect(";", "after the start value")) return nullptr;
  NodePtr update = query();
  if (update == nullptr) return nullptr;
  node->add(std::move(source));
  node->add(std::move(alternatives));
  node->add(std::move(start));
  node->add(std::move(update));
  if (kind == NodeKind::foreach) {
    NodePtr extract;
    if (accept(";")) {
      extract = query();
      if (extract == nullptr) return nullptr;
    }
    node->add(std::move(extract));
  }
  if (!expect(")", "to close the fold")) return nullptr;
  return checked(std::move(node));
}

}  // namespace stepwell::expression::detail
