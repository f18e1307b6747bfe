// Steps that wait for people: they are parked, completed once, changed, told of when they are due,
// and outlive sleep, snapshots and restarts.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "engine/person_step.h"
#include "engine/snapshot.h"
#include "tests/engine/life.h"

namespace stepwell::engine::test {
namespace {

using std::chrono::hours;
using std::chrono::seconds;
using Kind = Record::Kind;

constexpr const char* kApprove = R"(do:
  - approve: {call: decision, with: {prompt: ok?, options: [approve, reject], assignee: ana, due: P2D}}
  - after: {set: '${ {got: .decision} }'}
)";
constexpr const char* kTwoWait = R"(do:
  - both:
      fork:
        branches:
          - approve: {call: decision, with: {prompt: a, options: [y]}}
          - inner: {do: [{approve: {call: decision, with: {prompt: b, options: [y]}}}]}
)";
constexpr const char* kForm = R"(do:
  - ask:
      call: form
      with:
        title: Order
        assignee: [ana, bob]
        fields:
          - {name: reason, kind: text, required: true, max: 20}
          - {name: amount, kind: number, default: 5, min: 1}
          - {name: approver, kind: user, options: [ana, bob]}
          - {name: owner, kind: user}
          - {name: paper, kind: file, accept: application/pdf, maxSize: 1KiB}
)";
constexpr const char* kHeld = R"(do:
  - mail: {call: email, with: {to: a@b.c, subject: s, body: b, hold: true, assignee: ana}}
)";
constexpr const char* kMixed = R"(do:
  - both:
      fork:
        branches:
          - a: {do: [{one: {call: decision, with: {prompt: a, options: [y], due: PT1H}}}, {w: {wait: {days: 9}}}]}
          - mail: {call: email, with: {to: a@b.c, subject: s, body: b, hold: true, due: PT2H}}
)";
constexpr const char* kUpload =
    "do: [{papers: {call: upload, with: {prompt: p, multiple: true}}}]\n";

EngineOptions sleepy() {
  EngineOptions options{2, 1000, 1000};
  options.sleep_after = seconds(10);
  return options;
}

FileInfo pdf(const std::string& id) {
  FileInfo info;
  info.id = id;
  info.name = "a.pdf";
  info.media_type = "application/pdf";
  info.size = 100;
  return info;
}
constexpr const char* kFile = "f_00000000000000000000000000";

struct Desk : Life {
  explicit Desk(KeptRecords kept = {}, Answer answer = nullptr)
      : Life(std::move(kept), std::move(answer), sleepy()) {}

  static StepAnswer answer(const char* step, const char* json, std::string user = "olga") {
    StepAnswer made;
    made.step = step;
    made.value = parse_json(json).value();
    const bool operates = user == "olga";
    made.by = {std::move(user), operates, operates};
    return made;
  }
  Status complete(InstanceId id, StepAnswer what) { return ask(id, std::move(what), false); }
  Status complete(InstanceId id, const char* step, const char* json) {
    return complete(id, answer(step, json));
  }
  Status patch(InstanceId id, const char* step, const char* json) {
    return ask(id, answer(step, json), true);
  }
  Status ask(InstanceId id, StepAnswer what, bool change) {
    std::promise<Status> done;
    const auto tell = [&](Status status) { done.set_value(std::move(status)); };
    if (change)
      engine.patch_step(id, std::move(what), tell);
    else
      engine.complete_step(id, std::move(what), tell);
    Status status = done.get_future().get();
    rest();
    return status;
  }
  // What to call when the answer has been prepared; `told` holds what becomes of it then.
  std::function<void(Status)> begin_to_complete(InstanceId id, const char* step, const char* json,
                                                std::promise<Status>& told) {
    StepAnswer slow = answer(step, json);
    const auto held = std::make_shared<std::promise<std::function<void(Status)>>>();
    slow.prepare = [held](const StepAnswer::Preparation&, const std::function<void(Status)>& done) {
      held->set_value(done);
    };
    engine.complete_step(id, std::move(slow),
                         [&told](Status status) { told.set_value(std::move(status)); });
    return held->get_future().get();
  }
  std::string code(InstanceId id, const char* step, const char* json, const char* user = "olga") {
    const Status status = complete(id, answer(step, json, user));
    return status ? "" : status.error().code;
  }
  InstanceView look(InstanceId id) { return engine.find(id).value_or(InstanceView{}); }
  OpenStep waiting(InstanceId id) {
    const InstanceView view = look(id);
    EXPECT_EQ(view.open_steps.size(), 1U);
    return view.open_steps.empty() ? OpenStep{} : view.open_steps.front();
  }
  void night() {
    rest();
    clock.advance(seconds(11));
    for (int look = 0; look < 2; ++look) {
      engine.maintain();
      rest();
    }
  }
  InstanceId start_and_rest(const char* body) {
    const InstanceId id = start(body);
    rest();
    return id;
  }
  std::vector<std::string> tasks(const OpenStepFilter& filter = {}) {
    std::vector<std::string> names;
    const OpenSteps open = engine.open_steps(filter, 100).value();
    for (const OpenStep& step : open.steps) names.push_back(step.task);
    return names;
  }
};

