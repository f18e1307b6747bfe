// Commands and states as text, whole: what a replay must repeat. For tests of the state machine.
#pragma once

#include <string>
#include <string_view>

#include "engine/state.h"

namespace stepwell::engine::test {

std::string_view name_of(Frame::Phase phase);
std::string_view kind_of(const config::TaskBody& body);
std::string name_of(const Command& command);
std::string text_of(const Command& command);
std::string text_of(const Frame& frame);
std::string text_of(const Event& event);
std::string text_of(const State& state);

}  // namespace stepwell::engine::test
