// Folds, bindings, labels, and the updates of a value at its paths.
#include <algorithm>
#include <utility>

#include "expression/compiler.h"

namespace stepwell::expression::detail {

void Compiler::reduce(const Node& node) {
  const std::uint32_t state = new_local();
  const std::uint32_t input = new_local();
  emit(Op::dup);
  expression(node.kid(2));
  emit(Op::store, state);
  // The input waits in a variable: left on the stack, the fork would hold on to it, and a state
  // that began as the input could not be changed in place.
  emit(Op::store, input);
  const std::size_t end = emit(Op::fork);
  emit(Op::take_variable, input);
  expression(node.kid(0));
  const Binding* outer = scope_;
  bind_patterns(node.kid(1));
  emit(Op::take_variable, state);
  expression(node.kid(3));
  scope_ = outer;
  emit(Op::store, state);
  emit(Op::backtrack);
  patch(end);
  emit(Op::take_variable, state);
}

void Compiler::foreach (const Node& node) {
  const std::uint32_t state = new_local();
  emit(Op::dup);
  expression(node.kid(2));
  emit(Op::store, state);
  expression(node.kid(0));
  const Binding* outer = scope_;
  bind_patterns(node.kid(1));
  emit(Op::take_variable, state);
  expression(node.kid(3));
  emit(Op::dup);
  emit(Op::store, state);
  if (node.kids[4] != nullptr) expression(node.kid(4));
  scope_ = outer;
}

void Compiler::bind(const Node& node) {
  subexpression(node.kid(0));
  const Binding* outer = scope_;
  bind_patterns(node.kid(1));
  expression(node.kid(2));
  scope_ = outer;
}

void Compiler::declare(const Node& pattern, std::vector<std::string_view>& names) const {
  if (pattern.kind == NodeKind::pattern_variable) {
    if (std::find(names.begin(), names.end(), pattern.text) == names.end())
      names.push_back(pattern.text);
    return;
  }
  if (pattern.kind == NodeKind::pattern_object) {
    for (std::size_t i = 0; i < pattern.kids.size(); i += 2) {
      const Node& key = pattern.kid(i);
      if (key.kind == NodeKind::variable &&
          std::find(names.begin(), names.end(), key.text) == names.end())
        names.push_back(key.text);
      if (pattern.kids[i + 1] != nullptr) declare(pattern.kid(i + 1), names);
    }
    return;
  }
  for (const NodePtr& kid : pattern.kids) declare(*kid, names);
}

// value → ; the names stay bound until the caller resets the scope.
void Compiler::bind_patterns(const Node& patterns) {
  std::vector<std::string_view> names;
  declare(patterns, names);
  std::vector<std::uint32_t> locals;
  for (const std::string_view name : names) {
    locals.push_back(new_local());
    bind_name({.kind = BindingKind::variable,
               .name = name,
               .index = locals.back(),
               .depth = draft_.depth});
  }
  if (patterns.kids.size() == 1) return bind_one(patterns.kid(0));
  std::vector<std::size_t> jumps;
  for (std::size_t i = 0; i < patterns.kids.size() && !problem_; ++i) {
    const bool last = i + 1 == patterns.kids.size();
    const std::size_t next = last ? 0 : emit(Op::alternative);
    for (const std::uint32_t local : locals) {
      emit(Op::push, add_constant(Value()));
      emit(Op::store, local);
    }
    bind_one(patterns.kid(i));
    if (last) break;
    jumps.push_back(emit(Op::jump));
    patch(next);
  }
  for (const std::size_t jump : jumps) patch(jump);
}

void Compiler::bind_one(const Node& pattern) {
  if (pattern.kind == NodeKind::pattern_variable) {
    emit(Op::store, find_variable(pattern.text, BindingKind::variable)->index);
  } else if (pattern.kind == NodeKind::pattern_array) {
    for (std::size_t i = 0; i < pattern.kids.size(); ++i) {
      emit(Op::index_below, add_constant(Value(i)));
      bind_one(pattern.kid(i));
    }
    emit(Op::pop);
  } else {
    pattern_object(pattern);
  }
}

void Compiler::pattern_object(const Node& pattern) {
  for (std::size_t i = 0; i < pattern.kids.size(); i += 2) {
    const Node& key = pattern.kid(i);
    const Node* value = pattern.kids[i + 1].get();
    if (key.kind == NodeKind::variable) {
      emit(Op::index_below, add_constant(Value(key.text)));
      if (value != nullptr) emit(Op::dup);
      emit(Op::store, find_variable(key.text, BindingKind::variable)->index);
    } else if (auto name = constant(key)) {
      if (!name->is_string()) return fail(key, "an object's key must be a string");
      emit(Op::index_below, add_constant(std::move(*name)));
    } else {
      emit(Op::dup);
      subexpression(key);
      emit(Op::swap);
      emit(Op::nest);
      emit(Op::index);
      emit(Op::unnest);
    }
    if (value != nullptr) bind_one(*value);
  }
  emit(Op::pop);
}

void Compiler::label(const Node& node) {
  const std::uint32_t point = new_local();
  const Binding* outer = scope_;
  bind_name({.kind = BindingKind::label, .name = node.text, .index = point, .depth = draft_.depth});
  emit(Op::label, point);
  expression(node.kid(0));
  scope_ = outer;
}

void Compiler::leave(const Node& node) {
  const Binding* found = find_variable(node.text, BindingKind::label);
  if (found == nullptr)
    return fail(node, "break $" + node.text + " is not inside of a label $" + node.text + " | …");
  emit(Op::leave, found->index, level_of(found->depth));
}

void Compiler::path_of(const Node& node) {
  const bool outer = std::exchange(tracked_, true);
  emit(Op::path_begin);
  expression(node);
  emit(Op::path_end);
  tracked_ = outer;
}

// Runs `change` for each of the paths, over a state that nothing else refers to, so that it is
// changed in place. The paths are those of the input as it was.
template <class Change>
void Compiler::update_loop(const Node& paths, const Change& change) {
  const UpdateLocals locals{new_local(), new_local()};
  const std::uint32_t drops = new_local();
  const std::uint32_t input = new_local();
  emit(Op::push, add_constant(Value()));
  emit(Op::store, drops);
  emit(Op::dup);
  emit(Op::store, locals.state);
  emit(Op::store, input);
  const std::size_t end = emit(Op::fork);
  emit(Op::take_variable, input);
  path_of(paths);
  emit(Op::store, locals.path);
  change(locals, drops);
  emit(Op::backtrack);
  patch(end);
  emit(Op::update_end, locals.state, static_cast<std::uint16_t>(drops));
}

void Compiler::assign(const Node& node) {
  const std::uint32_t value = new_local();
  subexpression(node.kid(1));
  emit(Op::store, value);
  update_loop(node.kid(0), [&](const UpdateLocals& locals, std::uint32_t) {
    emit(Op::push_variable, value);
    emit(Op::update_put, locals.state, static_cast<std::uint16_t>(locals.path));
  });
}

// |= and the operators of the form op=.
void Compiler::update(const Node& node) {
  const auto take = [this](const UpdateLocals& locals) {
    emit(Op::update_take, locals.state, static_cast<std::uint16_t>(locals.path));
  };
  const auto put = [this](const UpdateLocals& locals) {
    emit(Op::update_put, locals.state, static_cast<std::uint16_t>(locals.path));
  };
  if (node.compound) {
    const std::uint32_t value = new_local();
    subexpression(node.kid(1));
    emit(Op::store, value);
    return update_loop(node.kid(0), [&](const UpdateLocals& locals, std::uint32_t) {
      take(locals);
      if (node.operation == Operation::alternative) {
        emit(Op::dup);
        const std::size_t found = emit(Op::jump_true);
        emit(Op::load_variable, value);
        patch(found);
      } else {
        const int first = static_cast<int>(Op::add);
        emit(static_cast<Op>(first + static_cast<int>(node.operation)), value, 2);
      }
      put(locals);
    });
  }
  const Node& change = node.kid(1);
  update_loop(node.kid(0), [&](const UpdateLocals& locals, std::uint32_t drops) {
    if (single(change)) {
      take(locals);
      nested(change);
      return put(locals);
    }
    // The first output counts; where there is none the path is deleted in the end, and what lies
    // there may be looked at again by a further path until then.
    const std::uint32_t point = new_local();
    emit(Op::label, point);
    const std::size_t none = emit(Op::fork);
    emit(Op::update_look, locals.state, static_cast<std::uint16_t>(locals.path));
    nested(change);
    emit(Op::cut, point);
    put(locals);
    emit(Op::backtrack);
    patch(none);
    emit(Op::update_drop, drops, static_cast<std::uint16_t>(locals.path));
  });
}

}  // namespace stepwell::expression::detail