TEST(People, AStepThatWaitsOccupiesNothing) {
  Desk desk;
  const InstanceId id = desk.start_and_rest(kApprove);
  EXPECT_TRUE(desk.steps.empty());
  EXPECT_EQ(desk.engine.steps_in_flight(), 0U);
  const InstanceView view = desk.look(id);
  EXPECT_EQ(view.status, InstanceStatus::waiting);
  EXPECT_EQ(view.active_tasks, std::vector<std::string>{"/do/0/approve"});
  const OpenStep step = desk.waiting(id);
  EXPECT_EQ(step.task, "approve");
  EXPECT_EQ(step.reference, "/do/0/approve");
  EXPECT_EQ(step.workflow, "test/flow:1.0.0");
  EXPECT_EQ(step.started, desk.clock.now());
  EXPECT_EQ(step.due, desk.clock.now() + hours(48));
  EXPECT_FALSE(step.overdue);
}

TEST(People, StepsThatWaitAreCountedByTheirKind) {
  Desk desk;
  const auto waiting = [&](const char* kind) {
    return desk.metrics.gauge("stepwell_person_steps_waiting", "", {{"kind", kind}}).value();
  };
  const InstanceId id = desk.start_and_rest(kMixed);
  desk.start_and_rest(kHeld);
  EXPECT_EQ(waiting("decision"), 1);
  EXPECT_EQ(waiting("email"), 2);
  desk.night();  // also of those that leave memory
  EXPECT_EQ(waiting("email"), 2);
  ASSERT_TRUE(desk.complete(id, "one", R"({"decision": "y"})"));
  EXPECT_EQ(waiting("decision"), 0);
  Desk next(desk.journal.kept());
  next.open();
  EXPECT_EQ(next.metrics.gauge("stepwell_person_steps_waiting", "", {{"kind", "email"}}).value(),
            2);
}

TEST(People, ADecisionGoesOnWithWhoDecidedWhatAndWhen) {
  Desk desk;
  const InstanceId id = desk.start_and_rest(
      "do: [{approve: {call: decision, with: {prompt: p, options: [yes, no]}}}]\n");
  desk.clock.advance(hours(1));
  ASSERT_TRUE(desk.complete(id, "approve", R"({"decision": "yes", "comment": "fine"})"));
  EXPECT_EQ(to_json(desk.look(id).output),
            R"({"decision":"yes","comment":"fine","completedBy":"olga","completedTime":")" +
                format_time(desk.clock.now()) + R"("})");
}

TEST(People, OnlyWhatIsAskedForIsTaken) {
  Desk desk;
  const InstanceId id = desk.start_and_rest(kApprove);
  EXPECT_EQ(desk.code(id, "approve", R"({"decision": "maybe"})"), "step-output-invalid");
  EXPECT_EQ(desk.code(id, "approve", R"({})"), "step-output-invalid");
  EXPECT_EQ(desk.code(id, "approve", R"({"decision": "approve", "comment": 5})"),
            "step-output-invalid");
  EXPECT_EQ(desk.code(id, "approve", R"({"decision": "approve", "odd": 1})"),
            "step-output-invalid");
  EXPECT_EQ(desk.code(id, "approve", R"("approve")"), "step-output-invalid");
  EXPECT_EQ(desk.code(id, "after", R"({})"), "step-not-active");
  EXPECT_EQ(desk.code(id, "aprove", R"({})"), "step-unknown");
  EXPECT_EQ(desk.code(InstanceId{12}, "approve", R"({})"), "instance-unknown");
  const Status why = desk.complete(id, "approve", R"({"decision": "maybe"})");
  EXPECT_EQ(why.error().status, 400);
  EXPECT_EQ(why.error().extensions.get("field"), Value("decision"));
  EXPECT_EQ(desk.waiting(id).task, "approve");
}

TEST(People, OnlyItsAssigneeAnOperatorOrAnAdminMayCompleteAStep) {
  Desk desk;
  const InstanceId first = desk.start_and_rest(kApprove);
  EXPECT_EQ(desk.code(first, "approve", R"({"decision": "reject"})", "bob"), "step-not-yours");
  EXPECT_EQ(desk.code(first, "approve", R"({"decision": "reject"})", "ana"), "");
  const InstanceId second = desk.start_and_rest(kApprove);
  EXPECT_EQ(desk.code(second, "approve", R"({"decision": "reject"})", "olga"), "");
  const InstanceId third = desk.start_and_rest(kUpload);
  EXPECT_EQ(desk.code(third, "papers", R"({"files": []})", "ana"), "step-not-yours");
  EXPECT_EQ(desk.code(third, "papers", R"({"files": []})"), "step-output-invalid");
}

