#include "daemon/suspend_open.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "base/log.h"
#include "base/metrics.h"
#include "store/sqlite_journal.h"

namespace stepwell::daemon {

namespace {

using engine::Record;

// How an instance goes on from here.
struct Open {
  InstanceId id;
  std::uint32_t last = 0;
  bool suspended = false;
};

Open read(const std::vector<Record>& records) {
  Open open;
  for (const Record& record : records) {
    open.id = record.instance;
    open.last = std::max(open.last, record.number);
    if (record.kind == Record::Kind::suspended) open.suspended = true;
    if (record.kind == Record::Kind::resumed) open.suspended = false;
  }
  return open;
}

constexpr std::chrono::milliseconds kLookEvery{100};

// Waits for records of a journal, which it outlives.
class Settled {
 public:
  std::function<void(Status)> one() {
    const std::scoped_lock lock(mutex_);
    ++waiting_;
    return [this](const Status& status) {
      const std::scoped_lock inner(mutex_);
      if (!status && !problem_) problem_ = status.error();
      if (--waiting_ == 0) all_.notify_all();
    };
  }
  // The journal tries again and again where the disk fails; a command does not wait for that.
  Status wait(const store::SqliteJournal& journal) {
    std::unique_lock lock(mutex_);
    while (!all_.wait_for(lock, kLookEvery, [this] { return waiting_ == 0; })) {
      const std::optional<Problem> why = journal.problem();
      if (journal.state() != store::JournalState::working && why) return fail(*why);
    }
    if (problem_) return fail(*problem_);
    return {};
  }

 private:
  std::mutex mutex_;
  std::condition_variable all_;
  std::size_t waiting_ = 0;
  std::optional<Problem> problem_;
};

}  // namespace

Result<OpenCount> look_at_open_instances(const std::string& journal, const Clock& clock,
                                         OpenInstances what) {
  Metrics metrics;
  Settled settled;
  auto opened = store::SqliteJournal::open(journal, {}, metrics, Log::null());
  if (!opened) return fail(std::move(opened).error());
  std::vector<Open> all;
  const Status done = (*opened)->read_open(
      [&all](const std::vector<Record>& records) { all.push_back(read(records)); });
  if (!done) return fail(done.error());
  OpenCount count;
  count.open = all.size();
  for (const Open& open : all) {
    if (what == OpenInstances::stay && !open.suspended) continue;
    ++count.suspended;
    if (open.suspended) continue;
    Record record{};
    record.kind = Record::Kind::suspended;
    record.instance = open.id;
    record.time = clock.now();
    record.number = open.last + 1;
    auto told = settled.one();
    if ((*opened)->append(std::move(record), told) == engine::Journal::Durability::now) told({});
  }
  if (Status durable = settled.wait(**opened); !durable) return fail(std::move(durable).error());
  return count;
}

}  // namespace stepwell::daemon
