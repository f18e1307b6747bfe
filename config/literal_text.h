// Text with `${ … }` in it, which in strict mode is no expression: what its author surely meant.
// Used while a definition is loaded (config/read_expression.cpp). Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace stepwell::config {

// Of "Hello ${ .name }" the jq `"Hello \(.name)"`. Nothing where it has no `${ … }`, or one that
// does not end.
std::optional<std::string> interpolated(std::string_view text);

}  // namespace stepwell::config
