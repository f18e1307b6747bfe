#include "http/telemetry.h"

#include <utility>

namespace stepwell::http {
namespace {

void add(const Counter& counter, std::uint64_t& gathered) {
  const std::uint64_t count = std::exchange(gathered, 0);
  if (count > 0) counter.increment(static_cast<double>(count));
}

}  // namespace

Telemetry::Telemetry(Metrics& metrics) {
  static constexpr std::array<const char*, kClasses> kNames = {"error", "1xx", "2xx",
                                                               "3xx",   "4xx", "5xx"};
  for (std::size_t i = 0; i < kClasses; ++i)
    requests_total_[i] = metrics.counter(
        "stepwell_http_requests_total",
        "Requests to other systems, by class of the answer's status", {{"class", kNames[i]}});
  for (const bool reused : {false, true})
    connections_total_[reused ? 1 : 0] =
        metrics.counter("stepwell_http_connections_total",
                        "Requests by whether their connection had been used before",
                        {{"reused", reused ? "true" : "false"}});
  static constexpr std::array<const char*, 3> kMails = {"accepted", "refused", "failed"};
  for (std::size_t i = 0; i < kMails.size(); ++i)
    mails_total_[i] =
        metrics.counter("stepwell_mails_total", "Mails by what became of them at the mail server",
                        {{"outcome", kMails[i]}});
  sent_total_ = metrics.counter("stepwell_http_sent_bytes_total", "Bytes of requests sent");
  received_total_ = metrics.counter("stepwell_http_received_bytes_total",
                                    "Bytes of answers received, before decoding");
  in_flight_ = metrics.gauge("stepwell_http_in_flight", "Requests handed to libcurl and not ended");
  queued_ = metrics.gauge("stepwell_http_queued", "Requests that wait for their turn at a host");
  duration_ = metrics.histogram("stepwell_http_request_duration_seconds",
                                "Time from a request's start to its end", duration_buckets());
}

void Telemetry::request_ended(int status, std::chrono::microseconds took) {
  const int status_class = status / 100;
  ++requests_[status_class >= 1 && status_class <= 5 ? static_cast<std::size_t>(status_class) : 0];
  duration_.observe(std::chrono::duration<double>(took).count());
  dirty_ = true;
}

void Telemetry::mail_ended(const MailAnswer* answer) {
  mails_total_[answer == nullptr ? 2 : answer->accepted() ? 0 : 1].increment();
  dirty_ = true;
}

void Telemetry::hand_over(SteadyTime now, std::size_t in_flight, std::size_t queued) {
  for (std::size_t i = 0; i < kClasses; ++i) add(requests_total_[i], requests_[i]);
  for (std::size_t i = 0; i < connections_.size(); ++i) add(connections_total_[i], connections_[i]);
  add(sent_total_, sent_);
  add(received_total_, received_);
  in_flight_.set(static_cast<double>(in_flight));
  queued_.set(static_cast<double>(queued));
  handed_over_ = now;
  dirty_ = false;
}

}  // namespace stepwell::http
