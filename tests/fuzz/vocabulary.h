// Words for generated programs and inputs: names, keys, numbers, texts that mean something to one
// built-in or another. All constant.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace stepwell::fuzz {

struct Builtin {
  std::string name;
  std::size_t arity;
};

// The built-in functions, as `builtins` gives them. In a fixed order, so that an input that was
// kept still means the same program.
std::vector<Builtin> builtins();

std::span<const std::string_view> keys();      // of objects; also names
std::span<const std::string_view> numbers();   // JSON
std::span<const std::string_view> texts();     // JSON strings
std::span<const std::string_view> patterns();  // regular expressions, as JSON strings
std::span<const std::string_view> formats();
std::span<const std::string_view> operators();
std::span<const std::string_view> assignments();

}  // namespace stepwell::fuzz
