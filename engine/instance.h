// One open or finished instance in the engine: its mailbox, its state, and what it awaits.
// Shared by the engine's table, its steps' tickets and its timers. Internal to engine/.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include "engine/changes.h"
#include "engine/deliveries.h"
#include "engine/engine.h"
#include "engine/event_bus.h"
#include "engine/executor.h"
#include "engine/history.h"
#include "engine/instance_metrics.h"
#include "engine/lifecycle.h"
#include "engine/replay.h"
#include "engine/sleepers.h"
#include "engine/turnstile.h"
#include "engine/waiters.h"

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
        head(Value::object(
            {{"workflow", program->definition().id()}, {"digest", program->definition().digest}})),
        metrics(handles),
        turnstile(std::move(limit)) {}
  std::string_view name() const { return head.get("workflow").as_string(); }
  const std::shared_ptr<const Program> program;
  const Value head;  // {workflow, digest}: what the first record of each instance begins with
  const WorkflowMetrics metrics;
  const std::shared_ptr<Turnstile> turnstile;   // null: any number may run
  mutable std::atomic<bool> journalled{false};  // its definition is in the journal
  std::shared_ptr<const EventSieve> sieve_of(TaskNumber task, std::size_t variables) const;

 private:
  mutable std::mutex mutex_;
  mutable std::map<TaskNumber, std::shared_ptr<const EventSieve>> sieves_;  // guarded by mutex_
};

class Instance;

// Steps that run outside. Both numbers only grow, so that nobody misses one that begins while he
// looks.
struct StepCount {
  std::atomic<std::uint64_t> begun{0};
  std::atomic<std::uint64_t> over{0};
  std::size_t in_flight() const {
    const std::uint64_t gone = over.load(std::memory_order_acquire);
    return begun.load(std::memory_order_acquire) - gone;
  }
};

// What every instance needs of its engine.
struct Surroundings {
  StepRunner& steps;
  Journal& journal;
  Timers& timers;
  const Clock& clock;
  Entropy& entropy;
  Log& log;
  EventBus& events;
  Deliveries& deliveries;
  Executor& pool;
  Watchers& watchers;
  ChangeListeners& changes;
  StepCount& outside;
  const std::atomic<bool>& resting;  // nothing is begun any more
  StepMetrics step_metrics;
  InstanceStates states;
  Counter retries;
  Counter events_missed;
  Counter overdue;
  std::function<void(Instance&)> on_ended;  // called on a worker, once for each instance
  std::function<void()> on_settled;         // after whoever waited for it has been told
  // What it is called has become another, durably. On a worker, with its lock held: waits for
  // nobody.
  std::function<void(const Instance&, const Label& before, const Label& now)> on_label;
  OpenStepIndex& open_steps;
  bool people;  // are there any?
};

