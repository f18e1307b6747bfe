#include "expression/parser.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/json.h"
#include "expression/utf8.h"

namespace stepwell::expression::detail {

namespace {

constexpr int kMaxNesting = 256;
constexpr std::uint16_t kMaxHeight = 1000;

class Nesting {
 public:
  explicit Nesting(int& depth) : depth_(depth) { ++depth_; }
  ~Nesting() { --depth_; }
  Nesting(const Nesting&) = delete;
  Nesting& operator=(const Nesting&) = delete;
  bool too_deep() const { return depth_ > kMaxNesting; }

 private:
  int& depth_;
};

enum class Side : std::uint8_t { left, right, none };

struct Operator {
  std::string_view symbol;
  int level;
  Side side;
  Operation operation;
  bool compound;
};

// From the loosest to the tightest, as in the grammar of jq 1.8.
constexpr std::array<Operator, 22> kOperators{{
    {"//", 1, Side::right, Operation::alternative, false},
    {"=", 2, Side::none, Operation::assign, false},
    {"|=", 2, Side::none, Operation::update, false},
    {"+=", 2, Side::none, Operation::add, true},
    {"-=", 2, Side::none, Operation::subtract, true},
    {"*=", 2, Side::none, Operation::multiply, true},
    {"/=", 2, Side::none, Operation::divide, true},
    {"%=", 2, Side::none, Operation::modulo, true},
    {"//=", 2, Side::none, Operation::alternative, true},
    {"or", 3, Side::left, Operation::either, false},
    {"and", 4, Side::left, Operation::both, false},
    {"==", 5, Side::none, Operation::equal, false},
    {"!=", 5, Side::none, Operation::unequal, false},
    {"<", 5, Side::none, Operation::less, false},
    {"<=", 5, Side::none, Operation::less_equal, false},
    {">", 5, Side::none, Operation::greater, false},
    {">=", 5, Side::none, Operation::greater_equal, false},
    {"+", 6, Side::left, Operation::add, false},
    {"-", 6, Side::left, Operation::subtract, false},
    {"*", 7, Side::left, Operation::multiply, false},
    {"/", 7, Side::left, Operation::divide, false},
    {"%", 7, Side::left, Operation::modulo, false},
}};

std::string quoted(std::string_view text) {
  std::string out;
  out.push_back('"');
  out.append(text).push_back('"');
  return out;
}

const Operator* find_operator(const Token& token) {
  if (token.kind != TokenKind::symbol && token.kind != TokenKind::keyword) return nullptr;
  for (const Operator& known : kOperators)
    if (known.symbol == token.text) return &known;
  return nullptr;
}

}  // namespace

Problem syntax_problem(std::string_view source, std::size_t offset, std::string what) {
  const auto [line, column] = Lexer::position(source, offset);
  return make_problem(ErrorKind::expression, "expression-syntax",
                      std::move(what) + " (line " + std::to_string(line) + ", column " +
                          std::to_string(column) + ")")
      .with("line", line)
      .with("column", column);
}

namespace {

// The first byte of the source that is not UTF-8, where there is one.
std::size_t bad_byte(std::string_view source) {
  const std::string mended = valid_utf8(source);
  const auto other =
      std::mismatch(source.begin(), source.end(), mended.begin(), mended.end()).first;
  auto at = static_cast<std::size_t>(other - source.begin());
  // Some bad bytes begin as U+FFFD does, which stands in their place.
  while (at > 0 && is_continuation(mended[at])) --at;
  return at;
}

}  // namespace

Result<NodePtr> Parser::parse() {
  if (!is_valid_utf8(source_))
    return stepwell::fail(
        syntax_problem(source_, bad_byte(source_), "the expression is not valid UTF-8"));
  NodePtr root = token_.kind == TokenKind::end ? make(NodeKind::identity) : query();
  if (root != nullptr && token_.kind != TokenKind::end) root = left_over();
  if (root == nullptr)
    return stepwell::fail(syntax_problem(source_, fault_->offset, std::move(fault_->what)));
  return root;
}

Result<NodePtr> Parser::parse_definitions() {
  NodePtr list = make(NodeKind::define);
  while (list != nullptr && token_.is_keyword("def")) {
    NodePtr one = function();
    if (one == nullptr)
      list = nullptr;
    else
      list->add(std::move(one));
  }
  if (list != nullptr && token_.kind != TokenKind::end) list = unexpected("a definition");
  if (list == nullptr)
    return stepwell::fail(syntax_problem(source_, fault_->offset, std::move(fault_->what)));
  return list;
}

NodePtr Parser::query() {
  const Nesting nesting(depth_);
  if (nesting.too_deep())
    return fail(token_.offset, "the expression is nested more than 256 levels deep");
  return query_parts();
}

// query := stage { "|" stage }, stage := part { "," part }; "as", "def" and "label" take all that
// follows them.
NodePtr Parser::query_parts() {
  NodePtr pipe = make(NodeKind::pipe);
  NodePtr comma = make(NodeKind::comma);
  while (true) {
    NodePtr part;
    bool takes_rest = true;
    if (token_.is_keyword("def")) {
      part = definitions();
    } else if (token_.is_keyword("label")) {
      part = label_query();
    } else {
      part = expression(0);
      takes_rest = part != nullptr && token_.is_keyword("as");
      if (takes_rest) part = binding_query(std::move(part));
    }
    if (part == nullptr) return nullptr;
    comma->add(std::move(part));
    if (!takes_rest && accept(",")) continue;
    NodePtr stage = comma->kids.size() == 1 ? std::move(comma->kids[0]) : std::move(comma);
    pipe->add(std::move(stage));
    if (takes_rest || !accept("|")) break;
    comma = make(NodeKind::comma);
  }
  if (pipe->kids.size() == 1) return std::move(pipe->kids[0]);
  return checked(std::move(pipe));
}

NodePtr Parser::binding_query(NodePtr source) {
  NodePtr node = make(NodeKind::bind);
  advance();
  NodePtr alternatives = patterns();
  if (alternatives == nullptr || !expect("|", "after the variables of \"as\"")) return nullptr;
  NodePtr body = query();
  if (body == nullptr) return nullptr;
  node->add(std::move(source));
  node->add(std::move(alternatives));
  node->add(std::move(body));
  return checked(std::move(node));
}

NodePtr Parser::label_query() {
  NodePtr node = make(NodeKind::label);
  advance();
  if (token_.kind != TokenKind::variable) return unexpected("a label such as $out");
  node->text = token_.text;
  advance();
  if (!expect("|", "after the label")) return nullptr;
  NodePtr body = query();
  if (body == nullptr) return nullptr;
  node->add(std::move(body));
  return checked(std::move(node));
}

NodePtr Parser::definitions() {
  NodePtr node = make(NodeKind::define);
  while (token_.is_keyword("def")) {
    NodePtr one = function();
    if (one == nullptr) return nullptr;
    node->add(std::move(one));
  }
  NodePtr body = query();
  if (body == nullptr) return nullptr;
  node->add(std::move(body));
  return checked(std::move(node));
}

NodePtr Parser::function() {
  NodePtr node = make(NodeKind::function);
  advance();
  if (token_.kind != TokenKind::identifier) return unexpected("the function's name");
  node->text = token_.text;
  advance();
  if (accept("(")) {
    do {
      const bool value = token_.kind == TokenKind::variable;
      if (!value && token_.kind != TokenKind::identifier) return unexpected("a parameter's name");
      node->names.push_back((value ? "$" : "") + std::string(token_.text));
      advance();
    } while (accept(";"));
    if (node->names.size() > 64) return fail(node->at, "more than 64 parameters");
    if (!expect(")", "after the parameters")) return nullptr;
  }
  if (!expect(":", "before the function's body")) return nullptr;
  NodePtr body = query();
  if (body == nullptr || !expect(";", "after the function's body")) return nullptr;
  node->add(std::move(body));
  return node;
}

// Operator precedence; `lowest` is the loosest level that may be taken here.
NodePtr Parser::expression(int lowest) {
  NodePtr left = postfix();
  int bound = 8;  // the tightest level that a non-associative operator still allows
  while (left != nullptr) {
    const Operator* found = find_operator(token_);
    if (found == nullptr || found->level < lowest) break;
    if (found->level >= bound)
      return fail(token_.offset,
                  "\"" + std::string(token_.text) +
                      "\" cannot follow an operator of its own kind; use parentheses");
    NodePtr node = make(NodeKind::binary);
    node->operation = found->operation;
    node->compound = found->compound;
    advance();
    NodePtr right;
    {
      const Nesting nesting(depth_);
      if (nesting.too_deep())
        return fail(node->at, "the expression is nested more than 256 levels deep");
      right = expression(found->side == Side::right ? found->level : found->level + 1);
    }
    if (right == nullptr) return nullptr;
    node->add(std::move(left));
    node->add(std::move(right));
    left = checked(std::move(node));
    if (found->side == Side::none)
      bound = found->level;
    else if (found->level < bound)
      bound = 8;
  }
  return left;
}

bool Parser::accept(std::string_view symbol) {
  if (!token_.is_symbol(symbol)) return false;
  advance();
  return true;
}

bool Parser::accept_keyword(std::string_view word) {
  if (!token_.is_keyword(word)) return false;
  advance();
  return true;
}

bool Parser::expect(std::string_view symbol, std::string_view where) {
  if (accept(symbol)) return true;
  unexpected("\"" + std::string(symbol) + "\" " + std::string(where));
  return false;
}

// (Only a mistake is worth the search for the place of what was opened.)
bool Parser::expect_closing(std::string_view symbol, std::string_view opening, std::size_t offset) {
  return accept(symbol) || expect(symbol, opened(opening, offset));
}

// Asked in the order of the source, so that it is counted through once.
std::size_t Parser::line_at(std::size_t offset) {
  const std::string_view passed = source_.substr(counted_, offset - counted_);
  lines_ += static_cast<std::size_t>(std::count(passed.begin(), passed.end(), '\n'));
  counted_ = offset;
  return lines_;
}

bool Parser::expect_keyword(std::string_view word, std::string_view where) {
  if (accept_keyword(word)) return true;
  unexpected("\"" + std::string(word) + "\" " + std::string(where));
  return false;
}

NodePtr Parser::text_literal(std::string_view text, std::size_t offset) const {
  auto node = std::make_unique<Node>(NodeKind::literal, offset);
  node->value = Value(text);
  return node;
}

NodePtr Parser::fail(std::size_t offset, std::string what) {
  if (!fault_) fault_ = Fault{offset, std::move(what)};
  return nullptr;
}

NodePtr Parser::unexpected(std::string_view wanted) {
  std::string found = quoted(token_.text);
  if (token_.kind == TokenKind::end) found = "the end of the expression";
  if (token_.kind == TokenKind::quote) found = "a string";
  if (token_.kind == TokenKind::keyword) found = "the keyword " + found;
  if (token_.kind == TokenKind::variable) found = "\"$" + std::string(token_.text) + "\"";
  if (token_.kind == TokenKind::field) found = "\"." + std::string(token_.text) + "\"";
  std::string what = "expected " + std::string(wanted) + " but found " + found;
  if (const std::string_view meant = hint(); !meant.empty()) what.append("; ").append(meant);
  return fail(token_.offset, std::move(what));
}

NodePtr Parser::checked(NodePtr node) {
  if (node->height > kMaxHeight) return fail(node->at, "the expression is too large");
  return node;
}

}  // namespace stepwell::expression::detail