TEST(People, ASecondCompletionIsRefused) {
  Desk desk;
  const InstanceId id = desk.start_and_rest(
      "do: [{a: {call: decision, with: {prompt: p, options: [y]}}}, {w: {wait: {hours: 1}}}]\n");
  EXPECT_EQ(desk.code(id, "a", R"({"decision": "y"})"), "");
  const Status again = desk.complete(id, "a", R"({"decision": "y"})");
  EXPECT_EQ(again.error().code, "step-completed");
  EXPECT_EQ(again.error().status, 409);
  EXPECT_EQ(desk.code(id, "w", R"({})"), "step-not-active");
  desk.settle();
  EXPECT_EQ(desk.code(id, "a", R"({"decision": "y"})"), "step-completed");
  EXPECT_EQ(desk.code(id, "w", R"({})"), "instance-ended");
  Desk next(desk.journal.kept());
  next.open();
  EXPECT_EQ(next.code(id, "a", R"({"decision": "y"})"), "step-completed");
}

TEST(People, OfManyCompletionsAtOnceOneWins) {
  Desk desk;
  constexpr int kRounds = 20;
  for (int round = 0; round < kRounds; ++round) {
    const InstanceId id = desk.start_and_rest(kApprove);
    std::atomic<int> won{0};
    std::atomic<int> late{0};
    std::vector<std::thread> people;
    people.reserve(4);
    for (int person = 0; person < 4; ++person)
      people.emplace_back([&] {
        std::promise<Status> done;
        desk.engine.complete_step(id, Desk::answer("approve", R"({"decision": "approve"})"),
                                  [&](Status status) { done.set_value(std::move(status)); });
        const Status status = done.get_future().get();
        ++(status ? won : late);
        if (!status) {
          EXPECT_EQ(status.error().code, "step-completed");
        }
      });
    for (std::thread& person : people) person.join();
    EXPECT_EQ(won, 1);
    EXPECT_EQ(late, 3);
  }
  desk.settle();
}

TEST(People, TheAnswerComesOnceTheResultIsDurable) {
  Desk desk;
  const InstanceId id = desk.start_and_rest(kApprove);
  desk.journal.set_mode(KeepingJournal::Mode::by_hand);
  std::atomic<bool> told{false};
  desk.engine.complete_step(id, Desk::answer("approve", R"({"decision": "approve"})"),
                            [&](const Status& status) { told = status.has_value(); });
  while (desk.journal.waiting() == 0) std::this_thread::yield();
  desk.rest();
  EXPECT_FALSE(told);
  EXPECT_EQ(desk.waiting(id).task, "approve");
  desk.journal.make_durable();
  desk.rest();
  desk.journal.set_mode(KeepingJournal::Mode::at_once);
  desk.rest();
  EXPECT_TRUE(told);
}

TEST(People, AnAmbiguousNameIsRefusedWithTheReferences) {
  Desk desk;
  const InstanceId id = desk.start_and_rest(kTwoWait);
  const Status status = desk.complete(id, "approve", R"({"decision": "y"})");
  EXPECT_EQ(status.error().code, "step-ambiguous");
  EXPECT_EQ(
      to_json(status.error().extensions.get("references")),
      R"(["/do/0/both/fork/branches/0/approve","/do/0/both/fork/branches/1/inner/do/0/approve"])");
  EXPECT_EQ(desk.code(id, "/do/0/both/fork/branches/0/approve", R"({"decision": "y"})"), "");
  EXPECT_EQ(
      desk.code(id, std::to_string(desk.waiting(id).id.number).c_str(), R"({"decision": "y"})"),
      "");
  EXPECT_EQ(desk.look(id).status, InstanceStatus::completed);
}

TEST(People, AFormGivesItsFieldsWithDefaults) {
  Desk desk;
  const InstanceId id = desk.start_and_rest(kForm);
  StepAnswer what = Desk::answer(
      "ask", R"({"reason": "late", "approver": null, "paper": "f_00000000000000000000000000"})");
  what.files.emplace(kFile, pdf(kFile));
  std::vector<std::string> attached;
  const StepId asked = desk.waiting(id).id;
  what.prepare = [&](const StepAnswer::Preparation& of, const std::function<void(Status)>& done) {
    EXPECT_EQ(of.instance, id);
    EXPECT_EQ(of.step, asked);
    attached = of.files;
    done({});
  };
  ASSERT_TRUE(desk.complete(id, std::move(what)));
  EXPECT_EQ(
      to_json(desk.look(id).output),
      R"({"reason":"late","amount":5,"paper":{"file":"f_00000000000000000000000000","name":"a.pdf","mediaType":"application/pdf","size":100,"sha256":""}})");
  EXPECT_EQ(attached, std::vector<std::string>{kFile});
}

// It once ended the process.
TEST(People, AnAnswerThatIsPreparedForTooLongIsToldThatAllHasEnded) {
  Desk desk;
  const InstanceId id =
      desk.start_and_rest("do: [{a: {call: decision, with: {prompt: p, options: [y, n]}}}]\n");
  std::promise<Status> told;
  const std::function<void(Status)> prepared =
      desk.begin_to_complete(id, "a", R"({"decision": "n"})", told);
  std::promise<void> stopped;
  desk.engine.request(Engine::Operation::stop, id,
                      [&](const Status& /*status*/) { stopped.set_value(); });
  stopped.get_future().wait();
  while (!desk.engine.at_rest()) std::this_thread::yield();
  prepared({});
  const Status status = told.get_future().get();
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, "instance-ended");
}

