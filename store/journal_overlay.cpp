#include "store/journal_overlay.h"

#include <algorithm>
#include <utility>

namespace stepwell::store {

namespace {

constexpr std::size_t kOverhead = sizeof(JournalRow) + 64;
// Of an instance of one step, with room for what may come.
constexpr std::size_t kUsualRows = 4;

}  // namespace

void JournalOverlay::add(std::int64_t place, Rows& group) {
  Group made{place, {}, 0, 0};
  made.lives.reserve(group.size());
  const std::scoped_lock lock(mutex_);
  for (SharedRow& row : group) {
    made.bytes += row->text.size() + kOverhead;
    if (row->is_shared()) {
      shared_.push_back(std::move(row));
      ++made.shared;
      continue;
    }
    Life& life = lives_[row->instance];
    life.id = row->instance;
    set_open(life, row->kind != engine::Record::Kind::ended);
    if (life.rows.empty()) life.rows.reserve(kUsualRows);
    life.rows.push_back(std::move(row));
    made.lives.push_back(&life);
  }
  records_ += group.size();
  bytes_ += made.bytes;
  groups_.push_back(std::move(made));
}

JournalOverlay::Slice JournalOverlay::next(std::size_t records, std::size_t bytes,
                                           std::int64_t last) {
  Slice slice;
  ++slices_;
  std::size_t records_in = 0;
  std::size_t bytes_in = 0;
  for (const Group& group : groups_) {
    if (group.place > last || records_in >= records || bytes_in >= bytes) break;
    for (Life* life : group.lives) {
      if (life->slice == slices_ || life->folded == life->rows.size()) continue;
      life->slice = slices_;
      slice.lives.push_back(life);
    }
    slice.last = group.place;
    ++slice.groups;
    slice.shared += group.shared;
    records_in += group.lives.size() + group.shared;
    bytes_in += group.bytes;
  }
  return slice;
}

void JournalOverlay::fold(const Slice& slice) {
  const std::scoped_lock lock(mutex_);
  for (Life* life : slice.lives) life->folded = life->rows.size();
  for (std::size_t i = 0; i < slice.groups; ++i) {
    drop(groups_.front());
    groups_.pop_front();
  }
}

void JournalOverlay::set_open(Life& life, bool open) {
  if (life.open == open) return;
  life.open = open;
  if (open)
    ++open_;
  else
    --open_;
}

// With the lock held. The oldest group: its records are the first ones of their instances.
void JournalOverlay::drop(const Group& group) {
  for (Life* life : group.lives) {
    life->rows[life->gone++].reset();
    if (life->gone == life->rows.size()) {
      set_open(*life, false);
      lives_.erase(life->id);
    } else if (life->gone >= 32 && life->gone * 2 >= life->rows.size()) {
      life->rows.erase(life->rows.begin(),
                       life->rows.begin() + static_cast<std::ptrdiff_t>(life->gone));
      life->folded -= life->gone;
      life->gone = 0;
    }
  }
  shared_.erase(shared_.begin(), shared_.begin() + static_cast<std::ptrdiff_t>(group.shared));
  records_ -= group.lives.size() + group.shared;
  bytes_ -= group.bytes;
}

const JournalOverlay::Life* JournalOverlay::find(InstanceId id) const {
  const auto found = lives_.find(id);
  return found == lives_.end() ? nullptr : &found->second;
}

JournalOverlay::Rows JournalOverlay::of(InstanceId id) const {
  const std::scoped_lock lock(mutex_);
  const auto found = lives_.find(id);
  return found == lives_.end() ? Rows() : unfolded(found->second);
}

std::vector<std::pair<InstanceId, JournalOverlay::Rows>> JournalOverlay::all(
    InstanceId after) const {
  std::vector<std::pair<InstanceId, Rows>> all;
  {
    const std::scoped_lock lock(mutex_);
    for (const auto& [id, life] : lives_)
      if (id.number > after.number && life.folded < life.rows.size())
        all.emplace_back(id, unfolded(life));
  }
  std::sort(all.begin(), all.end(),
            [](const auto& a, const auto& b) { return a.first.number < b.first.number; });
  return all;
}

std::uint64_t JournalOverlay::last_below(std::uint64_t limit) const {
  std::uint64_t last = 0;
  const std::scoped_lock lock(mutex_);
  for (const auto& [id, life] : lives_)
    if (id.number < limit && id.number > last &&
        std::any_of(life.rows.begin() + static_cast<std::ptrdiff_t>(life.folded), life.rows.end(),
                    [](const SharedRow& row) { return row->is_admission(); }))
      last = id.number;
  return last;
}

JournalOverlay::Rows JournalOverlay::shared() const {
  const std::scoped_lock lock(mutex_);
  return {shared_.begin(), shared_.end()};
}

}  // namespace stepwell::store
