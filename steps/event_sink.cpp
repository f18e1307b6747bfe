#include "steps/event_sink.h"

#include <algorithm>
#include <array>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <utility>

#include "base/json.h"
#include "http/url.h"
#include "steps/http_answer.h"
#include "steps/step_guard.h"

namespace stepwell::steps {

namespace {

// Events of different sources do not wait for each other's answers.
constexpr std::size_t kLanes = 8;
constexpr Milliseconds kLongestDelay{60'000};
constexpr Milliseconds kBetweenComplaints{60'000};

bool may_help_later(int status) {
  return status == 408 || status == 425 || status == 429 || status >= 500;
}

}  // namespace

class EventSink::Impl : public std::enable_shared_from_this<Impl> {
 public:
  Impl(EventSinkOptions options, const EventSinkSurroundings& surroundings, http::Origin origin)
      : options_(std::move(options)),
        surroundings_(surroundings),
        origin_(std::move(origin)),
        delivered_(counter("delivered")),
        failed_(counter("failed")),
        dropped_(counter("dropped")),
        retries_(surroundings.metrics.counter("stepwell_event_sink_retries_total",
                                              "Events that were sent to the sink once more.")),
        bytes_gauge_(surroundings.metrics.gauge("stepwell_event_sink_queue_bytes",
                                                "Events that the sink has not taken yet.")) {}

  void take(const Value& event) {
    const Value& source = event.get("source");
    const std::size_t lane =
        source.is_string() ? std::hash<std::string_view>{}(source.as_string()) % kLanes : 0;
    std::string text = surroundings_.redactor.mask(to_json(event));
    std::size_t lost = 0;
    bool idle = false;
    {
      const std::scoped_lock lock(mutex_);
      if (closed_) return;
      bytes_ += text.size();
      lanes_[lane].waiting.push_back({++last_number_, std::move(text)});
      for (; bytes_ > options_.queue.count && drop_oldest(); ++lost) {
      }
      bytes_gauge_.set(static_cast<double>(bytes_));
      idle = !lanes_[lane].busy && begin_next(lanes_[lane]);
    }
    if (lost > 0) {
      dropped_.increment(static_cast<double>(lost));
      complain("the queue is full, and the oldest events were dropped");
    }
    if (idle) send(lane);
  }

  bool flush(Deadline deadline) {
    std::unique_lock lock(mutex_);
    const auto empty = [this] { return closed_ || bytes_ == 0; };
    if (!deadline.never()) return emptied_.wait_until(lock, deadline.at(), empty);
    emptied_.wait(lock, empty);
    return true;
  }

  void close() {
    std::size_t left = 0;
    {
      const std::scoped_lock lock(mutex_);
      closed_ = true;
      for (Lane& lane : lanes_) {
        left += lane.waiting.size() + (lane.busy ? 1 : 0);
        lane.waiting.clear();
      }
    }
    if (left == 0) return;
    dropped_.increment(static_cast<double>(left));
    surroundings_.log.warn("events not sent", {{"events", left}, {"url", shown_url()}});
  }

 private:
  struct Waiting {
    std::uint64_t number = 0;
    std::string text;
  };
  struct Lane {
    std::deque<Waiting> waiting;  // guarded by mutex_
    bool busy = false;            // guarded by mutex_
    bool asking = false;          // guarded by mutex_; for the gate to wake it
    // Of the event that is under way; used by the one thread that goes on with it.
    std::string text;
    std::uint32_t attempts = 0;
    std::optional<auth::Grant> grant;
  };

  class SinkExchange final : public http::Exchange {
   public:
    SinkExchange(std::shared_ptr<Impl> sink, std::size_t lane)
        : sink_(std::move(sink)), lane_(lane) {}
    void complete(http::Outcome outcome) override { sink_->completed(lane_, outcome); }

   private:
    std::shared_ptr<Impl> sink_;
    std::size_t lane_;
  };

  Counter counter(const char* outcome) const {
    return surroundings_.metrics.counter("stepwell_event_sink_events_total",
                                         "Events for the sink, by what became of them.",
                                         {{"outcome", outcome}});
  }
  std::string shown_url() const { return surroundings_.redactor.mask(origin_.text()); }

  // With mutex_ held. Of what waits; not of what is under way.
  bool drop_oldest() {
    Lane* oldest = nullptr;
    for (Lane& lane : lanes_) {
      if (lane.waiting.empty()) continue;
      if (oldest == nullptr || lane.waiting.front().number < oldest->waiting.front().number)
        oldest = &lane;
    }
    if (oldest == nullptr) return false;
    bytes_ -= oldest->waiting.front().text.size();
    oldest->waiting.pop_front();
    return true;
  }

  // With mutex_ held.
  bool begin_next(Lane& lane) {
    lane.busy = !lane.waiting.empty() && !closed_;
    if (!lane.busy) return false;
    lane.text = std::move(lane.waiting.front().text);
    lane.waiting.pop_front();
    lane.attempts = 0;
    return true;
  }

  void send(std::size_t number) {
    Lane& lane = lanes_[number];
    http::Request request;
    request.method = "POST";
    request.url = options_.url;
    request.headers = {{"Content-Type", "application/cloudevents+json; charset=utf-8"}};
    request.body = lane.text;
    request.timeouts.total = Deadline::after(surroundings_.clock, options_.timeout);
    request.repeatable = true;  // a receiver tells by source and id what it has already
    ++lane.attempts;
    lane.grant.reset();
    if (!options_.credential.empty()) {
      auto granted = authorize(number, request);
      if (!granted) return failed(number, granted.error());
      if (!*granted) return;  // woken() goes on, or has done so
    }
    auto exchange = std::make_unique<SinkExchange>(shared_from_this(), number);
    exchange->request = std::move(request);
    surroundings_.reactor.submit(std::move(exchange));
  }

  // False: not yet.
  Result<bool> authorize(std::size_t number, http::Request& request) {
    Lane& lane = lanes_[number];
    // Before it asks, since it may be woken before it has the answer.
    {
      const std::scoped_lock lock(mutex_);
      lane.asking = true;
    }
    Result<auth::Grant> grant =
        surroundings_.gate.authorize({options_.credential, origin_, "", &request},
                                     [weak = weak_from_this(), number](const Status& status) {
                                       if (const auto self = weak.lock())
                                         self->woken(number, status);
                                     });
    if (grant && grant->pending()) return false;
    if (!answered(lane)) return false;
    if (!grant) return fail(std::move(grant.error()));
    request.pool = grant->pool;
    auth::Grant carried = *grant;
    carried.turn.reset();  // this request's own: a guard may live as long as its pool
    request.guard =
        std::make_shared<StepGuard>(surroundings_.keys, "", surroundings_.gate, std::move(carried));
    lane.grant = std::move(*grant);
    return true;
  }

  bool answered(Lane& lane) {
    const std::scoped_lock lock(mutex_);
    return std::exchange(lane.asking, false);
  }

  void woken(std::size_t number, const Status& status) {
    if (!answered(lanes_[number])) return;
    if (status) {
      --lanes_[number].attempts;  // it goes on with the same one
      send(number);
    } else {
      failed(number, status.error());
    }
  }

  void completed(std::size_t number, const http::Outcome& outcome) {
    Lane& lane = lanes_[number];
    if (!outcome.response) return failed(number, outcome.response.error());
    const http::Response& response = *outcome.response;
    if (lane.grant) surroundings_.gate.note_upstream_result(*lane.grant, response.status);
    if (response.status >= 200 && response.status < 300) {
      delivered_.increment();
      return go_on(number);
    }
    Problem problem = make_problem(ErrorKind::communication, "event-not-taken",
                                   "the sink has answered with " + std::to_string(response.status));
    problem.status = response.status;
    problem.retryable = may_help_later(response.status);
    if (response.status == 401 && lane.grant && lane.grant->has_token()) {
      surroundings_.gate.renew(*lane.grant);
      problem.retryable = true;
    }
    const auto wait = retry_after(response, surroundings_.clock.now());
    const double seconds = std::clamp(wait.value_or(0), 0.0, 60.0);
    failed(number, problem, Milliseconds(static_cast<std::int64_t>(seconds * 1000)));
  }

  void failed(std::size_t number, const Problem& problem, Milliseconds at_least = {}) {
    Lane& lane = lanes_[number];
    lane.grant.reset();
    if (problem.retryable && lane.attempts < options_.attempts) {
      retries_.increment();
      const auto doubled = options_.delay * (1LL << std::min(lane.attempts - 1, 20U));
      run_after(std::max(at_least, std::min<Milliseconds>(doubled, kLongestDelay)),
                [number](Impl& self) { self.send(number); });
      return;
    }
    failed_.increment();
    complain(problem.one_line());
    go_on(number);
  }

  // By way of the reactor, so that a row of failures is no recursion.
  void go_on(std::size_t number) {
    bool more = false;
    {
      const std::scoped_lock lock(mutex_);
      Lane& lane = lanes_[number];
      bytes_ -= lane.text.size();
      lane.text.clear();
      lane.grant.reset();
      bytes_gauge_.set(static_cast<double>(bytes_));
      more = begin_next(lane);
      if (bytes_ == 0) emptied_.notify_all();
    }
    if (more) run_after({}, [number](Impl& self) { self.send(number); });
  }

  void run_after(Milliseconds delay, std::function<void(Impl&)> task) {
    surroundings_.reactor.run_at(surroundings_.clock.steady_now() + delay,
                                 [weak = weak_from_this(), task = std::move(task)] {
                                   const auto self = weak.lock();
                                   if (self && !self->closed()) task(*self);
                                 });
  }

  bool closed() {
    const std::scoped_lock lock(mutex_);
    return closed_;
  }

  // Now and then, since a sink that is away would fill the log.
  void complain(const std::string& why) {
    std::uint64_t lost = 0;
    {
      const std::scoped_lock lock(mutex_);
      ++lost_;
      const SteadyTime now = surroundings_.clock.steady_now();
      if (closed_ || (complained_ && now - *complained_ < kBetweenComplaints)) return;
      complained_ = now;
      lost = std::exchange(lost_, 0);
    }
    surroundings_.log.warn("events lost on the way to the sink",
                           {{"url", shown_url()}, {"times", lost}, {"problem", why}});
  }

  const EventSinkOptions options_;
  const EventSinkSurroundings surroundings_;
  const http::Origin origin_;
  const Counter delivered_;
  const Counter failed_;
  const Counter dropped_;
  const Counter retries_;
  const Gauge bytes_gauge_;
  std::mutex mutex_;
  std::condition_variable emptied_;
  std::array<Lane, kLanes> lanes_;
  std::uint64_t bytes_ = 0;               // guarded by mutex_; waiting and under way
  std::uint64_t last_number_ = 0;         // guarded by mutex_
  bool closed_ = false;                   // guarded by mutex_
  std::uint64_t lost_ = 0;                // guarded by mutex_; since the last complaint
  std::optional<SteadyTime> complained_;  // guarded by mutex_
};

EventSink::EventSink(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

EventSink::~EventSink() { impl_->close(); }

Result<std::unique_ptr<EventSink>> EventSink::make(EventSinkOptions options,
                                                   const EventSinkSurroundings& surroundings) {
  const auto url = http::parse_url(options.url);
  if (!url) {
    return fail(make_problem(ErrorKind::configuration, "settings-invalid",
                             "events.sink.url: " + url.error().detail));
  }
  return std::unique_ptr<EventSink>(
      new EventSink(std::make_shared<Impl>(std::move(options), surroundings, url->origin)));
}

void EventSink::take(const Value& event) { impl_->take(event); }
bool EventSink::flush(Deadline deadline) { return impl_->flush(deadline); }

}  // namespace stepwell::steps
