#include "daemon/run_progress.h"

#include <algorithm>
#include <array>
#include <cstdio>

namespace stepwell::daemon {

namespace {

using StepEvent = engine::Trace::Kind;

constexpr Milliseconds kRedraw{100};
constexpr std::size_t kMostLines = 15;
constexpr std::size_t kWidestName = 40;

std::string elapsed_text(SteadyTime from, SteadyTime to) {
  const auto elapsed = std::chrono::duration_cast<Milliseconds>(std::max(to, from) - from);
  std::array<char, 32> text{};
  if (elapsed < Milliseconds(1'000)) return std::to_string(elapsed.count()) + " ms";
  if (elapsed >= std::chrono::minutes(1))
    std::snprintf(text.data(), text.size(), "%lld:%02lld min",
                  static_cast<long long>(elapsed.count() / 60'000),
                  static_cast<long long>(elapsed.count() / 1'000 % 60));
  else
    std::snprintf(text.data(), text.size(), "%.1f s", static_cast<double>(elapsed.count()) / 1'000);
  return text.data();
}

// How deep a step lies: by the numbers in its place, "/do/0/loop/do/1/step".
std::size_t level_of(const std::string& reference) {
  std::size_t numbers = 0;
  for (std::size_t at = reference.find('/'); at != std::string::npos;
       at = reference.find('/', at + 1))
    if (at + 1 < reference.size() && reference[at + 1] >= '0' && reference[at + 1] <= '9')
      ++numbers;
  return numbers > 0 ? numbers - 1 : 0;
}

struct Shown {
  const char* word;
  Colour colour;
};

Shown shown_of(StepEvent kind) {
  switch (kind) {
    case StepEvent::started:
      return {"running", Colour::none};
    case StepEvent::retried:
      return {"retrying", Colour::yellow};
    case StepEvent::completed:
      return {"completed", Colour::green};
    case StepEvent::faulted:
      return {"faulted", Colour::red};
    case StepEvent::skipped:
      return {"skipped", Colour::faint};
    case StepEvent::cancelled:
      return {"cancelled", Colour::yellow};
  }
  return {"", Colour::none};
}

std::string padded(std::string text, std::size_t width) {
  const std::size_t has = display_width(text);
  if (has < width) text.append(width - has, ' ');
  return text;
}

}  // namespace

bool StepBoard::Row::runs() const {
  return kind == StepEvent::started || kind == StepEvent::retried;
}

void StepBoard::note(StepEvent kind, const std::string& name, const std::string& reference,
                     std::uint32_t attempt, SteadyTime now) {
  const auto [found, added] = by_reference_.try_emplace(reference, rows_.size());
  if (added) {
    Row row;
    row.name = printable(name);
    row.level = level_of(reference);
    row.began = now;
    rows_.push_back(std::move(row));
  }
  Row& row = rows_[found->second];
  if (!added && kind == StepEvent::started && !row.runs()) {
    ++row.times;
    row.began = now;
  }
  row.kind = kind;
  row.attempt = attempt;
  if (!row.runs()) row.ended = now;
}

LiveLines::Line StepBoard::line_of(const Row& row, SteadyTime now, std::size_t width) {
  const Shown shown = shown_of(row.kind);
  std::string text = padded(shown.word, 11) +
                     padded(cut_to_width(std::string(row.level * 2, ' ') + row.name, width), width);
  if (row.kind != StepEvent::skipped)
    text += "  " + elapsed_text(row.began, row.runs() ? now : row.ended);
  if (row.attempt > 1) text += "  attempt " + std::to_string(row.attempt);
  if (row.times > 1) text += "  " + std::to_string(row.times) + " times";
  return {std::move(text), shown.colour};
}

std::vector<LiveLines::Line> StepBoard::lines(SteadyTime now, std::size_t most) const {
  std::vector<const Row*> chosen;
  std::size_t left_out = 0;
  std::size_t open = static_cast<std::size_t>(
      std::count_if(rows_.begin(), rows_.end(), [](const Row& row) { return row.runs(); }));
  std::size_t room_for_ended = most > open ? most - open : 0;
  for (auto row = rows_.rbegin(); row != rows_.rend(); ++row) {
    std::size_t& room = row->runs() ? most : room_for_ended;
    if (room == 0) {
      ++left_out;
      continue;
    }
    --room;
    chosen.push_back(&*row);
  }
  std::size_t width = 0;
  for (const Row* row : chosen)
    width = std::max(width, std::min(kWidestName, row->level * 2 + display_width(row->name)));
  std::vector<LiveLines::Line> lines;
  if (left_out > 0) lines.push_back({std::to_string(left_out) + " more", Colour::faint});
  for (auto row = chosen.rbegin(); row != chosen.rend(); ++row)
    lines.push_back(line_of(**row, now, width));
  return lines;
}

RunProgress::RunProgress(std::ostream& out, const Terminal& terminal, const Clock& clock)
    : shown_(terminal.err), clock_(clock), lines_(out, terminal) {
  if (shown_) thread_ = std::thread([this] { keep_drawing(); });
}

RunProgress::~RunProgress() { finish(); }

void RunProgress::note(StepEvent kind, const std::string& name, const std::string& reference,
                       std::uint32_t attempt) {
  if (!shown_) return;
  const std::scoped_lock lock(mutex_);
  board_.note(kind, name, reference, attempt, clock_.steady_now());
}

void RunProgress::finish() {
  {
    const std::scoped_lock lock(mutex_);
    if (!over_ && shown_) draw();
    over_ = true;
    lines_.keep();
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void RunProgress::draw() {
  if (!board_.empty()) lines_.show(board_.lines(clock_.steady_now(), kMostLines));
}

void RunProgress::keep_drawing() {
  std::unique_lock lock(mutex_);
  while (!changed_.wait_for(lock, kRedraw, [this] { return over_; })) draw();
}

}  // namespace stepwell::daemon
