#include "store/journal_writer.h"

#include <pthread.h>

#include <algorithm>
#include <string>
#include <utility>

namespace stepwell::store {

namespace {

using engine::Record;

// What is on the disk is not known, or wrong: only a new start can tell.
bool is_final(const Problem& problem) {
  return problem.code == "store-in-doubt" || problem.code == "store-damaged";
}

// No part of a transaction that the disk had no room for can be taken for one that is complete.
bool leaves_open(const Problem& problem) { return problem.code != "disk-full"; }

// A log so many times as long as it should be is not let grow any further where folds fail.
constexpr std::size_t kMostTimes = 16;

// From so many instances on a commit waits for records of this share of them, as long as there come
// not few.
constexpr std::size_t kManyOpen = 256;
constexpr std::size_t kShareOfOpen = 4;
constexpr std::size_t kFew = 16;
constexpr std::size_t kNotGathering = 16;  // commits

// Its refusal is told to somebody, who can do without it; all else has happened and must be kept.
// So has the start of an instance that another one's step asked for.
bool can_be_refused(const JournalRow& row, bool awaited) {
  if (row.is_admission()) return !row.child;
  return row.kind == Record::Kind::published && awaited;
}

double seconds_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

Problem gone() {
  Problem problem =
      make_problem(ErrorKind::validation, "instance-unknown", "the instance is not kept any more");
  problem.status = 404;
  return problem;
}

}  // namespace

JournalWriter::JournalWriter(JournalRows rows, std::optional<Database> beside,
                             JournalOptions options, Metrics& metrics, Log& log)
    : options_(options),
      log_(log),
      commits_(metrics.counter("stepwell_journal_commits_total", "Commits of the journal.")),
      records_(metrics.counter("stepwell_journal_records_total",
                               "Records of the journal that became durable.")),
      failures_(metrics.counter("stepwell_journal_failures_total",
                                "Commits of the journal that failed.")),
      waiting_gauge_(metrics.gauge("stepwell_journal_waiting_records",
                                   "Records of the journal that are not durable yet.")),
      failing_gauge_(metrics.gauge("stepwell_journal_failing",
                                   "1 while the journal cannot be written, 0 otherwise.")),
      commit_seconds_(metrics.histogram("stepwell_journal_commit_seconds",
                                        "How long commits of the journal take.",
                                        duration_buckets())),
      commit_records_(metrics.histogram("stepwell_journal_commit_records",
                                        "Records of a commit of the journal.",
                                        {1, 2, 5, 10, 20, 50, 100, 200, 500, 1'000})),
      checkpoint_seconds_(metrics.histogram("stepwell_journal_checkpoint_seconds",
                                            "How long commits waited for the end of a checkpoint.",
                                            duration_buckets())),
      rows_(std::move(rows)),
      checkpointer_(beside ? std::make_unique<JournalCheckpointer>(std::move(*beside)) : nullptr),
      thread_([this] { write(); }) {}

JournalWriter::~JournalWriter() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  arrived_.notify_one();
  thread_.join();
  if (checkpointer_ && !checkpointer_->finish()) rows_.database().keep_log();
}

void JournalWriter::append(const Record& record, std::function<void(Status)> durable) {
  Waiting waiting{std::make_shared<const JournalRow>(to_row(record)), std::move(durable)};
  std::optional<Problem> refused;
  std::function<void(Status)> told;
  bool wake = false;
  {
    const std::scoped_lock lock(mutex_);
    if (can_be_refused(*waiting.row, waiting.durable != nullptr)) refused = refusal();
    if (refused) {
      told = std::move(waiting.durable);
    } else {
      if (state_ == JournalState::in_doubt) return;  // nobody is told anything any more
      ++waiting_;
      waiting_bytes_ += waiting.row->text.size();
      incoming_.push_back(std::move(waiting));
      const bool enough = enough_ > 0 && (incoming_.size() >= enough_ ||
                                          waiting_bytes_ >= options_.most_bytes_in_commit.count);
      wake = std::exchange(asleep_, false) || enough;
    }
  }
  if (wake) arrived_.notify_one();
  if (refused && told) told(fail(std::move(*refused)));
}

JournalState JournalWriter::state() const {
  const std::scoped_lock lock(mutex_);
  return state_;
}

std::optional<Problem> JournalWriter::problem() const {
  const std::scoped_lock lock(mutex_);
  return problem_;
}

// With mutex_ held, as the next one.
Problem JournalWriter::failing() const {
  return unavailable("journal-failing",
                     "nothing can be recorded at the moment: " +
                         (problem_ ? problem_->detail : std::string("the journal is closed")));
}

std::optional<Problem> JournalWriter::refusal() const {
  if (state_ != JournalState::working) return failing();
  if (waiting_ < options_.most_waiting && waiting_bytes_ < options_.most_waiting_bytes.count)
    return std::nullopt;
  return unavailable("overloaded",
                     "the disk does not keep up with the records that wait for it; try it later");
}

std::future<Status> JournalWriter::submit(Work work, bool bare) {
  std::promise<Status> done;
  std::future<Status> future = done.get_future();
  {
    const std::scoped_lock lock(mutex_);
    if (state_ != JournalState::working || stopping_) {
      done.set_value(fail(failing()));
      return future;
    }
    jobs_.push_back({std::move(work), bare, std::move(done)});
    asleep_ = false;
  }
  arrived_.notify_one();
  return future;
}

void JournalWriter::write() {
  pthread_setname_np(pthread_self(), "journal");
  while (collect()) {
    if (!run_jobs()) {  // admissions were refused: what waits is collected anew
      if (state() == JournalState::in_doubt) break;
      continue;
    }
    const bool working = state() == JournalState::working;
    if (group_ == 0 && working && !idle_) continue;
    const Status done = group_ > 0 ? commit() : working ? fold() : probe();
    if (done) {
      succeeded();
      finish_group();
      checkpoint();
    } else {
      failed(done.error());
    }
    const std::scoped_lock lock(mutex_);
    if (state_ == JournalState::in_doubt || (stopping_ && !done)) break;
  }
  fold_failed_ = false;  // it is tried once more
  while (options_.fold_at_end && state() == JournalState::working && !fold_failed_ &&
         rows_.overlay().records() > 0)
    if (const Status done = fold(); !done) failed(done.error());
  (void)run_jobs();
}

// What waits, up to a commit's most; what could not be committed comes again. False: the end.
bool JournalWriter::collect() {
  std::unique_lock lock(mutex_);
  if (state_ == JournalState::held_up) {
    arrived_.wait_for(lock, options_.retry_after, [this] { return stopping_; });
  } else if (next_ == taken_.size()) {
    wait(lock);
    gather(lock);
  }
  if (next_ == taken_.size()) {
    taken_.clear();
    next_ = 0;
    taken_.swap(incoming_);
  }
  group_ = group_size();
  waiting_gauge_.set(static_cast<double>(waiting_));
  return group_ > 0 || !jobs_.empty() || idle_ || !stopping_;
}

// Until something came, or nothing for so long that there is time to tidy up.
void JournalWriter::wait(std::unique_lock<std::mutex>& lock) {
  const auto called = [this] { return stopping_ || !incoming_.empty() || !jobs_.empty(); };
  idle_ = idle_ && rows_.overlay().records() > 0 && may_fold();
  while (!idle_ && !called()) {
    asleep_ = true;
    if (rows_.overlay().records() == 0)
      arrived_.wait(lock);
    else
      idle_ = arrived_.wait_until(lock, std::max(no_fold_before_, std::chrono::steady_clock::now() +
                                                                      options_.fold_after)) ==
              std::cv_status::timeout;
  }
  if (called()) idle_ = false;
  asleep_ = false;
}

// A commit costs much the same, whatever it holds. Where far more instances go on than have
// something in the next one, and keep coming, those who wait lose little and all gain by it. Where
// they stop coming, everybody waits for this one: it is not tried again for a while.
void JournalWriter::gather(std::unique_lock<std::mutex>& lock) {
  const std::size_t open = rows_.overlay().open();
  if (open < kManyOpen || group_ < kFew || incoming_.size() < kFew) return;
  if (not_gathering_ > 0) {
    --not_gathering_;
    return;
  }
  const std::size_t enough = std::min(open / kShareOfOpen, options_.most_in_commit);
  const auto done = [&] {
    return incoming_.size() >= enough || waiting_bytes_ >= options_.most_bytes_in_commit.count ||
           stopping_ || !jobs_.empty();
  };
  const auto end = std::chrono::steady_clock::now() + options_.gather_for;
  for (bool come = true; come && !done();) {
    const auto now = std::chrono::steady_clock::now();
    if (now >= end) break;
    const std::size_t before = incoming_.size();
    enough_ = enough;
    if (arrived_.wait_until(lock, std::min(end, now + options_.gather_step), done)) break;
    come = incoming_.size() >= before + kFew;
    if (!come) not_gathering_ = kNotGathering;
  }
  enough_ = 0;
}

std::size_t JournalWriter::group_size() const {
  const std::size_t most = std::min(options_.most_in_commit, taken_.size() - next_);
  std::uint64_t bytes = 0;
  std::size_t size = 0;
  while (size < most && bytes < options_.most_bytes_in_commit.count)
    bytes += taken_[next_ + size++].row->text.size();
  return size;
}

// The log keeps a few thousand records, so that most instances have ended before they are moved. As
// much goes as comes. While the disk fails there is nothing but what must be.
Status JournalWriter::commit() {
  const auto begin = std::chrono::steady_clock::now();
  const bool folding = is_behind(1) && may_fold() && state() == JournalState::working;
  Status done = attempt(folding);
  if (!done) return done;
  commits_.increment();
  records_.increment(static_cast<double>(group_));
  commit_records_.observe(static_cast<double>(group_));
  commit_seconds_.observe(seconds_since(begin));
  return done;
}

Status JournalWriter::attempt(bool folding) {
  bool complete = false;
  Status done = rows_.begin();
  for (std::size_t i = next_; done && i < next_ + group_; ++i) done = take(taken_[i]);
  if (done && folding)
    done = rows_.fold(std::max(group_, options_.fold_records), options_.fold_bytes.count);
  if (done) done = rows_.log();
  if (done) {
    complete = true;
    done = rows_.commit();
  }
  if (done) {
    if (folding) fold_failed_ = false;
    return done;
  }
  if (complete && leaves_open(done.error()))
    for (std::size_t i = next_; i < next_ + group_; ++i) taken_[i].may_be_kept = true;
  return undo(done.error()) ? attempt(false) : done;
}

// Nothing waits, since admissions are refused: whether they need be is tried out.
Status JournalWriter::probe() {
  Status done = rows_.begin();
  if (done) done = rows_.touch();
  if (done) done = rows_.commit();
  if (!done) rows_.rollback();
  return done;
}

Status JournalWriter::take(Waiting& waiting) {
  const JournalRow& row = *waiting.row;
  waiting.refused = false;
  if (!refused_.empty()) {
    if (row.is_admission()) {
      refused_.erase(row.instance);
    } else if (refused_.contains(row.instance)) {
      waiting.refused = true;
      return {};
    }
  }
  const Result<bool> taken = rows_.take(waiting.row);
  if (!taken) return fail(taken.error());
  waiting.refused = !*taken;
  return {};
}

// Whether the log is so many times as long as it should be.
bool JournalWriter::is_behind(std::size_t times) const {
  const JournalOverlay& overlay = rows_.overlay();
  return overlay.records() / times >= options_.log_records ||
         overlay.bytes() / times >= options_.log_bytes.count;
}

bool JournalWriter::may_fold() const {
  return std::chrono::steady_clock::now() >= no_fold_before_ || is_behind(kMostTimes);
}

Status JournalWriter::fold() {
  Status done = rows_.begin();
  if (done) done = rows_.fold(options_.fold_records, options_.fold_bytes.count);
  if (done) done = rows_.commit();
  if (!done) return undo(done.error()) ? Status() : done;
  fold_failed_ = false;
  return done;
}

// Takes back what the transaction did. True: it failed with a fold, which can wait, since all is in
// the log: that is no reason to refuse what the log has room for.
bool JournalWriter::undo(const Problem& problem) {
  const bool folding = rows_.folding();
  rows_.rollback();
  if (!folding || is_final(problem) || is_behind(kMostTimes)) return false;
  failures_.increment();
  no_fold_before_ = std::chrono::steady_clock::now() + options_.fold_retry_after;
  if (!std::exchange(fold_failed_, true))
    log_.warn("the journal's log cannot be moved into its tables yet",
              {{"problem", problem.one_line()}});
  return true;
}

void JournalWriter::finish_group() {
  std::uint64_t bytes = 0;
  for (std::size_t i = next_; i < next_ + group_; ++i) bytes += taken_[i].row->text.size();
  {
    const std::scoped_lock lock(mutex_);
    waiting_ -= group_;
    waiting_bytes_ -= bytes;
  }
  for (const std::size_t end = next_ + group_; next_ < end; ++next_) {
    Waiting& each = taken_[next_];
    const std::function<void(Status)> durable = std::move(each.durable);
    if (!durable) continue;
    if (each.refused)
      durable(fail(gone()));
    else
      durable({});
  }
}

// False: one of them found that the journal cannot be written any more.
bool JournalWriter::run_jobs() {
  std::deque<Job> jobs;
  {
    const std::scoped_lock lock(mutex_);
    jobs.swap(jobs_);
  }
  const bool worked = state() == JournalState::working;
  for (Job& job : jobs) job.done.set_value(run_job(job));
  return !worked || state() == JournalState::working;
}

Status JournalWriter::run_job(const Job& job) {
  {
    const std::scoped_lock lock(mutex_);
    if (state_ != JournalState::working) return fail(failing());
  }
  if (job.bare) return job.work(rows_);
  Status done = rows_.begin();
  if (done) done = job.work(rows_);
  if (done) done = rows_.commit();
  if (!done && !undo(done.error())) failed(done.error());
  return done;
}

void JournalWriter::succeeded() {
  {
    const std::scoped_lock lock(mutex_);
    if (state_ != JournalState::held_up) return;
    state_ = JournalState::working;
    problem_.reset();
  }
  failing_gauge_.set(0);
  log_.info("the journal can be written again", {});
}

void JournalWriter::failed(const Problem& problem) {
  failures_.increment();
  const bool final = is_final(problem);
  bool news = final;
  {
    const std::scoped_lock lock(mutex_);
    news |= state_ == JournalState::working;
    state_ = final ? JournalState::in_doubt : JournalState::held_up;
    problem_ = problem;
  }
  failing_gauge_.set(1);
  if (news)
    log_.error(final ? "the journal is in doubt: nothing is acknowledged any more"
                     : "the journal cannot be written: nothing is acknowledged until it can",
               {{"problem", problem.one_line()}});
  if (!final) refuse_admissions();
}

// Whoever asked for an instance or published an event is told; everything else stays for the next
// attempt. What may be on the disk stays as well, since it cannot be taken back.
void JournalWriter::refuse_admissions() {
  std::vector<Waiting> kept;
  std::vector<Waiting> dropped;
  refused_.clear();
  const auto sort = [&](Waiting& each) {
    const JournalRow& row = *each.row;
    const bool drop = can_be_refused(row, each.durable != nullptr) && !each.may_be_kept;
    if (drop && row.is_admission()) refused_.insert(row.instance);
    (drop || refused_.contains(row.instance) ? dropped : kept).push_back(std::move(each));
  };
  Problem why;
  {
    const std::scoped_lock lock(mutex_);
    why = failing();
    for (std::size_t i = next_; i < taken_.size(); ++i) sort(taken_[i]);
    for (Waiting& each : incoming_) sort(each);
    incoming_.clear();
    waiting_ = kept.size();
    for (const Waiting& each : dropped) waiting_bytes_ -= each.row->text.size();
  }
  taken_ = std::move(kept);
  next_ = 0;
  for (Waiting& each : dropped)
    if (each.durable) each.durable(fail(why));
}

// When much has gathered in the write-ahead log. What the checkpointer has copied need not be
// copied here; only behind that does the log begin anew. What could not be written is no harm: all
// is in the log, and it is tried again behind a later group. After a sync that failed the log is
// all there is: it stays as it is, and a new start copies it from its beginning.
void JournalWriter::checkpoint() {
  if (rows_.database().log_pages() < options_.checkpoint_pages) return;
  Status done;
  if (checkpointer_) {
    const Result<bool> copied = checkpointer_->proceed();
    if (copied && !*copied) return;
    done = copied.map([](bool) {});
  }
  if (done) {
    const auto begin = std::chrono::steady_clock::now();
    done = rows_.database().checkpoint();
    checkpoint_seconds_.observe(seconds_since(begin));
  }
  if (!done && is_final(done.error())) {
    failed(done.error());
    rows_.database().keep_log();
    return;
  }
  if (!done && !checkpoint_failed_)
    log_.warn("the journal's log cannot be copied into its database yet",
              {{"problem", done.error().one_line()}});
  checkpoint_failed_ = !done;
}

}  // namespace stepwell::store
