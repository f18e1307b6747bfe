// An HTTP upstream that judges what reaches it: it answers every request with 200 and a small JSON
// body, at once or after a delay, for any number of connections on one thread, and tells how often
// a needle (a secret) was seen on the wire, before and after a fence.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace stepwell::test {

struct WireJudgeOptions {
  std::chrono::milliseconds delay{0};  // between a request and its answer
  std::string body = R"({"ok":true})";
};

class WireJudge {
 public:
  explicit WireJudge(const WireJudgeOptions& options = {});
  ~WireJudge();
  WireJudge(const WireJudge&) = delete;
  WireJudge& operator=(const WireJudge&) = delete;

  int port() const;
  std::string origin() const;  // "http://127.0.0.1:PORT"

  // What to look for from now on, in requests of this server; counts start at zero.
  void watch(std::string needle);
  // Reads everything that is on the wire now, on every connection, and draws a line: from the
  // first one after watch() on, what comes counts as late. Returns when that is done.
  void fence();

  std::uint64_t requests() const;
  std::uint64_t seen() const;  // needles since watch()
  std::uint64_t late() const;  // needles after the first fence() since watch()
  std::size_t open_connections() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace stepwell::test
