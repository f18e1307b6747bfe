// Instances as the API shows them, and as a request names them by their ids.
// Pure functions, callable from any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "api/message.h"
#include "base/clock.h"
#include "base/units.h"
#include "base/value.h"
#include "engine/engine.h"

namespace stepwell::api {

Value describe_instance(const engine::InstanceView& view);
// The same without input and output, for lists.
Value summarize_instance(const engine::InstanceView& view);
// to_json(describe_instance(view)), without the Value.
std::string instance_json(const engine::InstanceView& view);
Value time_or_null(bool known, WallTime time);

// An id has one spelling: decimal, without sign or leading zero, below 2^53.
std::optional<InstanceId> parse_instance_id(std::string_view text);
Problem unknown_instance();  // 404 `instance-unknown`

}  // namespace stepwell::api
