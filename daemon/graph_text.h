// Text of a definition in the notations that graphs are written in, and how wide it is.
// Pure; callable from any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace stepwell::daemon {

// Cells that the text takes in a typeface whose letters are all of one width; wide ones (Unicode
// UAX 11) take two, those that combine with others none.
std::size_t cells(std::string_view text);
std::size_t widest(const std::vector<std::string>& lines);
// The text where it has at most `most` cells, else its beginning and "…".
std::string cut(std::string_view text, std::size_t most);

// For an element's content or an attribute in double quotes. What XML cannot hold at all (XML 1.0
// §2.2) becomes U+FFFD.
std::string xml_text(std::string_view text);

// For a label in double quotes, of which Mermaid reads nothing as markup: what could be is written
// as a character's number.
std::string mermaid_text(std::string_view text);
std::string mermaid_lines(const std::vector<std::string>& lines);

}  // namespace stepwell::daemon
