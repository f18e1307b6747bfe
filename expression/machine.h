// Runs compiled code. Values, frames and the points to come back to (forks) lie on stacks of the
// machine's own, so that neither a program's recursion nor its input can exhaust the native stack.
//
// Values form a linked list in their stack: a fork remembers where the list stood, and what lies
// below its mark is copied rather than moved out, because the fork will need it again.
// Made for one evaluation; used by one thread.
#pragma once

#include <cstdint>
#include <span>
#include <utility>

#include "base/value.h"
#include "expression/builtins.h"
#include "expression/code.h"
#include "expression/limits.h"
#include "expression/stack.h"

namespace stepwell::expression::detail {

class Machine {
 public:
  enum class Outcome : std::uint8_t { output, done, failed, exceeded };

  Machine(const Code& code, const Value& input, std::span<const Value> variables,
          const Context& context);
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  // The next output, or the error's value, into `out`.
  Outcome next(Value& out);
  const Limits& limits() const { return limits_; }

 private:
  static constexpr std::uint32_t kNone = 0xFFFFFFFFU;

  struct Slot {
    Value value;
    std::uint32_t below = kNone;
  };
  struct Closure {
    std::uint32_t frame = 0;
    std::uint32_t function = 0;
  };
  struct Frame {
    const Function* function = nullptr;
    const Instruction* return_to = nullptr;
    std::uint32_t caller = kNone;
    std::uint32_t parent = kNone;  // the frame that the function's text lies in
    std::uint32_t locals = 0;
    std::uint32_t closures = 0;
  };
  enum class ForkKind : std::uint8_t {
    choice,
    attempt,
    attempt_end,
    alternative,
    label,
    elements,
    members,
    numbers,
    whole_numbers
  };
  struct Fork {
    ForkKind kind = ForkKind::choice;
    std::uint32_t top = kNone;
    std::uint32_t slots = 0;
    std::uint32_t frame = 0;
    std::uint32_t frames = 0;
    std::uint32_t locals = 0;
    std::uint32_t closures = 0;
    std::uint32_t nest = 0;
    const Instruction* next = nullptr;
    Value path;
    Value at_path;
    Value state;  // what is iterated over, or a range's end
    std::int64_t index = 0;
    double number = 0;
  };

  // Each returns false where an error or a limit came up; error_ holds the error.
  bool step(const Instruction& word);
  bool step_control(const Instruction& word);
  bool step_values(const Instruction& word);
  bool index(const Instruction& word);
  bool index_constant(const Instruction& word);
  bool walk(const Instruction& word);
  bool walk_tracked(const Value& keys);
  bool slice(const Instruction& word);
  bool each(const Instruction& word);
  bool range();
  bool get_path();
  bool path_end();
  void path_begin();
  bool arithmetic(const Instruction& word);
  bool concatenate(std::uint32_t count);
  bool native(const Instruction& word);
  bool insert(const Value& key, Value value);
  bool append(const Instruction& word);
  bool wrap(std::uint32_t count);
  bool update(const Instruction& word);
  bool count(const Instruction& word);
  bool count_start(const Instruction& word);
  bool raise(Value error);
  bool go_back();  // not an error: on to the next possibility

  // machine_frames.cpp
  void call(const Instruction& word, bool tail);
  void call_parameter(const Instruction& word, bool tail);
  void enter(std::uint32_t function, std::uint32_t parent, std::span<const Closure> closures,
             const Instruction* return_to, bool tail);
  void leave_frame();
  std::uint32_t frame_at(std::uint32_t level) const;
  Value& variable(const Instruction& word);
  Value& local(std::uint32_t index) { return locals_[frames_[frame_].locals + index]; }
  void drop_frames(std::uint32_t frames, std::uint32_t locals, std::uint32_t closures);
  void jump(std::uint32_t target) { at_ = frames_[frame_].function->code.data() + target; }

  // machine_forks.cpp
  Fork& push_fork(ForkKind kind, const Instruction* next);
  void pop_fork();
  void cut(std::uint32_t forks);
  void restore(const Fork& fork);
  bool backtrack();  // false where nothing is left to come back to
  bool recover();    // false where nothing catches error_
  bool resume_elements();
  bool resume_members();
  void resume_numbers();
  void resume_whole_numbers();

  // The values.
  void push(Value value);
  Value pop();
  const Value& top() const { return slots_[top_].value; }
  const Value& below_top(std::uint32_t count) const;
  void replace(Value value);
  void drop_slots(std::uint32_t size);

  bool tracking() const { return nest_ == 0 && path_.is_array(); }
  bool intact(const Value& value) const { return value.same(at_path_); }
  const Value& constant(std::uint32_t index) const { return code_.constants[index]; }

  const Code& code_;
  const Context& context_;
  Limits limits_;
  RegexCache regexes_;
  Stack<Slot, 24> slots_;
  Stack<Frame, 8> frames_;
  Stack<Value, 24> locals_;
  Stack<Closure, 8> closures_;
  Stack<Fork, 4> forks_;
  const Instruction* at_ = nullptr;
  std::uint32_t top_ = kNone;
  std::uint32_t frame_ = 0;
  // What the newest fork needs lies below these.
  std::uint32_t kept_slots_ = 0;
  std::uint32_t kept_frames_ = 0;
  std::uint32_t nest_ = 0;
  Value path_;     // the path so far where paths are followed, else null
  Value at_path_;  // the value at that path
  Value error_;
  bool started_ = false;
  bool silent_ = false;
};

// Written out here because nearly every instruction does these.

inline void Machine::push(Value value) {
  const std::uint32_t index = slots_.size();
  Slot& slot = slots_.push();
  slot.value = std::move(value);
  slot.below = top_;
  top_ = index;
}

inline Value Machine::pop() {
  Slot& slot = slots_[top_];
  const std::uint32_t index = std::exchange(top_, slot.below);
  if (index < kept_slots_) return slot.value;
  Value value = std::move(slot.value);
  if (index + 1 == slots_.size())
    slots_.set_size(index);
  else
    drop_slots(index);
  return value;
}

inline void Machine::replace(Value value) {
  if (top_ >= kept_slots_) {
    slots_[top_].value = std::move(value);
    return;
  }
  top_ = slots_[top_].below;
  push(std::move(value));
}

}  // namespace stepwell::expression::detail
