// The reactor's thread: one epoll loop that starts transfers, watches their times, and hands their
// outcomes on. Everything here runs on that thread; other threads reach it through the inbox.
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "http/inbox.h"
#include "http/pool.h"
#include "http/telemetry.h"
#include "http/transfer_table.h"

namespace stepwell::http {

class Loop final : private LaneListener {
 public:
  Loop(ReactorOptions options, const Clock& clock, Metrics& metrics, Log& log);
  ~Loop() override;
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // From any thread.
  void post(std::unique_ptr<Transfer> transfer);
  void post(Order order);
  const ReactorOptions& options() const { return surroundings_.options; }
  bool usable() const { return surroundings_.poller.ready(); }
  // Transfers that were submitted and have not started.
  std::size_t waiting() const { return waiting_.load(std::memory_order_relaxed); }

  // The thread's work, until stop() was ordered; then everything is completed as cancelled.
  void run();
  void stop() { stopping_ = true; }
  // Cuts off what holds a permit. The answer is the pool's connections that still hold bytes of
  // requests, in this process or in the kernel.
  std::vector<int> abort_sending(const std::string& pool);
  // Leaves of these connections only those of which that is still true.
  void keep_unsent(const std::string& pool, std::vector<int>& sockets);
  void reset_unsent(const std::string& pool, const std::vector<int>& sockets);
  // Ends what the pool has begun with a copy of `why`, and resets its connections.
  void abort_pool(const std::string& pool, const Problem& why);
  void drop_pool(const std::string& pool);

 private:
  struct Timer {
    std::uint64_t id = 0;
    std::function<void()> task;
    TimerHook hook;
  };
  using StartableHosts = IntrusiveList<Host, &Host::startable_hook>;

  // loop.cpp: one turn of the loop
  void read_inbox();
  void carry_out(Order& order);
  void run_timers();
  void tick();
  void sweep();
  void act_on_lanes();
  bool work_is_waiting() const;
  SteadyTime next_due() const;
  void wait_and_dispatch();
  void hand_over_metrics();
  void cancel_everything();

  // dispatch.cpp: the way of one transfer
  void admit_some();
  void admit(Transfer& transfer);
  void start_some();
  void start(Transfer& transfer);
  void note_startable(Host& host);
  Pool& pool_of(const Transfer& transfer);
  Lane& lane(std::size_t index);
  LaneListener& listener() { return *this; }
  void transfer_ended(Transfer& transfer, int curl_code) override;
  void answered_early(std::uint64_t id) override;
  void mail_moves(Transfer& transfer) override;
  void take_off_handle(Transfer& transfer);
  void succeed(Transfer& transfer);
  void give_up(Transfer& transfer, Problem problem);
  void complete(Transfer& transfer, Outcome&& outcome);
  void hand_over_completed();
  void watch(Transfer& transfer);
  void check_times(Transfer& transfer);
  bool too_slow(Transfer& transfer);

  // mail_loop.cpp: the way of a mail, once its connection stands
  void begin_mail(Transfer& transfer);
  void mail_answered(Transfer& transfer, MailAnswer&& answer);
  void check_mail_times(Transfer& transfer);

  // cut_off.cpp: what must not leave any more
  void abort_one(Transfer& transfer);
  void reset_unfinished(Transfer& transfer);
  void reset_socket(int fd);
  void reset_idle(Pool& pool);
  const PoolLane* owner_of(int fd) const;
  bool owns(const std::string& pool, int fd) const;
  int socket_of(const Transfer& transfer) const;
  bool holds_bytes(int fd) const;
  template <class Visitor>
  void for_each_pool(const std::string& name, const Visitor& visit);

  const Clock& clock_;
  Log& log_;
  Inbox inbox_;
  Inbox::Content taken_;
  std::atomic<std::size_t> waiting_{0};
  bool stopping_ = false;

  Surroundings surroundings_;
  Telemetry telemetry_;
  TransferTable transfers_;
  std::deque<std::uint64_t> arrivals_;  // submitted, not yet admitted
  std::vector<std::unique_ptr<Lane>> lanes_;
  std::unordered_map<std::string, std::unique_ptr<Pool>> pools_;
  std::vector<std::unique_ptr<Pool>> dropped_;
  StartableHosts startable_;
  // Ended, and not told yet: a few at a time wake fewer threads.
  struct Completed {
    std::unique_ptr<Exchange> exchange;
    Outcome outcome;
  };
  std::vector<Completed> completed_;
  std::size_t in_flight_ = 0;
  std::size_t queued_ = 0;  // admitted, in some host's queue

  TimerHeap<Transfer, &Transfer::timer> deadlines_;
  std::unordered_map<std::uint64_t, Timer> timers_;
  TimerHeap<Timer, &Timer::hook> timer_heap_;

  // Adaptive limits: how much of the present tick the thread has slept.
  SteadyTime tick_began_;
  std::chrono::nanoseconds slept_{0};
  bool ticking_ = false;
  SteadyTime next_sweep_;
};

}  // namespace stepwell::http
