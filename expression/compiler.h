// Syntax tree to code: resolves names, numbers the variables, and writes out in place what needs no
// call of its own. Non-recursive built-ins become part of the code that uses them, their parameters
// replaced by the arguments' code.
// One use, one thread.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "expression/ast.h"
#include "expression/code.h"

namespace stepwell::expression::detail {

class Compiler {
 public:
  Compiler(std::string_view source, std::span<const std::string> variables);
  Result<std::unique_ptr<Code>> compile(const Node& root);

 private:
  // A function that is being written.
  struct Draft {
    Function* function = nullptr;
    std::uint16_t depth = 0;
  };

  enum class BindingKind : std::uint8_t { variable, label, function, parameter, inlined, barrier };
  // Names are looked up through a list of bindings, the innermost first.
  struct Binding {
    BindingKind kind;
    std::string_view name;
    std::uint32_t arity = 0;
    std::uint32_t index = 0;         // of the local, parameter or function
    std::uint16_t depth = 0;         // of the function that it lives in
    const Node* code = nullptr;      // inlined: the argument
    const Binding* scope = nullptr;  // inlined: where the argument was written
    bool from_source = true;         // inlined: the argument is the author's text
    const Binding* next = nullptr;
  };
  using Emit = void (Compiler::*)(const Node&);

  // compiler.cpp: the tree's walk
  void expression(const Node& node);
  void subexpression(const Node& node);
  void nested(const Node& node);
  void pipe(const Node& node);
  void comma(const Node& node);
  void index(const Node& node);
  void slice(const Node& node);
  void negate(const Node& node);
  void string(const Node& node);
  void array(const Node& node);
  void object(const Node& node);
  void member(const Node& key, const Node* value, bool last);
  void conditional(const Node& node);
  void attempt(const Node& node);
  void binary(const Node& node);
  void arithmetic(const Node& node);
  void logic(const Node& node);
  void alternative(const Node& node);
  void variable(const Node& node, bool push);
  bool constant_operand(const Node& node, Instruction& instruction);
  std::optional<Value> constant(const Node& node) const;
  bool walkable(const Node& node, std::vector<Value>& keys) const;
  bool single(const Node& node) const;
  bool plain(const Node& node) const;

  // compiler_forms.cpp: folds, bindings, updates
  void reduce(const Node& node);
  void foreach (const Node& node);
  void bind(const Node& node);
  void bind_patterns(const Node& patterns);
  void bind_one(const Node& pattern);
  void declare(const Node& pattern, std::vector<std::string_view>& names) const;
  void pattern_object(const Node& pattern);
  void destructure(const Node& source, const Node& patterns);
  void label(const Node& node);
  void leave(const Node& node);
  void path_of(const Node& node);
  void assign(const Node& node);
  void update(const Node& node);
  struct UpdateLocals {
    std::uint32_t state = 0;
    std::uint32_t path = 0;
  };
  template <class Change>
  void update_loop(const Node& paths, const Change& change);

  // compiler_calls.cpp: functions and calls
  void define(const Node& node);
  std::uint32_t function(const Node& node);
  std::uint32_t closure(const Node& body, const Binding* scope, bool from_source);
  void call(const Node& node);
  void call_binding(const Node& node, const Binding& binding);
  void call_function(const Node& node, std::uint32_t index, std::uint16_t depth);
  void call_inlined(const Binding& binding);
  bool special_form(const Node& node);
  bool native(const Node& node);
  void inline_library(const Node& node, const Node& definition);
  void limit_form(const Node& node);
  void skip_form(const Node& node);
  void unknown_function(const Node& node);
  void unknown_variable(const Node& node);
  const Binding* find_function(std::string_view name, std::size_t arity) const;
  const Binding* find_variable(std::string_view name, BindingKind kind) const;
  std::uint16_t level_of(std::uint16_t depth) const {
    return static_cast<std::uint16_t>(draft_.depth - depth);
  }

  // compiler_emit.cpp: writing instructions
  std::size_t emit(Op op, std::uint32_t arg = 0, std::uint16_t level = 0, std::uint8_t n = 0);
  std::size_t here() const { return draft_.function->code.size(); }
  void patch(std::size_t at) { draft_.function->code[at].arg = static_cast<std::uint32_t>(here()); }
  void patch_to(std::size_t at, std::size_t to) {
    draft_.function->code[at].arg = static_cast<std::uint32_t>(to);
  }
  std::uint32_t add_constant(Value value);
  std::uint32_t new_local();
  const Binding* bind_name(Binding binding);
  void finish_function(Function& function) const;
  void fail(const Node& node, std::string what);

  // compiler_shape.cpp
  std::optional<Shape> shape_of(const Node& node) const;
  std::optional<Shape> shape_of_walk(const Node& node) const;
  std::optional<Shape> shape_of_array(const Node& content) const;
  std::optional<Shape> shape_of_object(const Node& node) const;

  std::string_view source_;
  std::unique_ptr<Code> code_;
  Draft draft_;
  std::deque<Binding> bindings_;
  const Binding* scope_ = nullptr;
  bool tracked_ = false;      // the code being compiled may run as part of a path expression
  bool in_source_ = true;     // the code being compiled is the author's, not a built-in's
  std::size_t error_at_ = 0;  // where a fault in a built-in's own text is to be shown
  std::size_t size_ = 0;      // instructions so far
  std::optional<Problem> problem_;
};

}  // namespace stepwell::expression::detail