TEST(People, AnAnswerThatIsPreparedIsForTheStepThatWasMeant) {
  Desk desk;
  const InstanceId id = desk.start_and_rest(
      "do: [{a: {call: decision, with: {prompt: p, options: [y, n]}, then: a}}]\n");
  const StepId first = desk.waiting(id).id;
  std::promise<Status> told;
  const std::function<void(Status)> prepared =
      desk.begin_to_complete(id, "a", R"({"decision": "n"})", told);
  EXPECT_EQ(desk.code(id, "a", R"({"decision": "y"})"), "");
  const StepId next = desk.waiting(id).id;
  EXPECT_NE(next, first);
  prepared({});
  const Status late = told.get_future().get();
  desk.rest();
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, "step-completed");
  EXPECT_EQ(late.error().status, 409);
  EXPECT_EQ(desk.waiting(id).id, next);
}

TEST(People, AFormTakesNothingElse) {
  Desk desk;
  const InstanceId id = desk.start_and_rest(kForm);
  struct Case {
    const char* output;
    const char* field;
  };
  for (const Case& c : std::vector<Case>{{R"({})", "reason"},
                                         {R"({"reason": ""})", "reason"},
                                         {R"({"reason": 5})", "reason"},
                                         {R"({"reason": "123456789012345678901"})", "reason"},
                                         {R"({"reason": "a", "amount": 0})", "amount"},
                                         {R"({"reason": "a", "approver": "olga"})", "approver"},
                                         {R"({"reason": "a", "owner": "nobody"})", "owner"},
                                         {R"({"reason": "a", "paper": "f_1"})", "paper"},
                                         {R"({"reason": "a", "paper": 1})", "paper"},
                                         {R"({"reason": "a", "odd": 1})", "odd"},
                                         {R"([])", ""}}) {
    StepAnswer what = Desk::answer("ask", c.output);
    what.known_user = [](std::string_view name) { return name == "ana"; };
    const Status status = desk.complete(id, std::move(what));
    ASSERT_FALSE(status) << c.output;
    EXPECT_EQ(status.error().code, "step-output-invalid");
    EXPECT_EQ(status.error().extensions.get("field"), Value(c.field)) << c.output;
  }
}

TEST(People, AFileHasToFitAndToBeThere) {
  Desk desk;
  const InstanceId id = desk.start_and_rest(kForm);
  const auto code_with = [&](FileInfo info, bool prepared) {
    StepAnswer what = Desk::answer(
        "ask", R"({"reason": "a", "paper": {"file": "f_00000000000000000000000000"}})");
    what.files.emplace(info.id, std::move(info));
    if (prepared)
      what.prepare = [](const StepAnswer::Preparation&, const std::function<void(Status)>& done) {
        done(fail(make_problem(ErrorKind::validation, "file-in-use", "taken")));
      };
    const Status status = desk.complete(id, std::move(what));
    return status ? "" : status.error().code;
  };
  FileInfo large = pdf(kFile);
  large.size = 1025;
  FileInfo image = pdf(kFile);
  image.media_type = "image/png";
  EXPECT_EQ(code_with(large, true), "step-output-invalid");
  EXPECT_EQ(code_with(image, true), "step-output-invalid");
  EXPECT_EQ(code_with(pdf(kFile), true), "file-in-use");
  EXPECT_EQ(code_with(pdf(kFile), false), "step-output-invalid");
  EXPECT_EQ(desk.waiting(id).task, "ask");
}

TEST(People, AnUploadGivesItsFiles) {
  Desk desk;
  const InstanceId id = desk.start_and_rest(kUpload);
  StepAnswer what = Desk::answer("papers", R"({"files": ["f_00000000000000000000000000"]})");
  what.files.emplace(kFile, pdf(kFile));
  what.prepare = [](const StepAnswer::Preparation&, const std::function<void(Status)>& done) {
    done({});
  };
  ASSERT_TRUE(desk.complete(id, std::move(what)));
  EXPECT_EQ(desk.look(id).output.get("files").at(0).get("name"), Value("a.pdf"));
}

// --- time ---

TEST(People, WhatIsDueIsToldOfAndGoesOnWaiting) {
  Desk desk;
  std::vector<Value> told;
  desk.engine.events().watch({"io.serverlessworkflow.task.due.v1"},
                             [&](const Value& event) { told.push_back(event); });
  const InstanceId id = desk.start_and_rest(kApprove);
  const WallTime due = desk.clock.now() + hours(48);
  desk.timers.fire_next();
  desk.rest();
  EXPECT_EQ(desk.clock.now(), due);
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].get("source"), Value("/test/flow/" + std::to_string(id.number)));
  EXPECT_EQ(to_json(told[0].get("data")),
            R"({"workflow":"flow-)" + std::to_string(id.number) +
                R"(.test","task":"/do/0/approve","kind":"decision","dueAt":")" + format_time(due) +
                R"(","assignee":"ana","prompt":"ok?"})");
  EXPECT_TRUE(desk.waiting(id).overdue);
  EXPECT_EQ(desk.timers.size(), 0U);
  EXPECT_EQ(desk.code(id, "approve", R"({"decision": "approve"})"), "");
  EXPECT_EQ(desk.look(id).output, parse_json(R"({"got": "approve"})").value());
}

