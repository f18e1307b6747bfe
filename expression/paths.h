// Values at paths: arrays of keys, indices and slices. Iterative in the path's length; a root that
// nothing else refers to is changed in place.
// Pure functions, callable from any thread. Each returns false with the error in `result`.
#pragma once

#include "base/value.h"
#include "expression/limits.h"

namespace stepwell::expression::detail {

bool get_path(const Value& root, const Value& path, Limits& limits, Value& result);
// The root with the value at the path.
bool set_path(Value root, const Value& path, Value value, Limits& limits, Value& result);
// The value at the path into `result`, and out of `root` where it can be moved.
bool take_path(Value& root, const Value& path, Limits& limits, Value& result);
// The root without the values at the paths, which may come in any order.
bool delete_paths(Value root, const Value& paths, Limits& limits, Value& result);

}  // namespace stepwell::expression::detail
