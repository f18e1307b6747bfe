// What `stepwell eval` evaluates its expression on: the values on standard input, one at a time.
// Owned by the command; used by one thread.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>

#include "base/json_reader.h"
#include "base/result.h"

namespace stepwell::daemon {

struct EvalInputOptions {
  bool null = false;   // null instead of anything that is read
  bool raw = false;    // each line is a string
  bool slurp = false;  // all values as one array; with `raw` the whole text as one string
  std::size_t max_depth = 10'000;
};

class EvalInput {
 public:
  // `source` as JsonReader takes it.
  EvalInput(const EvalInputOptions& options, JsonReader::Source source);

  // The next value, or nothing at the end. Errors: `json-invalid`, as JsonReader::next().
  Result<std::optional<Value>> next();
  // "<stdin>:3", the line in which the last value ended; "<unknown>" where nothing is read.
  std::string place() const;

 private:
  std::optional<std::string> read_line();
  std::optional<Value> next_raw();
  Result<std::optional<Value>> slurp();

  const EvalInputOptions options_;
  JsonReader::Source source_;
  JsonReader reader_;
  bool done_ = false;
  // Of raw input: what was read and not yet handed out.
  std::string buffer_;
  std::size_t at_ = 0;
  std::size_t line_ = 0;
};

}  // namespace stepwell::daemon
