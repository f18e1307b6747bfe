// Names and numbers that stand in snapshots. Once written they stay: to change one is another
// version of the form. Internal to engine/.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

#include "engine/state.h"

namespace stepwell::engine::detail {

inline constexpr std::int64_t kSnapshotVersion = 1;

template <class Enum, std::size_t kCount>
using Names = std::array<std::pair<Enum, std::string_view>, kCount>;

inline constexpr Names<Frame::Phase, 6> kPhases{{{Frame::Phase::children, "children"},
                                                 {Frame::Phase::executing, "executing"},
                                                 {Frame::Phase::waiting, "waiting"},
                                                 {Frame::Phase::backing_off, "backingOff"},
                                                 {Frame::Phase::listening, "listening"},
                                                 {Frame::Phase::parked, "parked"}}};
inline constexpr Names<config::FlowDirective::Kind, 4> kDirectives{
    {{config::FlowDirective::Kind::next, "continue"},
     {config::FlowDirective::Kind::exit, "exit"},
     {config::FlowDirective::Kind::end, "end"},
     {config::FlowDirective::Kind::task, "task"}}};
inline constexpr Names<Extending::Stage, 3> kStages{{{Extending::Stage::before, "before"},
                                                     {Extending::Stage::body, "body"},
                                                     {Extending::Stage::after, "after"}}};
inline constexpr Names<Next::Kind, 4> kNexts{{{Next::Kind::rest, "rest"},
                                              {Next::Kind::enter, "enter"},
                                              {Next::Kind::finish, "finish"},
                                              {Next::Kind::raise, "raise"}}};
inline constexpr Names<InstanceStatus, 7> kStatuses{{{InstanceStatus::pending, "pending"},
                                                     {InstanceStatus::running, "running"},
                                                     {InstanceStatus::waiting, "waiting"},
                                                     {InstanceStatus::suspended, "suspended"},
                                                     {InstanceStatus::completed, "completed"},
                                                     {InstanceStatus::faulted, "faulted"},
                                                     {InstanceStatus::stopped, "stopped"}}};

template <class Enum, std::size_t kCount>
std::string_view name_of(const Names<Enum, kCount>& names, Enum value) {
  for (const auto& [known, name] : names)
    if (known == value) return name;
  return {};
}

template <class Enum, std::size_t kCount>
std::optional<Enum> named(const Names<Enum, kCount>& names, const Value& name) {
  if (!name.is_string()) return std::nullopt;
  for (const auto& [value, known] : names)
    if (name.as_string() == known) return value;
  return std::nullopt;
}

}  // namespace stepwell::engine::detail
