// The machine's frames: calls, tail calls, variables.
#include <array>
#include <utility>

#include "expression/machine.h"

namespace stepwell::expression::detail {

std::uint32_t Machine::frame_at(std::uint32_t level) const {
  std::uint32_t frame = frame_;
  for (; level > 0; --level) frame = frames_[frame].parent;
  return frame;
}

Value& Machine::variable(const Instruction& word) {
  return locals_[frames_[frame_at(word.level)].locals + word.arg];
}

void Machine::drop_frames(std::uint32_t frames, std::uint32_t locals, std::uint32_t closures) {
  for (std::uint32_t i = locals; i < locals_.size(); ++i) locals_[i] = Value();
  locals_.set_size(locals);
  closures_.set_size(closures);
  frames_.set_size(frames);
}

void Machine::enter(std::uint32_t function, std::uint32_t parent, std::span<const Closure> closures,
                    const Instruction* return_to, bool tail) {
  std::uint32_t caller = frame_;
  if (tail) {
    const Frame& old = frames_[frame_];
    caller = old.caller;
    return_to = old.return_to;
    if (frame_ >= kept_frames_) drop_frames(frame_, old.locals, old.closures);
  }
  frame_ = frames_.size();
  Frame& frame = frames_.push();
  frame.function = code_.functions[function].get();
  frame.return_to = return_to;
  frame.caller = caller;
  frame.parent = parent;
  frame.locals = locals_.size();
  frame.closures = closures_.size();
  locals_.extend(frame.function->locals);
  for (const Closure& closure : closures) closures_.push() = closure;
  at_ = frame.function->code.data();
}

void Machine::call(const Instruction& word, bool tail) {
  std::array<Closure, 64> closures;
  const std::uint32_t count = word.n;
  for (std::uint32_t i = 0; i < count; ++i) {
    const Instruction& argument = *at_++;
    if (argument.op == Op::argument)
      closures[i] = {frame_, argument.arg};
    else
      closures[i] = closures_[frames_[frame_at(argument.level)].closures + argument.arg];
  }
  enter(word.arg, frame_at(word.level), std::span(closures.data(), count), at_, tail);
}

void Machine::call_parameter(const Instruction& word, bool tail) {
  const Closure closure = closures_[frames_[frame_at(word.level)].closures + word.arg];
  enter(closure.function, closure.frame, {}, at_, tail);
}

void Machine::leave_frame() {
  const Frame& frame = frames_[frame_];
  at_ = frame.return_to;
  const std::uint32_t caller = frame.caller;
  if (frame_ >= kept_frames_) drop_frames(frame_, frame.locals, frame.closures);
  frame_ = caller;
}

}  // namespace stepwell::expression::detail
