#include "base/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <map>
#include <mutex>
#include <set>
#include <sstream>

namespace stepwell {

void Counter::increment(double by) const {
  if (counter_ != nullptr) counter_->Increment(by);
}
double Counter::value() const { return counter_ != nullptr ? counter_->Value() : 0; }

void Gauge::set(double value) const {
  if (gauge_ != nullptr) gauge_->Set(value);
}
void Gauge::add(double by) const {
  if (gauge_ != nullptr) gauge_->Increment(by);
}
double Gauge::value() const { return gauge_ != nullptr ? gauge_->Value() : 0; }

void Histogram::observe(double value) const {
  if (histogram_ != nullptr) histogram_->Observe(value);
}

struct Metrics::Impl {
  prometheus::Registry registry{prometheus::Registry::InsertBehavior::Merge};
  std::mutex mutex;
  std::map<std::string, std::set<std::string>> seen;  // guarded by mutex: values given out by label
};

Metrics::Metrics() : impl_(std::make_unique<Impl>()) {}
Metrics::~Metrics() = default;

namespace {
prometheus::Labels labels_of(const Labels& labels) { return {labels.begin(), labels.end()}; }
}  // namespace

Counter Metrics::counter(const std::string& name, const std::string& help, const Labels& labels) {
  Counter handle;
  handle.counter_ = &prometheus::BuildCounter()
                         .Name(name)
                         .Help(help)
                         .Register(impl_->registry)
                         .Add(labels_of(labels));
  return handle;
}

Gauge Metrics::gauge(const std::string& name, const std::string& help, const Labels& labels) {
  Gauge handle;
  handle.gauge_ = &prometheus::BuildGauge()
                       .Name(name)
                       .Help(help)
                       .Register(impl_->registry)
                       .Add(labels_of(labels));
  return handle;
}

Histogram Metrics::histogram(const std::string& name, const std::string& help,
                             const std::vector<double>& bounds, const Labels& labels) {
  Histogram handle;
  handle.histogram_ = &prometheus::BuildHistogram()
                           .Name(name)
                           .Help(help)
                           .Register(impl_->registry)
                           .Add(labels_of(labels), bounds);
  return handle;
}

std::string Metrics::bounded(const std::string& label, const std::string& value,
                             std::size_t limit) {
  const std::scoped_lock lock(impl_->mutex);
  std::set<std::string>& values = impl_->seen[label];
  if (values.contains(value)) return value;
  if (values.size() >= limit) return "other";
  values.insert(value);
  return value;
}

std::string Metrics::text() const {
  std::ostringstream out;
  prometheus::TextSerializer().Serialize(out, impl_->registry.Collect());
  return out.str();
}

std::vector<double> duration_buckets() {
  return {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
          0.1,    0.25,    0.5,    1,     2.5,    5,     10,   25,    100};
}

}  // namespace stepwell
