#include "store/journal_history.h"

#include <algorithm>
#include <string>
#include <utility>

namespace stepwell::store {

using Kind = engine::Record::Kind;

namespace {

bool comes_before(const JournalHistory::Line& line, std::uint32_t number) {
  return line.number < number;
}

}  // namespace

void JournalHistory::begin(const Stored& stored) {
  head_ = stored.head;
  tail_ = stored.tail;
  last_ = stored.last;
  reopened_ = stored.reopened;
  replaced_ = stored.replaced;
  changed_ = stored.changed;
  started_ = stored.started;
}

Status JournalHistory::add_stored(std::string_view packed, InstanceId instance) {
  while (!packed.empty()) {
    const std::size_t end = std::min(packed.find('\n'), packed.size());
    Line line;
    line.text = packed.substr(0, end);
    const std::optional<Outline> outline = outline_of(line.text);
    if (!outline)
      return fail(unreadable("a record of instance " + std::to_string(instance.number),
                             "it does not begin as a record does"));
    line.at = outline->at;
    line.number = outline->number;
    line.kind = outline->kind;
    line.stored = true;
    if (line.number >= replaced_) insert(line);
    packed.remove_prefix(std::min(end + 1, packed.size()));
  }
  return {};
}

void JournalHistory::mark_stored(std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) lines_[i].stored = true;
}

void JournalHistory::clear() {
  head_.reset();
  lines_.clear();
  tail_.reset();
  changed_.reset();
  started_ = {};
  last_ = reopened_ = replaced_ = 0;
}

void JournalHistory::apply(const Line& line) {
  if (is_admission(line.kind, line.number)) {
    if (head_) return;
    // What came before it is of an earlier instance of the same id, which is gone.
    clear();
    head_ = line;
    last_ = line.number;
    if (line.kind == Kind::started) started_ = line.at;
    return;
  }
  if (!head_ || line.number <= replaced_ || knows(line.number)) return;
  switch (line.kind) {
    case Kind::ended:
      if (tail_ || line.number <= reopened_) return;
      tail_ = line;
      break;
    case Kind::retried:
      // The end becomes one record among the others, so that the history stays whole.
      if (tail_ && tail_->number < line.number) {
        tail_->stored = false;
        insert(*tail_);
        tail_.reset();
        reopened_ = line.number;
      }
      insert(line);
      break;
    case Kind::snapshot:
      lines_.erase(lines_.begin(),
                   std::lower_bound(lines_.begin(), lines_.end(), line.number, comes_before));
      replaced_ = line.number;
      insert(line);
      break;
    case Kind::started:
      if (started_ == WallTime{}) started_ = line.at;
      insert(line);
      break;
    case Kind::changed:
      if (!changed_ || changed_->number < line.number) changed_ = line;
      insert(line);
      break;
    default:
      insert(line);
      break;
  }
  last_ = std::max(last_, line.number);
}

void JournalHistory::insert(const Line& line) {
  if (lines_.empty() || lines_.back().number < line.number) {
    lines_.push_back(line);
    return;
  }
  const auto place = std::lower_bound(lines_.begin(), lines_.end(), line.number, comes_before);
  if (place == lines_.end() || place->number != line.number) lines_.insert(place, line);
}

bool JournalHistory::knows(std::uint32_t number) const {
  if (number > last_) return false;
  if ((head_ && head_->number == number) || (tail_ && tail_->number == number)) return true;
  const auto place = std::lower_bound(lines_.begin(), lines_.end(), number, comes_before);
  return place != lines_.end() && place->number == number;
}

Result<JournalHistory::Stored> stored_of(const Statement& row, int first, InstanceId instance,
                                         std::deque<std::string>& texts) {
  JournalHistory::Stored stored;
  stored.head.number = 1;
  stored.head.stored = true;
  stored.last = static_cast<std::uint32_t>(row.number(first));
  stored.reopened = static_cast<std::uint32_t>(row.number(first + 1));
  stored.replaced = static_cast<std::uint32_t>(row.number(first + 2));
  stored.started = as_time(row.number(first + 6));
  if (!row.view(first + 7).empty()) {
    const std::string& text = texts.emplace_back(row.view(first + 7));
    const std::optional<Outline> outline = outline_of(text);
    if (!outline)
      return fail(unreadable("what was changed of instance " + std::to_string(instance.number),
                             "it does not begin as a record does"));
    stored.changed = JournalHistory::Line{text,          outline->at,     outline->number,
                                          outline->kind, EndStatus::none, true};
  }
  const std::optional<std::int64_t> status = row.optional_number(first + 3);
  if (!status) return stored;
  const std::string& text = texts.emplace_back(row.view(first + 5));
  const std::optional<Outline> outline = outline_of(text);
  if (!outline)
    return fail(unreadable("the end of instance " + std::to_string(instance.number),
                           "it does not begin as a record does"));
  stored.tail =
      JournalHistory::Line{text,          as_time(row.number(first + 4)),  outline->number,
                           outline->kind, static_cast<EndStatus>(*status), true};
  return stored;
}

Result<engine::InstanceSummary> summary_of(const SummaryTexts& texts, InstanceId instance) {
  Result<engine::Record> first = record_of(texts.head, instance);
  if (!first) return fail(std::move(first.error()));
  engine::InstanceSummary summary{std::move(*first), std::nullopt, std::nullopt, texts.started};
  if (texts.tail) {
    Result<engine::Record> last = record_of(*texts.tail, instance);
    if (!last) return fail(std::move(last.error()));
    summary.end = std::move(*last);
  }
  if (texts.changed) {
    Result<engine::Record> changed = record_of(*texts.changed, instance);
    if (!changed) return fail(std::move(changed.error()));
    summary.changed = std::move(*changed);
  }
  return summary;
}

Result<engine::InstanceSummary> summary_of(const JournalHistory& history, InstanceId instance) {
  SummaryTexts texts{history.head()->text, std::nullopt, std::nullopt, history.started()};
  if (history.tail()) texts.tail = history.tail()->text;
  if (history.changed()) texts.changed = history.changed()->text;
  return summary_of(texts, instance);
}

}  // namespace stepwell::store
