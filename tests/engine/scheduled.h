// An engine with schedules, with time and events in the test's hands, over a journal that another
// such world can go on from.
#pragma once

#include <gtest/gtest.h>

#include <future>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/json.h"
#include "config/loader.h"
#include "engine/schedules.h"
#include "tests/support/engine_fakes.h"
#include "tests/support/fake_entropy.h"
#include "tests/support/keeping_journal.h"

namespace stepwell::engine::test {

using stepwell::test::FakeEntropy;
using stepwell::test::FakeSteps;
using stepwell::test::FakeTimers;
using stepwell::test::KeepingJournal;
using stepwell::test::KeptRecords;
using stepwell::test::ManualClock;
using stepwell::test::ReadyResult;

struct Scheduled {
  explicit Scheduled(const char* now = "2026-11-22T06:30:00Z", KeptRecords kept = {})
      : clock(parse_time(now).value()), journal(std::move(kept)) {}
  Scheduled(const Scheduled&) = delete;
  Scheduled& operator=(const Scheduled&) = delete;

  // A workflow that calls something and ends once the test answers.
  Catalog::Entry workflow(const std::string& schedule, const std::string& version = "1.0.0",
                          const std::string& name = "w", const std::string& more = "",
                          const std::string& own = "{}") {
    const std::string text = "document: {dsl: 1.0.3, namespace: n, name: " + name +
                             ", version: " + version + ", metadata: {stepwell: " + own + "}}\n" +
                             (schedule.empty() ? "" : "schedule: " + schedule + "\n") + more +
                             "do: [{get: {call: http, with: {method: get, endpoint: "
                             "'http://h/'}}}]\n";
    const config::Loaded loaded = config::load_definition(text, "w.yaml");
    EXPECT_TRUE(loaded.definition) << text;
    return {loaded.definition, engine.prepare(loaded.definition)};
  }
  void schedule(const std::string& schedule) {
    schedules.replace({workflow(schedule)});
    settle();
  }
  // As a daemon starts.
  void start(const std::vector<Catalog::Entry>& workflows) {
    EXPECT_TRUE(engine.recover(nullptr));
    EXPECT_TRUE(schedules.recover());
    schedules.replace(workflows);
    engine.go_on();
    settle();
  }
  // Waits until what happened can be read.
  void settle() const {
    while (!engine.at_rest()) std::this_thread::yield();
  }
  void fire_next() {
    timers.fire_next();
    settle();
  }
  InstanceView view_of(InstanceId id) const {
    settle();
    return engine.find(id).value();
  }
  // The next instance that runs, as it was started; it ends at once.
  InstanceView run_next() {
    auto step = steps.next();
    const InstanceView view = view_of(step.call.instance);
    auto ended = std::make_shared<std::promise<void>>();
    engine.when_ended(view.id, [ended](const InstanceView&) { ended->set_value(); });
    step.ticket.finish(std::make_unique<ReadyResult>(Value()));
    ended->get_future().wait();
    engine.wait_until_idle(Deadline());
    return view;
  }
  std::string next_input() { return to_json(run_next().input); }
  std::size_t open() const {
    settle();
    return engine.open_instances();
  }
  ScheduleView view() const {
    settle();
    return schedules.list().at(0);
  }
  std::string next_time() const {
    const auto next = view().next;
    return next ? format_time(*next) : "none";
  }
  void publish(const std::string& event) {
    engine.publish(parse_json(event).value(), [](const Status& status) { EXPECT_TRUE(status); });
    settle();
  }
  // What a kill -9 would leave.
  KeptRecords kept() const {
    settle();
    return journal.kept();
  }

  ManualClock clock;
  FakeEntropy entropy;
  Metrics metrics;
  FakeSteps steps;
  FakeTimers timers{clock};
  KeepingJournal journal;
  Engine engine{{2, 1000, 10}, steps, journal, timers, clock, entropy, metrics, Log::null()};
  Schedules schedules{engine, journal, timers, clock, metrics, Log::null()};
};

}  // namespace stepwell::engine::test
