// Handles to metrics, and the registry that they come from (prometheus-cpp inside).
// One Metrics is made by daemon/wiring; each folder asks it for its handles once, at construction.
// Handles are cheap to copy, valid as long as the Metrics, and may be used from any thread.
// Names: prefix stepwell_, base units, _total for counters (Prometheus naming practices).
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace prometheus {
class Counter;
class Gauge;
class Histogram;
}  // namespace prometheus

namespace stepwell {

class Counter {
 public:
  void increment(double by = 1) const;
  double value() const;

 private:
  friend class Metrics;
  prometheus::Counter* counter_ = nullptr;
};

class Gauge {
 public:
  void set(double value) const;
  void add(double by) const;
  double value() const;

 private:
  friend class Metrics;
  prometheus::Gauge* gauge_ = nullptr;
};

class Histogram {
 public:
  void observe(double value) const;

 private:
  friend class Metrics;
  prometheus::Histogram* histogram_ = nullptr;
};

using Labels = std::vector<std::pair<std::string, std::string>>;

class Metrics {
 public:
  Metrics();
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  // The same name and labels give the same handle. Labels come from fixed sets; the one that a
  // user can choose, the workflow's name, goes through `bounded`.
  Counter counter(const std::string& name, const std::string& help, const Labels& labels = {});
  Gauge gauge(const std::string& name, const std::string& help, const Labels& labels = {});
  // `bounds`: upper bounds of the buckets, ascending, in the metric's base unit.
  Histogram histogram(const std::string& name, const std::string& help,
                      const std::vector<double>& bounds, const Labels& labels = {});
  // `value` itself for the first `limit` different values of `label`, then "other".
  std::string bounded(const std::string& label, const std::string& value, std::size_t limit = 1000);

  // The text exposition format, version 0.0.4.
  std::string text() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// 100 µs to about 100 s, in seconds.
std::vector<double> duration_buckets();

}  // namespace stepwell
