#include "benchmarks/machine_cost.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>

#include "config/loader.h"
#include "engine/machine.h"

namespace stepwell::bench {
namespace {

constexpr int kRounds = 5;
constexpr std::size_t kTasks = 200;  // of one instance
constexpr std::chrono::milliseconds kSliceOfMachine{200};

struct Flow {
  const char* name;
  std::string tasks;  // the list of `do`
};

std::string many(const std::string& task) {
  std::string out = "[";
  for (std::size_t i = 0; i < kTasks; ++i)
    out += (i == 0 ? "{t" : ", {t") + std::to_string(i) + ": " + task + "}";
  return out + "]";
}

std::string loop(const std::string& tasks) {
  return "[{l: {for: {in: '[range(" + std::to_string(kTasks) + ")]'}, do: " + tasks + "}}]";
}

std::vector<Flow> flows() {
  return {
      {"machine-set-constant", many("{set: {n: 1}}")},
      {"machine-set-expression", many("{set: {n: '${ .n + 1 }'}}")},
      {"machine-switch", many("{switch: [{few: {when: .n > 5, then: exit}}, {else: {then: "
                              "continue}}]}")},
      {"machine-for-round", loop("[]")},
      {"machine-for-with-set", loop("[{s: {set: {n: '${ .n + 1 }'}}}]")},
  };
}

std::shared_ptr<const config::Definition> read(const Flow& flow) {
  const config::Loaded loaded = config::load_definition(
      "document: {dsl: 1.0.0, namespace: bench, name: flow, version: 1.0.0}\ndo: " + flow.tasks,
      "bench.yaml");
  if (loaded.definition) return loaded.definition;
  std::fprintf(stderr, "%s\n", loaded.faults.front().text().c_str());
  std::exit(1);
}

// One instance from its start to its end.
void run_once(const engine::Program& program, const Value& input) {
  engine::State state;
  std::vector<engine::Command> commands;
  const WallTime now{Milliseconds(1'763'733'600'000)};
  engine::apply(program, state,
                {now, engine::Started{InstanceId{1}, "0123456789abcdef0123456789abcdef", input}},
                commands);
  if (state.status != engine::InstanceStatus::completed) std::exit(1);
}

// Of this thread: what else the machine does does not count.
std::chrono::nanoseconds cpu_time() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

double nanoseconds_a_task(const engine::Program& program) {
  const Value input = Value::object({{"n", 0}});
  const auto begin = cpu_time();
  std::size_t instances = 0;
  while (cpu_time() - begin < kSliceOfMachine) {
    run_once(program, input);
    ++instances;
  }
  const std::chrono::duration<double, std::nano> took = cpu_time() - begin;
  return took.count() / static_cast<double>(instances * kTasks);
}

}  // namespace

std::vector<Row> machine_cost() {
  std::vector<Row> rows;
  for (const Flow& flow : flows()) {
    const engine::Program program(read(flow));
    Row row{flow.name, "ns a task", {}, {}, {}, false};
    for (int round = 0; round < kRounds; ++round) row.values.push_back(nanoseconds_a_task(program));
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace stepwell::bench
