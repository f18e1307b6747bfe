#include "benchmarks/filled_journal.h"

#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <string>
#include <utility>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "benchmarks/bench_node.h"
#include "config/loader.h"
#include "config/sources.h"
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

engine::Record record(engine::Record::Kind kind, std::size_t instance, std::uint32_t number,
                      Value payload) {
  engine::Record out{};
  out.kind = kind;
  out.instance = InstanceId{instance};
  out.time = WallTime{Milliseconds(1'763'733'600'000 + static_cast<std::int64_t>(instance))};
  out.id = kind == engine::Record::Kind::step_finished ? 1 : 0;
  out.random = 4711 * instance;
  out.payload = std::move(payload);
  out.number = number;
  return out;
}

}  // namespace

void fill_journal(const std::filesystem::path& data, std::size_t finished) {
  using Kind = engine::Record::Kind;
  const std::filesystem::path folder = data / "data";
  std::filesystem::create_directories(folder);
  std::filesystem::permissions(folder, std::filesystem::perms::owner_all);
  Metrics metrics;
  auto journal =
      store::SqliteJournal::open((folder / "journal.db").string(), {}, metrics, Log::null());
  if (!journal) give_up(journal.error());
  const config::Loaded loaded =
      config::load_definition(one_call("get", "http://127.0.0.1:1/"), "bench.yaml");
  const std::string& digest = loaded.definition->digest;
  (*journal)->append(
      record(Kind::definition, 0, 0,
             Value::object(
                 {{"digest", digest}, {"sources", config::to_value(*loaded.definition->sources)}})),
      {});
  const Value answer = Value::object({{"a", 1}, {"filler", std::string(178, 'x')}});
  Durable durable;
  for (std::size_t i = 1; i <= finished; ++i) {
    (*journal)->append(record(Kind::started, i, 1,
                              Value::object({{"workflow", loaded.definition->id()},
                                             {"digest", digest},
                                             {"traceId", "0123456789abcdef0123456789abcdef"},
                                             {"input", Value::object()}})),
                       {});
    (*journal)->append(record(Kind::step_finished, i, 2, Value::object({{"output", answer}})), {});
    (*journal)->append(
        record(Kind::ended, i, 3, Value::object({{"status", "completed"}, {"output", answer}})),
        [&durable](const Status& status) { durable.one_more(status); });
    if (i > kAtOnce) durable.wait_for(i - kAtOnce);
  }
  durable.wait_for(finished);
}

}  // namespace stepwell::bench
