// Collects the faults of one file while it is read, so that all of them are reported in one go.
// Owned by the function that reads the file; not for use by several threads.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/loader.h"

namespace stepwell::config {

class FaultList {
 public:
  explicit FaultList(std::string file) : file_(std::move(file)) {}

  // `hint` goes on behind `what`, as Fault has it.
  void error(Position position, std::string what, std::string reference = {},
             std::string hint = {});
  void warning(Position position, std::string what, std::string reference = {},
               std::string hint = {});

  // Those of another file.
  void take_over(FaultList& other);

  std::size_t errors() const { return errors_; }
  bool has_errors() const { return errors_ > 0; }
  // So many faults that further ones are dropped: hints need not be looked for any more.
  bool full() const { return faults_.size() >= kMost; }
  std::size_t count() const { return faults_.size(); }
  const std::string& file() const { return file_; }
  // In the order of their places, each once; other files behind this one.
  std::vector<Fault> take();

 private:
  static constexpr std::size_t kMost = 1000;
  void add(Fault fault);

  std::string file_;
  std::vector<Fault> faults_;
  std::size_t errors_ = 0;
  bool dropped_ = false;
};

// The text in backquotes, shortened to `most` bytes and without control characters: fit for a
// message.
std::string quoted(std::string_view text, std::size_t most = 80);
// "`a`, `b` and `c`".
std::string quoted_list(std::span<const std::string_view> names, std::string_view last = "and");

// The candidate that `name` is most likely a slip of; empty where none is close (Damerau's
// distance: up to 1 for short names, 2 for longer ones; case does not count).
std::string_view nearest(std::string_view name, std::span<const std::string_view> candidates);
// ", did you mean `x`?" or nothing.
std::string did_you_mean(std::string_view name, std::span<const std::string_view> candidates);

}  // namespace stepwell::config
