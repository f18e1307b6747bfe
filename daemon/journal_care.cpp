#include "daemon/journal_care.h"

#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <system_error>
#include <utility>

namespace stepwell::daemon {

namespace {

// Instances at a time; the journal takes them in smaller steps, between which others commit.
constexpr std::size_t kBite = 5'000;

}  // namespace

JournalCare::JournalCare(store::SqliteJournal& journal, std::string path,
                         const engine::Catalog& catalog, const RetentionOptions& options,
                         const Clock& clock, Metrics& metrics, Log& log)
    : journal_(journal),
      path_(std::move(path)),
      catalog_(catalog),
      options_(options),
      clock_(clock),
      log_(log),
      pruned_(metrics.counter("stepwell_instances_pruned_total",
                              "Finished instances that were deleted by age or number.")),
      size_(metrics.gauge("stepwell_journal_size_bytes",
                          "What the journal takes on the disk, its write-ahead log included.")) {
  maintain();
}

JournalCare::~JournalCare() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void JournalCare::start() {
  thread_ = std::thread([this] { run(); });
}

void JournalCare::run() {
  if (also_) also_();
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, options_.every, [this] { return stopping_; })) {
    lock.unlock();
    prune();
    if (also_) also_();
    lock.lock();
  }
}

bool JournalCare::stopping() const {
  const std::scoped_lock lock(mutex_);
  return stopping_;
}

std::size_t JournalCare::prune(const store::Retention& what) {
  std::size_t all = 0;
  while (!stopping()) {
    const Result<std::size_t> gone = journal_.prune(what, kBite);
    if (!gone) {
      // That the disk fails is told elsewhere.
      if (journal_.state() == store::JournalState::working)
        log_.warn("finished instances cannot be deleted", {{"problem", gone.error().one_line()}});
      break;
    }
    if (*gone == 0) break;
    all += *gone;
  }
  return all;
}

void JournalCare::tidy() {
  while (!stopping()) {
    const Result<bool> more = journal_.tidy();
    if (!more || !*more) return;
  }
}

std::size_t JournalCare::prune() {
  const WallTime now = clock_.now();
  std::size_t gone = prune(store::Retention{{}, now - options_.age, options_.count});
  std::set<std::string> seen;
  for (const engine::Catalog::Entry& entry : catalog_.list()) {
    const std::string name = entry.definition->namespace_ + "/" + entry.definition->name;
    if (!seen.insert(name).second) continue;
    // All versions are kept as the newest one says.
    const auto newest = catalog_.find(name);
    if (!newest) continue;
    const config::Retention& retention = newest->definition->retention;
    if (!retention.age && !retention.count) continue;
    store::Retention what{name, {}, retention.count};
    if (retention.age) what.ended_before = now - *retention.age;
    gone += prune(what);
  }
  tidy();
  if (gone > 0) {
    pruned_.increment(static_cast<double>(gone));
    log_.debug("finished instances were deleted", {{"instances", gone}});
  }
  return gone;
}

void JournalCare::maintain() {
  std::uintmax_t bytes = 0;
  for (const char* suffix : {"", "-wal"}) {
    std::error_code error;
    const std::uintmax_t size = std::filesystem::file_size(path_ + suffix, error);
    if (!error) bytes += size;
  }
  size_.set(static_cast<double>(bytes));
}

bool JournalCare::in_doubt() const { return journal_.state() == store::JournalState::in_doubt; }

Status JournalCare::ready() const {
  if (journal_.state() == store::JournalState::working) return {};
  const std::optional<Problem> why = journal_.problem();
  return fail(unavailable("journal-failing", "instances cannot be recorded at the moment" +
                                                 (why ? ": " + why->detail : std::string())));
}

}  // namespace stepwell::daemon
