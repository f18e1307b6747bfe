// One open or finished instance in the engine: its mailbox, its state, and what it awaits.
// Shared by the engine's table, its steps' tickets and its timers. Internal to engine/.
#pragma once

#include <atomic>
#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <variant>
#include <vector>

#include "engine/engine.h"
#include "engine/event_bus.h"
#include "engine/lifecycle.h"
#include "engine/turnstile.h"
#include "engine/worker_pool.h"

namespace stepwell::engine {

struct WorkflowMetrics {
  Counter started;
  Counter completed;
  Counter faulted;
  Counter stopped;
};

class Workflow {
 public:
  Workflow(std::shared_ptr<const config::Definition> definition, const expression::Budget& budget,
           WorkflowMetrics handles, std::shared_ptr<Turnstile> limit)
      : program(std::make_shared<const Program>(std::move(definition), budget)),
        metrics(handles),
        turnstile(std::move(limit)) {}
  const std::shared_ptr<const Program> program;
  const WorkflowMetrics metrics;
  const std::shared_ptr<Turnstile> turnstile;  // null: any number may run
};

class Instance;

// What every instance needs of its engine.
struct Surroundings {
  StepRunner& steps;
  Journal& journal;
  Timers& timers;
  const Clock& clock;
  Entropy& entropy;
  Log& log;
  EventBus& events;
  WorkerPool& pool;
  Counter steps_completed;
  Counter steps_faulted;
  Counter retries;
  Histogram step_duration;
  std::function<void(Instance&)> on_ended;  // called on a worker, once for each instance
  std::function<void()> on_settled;         // after whoever waited for it has been told
};

class Instance final : public Job,
                       public StepCompletion,
                       public std::enable_shared_from_this<Instance> {
 public:
  // `level`: 1, and one more for each instance above it.
  Instance(Surroundings& surroundings, InstanceId id, StartRequest request, std::uint32_t level);

  // Journals the admission and lets it run, or wait for begin(); `admitted` is called once the
  // admission is durable.
  void admit(std::string trace_id, std::function<void(Result<InstanceId>)> admitted, bool waits);
  void begin();
  void stop();
  // Cancels what is in flight and does nothing from now on; its journal stays as it is. For an
  // engine that goes away.
  void abandon();
  // Calls back with the final view, at once where it has ended.
  void when_ended(std::function<void(const InstanceView&)> callback);
  InstanceView view() const;
  InstanceId id() const { return id_; }
  const Workflow& workflow() const { return *request_.workflow; }
  const std::string& key() const { return request_.key; }
  const std::optional<Parent>& parent() const { return request_.parent; }
  std::uint32_t level() const { return level_; }
  InstanceStatus status() const { return status_.load(std::memory_order_acquire); }

  void step_finished(StepId step, std::unique_ptr<PendingResult> result) override;
  void run() override;  // works the mailbox off, on a worker

 private:
  struct StepMail {
    StepId step;
    std::unique_ptr<PendingResult> result;
  };
  struct DurableMail {
    std::uint64_t record;
    Status status;
  };
  struct BeginMail {};
  using Mail = std::variant<Event, StepMail, DurableMail, BeginMail>;
  struct HeldStep {  // waits for its step_started record
    std::uint64_t record;
    Execute execute;
    StepCall call;
  };
  struct Running {
    std::shared_ptr<RunningStep> step;
    SteadyTime started;
  };

  void post(Mail mail);
  void timer_fired(TimerId timer);
  void event_arrived(ListenerId listener, const Value& event);
  void enqueue_locked(Mail mail);
  void publish();
  void fail_journal(Problem problem);
  void cancel_outside();
  bool next_mail(Mail& mail);
  void handle(Mail mail);
  void journal_then_apply(Event event, Record record);
  void apply_recorded(Event event);
  void begin_waiting();
  void apply_event(Event event);
  void perform(Command& command);
  void listen(const Listen& command);
  void stop_listening(const Unlisten& command);
  void execute(Execute command);
  void start_step(const Execute& command, StepCall call);
  void settle();
  Journal::Durability append(Record record, std::uint64_t& number);
  Record record_of(Record::Kind kind) const;

  Surroundings& surroundings_;
  const InstanceId id_;
  const StartRequest request_;
  const std::uint32_t level_;
  const Lifecycle lifecycle_;
  std::atomic<InstanceStatus> status_{InstanceStatus::pending};

  std::mutex mailbox_mutex_;
  std::deque<Mail> mailbox_;  // guarded by mailbox_mutex_
  bool scheduled_ = false;    // guarded by mailbox_mutex_: run() is posted or under way
  bool blocked_ = false;      // guarded by mailbox_mutex_: awaiting a record, all else waits
  bool closed_ = false;       // guarded by mailbox_mutex_: ended or abandoned, nothing gets in

  std::mutex work_mutex_;  // held by run(); guards what follows
  State state_;
  std::vector<Command> commands_;
  std::unordered_map<StepId, Running> running_;
  std::unordered_map<TimerId, std::uint64_t> timers_;
  std::unordered_map<ListenerId, std::uint64_t> listeners_;  // subscriptions
  std::vector<HeldStep> held_;
  std::optional<Event> awaiting_;  // applied once its record is durable
  std::uint64_t awaited_record_ = 0;
  std::atomic<std::uint64_t> records_{0};
  bool begun_ = false;            // begin() was called
  bool waits_ = false;            // it is admitted and not to be started before its turn
  std::optional<Event> waiting_;  // its start, until then
  std::function<void(Result<InstanceId>)> admitted_;
  std::function<void()> reply_;  // to the admission's caller, once the lock is released
  bool yielded_ = false;

  struct Published {
    InstanceStatus status = InstanceStatus::pending;
    WallTime started{};
    WallTime updated{};
    WallTime ended{};
    Value input;
    Value output;
    std::shared_ptr<const Problem> problem;
    std::vector<TaskNumber> active;
  };
  mutable std::mutex view_mutex_;  // held for moments only; guards what follows
  Published published_;
  bool settled_ = false;
  std::vector<std::function<void(const InstanceView&)>> waiters_;
};

}  // namespace stepwell::engine
