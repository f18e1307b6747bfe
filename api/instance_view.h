// Instances as the API shows them, and as a request names them: one by its id, many by a filter.
// Pure functions, callable from any thread.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/message.h"
#include "base/clock.h"
#include "base/units.h"
#include "base/value.h"
#include "engine/engine.h"
#include "engine/ports.h"

namespace stepwell::api {

Value describe_instance(const engine::InstanceView& view);
// The same without input and output, for lists.
Value summarize_instance(const engine::InstanceView& view);
Value time_or_null(bool known, WallTime time);

// An id has one spelling: decimal, without sign or leading zero, below 2^53.
std::optional<InstanceId> parse_instance_id(std::string_view text);
Problem unknown_instance();  // 404 `instance-unknown`

// Which instances, and how many of them at most.
struct Selection {
  engine::InstanceFilter filter;
  std::size_t most = 0;
  bool narrowed = false;  // something was said about which
};

// Reads `workflow`, `status`, `open`, `startedAfter`, `startedBefore`, `endedBefore`, `cursor` and
// `limit`, each of which `text_of` gives, or nothing where it is absent. Errors: validation/400
// `parameter-invalid`.
using TextOf = std::function<std::optional<std::string>(std::string_view name)>;
Result<Selection> read_selection(const TextOf& text_of, std::size_t usual, std::size_t most);
// The names of what it reads.
const std::vector<std::string>& selection_names();

}  // namespace stepwell::api
