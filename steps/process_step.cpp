#include "steps/process_step.h"

#include <atomic>
#include <functional>
#include <mutex>
#include <utility>

#include "steps/fetch.h"
#include "steps/finished_result.h"
#include "steps/process_result.h"

namespace stepwell::steps {

namespace {

using RunBody = config::RunProcessBody;

constexpr Bytes kMostCode = 1_MiB;  // of a script that is fetched

class NoProcess final : public engine::RunningStep {
 public:
  void cancel() override {}
};

// Nobody waits for what it does.
class NoListener final : public ProcessListener {
 public:
  void started() override {}
  void ended(ProcessEnd /*end*/) override {}
};

// An end on its way to a worker.
class ProcessResult final : public engine::PendingResult {
 public:
  ProcessResult(RunBody::Return wanted, ProcessEnd end, const auth::Redactor& redactor)
      : wanted_(wanted), end_(std::move(end)), redactor_(redactor) {}
  engine::StepOutcome resolve() override {
    end_.output = redactor_.mask(std::move(end_.output));
    end_.error = redactor_.mask(std::move(end_.error));
    end_.error.erase(0, end_.lead);
    return {process_output(wanted_, std::move(end_)), Value()};
  }

 private:
  const RunBody::Return wanted_;
  ProcessEnd end_;
  const auth::Redactor& redactor_;
};

// Whoever may write a definition may not read a stored value by it.
Status check_secrets(const auth::Gate& gate, const ProcessRequest& request) {
  bool known = request.input && gate.knows_part_of(*request.input);
  known = known || gate.knows_part_of(request.file);
  for (const std::string& text : request.arguments) known = known || gate.knows_part_of(text);
  for (const std::string& text : request.environment) known = known || gate.knows_part_of(text);
  if (!known) return {};
  return fail(make_problem(ErrorKind::authorization, "secret-in-request",
                           "the process would be given a stored secret or an API key; processes "
                           "get none"));
}

// The key must still be good at every step, and after every wait for a turn.
Status check_key(const auth::Keys& keys, const std::string& key) {
  return key.empty() ? Status() : keys.stands(key);
}

const std::string& key_of(const engine::StepCall& call) {
  const std::string& run_as = call.program->definition().run_as;
  return run_as.empty() ? call.key : run_as;
}

// One execution. Shared by the engine (to cancel it), the fetch of its script, and the runner.
class ProcessCall final : public engine::RunningStep,
                          public ProcessListener,
                          public std::enable_shared_from_this<ProcessCall> {
 public:
  ProcessCall(const ProcessStepSurroundings& surroundings, const HttpStepOptions& http,
              engine::StepCall call, engine::StepTicket ticket,
              std::optional<ProcessRequest> removal)
      : surroundings_(surroundings),
        http_(http),
        call_(std::move(call)),
        body_(std::get<RunBody>(call_.definition().body)),
        ticket_(std::move(ticket)),
        removal_(std::move(removal)) {}

  void begin(ProcessRequest request) {
    request.prepare = [&keys = surroundings_.http.keys, key = key_of(call_)](ProcessRequest&) {
      return check_key(keys, key);
    };
    if (!body_.source) return launch(std::move(request));
    FetchWish wish;
    wish.url = std::string(call_.arguments.get("source").get("uri").as_string());
    wish.authentication_values = call_.arguments.get("source");
    if (body_.source->authentication) wish.authentication = &*body_.source->authentication;
    wish.options.max_response_bytes = kMostCode;
    auto kept = std::make_shared<ProcessRequest>(std::move(request));
    auto fetch = start_fetch(surroundings_.http, http_, call_, wish,
                             [self = shared_from_this(), kept](FetchResult result) {
                               kept->prepare =
                                   self->with_code(std::move(kept->prepare), std::move(result));
                               self->launch(std::move(*kept));
                             });
    const std::scoped_lock lock(mutex_);
    if (process_.number == 0) fetch_ = std::move(fetch);
  }

  // What nobody waits for goes on once it has started.
  void cancel() override {
    std::shared_ptr<engine::RunningStep> fetch;
    ProcessId process;
    {
      const std::scoped_lock lock(mutex_);
      if (let_go_.load()) return;
      cancelled_ = true;
      fetch = fetch_;
      process = process_;
    }
    if (fetch) fetch->cancel();
    if (process.number != 0) surroundings_.runner.cancel(process);
  }

  void started() override {
    if (body_.await) return;
    let_go_.store(true);
    ticket_.finish(std::make_unique<FinishedResult>(call_.arguments.get("input")));
  }

  void ended(ProcessEnd end) override {
    // Only of what this one has made: the name may be another's by now, or was all along.
    if (removal_ && end.how == ProcessEnd::How::exited && !end.id.empty()) {
      removal_->arguments.push_back(end.id);
      surroundings_.runner.start(std::move(*removal_), std::make_shared<NoListener>());
    }
    if (let_go_.load()) return tell_end(end);
    ticket_.finish(
        std::make_unique<ProcessResult>(body_.result, std::move(end), surroundings_.redactor));
  }

 private:
  // After a cancel there may be no runner any more.
  void launch(ProcessRequest request) {
    {
      const std::scoped_lock lock(mutex_);
      fetch_.reset();
      if (!cancelled_) {
        process_ = surroundings_.runner.start(std::move(request), shared_from_this());
        return;
      }
    }
    ProcessEnd end;
    end.how = ProcessEnd::How::cancelled;
    ended(std::move(end));
  }

  // Reading what was fetched costs time, which the runner's thread has.
  std::function<Status(ProcessRequest&)> with_code(std::function<Status(ProcessRequest&)> before,
                                                   FetchResult result) const {
    return [before = std::move(before), result = std::move(result),
            &gate = surroundings_.gate](ProcessRequest& request) {
      if (auto ready = before(request); !ready) return ready;
      auto fetched = result();
      if (!fetched) return Status(fail(std::move(fetched.error())));
      request.file = std::move(fetched->text);
      return check_secrets(gate, request);
    };
  }

  void tell_end(const ProcessEnd& end) const {
    if (end.how == ProcessEnd::How::exited && end.code == 0) return;
    ProcessEnd told;
    told.how = end.how;
    told.code = end.code;
    const auto problem = process_output(RunBody::Return::none, std::move(told));
    surroundings_.log.warn("a process that no workflow waits for has failed",
                           {{"workflow", call_.program->definition().id()},
                            {"instance", call_.instance.number},
                            {"task", call_.definition().reference},
                            {"code", problem.error().code},
                            {"exitCode", end.code}});
  }

  const ProcessStepSurroundings surroundings_;
  const HttpStepOptions http_;
  const engine::StepCall call_;
  const RunBody& body_;
  const engine::StepTicket ticket_;
  std::optional<ProcessRequest> removal_;
  std::atomic<bool> let_go_{false};  // the task is done, the process is not

  std::mutex mutex_;
  bool cancelled_ = false;                      // guarded by mutex_
  std::shared_ptr<engine::RunningStep> fetch_;  // guarded by mutex_; as long as it is under way
  ProcessId process_;                           // guarded by mutex_; 0: not yet
};

}  // namespace

std::string process_kind_name(RunBody::Kind kind) {
  using Kind = RunBody::Kind;
  return kind == Kind::shell ? "shell" : kind == Kind::script ? "script" : "container";
}

std::shared_ptr<engine::RunningStep> ProcessStep::start(engine::StepCall call,
                                                        engine::StepTicket ticket) {
  const auto& body = std::get<RunBody>(call.definition().body);
  const auto refuse = [&ticket](Problem problem) -> std::shared_ptr<engine::RunningStep> {
    ticket.finish(std::make_unique<FinishedResult>(fail(std::move(problem))));
    return std::make_shared<NoProcess>();
  };
  const std::string name = process_kind_name(body.kind);
  if (!options_.runs(body.kind))
    return refuse(
        make_problem(ErrorKind::configuration, "step-unavailable",
                     "`run: " + name + "` is not switched on here (setting run." + name + ")"));
  if (auto stands = check_key(surroundings_.http.keys, key_of(call)); !stands)
    return refuse(std::move(stands.error()));
  Result<ContainerRequest> made{tl::unexpect, Problem()};
  if (body.kind == RunBody::Kind::container) {
    made = container_request(call.arguments, options_.programs,
                             container_name(call.program->definition(), call.definition().name,
                                            surroundings_.entropy.hex(16)));
  } else {
    auto run = body.kind == RunBody::Kind::shell
                   ? shell_request(call.arguments, options_.programs)
                   : script_request(call.arguments, options_.programs);
    if (run)
      made = ContainerRequest{std::move(*run), {}};
    else
      made = fail(std::move(run.error()));
  }
  if (!made) return refuse(std::move(made.error()));
  ProcessRequest& request = made->run;
  using Return = RunBody::Return;
  const bool waited = body.await;
  request.wants_output =
      waited && (body.result == Return::standard_output || body.result == Return::all);
  request.wants_error =
      waited && (body.result == Return::standard_error || body.result == Return::all);
  if (auto clean = check_secrets(surroundings_.gate, request); !clean)
    return refuse(std::move(clean.error()));
  auto running = std::make_shared<ProcessCall>(surroundings_, options_.http, std::move(call),
                                               std::move(ticket), std::move(made->removal));
  running->begin(std::move(request));
  return running;
}

}  // namespace stepwell::steps