TEST(People, WhatIsCompletedInTimeIsNotTold) {
  Desk desk;
  const InstanceId id = desk.start_and_rest(kApprove);
  EXPECT_EQ(desk.timers.size(), 1U);
  EXPECT_EQ(desk.code(id, "approve", R"({"decision": "approve"})"), "");
  EXPECT_EQ(desk.timers.size(), 0U);
}

TEST(People, ADueTimeMayBeATimeAndAnExpression) {
  MachineDriver flow(
      "do: [{a: {call: decision, with: {prompt: p, options: [y], due: '${ .at }'}}}]\n",
      R"({"at": "2025-11-21T15:00:00Z"})");
  EXPECT_EQ(flow.state().frames[1].parked->due, parse_time("2025-11-21T15:00:00Z").value());
  flow.advance(hours(2));
  EXPECT_EQ(flow.emitted().size(), 1U);
  EXPECT_EQ(flow.status(), InstanceStatus::waiting);
}

TEST(People, ATimeoutEndsTheWaiting) {
  Desk desk;
  const InstanceId id = desk.start_and_rest(
      "do: [{a: {call: decision, timeout: {after: PT1H}, with: {prompt: p, options: [y], due: "
      "PT2H}}}]\n");
  EXPECT_EQ(desk.timers.size(), 2U);
  desk.timers.fire_next();
  desk.rest();
  EXPECT_EQ(desk.look(id).status, InstanceStatus::faulted);
  EXPECT_EQ(desk.look(id).problem->code, "timeout");
  EXPECT_EQ(desk.timers.size(), 0U);
  EXPECT_EQ(desk.tasks().size(), 0U);
}

TEST(People, StopEndsTheWaiting) {
  Desk desk;
  const InstanceId id = desk.start_and_rest(kApprove);
  EXPECT_TRUE(desk.request(Engine::Operation::stop, id));
  desk.rest();
  EXPECT_EQ(desk.look(id).status, InstanceStatus::stopped);
  EXPECT_EQ(desk.timers.size(), 0U);
  EXPECT_EQ(desk.code(id, "approve", R"({"decision": "approve"})"), "instance-ended");
  EXPECT_EQ(desk.tasks().size(), 0U);
}

