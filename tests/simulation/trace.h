// What happened in a simulated world, line by line: the last lines for people, and a hash over all
// of them, by which two runs of a seed are compared. For tests, on one thread.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

namespace stepwell::simulation {

class Trace {
 public:
  explicit Trace(std::size_t most_kept) : most_kept_(most_kept) {}
  void add(std::string line) {
    for (const char c : line) hash_ = (hash_ ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
    hash_ = (hash_ ^ '\n') * 0x100000001b3ULL;
    ++count_;
    lines_.push_back(std::move(line));
    if (lines_.size() > most_kept_) lines_.pop_front();
  }
  std::uint64_t hash() const { return hash_; }
  std::size_t count() const { return count_; }
  std::string tail() const {
    std::string text;
    for (const std::string& line : lines_) text += line + "\n";
    return text;
  }

 private:
  const std::size_t most_kept_;
  std::uint64_t hash_ = 0xcbf29ce484222325ULL;  // FNV-1a
  std::size_t count_ = 0;
  std::deque<std::string> lines_;
};

}  // namespace stepwell::simulation
