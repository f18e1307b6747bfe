// Where jq 1.6, which the tests compare with, differs from jq 1.8, whose language this is: each
// difference by name, with a case that shows it on both sides, and how generated programs that
// meet it are known. Constant; any thread.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "tests/expression/differential_oracle.h"

namespace stepwell::expression {

struct Difference {
  std::string_view name;
  std::string_view why;
  // A case that shows it: what each makes of it, each output as JSON, a blank between two;
  // "error" where it fails, "refused" where it does not compile, "broken" where it crashes.
  std::string_view program;
  std::string_view input;
  std::string_view ours;
  std::string_view theirs;
  // True where the programs' outcomes may differ for this reason. None where the grammar of the
  // generated programs leaves it out.
  bool (*explains)(const std::string& program, const Outcome& ours,
                   const Outcome& theirs) = nullptr;
};

std::span<const Difference> differences();

// The difference that explains why these two do not agree, or nullptr.
const Difference* explanation(const std::string& program, const Outcome& ours,
                              const Outcome& theirs);

// The same where they are held against a jq 1.8.
const Difference* explanation18(const std::string& program, const Outcome& ours,
                                const Outcome& theirs);

}  // namespace stepwell::expression
