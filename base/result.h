// Result<T>: the value of an operation that can fail, or the Problem that says why.
// Owned by whoever holds it; a plain value type without thread affinity.
// It is [[nodiscard]] as a type: an error that nobody looks at does not compile.
#pragma once

#include <tl/expected.hpp>
#include <utility>

#include "base/problem.h"

namespace stepwell {

template <class T>
class [[nodiscard]] Result : public tl::expected<T, Problem> {
 public:
  using tl::expected<T, Problem>::expected;
  // Lets the result of map(), and_then() and the like be returned as a Result.
  Result(tl::expected<T, Problem>&& other) : tl::expected<T, Problem>(std::move(other)) {}
  Result(const tl::expected<T, Problem>& other) : tl::expected<T, Problem>(other) {}
};

// An operation that yields nothing but success or a Problem.
using Status = Result<void>;

// `return fail(problem);` from any function that returns a Result.
inline tl::unexpected<Problem> fail(Problem problem) {
  return tl::unexpected<Problem>(std::move(problem));
}

}  // namespace stepwell
