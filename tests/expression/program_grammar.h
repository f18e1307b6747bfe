// The grammar that random programs are made from, as templates by the kind of what they give.
// A place is "%" and a letter: n number, t text, l list, o object, b boolean, a anything, p path
// expression; in capitals where the place needs no parentheses. Also i a small index, k a key's
// literal, r a regular expression, f its flags, s anything that binds names, "%%" the sign itself.
#pragma once

#include <span>
#include <string_view>

namespace stepwell::expression {

// Templates for a place; `leaf` asks for those without places of their own.
std::span<const std::string_view> grammar(char kind, bool leaf);

// The part of it for numbers, texts and booleans.
std::span<const std::string_view> scalar_grammar(char kind, bool leaf);
// What only jq 1.8 has, or has otherwise than 1.6; may be empty.
std::span<const std::string_view> grammar18(char kind, bool leaf);

}  // namespace stepwell::expression
