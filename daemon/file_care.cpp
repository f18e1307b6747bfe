#include "daemon/file_care.h"

namespace stepwell::daemon {

namespace {

constexpr std::chrono::hours kOrphansEvery{1};

}  // namespace

Status FileCare::recover() {
  return files_.settle_claims([this](InstanceId id) { return exists(id); });
}

Result<bool> FileCare::exists(InstanceId id) {
  const auto summary = journal_.summary(id);
  if (!summary) return fail(summary.error());
  return summary->has_value();
}

void FileCare::look() {
  Status done = recover();
  const Result<std::size_t> unused = files_.remove_unused();
  if (!unused) done = fail(unused.error());
  if (unused && *unused > 0)
    log_.debug("files that nobody took were deleted", {{"files", *unused}});
  if (done && clock_.steady_now() >= next_) done = look_for_orphans();
  if (!done) log_.warn("files cannot be deleted", {{"problem", done.error().one_line()}});
}

Status FileCare::look_for_orphans() {
  next_ = clock_.steady_now() + kOrphansEvery;
  InstanceId after;
  do {
    Status done = files_.remove_orphans(after, [this](InstanceId id) { return exists(id); });
    if (!done) return done;
  } while (after.number != 0 && !stopping_);
  return {};
}

}  // namespace stepwell::daemon
