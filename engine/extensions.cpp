// What runs before and after a task (use.extensions): one around the other, the first declared
// outermost. Each starts with its condition and its `before`; once the task has its output, the
// `after` of each that applied runs, the innermost first.
#include <utility>

#include "engine/machine_impl.h"

namespace stepwell::engine {

Next Machine::start_extending(std::uint32_t slot) {
  at(slot).extending = std::make_unique<Extending>();
  return next_before(slot);
}

// Goes on with the next extension that applies; behind the last one with the task itself.
Next Machine::next_before(std::uint32_t slot) {
  Frame& frame = at(slot);
  Extending& extending = *frame.extending;
  const auto& extensions = program_.extensions(entry(slot).extensions);
  while (extending.next < extensions.size()) {
    const std::uint32_t number = extending.next++;
    const ProgramExtension& extension = extensions[number];
    if (extension.extension->when) {
      // Written in `use`, it knows none of the variables around the task.
      const config::Scope seen = scope(frame, frame.input);
      variables_.resize(config::kFirstLocal);
      const auto applies =
          extension.extension->when->evaluate({frame.input, variables_, seen.context});
      if (!applies) return raise(slot, applies.error());
      if (!applies->truthy()) continue;
    }
    extending.applied.push_back(number);
    if (extension.extension->before.empty()) continue;
    frame.children = 0;
    return start_list(slot, extension.before, frame.input, {});
  }
  extending.stage = Extending::Stage::body;
  frame.children = 0;
  return start_body(slot);
}

Next Machine::start_after(std::uint32_t slot, Value output) {
  at(slot).extending->stage = Extending::Stage::after;
  at(slot).extending->output = std::move(output);
  return next_after(slot);
}

Next Machine::next_after(std::uint32_t slot) {
  Frame& frame = at(slot);
  Extending& extending = *frame.extending;
  const auto& extensions = program_.extensions(entry(slot).extensions);
  while (!extending.applied.empty()) {
    const ProgramExtension& extension = extensions[extending.applied.back()];
    extending.applied.pop_back();
    if (extension.extension->after.empty()) continue;
    frame.children = 0;
    return start_list(slot, extension.after, extending.output, {});
  }
  extending.stage = Extending::Stage::body;
  return leave(slot, std::move(extending.output), frame.directive.value_or(task(slot).then));
}

// A list of an extension is at its end. Its output is nobody's input: what it has to tell the
// tasks it exports.
Next Machine::extension_done(std::uint32_t slot) {
  return at(slot).extending->stage == Extending::Stage::before ? next_before(slot)
                                                               : next_after(slot);
}

// `then: exit` in `before`: the task does not run, the output stands for its raw output. Extensions
// around this one still see it end; the one that decided so, and those within, do not.
Next Machine::exit_extension(std::uint32_t slot, Value output) {
  Extending& extending = *at(slot).extending;
  if (extending.stage == Extending::Stage::after) return next_after(slot);
  extending.applied.pop_back();
  extending.stage = Extending::Stage::body;
  return {Next::Kind::finish, slot, 0, std::move(output), nullptr};
}

// Tasks of extensions, and those of functions that they call, are not extended themselves.
bool Machine::within_extension(std::uint32_t slot) const {
  for (std::uint32_t up = at(slot).parent; up != kNone; up = at(up).parent)
    if (extends(up)) return true;
  return false;
}

// The task around which the frame's extension runs; null where it is of none, or of a function.
const Frame* Machine::extended_by(const Frame& frame) const {
  for (std::uint32_t up = frame.parent; up != kNone; up = at(up).parent) {
    if (extends(up)) return &at(up);
    const bool function =
        at(up).task != kNone && std::holds_alternative<config::FunctionCallBody>(task(up).body);
    if (function) return nullptr;
  }
  return nullptr;
}

}  // namespace stepwell::engine