TEST(People, TheFirstOfCompetingBranchesCancelsTheOther) {
  Desk desk;
  const InstanceId id = desk.start_and_rest(R"(do:
  - race:
      fork:
        compete: true
        branches:
          - a: {call: decision, with: {prompt: a, options: [y], due: PT1H}}
          - b: {call: decision, with: {prompt: b, options: [n]}}
)");
  EXPECT_EQ(desk.tasks(), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(desk.code(id, "b", R"({"decision": "n"})"), "");
  EXPECT_EQ(desk.look(id).output.get("decision"), Value("n"));
  EXPECT_EQ(desk.timers.size(), 0U);
  EXPECT_EQ(desk.tasks().size(), 0U);
}

TEST(People, ArgumentsThatTurnOutWrongAreAFault) {
  MachineDriver flow("do: [{a: {call: decision, with: {prompt: p, options: '${ .options }'}}}]\n",
                     R"({"options": []})");
  EXPECT_EQ(flow.status(), InstanceStatus::faulted);
  EXPECT_EQ(flow.problem().code, "step-invalid");
  EXPECT_NE(flow.problem().detail.find("/options"), std::string::npos);
}

TEST(People, WhereNobodyIsThereTheStepFaults) {
  EngineOptions options{2, 1000, 1000};
  options.people = false;
  Life life({}, nullptr, options);
  const InstanceId id = life.start(kApprove);
  life.settle();
  const auto view = life.engine.find(id);
  EXPECT_EQ(view->status, InstanceStatus::faulted);
  EXPECT_EQ(view->problem->code, "step-unavailable");
}

// --- suspended ---

TEST(People, ASuspendedInstanceKeepsWhatAPersonDecides) {
  Desk desk;
  const InstanceId id = desk.start_and_rest(kApprove);
  EXPECT_TRUE(desk.request(Engine::Operation::suspend, id));
  EXPECT_TRUE(desk.patch(id, "approve", R"({"prompt": "really?"})"));
  EXPECT_EQ(desk.waiting(id).arguments.get("prompt"), Value("really?"));
  EXPECT_EQ(desk.code(id, "approve", R"({"decision": "approve"})"), "");
  EXPECT_EQ(desk.look(id).status, InstanceStatus::suspended);
  EXPECT_TRUE(desk.look(id).open_steps.empty());
  EXPECT_EQ(desk.code(id, "approve", R"({"decision": "approve"})"), "step-completed");
  EXPECT_TRUE(desk.request(Engine::Operation::resume, id));
  desk.rest();
  EXPECT_EQ(desk.look(id).status, InstanceStatus::completed);
}

TEST(People, ASuspendedInstanceKeepsAMailThatWasLetGo) {
  Desk desk;
  const InstanceId id = desk.start_and_rest(kHeld);
  EXPECT_TRUE(desk.request(Engine::Operation::suspend, id));
  EXPECT_EQ(desk.code(id, "mail", "{}"), "");
  EXPECT_TRUE(desk.look(id).open_steps.empty());
  EXPECT_EQ(desk.code(id, "mail", "{}"), "step-completed");
  EXPECT_TRUE(desk.steps.empty());
}

// --- emails ---

TEST(People, AnEmailThatIsNotHeldIsSentAtOnce) {
  Desk desk;
  const InstanceId id =
      desk.start("do: [{mail: {call: email, with: {to: a@b.c, subject: s, body: b}}}]\n");
  FakeSteps::Started step = desk.steps.next();
  EXPECT_EQ(to_json(step.call.arguments), R"({"to":"a@b.c","subject":"s","body":"b"})");
  EXPECT_FALSE(step.call.repeatable);
  step.ticket.finish(std::make_unique<ReadyResult>(Value(1)));
  desk.settle();
  EXPECT_EQ(desk.look(id).status, InstanceStatus::completed);
}

TEST(People, AHeldEmailIsChangedAndThenSent) {
  Desk desk;
  const InstanceId id = desk.start_and_rest(kHeld);
  EXPECT_EQ(desk.code(id, "mail", R"({"send": 1})"), "step-output-invalid");
  const Status odd = desk.patch(id, "mail", R"({"hold": false})");
  EXPECT_EQ(odd.error().code, "step-change-invalid");
  EXPECT_EQ(odd.error().extensions.get("field"), Value("/hold"));
  EXPECT_EQ(desk.patch(id, "mail", R"({"to": "nobody"})").error().code, "step-change-invalid");
  EXPECT_EQ(desk.patch(id, "mail", R"({"to": null})").error().code, "step-change-invalid");
  ASSERT_TRUE(
      desk.patch(id, "mail", R"({"to": ["x@y.z", "q@y.z"], "cc": "c@y.z", "body": "new"})"));
  EXPECT_EQ(desk.waiting(id).arguments.get("cc"), Value("c@y.z"));
  EXPECT_TRUE(desk.steps.empty());
  ASSERT_EQ(desk.code(id, "mail", "{}"), "");
  EXPECT_EQ(desk.patch(id, "mail", R"({"cc": null})").error().code, "step-completed");
  EXPECT_EQ(desk.code(id, "mail", "{}"), "step-completed");
  FakeSteps::Started step = desk.steps.next();
  EXPECT_EQ(to_json(step.call.arguments),
            R"({"to":["x@y.z","q@y.z"],"subject":"s","body":"new","cc":"c@y.z"})");
  EXPECT_FALSE(step.call.repeatable);
  const std::vector<Record> log = desk.journal.log();
  EXPECT_TRUE(std::any_of(log.begin(), log.end(), [](const Record& record) {
    return record.kind == Kind::step_started && record.id != 0;
  }));
  step.ticket.finish(std::make_unique<ReadyResult>(Value("sent")));
  desk.settle();
  EXPECT_EQ(desk.look(id).output, Value("sent"));
}

TEST(People, AHeldEmailNeedNotBeSent) {
  Desk desk;
  const InstanceId id = desk.start_and_rest(kHeld);
  ASSERT_EQ(desk.code(id, "mail", R"({"send": false})", "ana"), "");
  EXPECT_EQ(desk.look(id).output.get("sent"), Value(false));
  EXPECT_EQ(desk.look(id).output.get("completedBy"), Value("ana"));
  EXPECT_TRUE(desk.steps.empty());
}

TEST(People, AnEmailThatWasLetGoIsSentAfterACrashUnlessItMayHaveBeen) {
  Desk desk;
  const InstanceId id = desk.start_and_rest(kHeld);
  ASSERT_EQ(desk.code(id, "mail", "{}"), "");
  const KeptRecords kept = desk.journal.kept();
  {
    Desk next(kept);
    next.open();
    next.rest();
    EXPECT_TRUE(next.steps.empty());
    EXPECT_EQ(next.look(id).problem->code, "outcome-unknown");
  }
  // The plug is pulled between the two records.
  KeptRecords earlier = kept;
  std::erase_if(earlier.instances.at(id).rest,
                [](const auto& record) { return record.second.kind == Kind::step_started; });
  Desk next(earlier);
  next.open();
  next.answer_next(Value("sent"));
  next.settle();
  EXPECT_EQ(next.look(id).output, Value("sent"));
}

// --- changes ---

TEST(People, OptionsOfFieldsAndWhoAndWhenMayBeChanged) {
  Desk desk;
  const InstanceId id = desk.start_and_rest(kForm);
  ASSERT_TRUE(
      desk.patch(id, "ask", R"({"fields": {"approver": {"options": ["olga"]}}, "assignee": "zoe",
                                    "due": "PT1H", "prompt": "now"})"));
  const OpenStep step = desk.waiting(id);
  EXPECT_EQ(to_json(step.arguments.get("fields").at(2)),
            R"({"name":"approver","kind":"user","options":["olga"]})");
  EXPECT_EQ(step.due, desk.clock.now() + hours(1));
  EXPECT_EQ(desk.timers.size(), 1U);
  EXPECT_EQ(desk.code(id, "ask", R"({"reason": "a", "approver": "ana"})"), "step-output-invalid");
  EXPECT_EQ(desk.code(id, "ask", R"({"reason": "a", "approver": "olga"})", "ana"),
            "step-not-yours");
  OpenStepFilter zoes;
  zoes.assignee = "zoe";
  EXPECT_EQ(desk.tasks(zoes), std::vector<std::string>{"ask"});
  ASSERT_TRUE(desk.patch(id, "ask", R"({"due": null, "assignee": null})"));
  EXPECT_EQ(desk.timers.size(), 0U);
  EXPECT_EQ(desk.tasks(zoes).size(), 0U);
  EXPECT_EQ(desk.code(id, "ask", R"({"reason": "a", "approver": "olga"})"), "");
  EXPECT_EQ(desk.patch(id, "ask", R"({"prompt": "x"})").error().code, "step-completed");
}

TEST(People, WhatMayNotBeChangedIsNot) {
  Desk desk;
  const InstanceId id = desk.start_and_rest(kForm);
  struct Case {
    const char* patch;
    const char* field;
  };
  for (const Case& c :
       std::vector<Case>{{R"({"fields": []})", "/fields"},
                         {R"({"fields": {"odd": {}}})", "/fields/odd"},
                         {R"({"fields": {"reason": {"kind": "number"}}})", "/fields/reason/kind"},
                         {R"({"fields": {"approver": {"options": []}}})", "/fields/2/options"},
                         {R"({"fields": null})", "/fields"},
                         {R"({"due": "soon"})", "/due"},
                         {R"({"options": ["a"]})", "/options"},
                         {R"([1])", "/"}}) {
    const Status status = desk.patch(id, "ask", c.patch);
    ASSERT_FALSE(status) << c.patch;
    EXPECT_EQ(status.error().code, "step-change-invalid");
    EXPECT_EQ(status.error().extensions.get("field"), Value(c.field)) << c.patch;
  }
  StepAnswer others = Desk::answer("ask", R"({"prompt": "x"})", "eve");
  EXPECT_EQ(desk.ask(id, std::move(others), true).error().code, "step-not-yours");
}

TEST(MergePatch, IsRfc7396) {
  struct Case {
    const char* target;
    const char* patch;
    const char* result;
  };
  // Appendix A.
  for (const Case& c : std::vector<Case>{
           {R"({"a":"b"})", R"({"a":"c"})", R"({"a":"c"})"},
           {R"({"a":"b"})", R"({"b":"c"})", R"({"a":"b","b":"c"})"},
           {R"({"a":"b"})", R"({"a":null})", R"({})"},
           {R"({"a":["b"]})", R"({"a":"c"})", R"({"a":"c"})"},
           {R"({"a":"c"})", R"({"a":["b"]})", R"({"a":["b"]})"},
           {R"({"a":{"b":"c"}})", R"({"a":{"b":"d","c":null}})", R"({"a":{"b":"d"}})"},
           {R"(["a","b"])", R"(["c","d"])", R"(["c","d"])"},
           {R"({"e":null})", R"({"a":1})", R"({"e":null,"a":1})"},
           {R"([1,2])", R"({"a":"b","c":null})", R"({"a":"b"})"},
           {R"({})", R"({"a":{"bb":{"ccc":null}}})", R"({"a":{"bb":{}}})"}})
    EXPECT_EQ(to_json(merge_patch(parse_json(c.target).value(), parse_json(c.patch).value())),
              c.result);
}

// --- sleep, snapshots, restarts ---

TEST(People, WhoWaitsForAPersonLeavesMemoryAndIsWokenByHim) {
  Desk desk;
  const InstanceId id = desk.start_and_rest(kApprove);
  desk.night();
  EXPECT_FALSE(desk.engine.peek(id));
  OpenStepFilter anas;
  anas.assignee = "ana";
  const OpenSteps tasks = desk.engine.open_steps(anas, 10).value();
  ASSERT_EQ(tasks.steps.size(), 1U);
  EXPECT_EQ(tasks.steps[0].arguments.get("prompt"), Value("ok?"));
  EXPECT_EQ(desk.waiting(id).reference, "/do/0/approve");
  EXPECT_FALSE(desk.engine.peek(id));  // to be looked at it need not come back
  EXPECT_EQ(desk.code(id, "approve", R"({"decision": "approve"})"), "");
  desk.rest();
  EXPECT_EQ(desk.look(id).output, parse_json(R"({"got": "approve"})").value());
  EXPECT_EQ(desk.tasks().size(), 0U);
}

TEST(People, WhoSleepsIsStillToldOfWhenItIsDue) {
  Desk desk;
  std::vector<Value> told;
  desk.engine.events().watch({"io.serverlessworkflow.*"}, [&](const Value& event) {
    if (event.get("type") == Value("io.serverlessworkflow.task.due.v1")) told.push_back(event);
  });
  const InstanceId id = desk.start_and_rest(kApprove);
  const WallTime due = desk.clock.now() + hours(48);
  desk.night();
  EXPECT_FALSE(desk.engine.peek(id));
  desk.timers.fire_next();
  do desk.rest();
  while (told.empty());
  EXPECT_EQ(desk.clock.now(), due);
  desk.night();
  EXPECT_FALSE(desk.engine.peek(id));
  EXPECT_TRUE(desk.waiting(id).overdue);
}

TEST(People, OpenStepsSurviveARestartWithTheirTimes) {
  Desk desk;
  const InstanceId id = desk.start_and_rest(kApprove);
  const WallTime started = desk.clock.now();
  ASSERT_TRUE(desk.patch(id, "approve", R"({"assignee": "bob", "prompt": "sure?"})"));
  for (const bool asleep : {false, true}) {
    Life next(desk.journal.kept(), nullptr, asleep ? sleepy() : EngineOptions{2, 1000, 1000});
    next.clock.advance(hours(1));
    next.open();
    next.rest();
    EXPECT_EQ(next.engine.peek(id).has_value(), !asleep);
    OpenStepFilter bobs;
    bobs.assignee = "bob";
    const OpenSteps tasks = next.engine.open_steps(bobs, 10).value();
    ASSERT_EQ(tasks.steps.size(), 1U);
    EXPECT_EQ(tasks.steps[0].started, started);
    EXPECT_EQ(tasks.steps[0].due, started + hours(48));
    EXPECT_EQ(tasks.steps[0].arguments.get("prompt"), Value("sure?"));
    next.timers.fire_next();
    next.rest();
    EXPECT_EQ(next.clock.now(), started + hours(48));
  }
}

TEST(People, ASnapshotHoldsWhatWaits) {
  Desk desk;
  const InstanceId id = desk.start_and_rest(kMixed);
  ASSERT_TRUE(desk.patch(id, "mail", R"({"subject": "t"})"));
  ASSERT_EQ(desk.code(id, "one", R"({"decision": "y"})"), "");
  ASSERT_TRUE(desk.request(Engine::Operation::suspend, id));
  ASSERT_EQ(desk.code(id, "mail", "{}"), "");
  const auto records = desk.journal.read(id).value();
  const Program own(definition(kMixed));
  const Replayed replayed = replay(own, id, records).value();
  const Value snapshot = to_snapshot(replayed);
  const auto again = read_snapshot(own, parse_json(to_json(snapshot)).value());
  ASSERT_TRUE(again) << again.error().detail;
  EXPECT_EQ(to_json(to_snapshot(*again)), to_json(snapshot));
  EXPECT_EQ(again->state.completed_by_people.size(), 1U);
  EXPECT_EQ(again->state.deferred.size(), 1U);
  EXPECT_TRUE(desk.request(Engine::Operation::resume, id));
  EXPECT_EQ(desk.steps.next().call.arguments.get("subject"), Value("t"));
}

TEST(People, TheListOfOpenStepsHasFiltersAndPages) {
  Desk desk;
  const InstanceId first = desk.start_and_rest(kApprove);
  const InstanceId second = desk.start_and_rest(kForm);
  (void)desk.start_and_rest(kUpload);
  desk.night();
  (void)desk.start_and_rest(kHeld);
  using Names = std::vector<std::string>;
  EXPECT_EQ(desk.tasks(), (Names{"approve", "ask", "papers", "mail"}));
  OpenStepFilter filter;
  filter.assignee = "ana";
  EXPECT_EQ(desk.tasks(filter), (Names{"approve", "ask", "mail"}));
  filter.kind = PersonKind::form;
  EXPECT_EQ(desk.tasks(filter), (Names{"ask"}));
  filter = {};
  filter.workflow = "test/flow";
  EXPECT_EQ(desk.tasks(filter).size(), 4U);
  filter.workflow = "test/flow:2.0.0";
  EXPECT_EQ(desk.tasks(filter).size(), 0U);
  filter = {};
  filter.overdue = true;
  EXPECT_EQ(desk.tasks(filter).size(), 0U);
  desk.clock.advance(hours(50));
  EXPECT_EQ(desk.tasks(filter), (Names{"approve"}));
  filter.overdue = false;
  EXPECT_EQ(desk.tasks(filter), (Names{"ask", "papers", "mail"}));
  filter = {};
  OpenSteps page = desk.engine.open_steps(filter, 2).value();
  EXPECT_TRUE(page.more);
  EXPECT_EQ(page.steps[0].instance, first);
  EXPECT_EQ(page.last.first, second);
  filter.after_instance = page.last.first;
  filter.after_step = page.last.second;
  page = desk.engine.open_steps(filter, 2).value();
  EXPECT_FALSE(page.more);
  EXPECT_EQ(page.steps[0].task, "papers");
}

}  // namespace
}  // namespace stepwell::engine::test
