// Functions, closures and calls.
#include <algorithm>
#include <array>
#include <utility>

#include "expression/builtins.h"
#include "expression/compiler.h"
#include "expression/library.h"

namespace stepwell::expression::detail {

void Compiler::define(const Node& node) {
  const Binding* outer = scope_;
  for (std::size_t i = 0; i + 1 < node.kids.size(); ++i) function(node.kid(i));
  expression(*node.kids.back());
  scope_ = outer;
}

std::uint32_t Compiler::function(const Node& node) {
  const auto index = static_cast<std::uint32_t>(code_->functions.size());
  code_->functions.push_back(std::make_unique<Function>());
  Function& function = *code_->functions.back();
  function.parameters = static_cast<std::uint32_t>(node.names.size());
  bind_name({.kind = BindingKind::function,
             .name = node.text,
             .arity = function.parameters,
             .index = index,
             .depth = draft_.depth});
  const Binding* outside = scope_;
  const bool tracked = std::exchange(tracked_, true);
  const Draft caller =
      std::exchange(draft_, Draft{&function, static_cast<std::uint16_t>(draft_.depth + 1)});
  for (std::uint32_t i = 0; i < function.parameters; ++i) {
    std::string_view name = node.names[i];
    const bool by_value = name.starts_with('$');
    if (by_value) name.remove_prefix(1);
    bind_name({.kind = BindingKind::parameter, .name = name, .index = i, .depth = draft_.depth});
    if (!by_value) continue;
    const std::uint32_t local = new_local();
    emit(Op::dup);
    emit(Op::nest);
    emit(Op::call_parameter, i);
    emit(Op::unnest);
    emit(Op::store, local);
    bind_name({.kind = BindingKind::variable, .name = name, .index = local, .depth = draft_.depth});
  }
  expression(node.kid(0));
  emit(Op::finish);
  finish_function(function);
  draft_ = caller;
  tracked_ = tracked;
  scope_ = outside;
  return index;
}

// An argument as a function of its own, without parameters.
std::uint32_t Compiler::closure(const Node& body, const Binding* scope, bool from_source) {
  const auto index = static_cast<std::uint32_t>(code_->functions.size());
  code_->functions.push_back(std::make_unique<Function>());
  Function& function = *code_->functions.back();
  const Binding* outside = std::exchange(scope_, scope);
  const bool source = std::exchange(in_source_, from_source);
  const bool tracked = std::exchange(tracked_, true);
  const Draft caller =
      std::exchange(draft_, Draft{&function, static_cast<std::uint16_t>(draft_.depth + 1)});
  expression(body);
  emit(Op::finish);
  finish_function(function);
  draft_ = caller;
  tracked_ = tracked;
  in_source_ = source;
  scope_ = outside;
  return index;
}

const Compiler::Binding* Compiler::find_function(std::string_view name, std::size_t arity) const {
  for (const Binding* at = scope_; at != nullptr; at = at->next) {
    if (at->name != name || at->arity != arity) continue;
    if (at->kind == BindingKind::function || at->kind == BindingKind::parameter ||
        at->kind == BindingKind::inlined)
      return at;
  }
  return nullptr;
}

const Compiler::Binding* Compiler::find_variable(std::string_view name, BindingKind kind) const {
  for (const Binding* at = scope_; at != nullptr; at = at->next)
    if (at->kind == kind && at->name == name) return at;
  return nullptr;
}

void Compiler::call(const Node& node) {
  if (const Binding* found = find_function(node.text, node.kids.size())) {
    if (found->kind == BindingKind::inlined) return call_inlined(*found);
    if (found->kind == BindingKind::function)
      return call_function(node, found->index, found->depth);
    emit(Op::call_parameter, found->index, level_of(found->depth));
    return;
  }
  if (special_form(node)) return;
  if (const Node* definition = find_definition(node.text, node.kids.size()))
    return inline_library(node, *definition);
  if (native(node)) return;
  unknown_function(node);
}

void Compiler::call_function(const Node& node, std::uint32_t index, std::uint16_t depth) {
  std::vector<Instruction> words;
  for (const NodePtr& kid : node.kids) {
    const Node* argument = kid.get();
    const Binding* scope = scope_;
    bool from_source = in_source_;
    const Binding* found = nullptr;
    // An argument that is no more than a parameter of ours is passed on as it is.
    while (argument->kind == NodeKind::call && argument->kids.empty()) {
      const Binding* outer = std::exchange(scope_, scope);
      found = find_function(argument->text, 0);
      scope_ = outer;
      if (found == nullptr || found->kind != BindingKind::inlined) break;
      argument = found->code;
      scope = found->scope;
      from_source = found->from_source;
      found = nullptr;
    }
    Instruction word{Op::argument};
    if (found != nullptr && found->kind == BindingKind::parameter) {
      word = {Op::argument_passed, 0, level_of(found->depth), found->index};
    } else {
      word.arg = closure(*argument, scope, from_source);
    }
    words.push_back(word);
  }
  emit(Op::call, index, level_of(depth), static_cast<std::uint8_t>(words.size()));
  for (const Instruction& word : words) emit(word.op, word.arg, word.level);
}

void Compiler::call_inlined(const Binding& binding) {
  const Binding* outside = std::exchange(scope_, binding.scope);
  const bool source = std::exchange(in_source_, binding.from_source);
  expression(*binding.code);
  in_source_ = source;
  scope_ = outside;
}

// The definition's body in the place of the call, seeing the built-ins and its parameters only.
void Compiler::inline_library(const Node& node, const Node& definition) {
  const Binding* outside = scope_;
  std::vector<Binding> parameters;
  for (std::size_t i = 0; i < definition.names.size(); ++i) {
    std::string_view name = definition.names[i];
    if (name.starts_with('$')) {
      const std::uint32_t local = new_local();
      subexpression(node.kid(i));
      emit(Op::store, local);
      parameters.push_back({.kind = BindingKind::variable,
                            .name = name.substr(1),
                            .index = local,
                            .depth = draft_.depth});
    } else {
      parameters.push_back({.kind = BindingKind::inlined,
                            .name = name,
                            .depth = draft_.depth,
                            .code = &node.kid(i),
                            .scope = outside,
                            .from_source = in_source_});
    }
  }
  scope_ = nullptr;
  for (const Binding& parameter : parameters) bind_name(parameter);
  const bool source = std::exchange(in_source_, false);
  expression(definition.kid(0));
  in_source_ = source;
  scope_ = outside;
}

// Calls that are code of their own rather than calls.
bool Compiler::special_form(const Node& node) {
  const std::string_view name = node.text;
  if (node.kids.empty()) {
    if (name == "empty") {
      emit(Op::backtrack);
    } else if (name == "error") {
      emit(Op::raise);
    } else if (name == "debug" || name == "stderr") {
      return true;
    } else {
      return false;
    }
    return true;
  }
  if (name == "path" && node.kids.size() == 1) {
    path_of(node.kid(0));
  } else if (name == "getpath" && node.kids.size() == 1) {
    subexpression(node.kid(0));
    emit(Op::get_path);
  } else if (name == "error" && node.kids.size() == 1) {
    nested(node.kid(0));
    emit(Op::raise);
  } else if (name == "first" && node.kids.size() == 1) {
    const std::uint32_t point = new_local();
    emit(Op::label, point);
    expression(node.kid(0));
    emit(Op::cut, point);
  } else if (name == "range" && node.kids.size() <= 2) {
    if (node.kids.size() == 1)
      emit(Op::push, add_constant(Value(0)));
    else
      subexpression(node.kid(0));
    emit(Op::swap);
    nested(*node.kids.back());
    emit(Op::range);
  } else if (name == "limit" && node.kids.size() == 2) {
    limit_form(node);
  } else if (name == "skip" && node.kids.size() == 2) {
    skip_form(node);
  } else {
    return false;
  }
  return true;
}

void Compiler::limit_form(const Node& node) {
  const std::uint32_t left = new_local();
  const std::uint32_t point = new_local();
  subexpression(node.kid(0));
  emit(Op::count_start, left,
       static_cast<std::uint16_t>(add_constant(Value("limit doesn't support negative count"))));
  emit(Op::label, point);
  expression(node.kid(1));
  emit(Op::count, point, static_cast<std::uint16_t>(left));
}

void Compiler::skip_form(const Node& node) {
  const std::uint32_t left = new_local();
  subexpression(node.kid(0));
  emit(Op::count_start, left,
       static_cast<std::uint16_t>(add_constant(Value("skip doesn't support negative count"))), 1);
  expression(node.kid(1));
  emit(Op::skip, left);
}

// The last argument is the outermost loop.
bool Compiler::native(const Node& node) {
  const NativeEntry* found = find_native(node.text, node.kids.size());
  // Those with "_" trust what the library gives them.
  if (found == nullptr || (in_source_ && node.text.starts_with('_'))) return false;
  const std::size_t count = node.kids.size();
  for (std::size_t i = count; i-- > 0;) {
    const std::size_t pushed = count - 1 - i;
    if (auto value = constant(node.kid(i))) {
      emit(Op::push, add_constant(std::move(*value)));
    } else if (node.kid(i).kind == NodeKind::variable) {
      variable(node.kid(i), true);
    } else {
      emit(Op::pick, 0, 0, static_cast<std::uint8_t>(pushed));
      nested(node.kid(i));
    }
  }
  emit(Op::native, native_index(*found), 0, static_cast<std::uint8_t>(count));
  return true;
}

}  // namespace stepwell::expression::detail
