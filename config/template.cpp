#include "config/template.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "base/encoding.h"
#include "base/json.h"

namespace stepwell::config {

namespace {

std::string place(const Position& position) {
  return " (line " + std::to_string(position.line) + ", column " + std::to_string(position.column) +
         ")";
}

// With the expression's place in the definition's file.
Problem placed(Problem problem, const Position& position) {
  problem.detail += place(position);
  return std::move(problem).with("line", position.line).with("column", position.column);
}

Problem expression_problem(const std::string& detail, const Position& position) {
  return placed(make_problem(ErrorKind::expression, "expression-failed", detail), position);
}

// RFC 3986 §2.3: all but the unreserved characters.

}  // namespace

Result<Value> Expression::evaluate(const Scope& scope) const {
  Result<Value> result = program.evaluate(scope.input, scope.variables, scope.context);
  if (!result) return fail(placed(std::move(result.error()), position));
  return result;
}

struct Template::Node {
  struct Loose {
    Expression expression;
    Value text;
  };
  using Array = std::vector<Template>;
  using Object = std::vector<std::pair<Value, Template>>;  // keys are strings, shared by results
  std::variant<Expression, Boxed<Loose>, Array, Object> what;
};

Template::Template() noexcept = default;
Template::Template(const Template& other) noexcept = default;
Template::Template(Template&& other) noexcept = default;
Template& Template::operator=(const Template& other) noexcept = default;
Template& Template::operator=(Template&& other) noexcept = default;
Template::~Template() = default;

Template Template::constant(Value value) {
  Template result;
  result.constant_ = std::move(value);
  return result;
}

Template Template::expression(Expression expression) {
  Template result;
  result.node_ = Node{std::move(expression)};
  return result;
}

Template Template::loose(Expression expression, const std::string& text) {
  Template result;
  result.node_ = Node{Boxed<Node::Loose>({std::move(expression), Value(text)})};
  return result;
}

Template Template::array(std::vector<Template> elements) {
  Template result;
  if (std::all_of(elements.begin(), elements.end(),
                  [](const Template& element) { return element.is_constant(); })) {
    result.constant_ = Value::array();
    for (Template& element : elements) result.constant_.push_back(std::move(element.constant_));
    return result;
  }
  result.node_ = Node{std::move(elements)};
  return result;
}

Template Template::object(std::vector<std::pair<Value, Template>> members) {
  Template result;
  if (std::all_of(members.begin(), members.end(),
                  [](const auto& member) { return member.second.is_constant(); })) {
    result.constant_ = Value::object();
    for (auto& [name, member] : members)
      result.constant_.set_member(name, std::move(member.constant_));
    return result;
  }
  result.node_ = Node{std::move(members)};
  return result;
}

// A loop that puts a value into itself twice soon has one that no text could hold.
static Result<Value> bounded(Value value, const Scope& scope) {
  expression::Cuts* const cuts = scope.context.cuts;
  const bool cut = cuts != nullptr && cuts->begin().has_value();
  const auto most = static_cast<std::uint64_t>(scope.context.budget.memory_bytes);
  if (!cut && (value.weight() <= most || (cuts != nullptr && cuts->replaying))) return value;
  if (cuts != nullptr) cuts->end(expression::Limit::memory);
  return fail(make_problem(
      ErrorKind::expression, "expression-budget",
      "the value would take more than " + std::to_string(most) + " bytes when it is written out"));
}

Result<Value> Template::evaluate(const Scope& scope) const {
  if (!node_) return constant_;
  if (const auto* expression = std::get_if<Expression>(&node_->what))
    return expression->evaluate(scope);
  if (const auto* loose = std::get_if<Boxed<Node::Loose>>(&node_->what)) {
    Result<Value> result = (*loose)->expression.evaluate(scope);
    return result ? std::move(result) : Result<Value>((*loose)->text);
  }
  if (const auto* array = std::get_if<Node::Array>(&node_->what)) {
    Value value = Value::array_with_room(array->size());
    for (const Template& element : *array) {
      Result<Value> result = element.evaluate(scope);
      if (!result) return result;
      value.push_back(std::move(*result));
    }
    return bounded(std::move(value), scope);
  }
  const auto& object = std::get<Node::Object>(node_->what);
  Value value = Value::object_with_room(object.size());
  for (const auto& [name, member] : object) {
    Result<Value> result = member.evaluate(scope);
    if (!result) return result;
    value.set_member(name, std::move(*result));
  }
  return bounded(std::move(value), scope);
}

bool Template::uses(std::size_t variable) const {
  if (!node_) return false;
  if (const auto* expression = std::get_if<Expression>(&node_->what))
    return expression->uses(variable);
  if (const auto* loose = std::get_if<Boxed<Node::Loose>>(&node_->what))
    return (*loose)->expression.uses(variable);
  if (const auto* array = std::get_if<Node::Array>(&node_->what))
    return std::any_of(array->begin(), array->end(),
                       [&](const Template& element) { return element.uses(variable); });
  const auto& object = std::get<Node::Object>(node_->what);
  return std::any_of(object.begin(), object.end(),
                     [&](const auto& member) { return member.second.uses(variable); });
}

UriTemplate UriTemplate::literal(Value text) {
  UriTemplate result;
  result.text_ = std::move(text);
  return result;
}

UriTemplate UriTemplate::expression(Expression expression) {
  UriTemplate result;
  result.expression_ = std::move(expression);
  return result;
}

Result<Value> UriTemplate::evaluate(const Scope& scope) const {
  if (expression_) {
    Result<Value> result = expression_->evaluate(scope);
    if (result && !result->is_string())
      return fail(
          expression_problem("the expression of the endpoint gave no text", expression_->position));
    return result;
  }
  std::string_view rest = text_.is_string() ? text_.as_string() : std::string_view();
  if (text_.is_string() && rest.find('{') == std::string_view::npos) return text_;
  std::string uri;
  for (std::size_t open = rest.find('{'); open != std::string_view::npos; open = rest.find('{')) {
    uri += rest.substr(0, open);
    rest.remove_prefix(open + 1);
    const std::string_view name = rest.substr(0, rest.find('}'));
    rest.remove_prefix(std::min(name.size() + 1, rest.size()));
    const Value& value = scope.input.get(name);
    if (value.is_array() || value.is_object())
      return fail(make_problem(ErrorKind::expression, "expression-failed",
                               "{" + std::string(name) + "} in the endpoint's URI is " +
                                   (value.is_array() ? "an array" : "an object") +
                                   ", which has no place in a URI"));
    if (value.is_null()) continue;
    uri += percent_encode(value.is_string() ? value.as_string() : to_json(value));
  }
  uri += rest;
  return Value(uri);
}

bool UriTemplate::uses(std::size_t variable) const {
  return expression_ && expression_->uses(variable);
}

}  // namespace stepwell::config
