// A YAML 1.2 text as the library, which knows YAML 1.1, can read it: what the two take differently
// is written otherwise, and found again where it stood. Made for one text, used by one thread, not
// longer than the text lives.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "config/template.h"

namespace stepwell::config {

struct TextPlace {
  std::size_t offset = 0;  // in characters or bytes
  Position position;
};

class YamlText {
 public:
  // Precondition: UTF-8.
  explicit YamlText(std::string_view text);

  std::string_view original() const { return original_; }
  std::string_view given() const { return changed_ ? std::string_view(text_) : original_; }

  // The place, in bytes of the original, of one that the library tells in characters of what it
  // was given.
  TextPlace place(const TextPlace& given);
  // A scalar of what was given, as it was meant. It lives until the next call.
  std::string_view restored(std::string_view scalar);

 private:
  void blank_tabs();
  void join_surrogates();
  void replace_odd_characters();
  void go_to(std::size_t character);

  std::string_view original_;
  std::string text_;
  bool changed_ = false;
  bool ascii_ = true;
  // What the library takes for line breaks (U+0085, U+2028, U+2029) or refuses, though YAML 1.2
  // has them for characters like any other: they become characters of a private plane.
  std::uint32_t replaced_by_ = 0;  // the first of these; 0: none was needed
  // Each escape of two surrogates became one escape, shorter by 2 characters: where these end.
  std::vector<std::size_t> shortened_;
  std::string restored_;
  // A place of the original, kept because the next one is mostly behind it.
  std::size_t character_ = 0;
  TextPlace at_{0, {1, 1}};
};

}  // namespace stepwell::config
