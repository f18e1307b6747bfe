// A step's result that needs no more work.
#pragma once

#include <utility>

#include "engine/ports.h"

namespace stepwell::steps {

class FinishedResult final : public engine::PendingResult {
 public:
  explicit FinishedResult(Result<Value> result) : result_(std::move(result)) {}
  engine::StepOutcome resolve() override { return {std::move(result_), Value()}; }

 private:
  Result<Value> result_;
};

}  // namespace stepwell::steps