// A transition is applied to the state at once, then journalled; what follows from it (commands,
// the view, answers) is held until its record is durable. Meanwhile other mail waits.
class Instance final : public Job,
                       public StepCompletion,
                       public std::enable_shared_from_this<Instance> {
 public:
  // `level`: 1, and one more for each instance above it.
  Instance(Surroundings& surroundings, InstanceId id, StartRequest request, std::uint32_t level);
  // One that the journal held, as it was after its last record. It rests until go_on().
  Instance(Surroundings& surroundings, InstanceId id, StartRequest request, std::uint32_t level,
           Replayed replayed);

  // Journals the admission and lets it run, or wait for begin(); `admitted` is called once the
  // admission is durable.
  void admit(std::string trace_id, std::function<void(Result<InstanceId>)> admitted, bool waits);
  // Lets one that was recovered go on; first it listens, for all that is published from then on.
  void listen_again();
  void go_on(bool orphaned = false);  // orphaned: it is stopped instead
  // Both, for one that is retried; nothing where the engine goes.
  void go_on_retried();
  // What its last event sent out, which may have gone or not. Before go_on().
  std::vector<Emit> emitted() const;
  // The names of the steps that were under way, as children have them (Parent::step). Before
  // go_on().
  std::vector<std::string> awaited_children() const;
  WallTime updated() const;
  // From here to event_arrived(): false where it has left memory; who comes back finds it.
  bool begin();
  bool stop();
  // Stops, suspends or resumes it, and tells when that is durable, or that it has ended before.
  bool request(Event event, const std::function<void(Status)>& done);
  // Calls back with the final view, at once where it has ended. `alive`: as Engine's.
  bool when_ended(std::function<void(const InstanceView&)> callback,
                  std::weak_ptr<void> alive = {});
  bool event_arrived(ListenerId listener, const Value& event, const Delivery& delivery);

  // engine/instance_people.cpp. Completes or changes a step, and tells when that is durable or why
  // it cannot be; false where it has left memory.
  bool person(std::shared_ptr<const StepAnswer> answer, bool change,
              const std::function<void(Status)>& done);
  std::vector<OpenStep> open_steps() const;
  // Into the list of all.
  void note_open_steps();

  // engine/instance_sleep.cpp. When does it go to bed?
  struct Bedtime {
    WallTime idle_since;     // nothing has happened to it since then …
    SteadyTime awake_since;  // … nor has it been woken since then …
    SteadyTime next_due;     // … and no timer is due before that
  };
  struct Bed {
    std::optional<Sleeper> sleeper;     // what remains; nothing where it stays in memory
    bool unsure = false;                // it would go if the journal had its last record
    std::vector<std::uint64_t> timers;  // that are not needed any more
  };
  // One that leaves takes nothing from then on. Waits for nobody.
  Bed go_to_bed(const Bedtime& time);
  // One that the journal held, and has not gone on, instead of going on.
  std::optional<Sleeper> stay_in_bed(const Bedtime& time);
  void sure_of(std::uint32_t number);
  // Of one that is in bed: those of its ears that need not hear everything, and its last record.
  std::vector<Sleeper::Ear> plugged_ears(std::uint32_t& number);
  // One that was woken: first, before anybody knows of it; then, as it goes into the table.
  void prepare_to_rise(const std::vector<Sleeper::Ear>& ears);
  void rise(Sleeper& sleeper);
  bool left() const { return left_.load(std::memory_order_acquire); }

  // engine/engine_history.cpp. State::traced, as of now; waits for the worker.
  std::uint64_t traced() const;
  // To those who follow all.
  void tell_change(InstanceChange what) const;
  void tell_status() const;  // and to whoever watches it: after a retry
  void tell_status_once();

  // Cancels what is in flight and does nothing from now on; its journal stays as it is. For an
  // engine that goes away.
  void abandon();
  // How many records a replay of it begins with, since its last snapshot; 0 where it is busy.
  std::uint32_t since_snapshot() const;
  // Takes a snapshot where it is at rest.
  void snapshot_at_rest();
  // Calls back once the admission is durable, at once where it is, or with why it is not.
  void when_admitted(std::function<void(Result<InstanceId>)> callback);
  // Does this only while the engine is there, which waits for it.
  void unless_gone(const std::function<void()>& task);
  bool settled() const;  // all has been done after its end
  InstanceView view() const;
  InstanceId id() const { return id_; }

  // engine/instance_label.cpp. Journals it, and tells when that is durable, or that it has ended.
  // False: it has left memory.
  bool change(const LabelChange& change, const std::function<void(Status)>& done);
  // Its deadline may have passed: tells so, once.
  bool look_at_deadline();
  Label label() const;
  bool has_deadline() const;
  std::uint8_t urgency() const override { return urgency_.load(std::memory_order_relaxed); }
  // What lists look at, without copying it; `wanted` is called with a lock held.
  struct Glance {
    InstanceFacts facts;
    const std::vector<TaskNumber>& active;
  };
  std::optional<InstanceView> view_if(const std::function<bool(const Glance&)>& wanted) const;
  const Workflow& workflow() const { return *request_.workflow; }
  const std::string& key() const { return request_.key; }
  const std::optional<Parent>& parent() const { return request_.parent; }
  const std::string& once() const { return request_.once; }
  std::uint32_t level() const { return level_; }
  // It waits for its turn, or would.
  bool waits() const { return waits_; }
  // Its admission failed.
  bool never_was() const { return never_was_.load(std::memory_order_acquire); }
  InstanceStatus status() const { return status_.load(std::memory_order_acquire); }
  // From now on it counts in stepwell_instances; `is_new`: as one more. Before anything else can
  // happen to it.
  void count(bool is_new);

  void step_finished(StepId step, std::unique_ptr<PendingResult> result) override;
  void run() override;  // works the mailbox off, on a worker

 private:
  struct StepMail {
    StepId step;
    std::unique_ptr<PendingResult> result;
  };
  struct DurableMail {
    std::uint32_t record;
    Status status;
  };
  struct RequestMail {
    Event event;
    std::function<void(Status)> done;
  };
  struct ArrivedMail {
    Event event;
    Delivery delivery;  // until it is in the journal
  };
  struct LabelMail {
    LabelChange change;
    bool deadline = false;  // nothing changes but that it may have passed
    std::function<void(Status)> done;
  };
  struct PersonMail {
    std::shared_ptr<const StepAnswer> answer;
    bool change;                     // else it completes
    std::optional<StepId> step;      // that was meant when it came first
    std::vector<std::string> files;  // that go with the instance by now
    Status good;                     // else why not
    bool prepared;                   // it comes back from there
    std::function<void(Status)> done;
  };
  struct BeginMail {};
  struct GoOnMail {
    bool orphaned;
    std::optional<SteadyTime::duration> ahead;  // Sleeper::ahead
  };
  using Mail = std::variant<Event, ArrivedMail, StepMail, DurableMail, RequestMail, LabelMail,
                            PersonMail, BeginMail, GoOnMail>;
  struct Armed {
    std::uint64_t handle = 0;
    WallTime due;
    SteadyTime when;                // before it is due where that is too far ahead
    SteadyTime::duration ahead{0};  // of the steady clock before the wall clock, as it was armed
    bool early() const {
      return WallTime(std::chrono::duration_cast<Milliseconds>(when.time_since_epoch() - ahead)) <
             due;
    }
  };
  struct HeldStep {  // waits for its step_started record
    std::uint32_t record;
    std::optional<StepCall> call;  // once it may be started otherwise
  };
  struct Running {
    std::shared_ptr<RunningStep> step;
    SteadyTime started;
    bool outside;  // else it is an instance of this engine
    StepKind kind;
  };

  // the mailbox
  bool post(Mail&& mail);  // false where it takes no more
  template <class Make>
  bool post_made(Make make);
  static void refuse_one(const Mail& mail, const Problem& problem);
  bool comes_early(const Mail& mail) const;
  bool resting() const { return surroundings_.resting.load(std::memory_order_acquire); }
  static bool comes_to_an_end(const Mail& mail);
  void leave_for_later(Mail&& mail);
  bool begins_something(const Command& command) const;
  void timer_fired(TimerId timer);
  bool enqueue_locked(Mail&& mail);
  static void refuse(const std::list<Mail>& mailbox, const Problem& problem);
  bool next_mail(Mail& mail);
  void handle(Mail&& mail);
  void handle_event(Event&& event);
  void handle_request(RequestMail mail);
  void handle_person(PersonMail mail);
  void prepare(PersonMail mail, std::vector<std::string> files);
  Problem too_late_for(const std::string& named) const;
  void refuse_people();
  bool is_parked(StepId step) const;
  std::vector<std::function<void()>> too_late(std::list<Mail>& unread) const;
  void show();
  void handle_step(StepMail mail);  // which goes when this returns, and not with the next mail
  void handle_durable(DurableMail&& mail);
  void handle_label(LabelMail mail);
  void watch_again(const Label& now);
  void release_label();
  void begin_waiting();
  void continue_recovered(const GoOnMail& mail);
  void continue_steps();
  void take_snapshot();
  bool is_snapshot_due(std::uint32_t number) const;  // … once it has so many records
  bool has_room();

  // a transition: applied, journalled, released
  void transition(Event&& event, Record&& record);
  void apply_event(Event&& event);
  bool harmless() const;
  void append_commands();
  void go_on_or_end();
  void wait_for(std::uint32_t record);
  void release();
  void keep_room(std::vector<Command>&& done);
  void admission_failed(Problem problem);
  void fail_journal(Problem problem);
  void set_blocked(bool blocked);
  void publish();
  std::uint8_t progress() const;
  InstanceView view_now() const;
  void settle();
  void reply_admitted(const Result<InstanceId>& result);

  // records
  Record record_of(Record::Kind kind) const;
  Record record_of(Record::Kind kind, WallTime time) const;
  void number_record(Record& record);
  Value end_payload() const;
  bool append(Record&& record, bool told);
  void append_step_started(StepId step);
  bool append_end(bool told);

  // commands
  void perform(Command& command);
  void arm(TimerId timer, WallTime due);
  void arm_at(TimerId timer, WallTime due, SteadyTime::duration ahead);
  SteadyTime::duration steady_ahead() const;
  SteadyTime steady_time(WallTime due, SteadyTime::duration ahead) const;
  void arm_again(const std::map<TimerId, Replayed::Timer, ById>& timers,
                 const std::optional<SteadyTime::duration>& ahead);
  bool needs_nobody() const;
  Sleeper as_sleeper() const;
  bool listen_recovered();
  void hear(const Listen& command);  // listens, unless it does already
  void listen(const Listen& command);
  void stop_listening(const Unlisten& command);
  void execute(Execute command);
  StepCall call_of(Execute command) const;
  void start_step(StepId step, StepCall call);
  void note_running(StepId step, TaskNumber task);
  void forget_running(std::map<StepId, Running, ById>::iterator running);
  void cancel_outside();

  Surroundings& surroundings_;
  const InstanceId id_;
  const StartRequest request_;
  const std::uint32_t level_;
  const Lifecycle lifecycle_;
  std::atomic<InstanceStatus> status_{InstanceStatus::pending};
  std::atomic<bool> never_was_{false};
  std::atomic<bool> left_{false};  // memory
  std::atomic<std::uint8_t> urgency_;
  std::atomic<bool> counted_{false};

  std::mutex mailbox_mutex_;
  std::list<Mail> mailbox_;         // guarded by mailbox_mutex_
  std::list<DurableMail> durable_;  // guarded by mailbox_mutex_; comes before all else
  bool scheduled_ = false;          // guarded by mailbox_mutex_: run() is posted or under way
  bool blocked_ = false;            // guarded by mailbox_mutex_: only durable_ gets through
  bool closed_ = false;             // guarded by mailbox_mutex_: ended or abandoned

  mutable std::mutex work_mutex_;   // held by run(); guards what follows
  State state_;                     // as it is after the last record, durable or not
  std::vector<Command> commands_;   // of the last transition, until they are released
  std::list<Delivery> announced_;   // of the events among them
  std::uint32_t number_ = 0;        // of the last record
  std::uint32_t turns_ = 0;         // taken since it
  std::uint32_t awaited_ = 0;       // the record that holds everything else; 0: none
  std::uint32_t snapshot_ = 0;      // the number of the last one, or of the last attempt
  bool admission_durable_ = false;  // or a later record is
  bool begins_ = false;             // the last transition is its start
  bool announce_ = false;           // the last transition suspended or resumed it
  bool turned_ = false;             // … or gave it another status
  bool untold_ = true;              // those who follow all have not heard of its status
  bool ended_in_journal_ = false;   // `ended` was appended, or can never be
  bool over_ = false;               // its end has been released, and is to be settled
  bool yielded_ = false;
  std::map<StepId, Running, ById> running_;  // mostly one
  std::unordered_map<StepId, HeldStep> held_;
  std::unordered_map<TimerId, Armed> timers_;
  std::unordered_map<ListenerId, EventBus::Group> listeners_;
  SteadyTime risen_{};                   // when it was woken
  std::uint32_t sure_ = 0;               // the journal has all records up to this one
  bool begun_ = false;                   // begin() was called
  bool waits_ = false;                   // it is admitted and not to be started before its turn
  std::optional<Event> waiting_;         // its start, until then
  std::unique_ptr<Replayed> recovered_;  // until go_on()
  std::map<StepId, Replayed::Step, ById> interrupted_;  // by the restart; not begun again yet
  std::function<void(Result<InstanceId>)> admitted_;
  std::function<void(Status)> requested_;       // of the last transition, where it was asked for
  std::list<Mail> early_;                       // what came before go_on()
  bool gone_ = false;                           // it was abandoned
  std::unique_ptr<Label> next_label_;           // once its record is durable
  std::vector<std::function<void()>> replies_;  // to callers, once the lock is released
  SeenEvents seen_;
  std::size_t preparing_ = 0;  // answers that are on their way back from StepAnswer::prepare
  bool open_changed_ = false;  // since the list of all open steps was told
  bool full_ = false;          // too many events wait for it; the log has it
  expression::Cuts cuts_;      // since the last record

  struct Published {
    InstanceStatus status = InstanceStatus::pending;
    WallTime started{};
    WallTime updated{};
    WallTime ended{};
    Value input;
    Value output;
    std::shared_ptr<const Problem> problem;
    std::vector<TaskNumber> active;
    std::vector<OpenStep> open;
    std::uint8_t progress = 0;
  };
  mutable std::mutex view_mutex_;  // held for moments only; guards what follows
  Published published_;
  Label label_;
  bool settled_ = false;
  std::optional<Result<InstanceId>> admission_;  // once it is known
  std::vector<std::function<void(Result<InstanceId>)>> also_admitted_;
  Waiters waiters_;
};

}  // namespace stepwell::engine
