// An HTTP upstream that judges one revocation after the other: it answers calls as their paths say,
// at random moments, and tells how many bytes of requests with a key reached it after a fence. It
// speaks HTTP/1.1 or HTTP/2, with TLS of its own or plain; one thread, any number of connections.
// All of a trial's connections must be the key's.
//
// Paths: /ok: 200. /flaky: 503 or 200. /redirect/STATUS/TARGET: that status, to /TARGET.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

namespace stepwell::test {

enum class JudgeProtocol { http1, http1_tls, http2_tls };
enum class Reading { at_once, slowly, stalled };

struct JudgeScript {
  std::string key;         // what to look for
  std::uint64_t seed = 0;  // of its random choices
  // Of answers; each second one comes at once.
  std::chrono::microseconds most_delay{2'000};
  // Slowly: with pauses of up to 8 ms. Stalled: after 64 KiB of a connection, no more until the
  // fence.
  Reading reading = Reading::at_once;
};

struct Verdict {
  std::uint64_t before = 0;      // requests with the key that had begun to arrive at the fence
  std::uint64_t unfinished = 0;  // requests that never became whole
  std::uint64_t late_requests = 0;
  std::uint64_t late_bytes = 0;  // of requests
  std::uint64_t connections = 0;
  std::uint64_t reset = 0;  // connections that the client cut off
};

class TrialJudge {
 public:
  explicit TrialJudge(JudgeProtocol protocol);
  ~TrialJudge();
  TrialJudge(const TrialJudge&) = delete;
  TrialJudge& operator=(const TrialJudge&) = delete;

  std::string origin() const;          // "http://127.0.0.1:PORT", "https://localhost:PORT"
  const std::string& ca_file() const;  // empty where there is no TLS

  // A new trial, or the same one after warming up; counts start at zero.
  void begin(JudgeScript script);
  // Draws the line through what has been delivered to this machine's sockets at this moment,
  // without reading any of it (which would make room for more): whatever comes after is late, until
  // the next begin(). Then everything is read at full speed. To be called at once when revoke has
  // returned, by the same thread.
  void fence();
  // That many requests with the key have begun to arrive since begin(); false after `patience`.
  bool wait_for_requests(std::uint64_t count, std::chrono::milliseconds patience);
  // Once the client has closed all its connections, nothing can come any more; false after
  // `patience`.
  bool wait_until_closed(std::chrono::milliseconds patience);
  Verdict verdict() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace stepwell::test
