// The transport's metrics. Counts are gathered in plain numbers and handed over a few hundred
// times a second at most, since an atomic update for each request would be felt.
// Owned by the loop, used on the reactor's thread alone.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/clock.h"
#include "base/metrics.h"
#include "http/mail.h"

namespace stepwell::http {

class Telemetry {
 public:
  explicit Telemetry(Metrics& metrics);

  // `status`: of the answer, or 0 for an error.
  void request_ended(int status, std::chrono::microseconds took);
  // `answer`: nullptr where there was none.
  void mail_ended(const MailAnswer* answer);
  void connection_used(bool reused) { ++connections_[reused ? 1 : 0]; }
  void bytes(std::uint64_t sent, std::uint64_t received) {
    sent_ += sent;
    received_ += received;
  }

  // Something was counted since the last hand_over().
  bool dirty() const { return dirty_; }
  SteadyTime handed_over() const { return handed_over_; }
  void hand_over(SteadyTime now, std::size_t in_flight, std::size_t queued);

 private:
  static constexpr std::size_t kClasses = 6;  // error, 1xx … 5xx
  std::array<Counter, kClasses> requests_total_;
  std::array<Counter, 2> connections_total_;
  std::array<Counter, 3> mails_total_;  // accepted, refused, failed
  Counter sent_total_;
  Counter received_total_;
  Gauge in_flight_;
  Gauge queued_;
  Histogram duration_;

  std::array<std::uint64_t, kClasses> requests_{};
  std::array<std::uint64_t, 2> connections_{};
  std::uint64_t sent_ = 0;
  std::uint64_t received_ = 0;
  bool dirty_ = false;
  SteadyTime handed_over_;
};

}  // namespace stepwell::http
