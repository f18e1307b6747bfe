// What the author may have meant, added to the message of a syntax fault.
#include <algorithm>
#include <array>

#include "expression/parser.h"

namespace stepwell::expression::detail {

namespace {

struct Habit {
  std::string_view text;
  std::string_view hint;
};

// From other languages; a longer one stands before those that it begins with.
constexpr std::array<Habit, 15> kHabits{{
    {"===", "equality is written =="},
    {"!==", "inequality is written !="},
    {"<>", "inequality is written !="},
    {"&&", "the operator is called and"},
    {"||", "the operator is called or"},
    {"=>", "greater or equal is written >="},
    {"=<", "less or equal is written <="},
    {":=", "a variable is bound by: VALUE as $name | …"},
    {"++", "to add one write . + 1, or .field += 1 to change a field"},
    {"**", "a power is written pow(base; exponent)"},
    {"'", "strings stand in double quotes"},
    {"`", "strings stand in double quotes"},
    {"!", "to negate write: CONDITION | not"},
    {"@", "a format has a name, such as @base64"},
    {"$", "a variable's name begins with a letter, such as $name"},
}};

bool is_closer(std::string_view text) { return text == ")" || text == "]" || text == "}"; }

bool is_part_of_if(std::string_view word) {
  return word == "then" || word == "elif" || word == "else" || word == "end";
}

}  // namespace

std::string_view Parser::hint() const {
  for (const Habit& habit : kHabits) {
    // The fault is found at any of its characters, as they may be operators of their own.
    const std::size_t back = std::min(habit.text.size() - 1, token_.offset);
    const std::size_t first =
        source_.substr(0, token_.offset + habit.text.size()).find(habit.text, token_.offset - back);
    if (first != std::string_view::npos && first <= token_.offset) return habit.hint;
  }
  return {};
}

// What is left behind a whole expression.
NodePtr Parser::left_over() {
  const std::string text(token_.text);
  if (token_.kind == TokenKind::symbol && is_closer(text))
    return fail(token_.offset,
                "\"" + text + "\" closes nothing: there is no bracket open before it");
  if (token_.kind == TokenKind::keyword && is_part_of_if(text))
    return fail(token_.offset, "\"" + text + "\" belongs to no \"if\"");
  if (token_.is_keyword("catch")) return fail(token_.offset, "\"catch\" belongs to no \"try\"");
  return unexpected("an operator or the end of the expression");
}

std::string Parser::opened(std::string_view bracket, std::size_t offset) const {
  const auto [line, column] = Lexer::position(source_, offset);
  return "to close the \"" + std::string(bracket) + "\" of line " + std::to_string(line) +
         ", column " + std::to_string(column);
}

}  // namespace stepwell::expression::detail
