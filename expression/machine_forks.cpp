// The machine's values and the points it comes back to.
#include <utility>

#include "expression/machine.h"
#include "expression/operations.h"

namespace stepwell::expression::detail {

const Value& Machine::below_top(std::uint32_t count) const {
  std::uint32_t index = top_;
  for (; count > 0; --count) index = slots_[index].below;
  return slots_[index].value;
}

void Machine::drop_slots(std::uint32_t size) {
  for (std::uint32_t i = size; i < slots_.size(); ++i) slots_[i].value = Value();
  slots_.set_size(size);
}

Machine::Fork& Machine::push_fork(ForkKind kind, const Instruction* next) {
  Fork& fork = forks_.push();
  fork.kind = kind;
  fork.next = next;
  fork.top = top_;
  fork.slots = slots_.size();
  fork.frame = frame_;
  fork.frames = frames_.size();
  fork.locals = locals_.size();
  fork.closures = closures_.size();
  fork.nest = nest_;
  if (path_.is_array()) {
    fork.path = path_;
    fork.at_path = at_path_;
  }
  kept_slots_ = fork.slots;
  kept_frames_ = fork.frames;
  return fork;
}

void Machine::pop_fork() {
  Fork& fork = forks_.back();
  fork.path = Value();
  fork.at_path = Value();
  fork.state = Value();
  forks_.set_size(forks_.size() - 1);
  kept_slots_ = forks_.empty() ? 0 : forks_.back().slots;
  kept_frames_ = forks_.empty() ? 0 : forks_.back().frames;
}

// Drops the newest forks down to this many, and what only they needed.
void Machine::cut(std::uint32_t forks) {
  while (forks_.size() > forks) pop_fork();
  if (frame_ + 1 >= kept_frames_ && frame_ + 1 < frames_.size()) {
    const Frame& next = frames_[frame_ + 1];
    drop_frames(frame_ + 1, next.locals, next.closures);
  }
  if (top_ != kNone && top_ >= kept_slots_) drop_slots(top_ + 1);
}

void Machine::restore(const Fork& fork) {
  top_ = fork.top;
  drop_slots(fork.slots);
  frame_ = fork.frame;
  drop_frames(fork.frames, fork.locals, fork.closures);
  nest_ = fork.nest;
  path_ = fork.path;
  at_path_ = fork.at_path;
  at_ = fork.next;
}

bool Machine::backtrack() {
  while (!forks_.empty()) {
    Fork& fork = forks_.back();
    switch (fork.kind) {
      case ForkKind::choice:
        restore(fork);
        pop_fork();
        return true;
      case ForkKind::elements:
        restore(fork);
        return resume_elements();
      case ForkKind::members:
        restore(fork);
        return resume_members();
      case ForkKind::numbers:
        restore(fork);
        resume_numbers();
        return true;
      case ForkKind::whole_numbers:
        restore(fork);
        resume_whole_numbers();
        return true;
      default:
        pop_fork();
    }
  }
  return false;
}

bool Machine::recover() {
  while (!forks_.empty()) {
    Fork& fork = forks_.back();
    if (fork.kind == ForkKind::attempt) {
      restore(fork);
      pop_fork();
      pop();
      push(std::exchange(error_, Value()));
      return true;
    }
    if (fork.kind == ForkKind::alternative) {
      restore(fork);
      pop_fork();
      error_ = Value();
      return true;
    }
    if (fork.kind == ForkKind::attempt_end) {
      const auto attempt = static_cast<std::uint32_t>(fork.index);
      while (forks_.size() > attempt) pop_fork();
    } else {
      pop_fork();
    }
  }
  return false;
}

// The last element needs no fork to come back to: what follows may then reuse the frame and move
// what lies on the stack.
bool Machine::resume_elements() {
  Fork& fork = forks_.back();
  const auto index = static_cast<std::size_t>(fork.index++);
  Value element;
  if (index + 1 == fork.state.size()) {
    element = fork.state.take(index);
    pop_fork();
  } else {
    element = fork.state.at(index);
  }
  if (tracking()) {
    path_.push_back(Value(index));
    at_path_ = element;
  }
  push(std::move(element));
  return true;
}

bool Machine::resume_members() {
  Fork& fork = forks_.back();
  const auto index = static_cast<std::size_t>(fork.index++);
  const Value::Member& member = fork.state.members()[index];
  if (tracking()) {
    path_.push_back(member.key);
    at_path_ = member.value;
  }
  push(member.value);
  if (index + 1 == fork.state.size()) {
    // The value was pushed above the fork's mark, so that it stays.
    pop_fork();
  }
  return true;
}

void Machine::resume_numbers() {
  Fork& fork = forks_.back();
  const double number = fork.number;
  fork.number = number + 1;
  if (!(fork.number < fork.state.as_double()) || fork.number == number) pop_fork();
  push(number_value(number));
}

void Machine::resume_whole_numbers() {
  Fork& fork = forks_.back();
  const std::int64_t number = fork.index++;
  if (fork.index >= fork.state.int64()) pop_fork();
  push(Value(number));
}

}  // namespace stepwell::expression::detail
