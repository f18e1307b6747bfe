// A value of a definition in which strings may be runtime expressions: compiled when the file is
// read, then immutable and shared by all threads.
// Source: Open Workflow Specification DSL 1.0, "Runtime Expressions".
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/value.h"
#include "config/boxed.h"
#include "expression/program.h"

namespace stepwell::config {

// A place in a file; 1-based, 0 where unknown.
struct Position {
  std::uint32_t line = 0;
  std::uint32_t column = 0;
};

// The standard's variables have these indices in every expression of a definition; the variables
// of enclosing loops and catches follow from kFirstLocal on, outermost first. Where two have the
// same name the later (inner) one counts.
enum Variable : std::uint8_t {
  kContext,
  kInput,
  kOutput,
  kSecrets,
  kTask,
  kWorkflow,
  kRuntime,
  kAuthorization,
  kFirstLocal,
};

// What an expression sees when it runs.
struct Scope {
  const Value& input;                // "."
  std::span<const Value> variables;  // by index: the standard's, then the locals
  expression::Context context;
};

// One jq expression with the place where it was written.
struct Expression {
  expression::Program program;
  Position position;

  // Errors: expression/400 as of Program::evaluate; the detail and the
  // extensions `line` and `column` name the place in the file.
  Result<Value> evaluate(const Scope& scope) const;
  bool uses(std::size_t variable) const { return program.uses_variable(variable); }
};

class Template {
 public:
  // A null constant.
  Template() noexcept;
  Template(const Template& other) noexcept;
  Template(Template&& other) noexcept;
  Template& operator=(const Template& other) noexcept;
  Template& operator=(Template&& other) noexcept;
  ~Template();
  static Template constant(Value value);
  static Template expression(Expression expression);
  // Loose mode: a string that is evaluated, and kept as the text where that fails.
  static Template loose(Expression expression, const std::string& text);
  static Template array(std::vector<Template> elements);
  // The keys are strings.
  static Template object(std::vector<std::pair<Value, Template>> members);

  bool is_constant() const { return !node_; }
  const Value& constant() const { return constant_; }  // precondition: is_constant()
  Result<Value> evaluate(const Scope& scope) const;
  bool uses(std::size_t variable) const;

 private:
  struct Node;
  Value constant_;
  Boxed<Node> node_;
};

// A duration that is constant, or an expression that gives ISO 8601 text or a duration object.
struct DurationTemplate {
  Milliseconds constant{0};
  Boxed<Expression> expression;  // none where constant

  // Errors: expression/400 where the result is no duration or is negative.
  Result<Milliseconds> evaluate(const Scope& scope) const;
};

// "PT1.5S", "P1W"; years and months are refused, since their length is not fixed.
// Source: ISO 8601-1:2019 §5.5.2. Errors: validation/`duration-invalid`.
Result<Milliseconds> parse_iso_duration(std::string_view text);
// {days, hours, minutes, seconds, milliseconds}, whole numbers, at least one.
Result<Milliseconds> parse_duration_object(const Value& object);

// An endpoint: literal text with {name} parts, or an expression that gives the whole URI.
class UriTemplate {
 public:
  UriTemplate() = default;
  // Precondition: each brace of the text belongs to a {name}.
  static UriTemplate literal(Value text);
  static UriTemplate expression(Expression expression);

  // {name} becomes the percent-encoded top-level property of the scope's input; missing gives
  // empty text; what is no scalar is an expression error. Gives a string, which a text without such
  // parts shares.
  Result<Value> evaluate(const Scope& scope) const;
  bool uses(std::size_t variable) const;

 private:
  Value text_;  // of a literal
  Boxed<Expression> expression_;
};

}  // namespace stepwell::config
