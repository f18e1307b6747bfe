#include "expression/machine.h"

#include <utility>

#include "expression/operations.h"
#include "expression/paths.h"

namespace stepwell::expression::detail {

Machine::Machine(const Code& code, const Value& input, std::span<const Value> variables,
                 const Context& context)
    : code_(code),
      context_(context),
      limits_(context.budget),
      slots_(limits_),
      frames_(limits_),
      locals_(limits_),
      closures_(limits_),
      forks_(limits_) {
  enter(0, kNone, {}, nullptr, false);
  frames_[0].caller = kNone;
  for (std::uint32_t i = 0; i < variables.size(); ++i) locals_[i] = variables[i];
  push(input);
}

Machine::Outcome Machine::next(Value& out) {
  if (std::exchange(started_, true) && !backtrack()) return Outcome::done;
  while (true) {
    const Instruction& word = *at_++;
    if (!limits_.spend(1)) return Outcome::exceeded;
    if (word.op == Op::backtrack) {
      if (!backtrack()) return Outcome::done;
    } else if (word.op == Op::finish) {
      if (frames_[frame_].return_to == nullptr) {
        out = pop();
        return Outcome::output;
      }
      leave_frame();
    } else if (word.op == Op::append) {
      if (!append(word)) return Outcome::exceeded;
      if (!backtrack()) return Outcome::done;
    } else if (!step(word)) {
      if (limits_.exceeded()) return Outcome::exceeded;
      // An optional access that failed leaves no error: on to the next possibility.
      if (std::exchange(silent_, false)) {
        if (!backtrack()) return Outcome::done;
      } else if (!recover()) {
        out = std::exchange(error_, Value());
        return Outcome::failed;
      }
    }
  }
}

bool Machine::raise(Value error) {
  error_ = std::move(error);
  return false;
}

bool Machine::go_back() {
  silent_ = true;
  return false;
}

bool Machine::step(const Instruction& word) {
  switch (word.op) {
    case Op::load:
      replace(constant(word.arg));
      return true;
    case Op::push:
      push(constant(word.arg));
      return true;
    case Op::push_object: {
      Value object = Value::object();
      object.reserve(word.arg);
      push(std::move(object));
      return true;
    }
    case Op::dup:
      push(Value(top()));
      return true;
    case Op::pick:
      push(Value(below_top(word.n)));
      return true;
    case Op::pop:
      pop();
      return true;
    case Op::swap: {
      Value upper = pop();
      Value lower = pop();
      push(std::move(upper));
      push(std::move(lower));
      return true;
    }
    case Op::load_variable:
      replace(variable(word));
      return true;
    case Op::push_variable:
      push(variable(word));
      return true;
    case Op::take_variable:
      push(std::move(local(word.arg)));
      return true;
    case Op::store:
      local(word.arg) = pop();
      return true;
    case Op::jump:
      jump(word.arg);
      return true;
    case Op::jump_false:
      if (!pop().truthy()) jump(word.arg);
      return true;
    case Op::jump_true:
      if (pop().truthy()) jump(word.arg);
      return true;
    case Op::truth:
      replace(Value(top().truthy()));
      return true;
    case Op::index_constant:
      return index_constant(word);
    case Op::walk:
      return walk(word);
    case Op::add:
    case Op::subtract:
    case Op::multiply:
    case Op::divide:
    case Op::modulo:
    case Op::equal:
    case Op::unequal:
    case Op::less:
    case Op::less_equal:
    case Op::greater:
    case Op::greater_equal:
      return arithmetic(word);
    case Op::native:
      return native(word);
    default:
      return step_control(word);
  }
}

bool Machine::step_control(const Instruction& word) {
  const Instruction* base = frames_[frame_].function->code.data();
  switch (word.op) {
    case Op::fork:
      push_fork(ForkKind::choice, base + word.arg);
      return true;
    case Op::attempt:
      local(word.level) = Value(forks_.size());
      push_fork(ForkKind::attempt, base + word.arg);
      return true;
    case Op::attempt_end: {
      const std::int64_t point = local(word.arg).int64();
      if (point + 1 == static_cast<std::int64_t>(forks_.size()))
        pop_fork();
      else
        push_fork(ForkKind::attempt_end, nullptr).index = point;
      return true;
    }
    case Op::alternative:
      push_fork(ForkKind::alternative, base + word.arg);
      return true;
    case Op::label:
      local(word.arg) = Value(forks_.size());
      push_fork(ForkKind::label, nullptr);
      return true;
    case Op::leave:
      cut(static_cast<std::uint32_t>(variable(word).int64()));
      return go_back();
    case Op::cut:
      cut(static_cast<std::uint32_t>(local(word.arg).int64()));
      return true;
    case Op::count:
      return count(word);
    case Op::count_start:
      return count_start(word);
    case Op::skip: {
      Value& left = local(word.arg);
      if (left.as_double() < 1) return true;
      left = number_value(left.as_double() - 1);
      return go_back();
    }
    case Op::raise:
      return raise(pop());
    case Op::each:
      return each(word);
    case Op::range:
      return range();
    case Op::call:
      call(word, false);
      return true;
    case Op::tail_call:
      call(word, true);
      return true;
    case Op::call_parameter:
      call_parameter(word, false);
      return true;
    case Op::tail_parameter:
      call_parameter(word, true);
      return true;
    default:
      return step_values(word);
  }
}

bool Machine::step_values(const Instruction& word) {
  switch (word.op) {
    case Op::nest:
      ++nest_;
      return true;
    case Op::unnest:
      --nest_;
      return true;
    case Op::path_begin:
      path_begin();
      return true;
    case Op::path_end:
      return path_end();
    case Op::index:
      return index(word);
    case Op::index_below: {
      Value element;
      if (!index_value(top(), constant(word.arg), limits_, element))
        return raise(std::move(element));
      push(std::move(element));
      return true;
    }
    case Op::slice:
      return slice(word);
    case Op::get_path:
      return get_path();
    case Op::collect:
      local(word.arg) = Value::array();
      return true;
    case Op::wrap:
      return wrap(word.n);
    case Op::insert: {
      Value value = pop();
      const Value key = pop();
      return insert(key, std::move(value));
    }
    case Op::insert_constant:
      return insert(constant(word.arg), pop());
    case Op::negate: {
      if (!top().is_number()) return raise(type_error(top(), "cannot be negated"));
      if (!limits_.spend(static_cast<std::int64_t>(top().weight() / 64))) return false;
      replace(negated(top()));
      return true;
    }
    case Op::concatenate:
      return concatenate(word.n);
    case Op::format: {
      Value text;
      if (!format_value(constant(word.arg).as_string(), pop(), limits_, text))
        return raise(std::move(text));
      push(std::move(text));
      return true;
    }
    default:
      return update(word);
  }
}

bool Machine::arithmetic(const Instruction& word) {
  Value left = pop();
  Value right;
  if (word.level == 0)
    right = pop();
  else
    right = word.level == 1 ? constant(word.arg) : local(word.arg);
  Value result;
  if (!operate(word.op, std::move(left), std::move(right), limits_, result))
    return raise(std::move(result));
  push(std::move(result));
  return true;
}

bool Machine::concatenate(std::uint32_t count) {
  std::size_t size = 0;
  for (std::uint32_t i = 0; i < count; ++i) size += below_top(i).size();
  if (!limits_.room_for(static_cast<std::int64_t>(size) * 2)) return false;
  std::string text;
  text.reserve(size);
  for (std::uint32_t i = 0; i < count; ++i) text.append(pop().as_string());
  push(Value(text));
  return limits_.spend(static_cast<std::int64_t>(size / 256));
}

bool Machine::native(const Instruction& word) {
  std::array<Value, kMaxNativeArguments> args;
  for (std::uint32_t i = 0; i < word.n; ++i) args[i] = pop();
  Value input = pop();
  // Most read their input and arguments once: so much is paid for here.
  const auto reading = [](const Value& value) {
    return value.is_number() ? value.weight() : value.size();
  };
  std::uint64_t size = reading(input);
  for (std::uint32_t i = 0; i < word.n; ++i) size += reading(args[i]);
  if (!limits_.spend(static_cast<std::int64_t>(size / 256))) return false;
  NativeCall call{input, std::span(args.data(), word.n), limits_, context_, regexes_};
  Value result = natives()[word.arg].function(call);
  if (limits_.exceeded() || !limits_.room_for(0)) return false;
  if (call.failed) return raise(std::move(result));
  if (!limits_.allows_depth(result)) return false;
  push(std::move(result));
  return true;
}

bool Machine::insert(const Value& key, Value value) {
  if (!key.is_string())
    return raise(Value("Cannot use " + std::string(kind_name(key)) + " (" + summary(key) +
                       ") as object key"));
  Value object = pop();
  const std::size_t read = key.size() + (object.is_shared() ? 64 * object.size() : 0);
  if (!limits_.spend(static_cast<std::int64_t>(read / 256))) return false;
  object.set_member(key, std::move(value));
  const bool allowed = limits_.allows_depth(object);
  push(std::move(object));
  return allowed;
}

bool Machine::append(const Instruction& word) {
  Value& list = local(word.arg);
  list.push_back(pop());
  return limits_.allows_depth(list);
}

bool Machine::wrap(std::uint32_t count) {
  Value list = Value::array();
  list.reserve(count);
  for (std::uint32_t i = 0; i < count; ++i) list.push_back(Value());
  for (std::uint32_t i = count; i-- > 0;) list.set(i, pop());
  const bool allowed = limits_.allows_depth(list);
  push(std::move(list));
  return allowed;
}

bool Machine::update(const Instruction& word) {
  Value& state = local(word.arg);
  Value result;
  switch (word.op) {
    case Op::update_take:
      if (!take_path(state, local(word.level), limits_, result)) return raise(std::move(result));
      push(std::move(result));
      return true;
    case Op::update_look:
      if (!detail::get_path(state, local(word.level), limits_, result))
        return raise(std::move(result));
      push(std::move(result));
      return true;
    case Op::update_put: {
      Value value = pop();
      if (!set_path(std::exchange(state, Value()), local(word.level), std::move(value), limits_,
                    result))
        return raise(std::move(result));
      state = std::move(result);
      return true;
    }
    case Op::update_drop:
      state.push_back(local(word.level));
      return go_back();
    case Op::update_end: {
      const Value drops = std::exchange(local(word.level), Value());
      result = std::exchange(state, Value());
      if (!drops.is_null() && !delete_paths(std::exchange(result, Value()), drops, limits_, result))
        return raise(std::move(result));
      push(std::move(result));
      return true;
    }
    default:
      return raise(Value("an unknown instruction"));
  }
}

// n → ; how many outputs are wanted, or skipped.
bool Machine::count_start(const Instruction& word) {
  Value count = pop();
  const int sign = compare(count, Value(0));
  if (sign < 0) return raise(constant(word.level));
  if (!count.is_number()) return raise(type_error(count, Value(1), "cannot be subtracted"));
  if (sign == 0 && word.n == 0) return go_back();
  local(word.arg) = std::move(count);
  return true;
}

bool Machine::count(const Instruction& word) {
  Value& left = local(word.level);
  left = number_value(left.as_double() - 1);
  if (left.as_double() <= 0) cut(static_cast<std::uint32_t>(local(word.arg).int64()));
  return true;
}

}  // namespace stepwell::expression::detail
