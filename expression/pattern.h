// A regular expression for those who only ask whether a text has a match: schemas, for example.
// Written in the dialect of ECMA-262 (what JSON Schema's `pattern` is in), run by Oniguruma. No
// text can hold a thread: a search that would take too long ends with a Problem.
// Compiled once, then immutable and shared by all threads.
#pragma once

#include <chrono>
#include <memory>
#include <string_view>

#include "base/result.h"

namespace stepwell::expression {

class Pattern {
 public:
  // At most 16 KiB and 200 groups. `^` and `$` are the text's very ends, `\d` and `\w` are ASCII.
  // Errors: expression/`expression-syntax`.
  static Result<Pattern> compile(std::string_view pattern);

  // Is there a match anywhere in `text` (UTF-8)? It may take about `cpu` of the thread's time.
  // Errors: expression/`expression-budget`.
  Result<bool> matches(std::string_view text, std::chrono::milliseconds cpu) const;

 private:
  struct Compiled;
  explicit Pattern(std::shared_ptr<const Compiled> compiled) : compiled_(std::move(compiled)) {}
  std::shared_ptr<const Compiled> compiled_;
};

}  // namespace stepwell::expression
