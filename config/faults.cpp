#include "config/faults.h"

#include <algorithm>
#include <array>
#include <tuple>
#include <utility>

#include "base/ascii.h"

namespace stepwell::config {

namespace {

constexpr std::size_t kLongestName = 40;
constexpr std::size_t kMostCandidates = 300;

// Optimal string alignment: insertions, deletions, replacements, swaps of neighbours. Both texts
// are at most kLongestName long.
std::size_t distance(std::string_view a, std::string_view b) {
  using Row = std::array<std::size_t, kLongestName + 1>;
  std::array<Row, 3> rows{};
  const auto row = [&](std::size_t i) -> Row& { return rows[i % 3]; };
  for (std::size_t j = 0; j <= b.size(); ++j) row(0)[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    const Row& above = row(i - 1);
    Row& current = row(i);
    current[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t other = ascii_lower(a[i - 1]) == ascii_lower(b[j - 1]) ? 0 : 1;
      current[j] = std::min({above[j] + 1, current[j - 1] + 1, above[j - 1] + other});
      const bool swapped = i > 1 && j > 1 && ascii_lower(a[i - 1]) == ascii_lower(b[j - 2]) &&
                           ascii_lower(a[i - 2]) == ascii_lower(b[j - 1]);
      if (swapped) current[j] = std::min(current[j], row(i - 2)[j - 2] + 1);
    }
  }
  return row(a.size())[b.size()];
}

}  // namespace

std::string Fault::text() const {
  std::string out = file + ":" + std::to_string(position.line) + ":" +
                    std::to_string(position.column) +
                    (severity == Severity::error ? ": error: " : ": warning: ") + what + hint;
  if (!reference.empty()) out += " (at " + reference + ")";
  return out;
}

std::string_view Fault::advice() const {
  const std::size_t from = hint.find_first_not_of(",; ");
  return from == std::string::npos ? std::string_view() : std::string_view(hint).substr(from);
}

void FaultList::error(Position position, std::string what, std::string reference,
                      std::string hint) {
  ++errors_;
  add({Fault::Severity::error, file_, position, std::move(what), std::move(reference),
       std::move(hint)});
}

void FaultList::warning(Position position, std::string what, std::string reference,
                        std::string hint) {
  add({Fault::Severity::warning, file_, position, std::move(what), std::move(reference),
       std::move(hint)});
}

void FaultList::add(Fault fault) {
  if (full()) {
    dropped_ = true;
    return;
  }
  faults_.push_back(std::move(fault));
}

void FaultList::take_over(FaultList& other) {
  errors_ += other.errors_;
  for (Fault& fault : other.take()) add(std::move(fault));
}

std::vector<Fault> FaultList::take() {
  const auto key = [](const Fault& f) {
    return std::tie(f.file, f.position.line, f.position.column, f.severity, f.what, f.hint);
  };
  std::stable_sort(faults_.begin(), faults_.end(), [&](const Fault& a, const Fault& b) {
    const bool a_elsewhere = a.file != file_;
    const bool b_elsewhere = b.file != file_;
    return a_elsewhere != b_elsewhere ? b_elsewhere : key(a) < key(b);
  });
  // What stands behind an alias or in `use` is read once for each reference to it.
  faults_.erase(std::unique(faults_.begin(), faults_.end(),
                            [&](const Fault& a, const Fault& b) { return key(a) == key(b); }),
                faults_.end());
  if (dropped_) {
    const Position last = faults_.back().position;
    faults_.push_back({Fault::Severity::error, file_, last,
                       "there are more faults; the first " + std::to_string(kMost) + " are shown",
                       std::string(), std::string()});
  }
  return std::move(faults_);
}

std::string quoted(std::string_view text, std::size_t most) {
  std::string out = "`";
  std::size_t end = std::min(text.size(), most);
  // Not in the middle of a UTF-8 sequence.
  while (end < text.size() && end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U)
    --end;
  for (const char c : text.substr(0, end)) {
    if (c == '\n')
      out += "\\n";
    else if (is_ascii_control(c))
      out += '?';
    else
      out += c;
  }
  if (end < text.size()) out += "…";
  return out + "`";
}

std::string quoted_list(std::span<const std::string_view> names, std::string_view last) {
  std::string out;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) out += i + 1 == names.size() ? " " + std::string(last) + " " : ", ";
    out += quoted(names[i]);
  }
  return out;
}

std::string_view nearest(std::string_view name, std::span<const std::string_view> candidates) {
  if (name.empty() || name.size() > kLongestName) return {};
  const std::size_t allowed = name.size() <= 3 ? 1 : 2;
  std::size_t best = allowed + 1;
  std::string_view found;
  for (const std::string_view candidate :
       candidates.subspan(0, std::min(candidates.size(), kMostCandidates))) {
    if (candidate.empty() || candidate.size() > kLongestName) continue;
    if (candidate.size() > name.size() + allowed || name.size() > candidate.size() + allowed)
      continue;
    const std::size_t d = distance(name, candidate);
    // A name of two letters is not "close" to every other one of two letters.
    if (d < best && d < std::max(name.size(), candidate.size())) {
      best = d;
      found = candidate;
    }
  }
  return found;
}

std::string did_you_mean(std::string_view name, std::span<const std::string_view> candidates) {
  const std::string_view found = nearest(name, candidates);
  return found.empty() ? std::string() : ", did you mean " + quoted(found) + "?";
}

}  // namespace stepwell::config
