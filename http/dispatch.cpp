// The way of one transfer through the loop: admitted to its host's queue, started on a handle,
// watched, and completed exactly once.
#include <curl/curl.h>

#include <algorithm>

#include "http/classify.h"
#include "http/loop.h"
#include "http/url.h"

namespace stepwell::http {
namespace {

// Handing over in small portions between socket events keeps answers and new requests interleaved.
constexpr std::size_t kAdmittedARound = 64;
constexpr std::size_t kStartsARound = 8;
// Idle connections that a pool keeps in one lane; above what is in flight there.
constexpr std::size_t kConnectionsALane = 512;

std::chrono::microseconds between(SteadyTime from, SteadyTime to) {
  return std::max(std::chrono::duration_cast<std::chrono::microseconds>(to - from),
                  std::chrono::microseconds(0));
}

// The shortest of a request's limits in time: its state is looked at that often.
std::chrono::nanoseconds shortest_limit(const Request& request) {
  const std::chrono::nanoseconds shortest =
      std::min({std::chrono::nanoseconds(request.timeouts.connect),
                std::chrono::nanoseconds(request.timeouts.first_byte),
                std::chrono::nanoseconds(request.limits.low_speed_time)});
  return std::max<std::chrono::nanoseconds>(shortest, Milliseconds(1));
}

}  // namespace

std::string Transfer::target() const {
  auto url = request().mail ? parse_mail_url(request().url) : parse_url(request().url);
  return url ? url->origin.host_and_port() : "an invalid URL";
}

Sent Transfer::sent() const {
  if (request().mail)
    return handle != nullptr && handle->mail() != nullptr ? handle->mail()->sent() : Sent::no;
  if (written || wrote_all_before) return Sent::yes;
  const bool some = wrote_before || (sends > 0 && handle != nullptr && handle->bytes_sent() > 0);
  return some ? Sent::partly : Sent::no;
}

Pool& Loop::pool_of(const Transfer& transfer) {
  auto& pool = pools_[transfer.pool_key];
  if (!pool) pool = std::make_unique<Pool>(surroundings_, transfer.request());
  return *pool;
}

Lane& Loop::lane(std::size_t index) {
  while (lanes_.size() <= index)
    lanes_.push_back(std::make_unique<Lane>(surroundings_, listener(), kConnectionsALane));
  return *lanes_[index];
}

void Loop::admit_some() {
  for (std::size_t i = 0; i < kAdmittedARound && !arrivals_.empty(); ++i) {
    Transfer* transfer = transfers_.find(arrivals_.front());
    arrivals_.pop_front();
    if (transfer != nullptr) admit(*transfer);  // else it was cancelled meanwhile
  }
}

void Loop::admit(Transfer& transfer) {
  if (transfer.refused) {
    give_up(transfer, std::move(*transfer.refused));
    return;
  }
  transfer.host = &pool_of(transfer).host(transfer.origin);
  transfer.host->queue.push(transfer);
  ++queued_;
  note_startable(*transfer.host);
  if (!ticking_ && !transfer.host->queue.can_start()) {
    ticking_ = true;
    tick_began_ = surroundings_.now;
    slept_ = {};
  }
}

void Loop::note_startable(Host& host) {
  if (host.queue.can_start() && !host.startable_hook.linked) startable_.push_back(host);
}

void Loop::start_some() {
  for (std::size_t i = 0; i < kStartsARound; ++i) {
    Host* host = startable_.pop_front();  // hosts take turns
    if (host == nullptr) return;
    Transfer* transfer = host->queue.start_next();
    note_startable(*host);
    if (transfer == nullptr) continue;
    transfer->active = true;
    start(*transfer);
  }
}

void Loop::start(Transfer& transfer) {
  --queued_;
  transfer.waiting = false;
  waiting_.fetch_sub(1, std::memory_order_relaxed);
  transfer.started = surroundings_.now;
  transfer.leg_began = surroundings_.now;
  PoolLane& place = transfer.host->pool.place([this](std::size_t i) -> Lane& { return lane(i); });
  Handle* handle = place.take();
  if (handle == nullptr) {
    give_up(transfer, overloaded("memory is short for the request to " + transfer.target()));
    return;
  }
  Status prepared = handle->prepare(transfer, transfer.host->http1_only);
  if (!prepared || !place.lane().add(*handle)) {
    place.put_back(*handle);
    give_up(transfer, prepared ? overloaded("libcurl takes no request to " + transfer.target())
                               : std::move(prepared.error()));
    return;
  }
  transfer.handle = handle;
  ++in_flight_;
  watch(transfer);
}

void Loop::take_off_handle(Transfer& transfer) {
  Handle& handle = *transfer.handle;
  telemetry_.bytes(transfer.earlier_bytes + handle.bytes_sent(), handle.bytes_received());
  if (transfer.sends > 0) telemetry_.connection_used(!transfer.opened_socket);
  handle.home().lane().remove(handle);
  Handle::give_back(transfer);
  handle.home().put_back(handle);
  transfer.handle = nullptr;
  --in_flight_;
}

void Loop::transfer_ended(Transfer& transfer, int curl_code) {
  if (transfer.request().mail) {
    if (curl_code == 0) return begin_mail(transfer);
    if (auto answer = transfer.handle->refused_greeting(curl_code); answer && !transfer.stopped)
      return mail_answered(transfer, std::move(*answer));
  }
  if (transfer.sends > 0 && transfer.handle->bytes_sent() > 0 &&
      transfer.handle->nothing_left_to_write())
    transfer.written = true;
  if ((curl_code == 0 || transfer.challenges_end) && !transfer.stopped && transfer.head_done) {
    succeed(transfer);
    return;
  }
  // libcurl is content with an answer that ends in the middle of its header section.
  if (curl_code == 0) curl_code = CURLE_PARTIAL_FILE;
  Problem problem = transfer.handle->problem(curl_code);
  if (transfer.stopped)
    problem = std::move(*transfer.stopped);
  else if (transfer.denied && !transfer.opened_socket && transfer.sends == 0)
    problem = std::move(*transfer.denied);
  give_up(transfer, std::move(problem));
}

void Loop::answered_early(std::uint64_t id) {
  Transfer* transfer = transfers_.find(id);
  if (transfer != nullptr && transfer->handle != nullptr) transfer_ended(*transfer, 0);
}

void Loop::succeed(Transfer& transfer) {
  Response& response = transfer.response;
  if (transfer.https && response.http_version != 20) transfer.host->http1_only = true;
  response.reused_connection = !transfer.opened_socket;
  response.timings.queued = between(transfer.submitted, transfer.started);
  response.timings.connected = between(transfer.started, transfer.connected);
  response.timings.first_byte = between(transfer.started, transfer.first_byte_at);
  response.timings.total = between(transfer.started, surroundings_.now);
  const Sent sent = transfer.sent();
  take_off_handle(transfer);
  telemetry_.request_ended(response.status, response.timings.total);
  complete(transfer, Outcome{std::move(response), sent});
}

void Loop::give_up(Transfer& transfer, Problem problem) {
  const Sent sent = transfer.sent();
  const bool was_started = !transfer.waiting;
  if (transfer.handle != nullptr) {
    reset_unfinished(transfer);
    take_off_handle(transfer);
  }
  bool repeatable = transfer.request().repeatable;
  if (transfer.request().mail) {
    telemetry_.mail_ended(nullptr);
    // Before its end, nothing of it counts.
    repeatable = repeatable || sent != Sent::yes;
  } else {
    telemetry_.request_ended(0, was_started ? between(transfer.started, surroundings_.now)
                                            : std::chrono::microseconds(0));
  }
  problem = finished(std::move(problem), sent, repeatable);
  complete(transfer, Outcome{fail(std::move(problem)), sent});
}

void Loop::complete(Transfer& transfer, Outcome&& outcome) {
  deadlines_.disarm(transfer);
  if (transfer.waiting) {
    waiting_.fetch_sub(1, std::memory_order_relaxed);
    if (transfer.host != nullptr) {
      Host& host = *transfer.host;
      host.queue.remove(transfer);
      --queued_;
      // Its host may go now, and must not be found among those with something to start.
      if (!host.queue.can_start()) startable_.remove(host);
    }
  } else if (transfer.active) {
    transfer.host->queue.finished();
    transfer.host->idle_since = surroundings_.now;
    note_startable(*transfer.host);
  }
  // Gone from here before its owner hears of it, who may well submit the next one.
  const auto owned = transfers_.extract(transfer);
  completed_.push_back({std::move(owned->exchange), std::move(outcome)});
}

void Loop::hand_over_completed() {
  while (!completed_.empty()) {
    // An owner may make others complete, and be told of these at once.
    std::vector<Completed> batch;
    batch.swap(completed_);
    for (Completed& one : batch) one.exchange->complete(std::move(one.outcome));
    batch.clear();
    if (completed_.empty()) completed_.swap(batch);  // its room is kept
  }
}

void Loop::watch(Transfer& transfer) {
  const SteadyTime next = surroundings_.now + shortest_limit(transfer.request());
  deadlines_.arm(transfer, std::min(next, transfer.request().timeouts.total.at()));
}

bool Loop::too_slow(Transfer& transfer) {
  const Limits& limits = transfer.request().limits;
  const SteadyTime now = surroundings_.now;
  const bool receiving = transfer.header_bytes > 0;
  const SteadyTime phase_began = receiving ? transfer.first_byte_at : transfer.connected;
  if (transfer.window_began < phase_began) {
    transfer.window_began = phase_began;
    transfer.window_bytes = 0;
  }
  const std::chrono::duration<double> elapsed = now - transfer.window_began;
  if (elapsed < limits.low_speed_time) return false;
  const std::uint64_t bytes =
      receiving ? transfer.handle->bytes_received() : transfer.handle->bytes_sent();
  const double moved = static_cast<double>(bytes - std::min(bytes, transfer.window_bytes));
  transfer.window_began = now;
  transfer.window_bytes = bytes;
  return moved < static_cast<double>(limits.low_speed.count) * elapsed.count();
}

// A transfer's time has come to be looked at: is any of its limits passed?
void Loop::check_times(Transfer& transfer) {
  const Request& request = transfer.request();
  const SteadyTime now = surroundings_.now;
  const auto late = [&](Late which) {
    give_up(transfer, too_late(which, transfer.target(), request));
  };
  if (request.timeouts.total.passed(now)) return late(Late::total);
  if (transfer.handle != nullptr && transfer.handle->mail() != nullptr)
    return check_mail_times(transfer);
  // libcurl reads the content of a challenge without handing it over, where it would be counted.
  if (transfer.head_done && transfer.response.status == 401 && transfer.response.body.empty() &&
      transfer.handle->bytes_received() > request.limits.response_body.count)
    return give_up(transfer, body_too_large(transfer.target(), request.limits.response_body));
  SteadyTime due = now + shortest_limit(request);
  if (transfer.sends == 0) {
    const SteadyTime limit = transfer.leg_began + request.timeouts.connect;
    if (now >= limit) return late(Late::connect);
    due = std::min(due, limit);
  } else if (transfer.written && transfer.header_bytes == 0) {
    const SteadyTime limit = transfer.written_at + request.timeouts.first_byte;
    if (now >= limit) return late(Late::first_byte);
    due = std::min(due, limit);
  } else {
    if (too_slow(transfer)) return late(Late::low_speed);
    due = std::min(due, transfer.window_began + request.limits.low_speed_time);
  }
  deadlines_.arm(transfer, std::min(due, request.timeouts.total.at()));
}

}  // namespace stepwell::http
