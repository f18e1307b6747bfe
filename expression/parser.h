// Text to syntax tree, by recursive descent. How deep it may recurse is bounded, so that no input
// can exhaust the native stack; long chains (pipes, commas, definitions) are loops.
// One use, one thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "expression/ast.h"
#include "expression/lexer.h"

namespace stepwell::expression::detail {

// The problem of a fault at `offset` in the source: code `expression-syntax`, with line and column.
Problem syntax_problem(std::string_view source, std::size_t offset, std::string what);

class Parser {
 public:
  explicit Parser(std::string_view source) : source_(source), lexer_(source) { advance(); }

  // A whole expression. An expression of nothing but blanks is the identity, as in jq.
  Result<NodePtr> parse();
  // A list of function definitions and nothing else.
  Result<NodePtr> parse_definitions();

 private:
  // Each of these returns nothing once a fault is found; fault_ holds the first.
  NodePtr query();
  NodePtr query_parts();
  NodePtr binding_query(NodePtr source);
  NodePtr label_query();
  NodePtr definitions();
  NodePtr function();
  NodePtr expression(int lowest);
  NodePtr postfix();
  NodePtr suffixes(NodePtr term);
  NodePtr bracket_suffix(NodePtr term);
  NodePtr term();
  NodePtr term_symbol();
  NodePtr term_keyword();
  NodePtr call();
  NodePtr string(std::string format, std::size_t offset);
  NodePtr object();
  NodePtr object_key(bool& needs_value);
  NodePtr object_value();
  NodePtr conditional();
  NodePtr attempt();
  NodePtr fold(NodeKind kind);
  NodePtr patterns();
  NodePtr pattern(int depth);
  NodePtr array_pattern(int depth);
  NodePtr object_pattern(int depth);

  void advance() { token_ = lexer_.next(); }
  bool accept(std::string_view symbol);
  bool accept_keyword(std::string_view word);
  bool expect(std::string_view symbol, std::string_view where);
  bool expect_keyword(std::string_view word, std::string_view where);
  // To close what was opened at `offset`.
  bool expect_closing(std::string_view symbol, std::string_view opening, std::size_t offset);
  std::size_t line_at(std::size_t offset);
  NodePtr make(NodeKind kind) const { return std::make_unique<Node>(kind, token_.offset); }
  NodePtr text_literal(std::string_view text, std::size_t offset) const;
  NodePtr fail(std::size_t offset, std::string what);
  NodePtr unexpected(std::string_view wanted);
  // parser_hints.cpp
  NodePtr left_over();
  std::string_view hint() const;
  std::string opened(std::string_view bracket, std::size_t offset) const;
  // The finished node, or a fault where the tree has grown too high.
  NodePtr checked(NodePtr node);

  struct Fault {
    std::size_t offset = 0;
    std::string what;
  };
  std::string_view source_;
  Lexer lexer_;
  Token token_;
  std::optional<Fault> fault_;
  std::size_t counted_ = 0;  // bytes, of which lines_ is the last one's line
  std::size_t lines_ = 1;
  int depth_ = 0;
};

}  // namespace stepwell::expression::detail
