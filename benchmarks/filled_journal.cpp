#include "benchmarks/filled_journal.h"

#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/problem.h"
#include "benchmarks/bench_node.h"
#include "config/loader.h"
#include "config/sources.h"
#include "engine/instance_filter.h"
#include "store/sqlite_journal.h"

namespace stepwell::bench {
namespace {

constexpr std::size_t kAtOnce = 20'000;  // instances whose records wait to become durable

[[noreturn]] void give_up(const Problem& problem) {
  std::fprintf(stderr, "%s\n", problem.one_line().c_str());
  std::exit(1);
}

// Counts what is durable, and lets a thread wait for it.
class Durable {
 public:
  void one_more(const Status& status) {
    if (!status) give_up(status.error());
    const std::scoped_lock lock(mutex_);
    ++count_;
    changed_.notify_all();
  }
  void wait_for(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return count_ >= count; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t count_ = 0;  // guarded by mutex_
};

constexpr Milliseconds kBetween{10};

// What all of one kind have in common.
struct Stored {
  std::vector<std::shared_ptr<const config::Definition>> definitions;
  WallTime first;
  Value answer = Value::object({{"a", 1}, {"filler", std::string(178, 'x')}});
  Value problem =
      make_problem(ErrorKind::communication, "http-status", "the server answered 404").to_value();
};

Stored prepare(std::size_t finished) {
  Stored stored;
  stored.first = SystemClock().now() - kBetween * static_cast<std::int64_t>(finished);
  for (std::size_t i = 0; i < kStoredWorkflows; ++i) {
    const std::string name = stored_workflow(i).substr(std::string("bench/").size());
    std::string text =
        one_call("get", "http://127.0.0.1:1/", i + 1 == kStoredWorkflows ? "crm" : "");
    const std::string mark = "name: call";
    text.replace(text.find(mark), mark.size(), "name: " + name);
    const config::Loaded loaded = config::load_definition(text, "bench.yaml");
    if (!loaded.definition) {
      std::fprintf(stderr, "%s\n", loaded.faults.front().text().c_str());
      std::exit(1);
    }
    stored.definitions.push_back(loaded.definition);
  }
  return stored;
}

engine::Record record(const Stored& stored, engine::Record::Kind kind, std::size_t instance,
                      std::uint32_t number, Value payload) {
  engine::Record out{};
  out.kind = kind;
  out.instance = InstanceId{instance};
  out.time = stored.first + kBetween * static_cast<std::int64_t>(instance);
  out.id = kind == engine::Record::Kind::step_finished ? 1 : 0;
  out.random = 4711 * instance;
  out.payload = std::move(payload);
  out.number = number;
  return out;
}

Value credentials_of(const config::Definition& definition) {
  Value names = Value::array();
  for (const auto& [name, where] : definition.credentials) names.push_back(name);
  return names;
}

Value asked(const Stored& stored, std::size_t i) {
  const config::Definition& definition = *stored.definitions[i % kStoredWorkflows];
  Value payload = Value::object({{"workflow", definition.id()},
                                 {"digest", definition.digest},
                                 {"traceId", "0123456789abcdef0123456789abcdef"},
                                 {"input", Value::object()}});
  engine::Label label;
  if (i % 4 == 0) {
    label.name = "order " + std::to_string(i);
    label.tags = Value::array({"region-" + std::to_string(i / 4 % 20)});
    if (i % 10'000 == 0) label.tags.push_back("rare");
  }
  if (i % 100 == 0) label.priority = engine::Priority::high;
  if (i % 1'000 == 0) {
    label.deadline = stored.first + kBetween * static_cast<std::int64_t>(i + 100);
    payload.set("parent",
                Value::object({{"id", i - 1}, {"step", 1}, {"awaited", false}, {"level", 1}}));
  }
  engine::add_label(payload, label);
  return payload;
}

Value ended(const Stored& stored, std::size_t i) {
  if (i % 50 == 1)
    return Value::object({{"status", "faulted"}, {"problem", stored.problem}, {"progress", 0}});
  if (i % 200 == 3) return Value::object({{"status", "stopped"}, {"progress", 0}});
  return Value::object({{"status", "completed"}, {"output", stored.answer}});
}

}  // namespace

std::string stored_workflow(std::size_t number) { return "bench/stored-" + std::to_string(number); }

void fill_journal(const std::filesystem::path& data, std::size_t finished) {
  using Kind = engine::Record::Kind;
  const std::filesystem::path folder = data / "data";
  std::filesystem::create_directories(folder);
  std::filesystem::permissions(folder, std::filesystem::perms::owner_all);
  Metrics metrics;
  auto journal =
      store::SqliteJournal::open((folder / "journal.db").string(), {}, metrics, Log::null());
  if (!journal) give_up(journal.error());
  const Stored stored = prepare(finished);
  for (const auto& definition : stored.definitions)
    (*journal)->append(record(stored, Kind::definition, 0, 0,
                              Value::object({{"digest", definition->digest},
                                             {"sources", config::to_value(*definition->sources)},
                                             {"credentials", credentials_of(*definition)}})),
                       {});
  Durable durable;
  for (std::size_t i = 1; i <= finished; ++i) {
    (*journal)->append(record(stored, Kind::started, i, 1, asked(stored, i)), {});
    (*journal)->append(
        record(stored, Kind::step_finished, i, 2, Value::object({{"output", stored.answer}})), {});
    (*journal)->append(record(stored, Kind::ended, i, 3, ended(stored, i)),
                       [&durable](const Status& status) { durable.one_more(status); });
    if (i > kAtOnce) durable.wait_for(i - kAtOnce);
  }
  durable.wait_for(finished);
}

}  // namespace stepwell::bench
