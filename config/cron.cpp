#include "config/cron.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "base/ascii.h"
#include "config/faults.h"

namespace stepwell::config {

namespace {

using std::chrono::days;
using std::chrono::floor;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::sys_days;

// From here on a change of local clocks is one of the calendar (crossing the date line).
constexpr ZoneSeconds kLargeChange = hours(3);
constexpr days kFarthest{36'525};

struct CronField {
  std::string_view name;
  unsigned least;
  unsigned most;
};
constexpr std::array<CronField, 5> kCronFields{{{"minute", 0, 59},
                                                {"hour", 0, 23},
                                                {"day of month", 1, 31},
                                                {"month", 1, 12},
                                                {"day of week", 0, 7}}};
constexpr std::array<std::string_view, 12> kMonthNames{"jan", "feb", "mar", "apr", "may", "jun",
                                                       "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr std::array<std::string_view, 7> kDayNames{"sun", "mon", "tue", "wed",
                                                    "thu", "fri", "sat"};
constexpr std::array<std::pair<std::string_view, std::string_view>, 7> kCronMacros{
    {{"@yearly", "0 0 1 1 *"},
     {"@annually", "0 0 1 1 *"},
     {"@monthly", "0 0 1 * *"},
     {"@weekly", "0 0 * * 0"},
     {"@daily", "0 0 * * *"},
     {"@midnight", "0 0 * * *"},
     {"@hourly", "0 * * * *"}}};
constexpr std::array<std::string_view, 7> kMacroNames{"@yearly", "@annually", "@monthly", "@weekly",
                                                      "@daily",  "@midnight", "@hourly"};

std::vector<std::string_view> cron_words(std::string_view line) {
  std::vector<std::string_view> words;
  while (true) {
    const std::size_t begin = line.find_first_not_of(" \t");
    if (begin == std::string_view::npos) return words;
    line.remove_prefix(begin);
    const std::size_t end = std::min(line.find_first_of(" \t"), line.size());
    words.push_back(line.substr(0, end));
    line.remove_prefix(end);
  }
}

Problem cron_problem(std::string detail) {
  return make_problem(ErrorKind::validation, "cron-invalid", std::move(detail));
}

}  // namespace

// One field. After a fault `fault()` says what is wrong with it.
class Cron::Reader {
 public:
  Reader(Field field, std::string_view text)
      : limits_(kCronFields[field]), field_(field), text_(text) {}

  bool read(std::bitset<60>& allowed) {
    std::string_view left = text_;
    while (true) {
      const std::size_t comma = left.find(',');
      if (!read_element(left.substr(0, comma), allowed)) return false;
      if (comma == std::string_view::npos) return true;
      left.remove_prefix(comma + 1);
    }
  }
  std::string fault() const {
    return "the " + std::string(limits_.name) + " " + quoted(text_) + " is wrong: " + fault_;
  }

 private:
  bool refuse(std::string what) {
    fault_ = std::move(what);
    return false;
  }
  std::string bounds() const {
    return std::to_string(limits_.least) + " to " + std::to_string(limits_.most);
  }
  std::span<const std::string_view> names() const {
    if (field_ == month) return kMonthNames;
    if (field_ == day_of_week) return kDayNames;
    return {};
  }

  bool read_number(std::string_view text, unsigned& value) {
    const auto known = names();
    const auto name = std::find(known.begin(), known.end(), ascii_lower(text));
    if (name != known.end()) {
      value = static_cast<unsigned>(name - known.begin()) + limits_.least;
      return true;
    }
    if (text.empty() || text.size() > 4 || !std::all_of(text.begin(), text.end(), is_ascii_digit)) {
      const std::string also =
          known.empty() ? "" : " or a name such as " + std::string(known.back());
      return refuse("expected `*`, or a number from " + bounds() + also + ", found " +
                    quoted(text));
    }
    value = 0;
    for (const char c : text) value = value * 10 + static_cast<unsigned>(c - '0');
    return true;
  }
  bool read_bounded(std::string_view text, unsigned& value) {
    if (!read_number(text, value)) return false;
    if (value >= limits_.least && value <= limits_.most) return true;
    return refuse(std::string(text) + " is not from " + bounds());
  }

  bool read_range(std::string_view text, unsigned& from, unsigned& to, bool& single) {
    single = false;
    if (text == "*") {
      from = limits_.least;
      to = field_ == day_of_week ? 6 : limits_.most;
      return true;
    }
    const std::size_t dash = text.find('-');
    if (!read_bounded(text.substr(0, dash), from)) return false;
    if (dash == std::string_view::npos) {
      single = true;
      to = from;
      return true;
    }
    if (!read_bounded(text.substr(dash + 1), to)) return false;
    if (field_ == day_of_week && to == 0 && from > 0) to = 7;  // Friday to Sunday
    if (from <= to) return true;
    return refuse("the range " + quoted(text) + " runs backwards; write " + std::to_string(from) +
                  "-" + std::to_string(limits_.most) + "," + std::to_string(limits_.least) + "-" +
                  std::to_string(to));
  }

  bool read_element(std::string_view text, std::bitset<60>& allowed) {
    const std::size_t slash = text.find('/');
    unsigned from = 0;
    unsigned to = 0;
    unsigned step = 1;
    bool single = false;
    if (!read_range(text.substr(0, slash), from, to, single)) return false;
    if (slash != std::string_view::npos) {
      const std::string_view every = text.substr(slash + 1);
      const bool digits = !every.empty() && every.size() <= 4 &&
                          std::all_of(every.begin(), every.end(), is_ascii_digit);
      if (digits) (void)read_number(every, step);
      if (!digits || step == 0)
        return refuse("expected a step of at least 1 behind `/`, found " + quoted(every));
      if (single)
        return refuse("a step needs a range before it; write `*/" + std::to_string(step) +
                      "` or `" + std::to_string(from) + "-" + std::to_string(limits_.most) + "/" +
                      std::to_string(step) + "`");
    }
    for (unsigned value = from; value <= to; value += step)
      allowed.set(field_ == day_of_week ? value % 7 : value);
    return true;
  }

  const CronField& limits_;
  const Field field_;
  const std::string_view text_;
  std::string fault_;
};

Result<Cron> Cron::parse(std::string_view line) {
  std::vector<std::string_view> words = cron_words(line);
  if (words.size() == 1 && words[0].starts_with('@')) {
    const auto macro = std::find_if(kCronMacros.begin(), kCronMacros.end(), [&](const auto& m) {
      return m.first == ascii_lower(words[0]);
    });
    if (macro == kCronMacros.end())
      return fail(cron_problem(quoted(words[0]) + " is no time; expected " +
                               quoted_list(kMacroNames, "or") + ", or five fields"));
    words = cron_words(macro->second);
  }
  if (words.size() != kCronFields.size())
    return fail(
        cron_problem("expected five fields (minute, hour, day of month, month, day of week), "
                     "found " +
                     std::to_string(words.size())));
  Cron cron;
  std::string faults;
  for (std::size_t i = 0; i < words.size(); ++i) {
    Reader reader(static_cast<Field>(i), words[i]);
    cron.star_[i] = words[i].starts_with('*');
    if (!reader.read(cron.allowed_[i])) faults += (faults.empty() ? "" : "; ") + reader.fault();
  }
  if (!faults.empty()) return fail(cron_problem(faults));
  const ZoneSeconds start = sys_days(std::chrono::year(2000) / 1 / 1).time_since_epoch();
  if (!cron.next_local(start, start + kFarthest))
    return fail(cron_problem("no such day ever comes"));
  return cron;
}

bool Cron::matches_day(sys_days day) const {
  const std::chrono::year_month_day date(day);
  if (!allowed_[month].test(static_cast<unsigned>(date.month()))) return false;
  const bool by_month = allowed_[day_of_month].test(static_cast<unsigned>(date.day()));
  const bool by_week = allowed_[day_of_week].test(std::chrono::weekday(day).c_encoding());
  const bool either = !star_[day_of_month] && !star_[day_of_week];
  return either ? by_month || by_week : by_month && by_week;
}

// The first minute from `from` on, and before `end`, as a local clock without changes shows it.
std::optional<ZoneSeconds> Cron::next_local(ZoneSeconds from, ZoneSeconds end) const {
  const ZoneSeconds first = std::chrono::ceil<minutes>(from);
  for (sys_days day(floor<days>(first)); day.time_since_epoch() < end; day += days(1)) {
    if (!matches_day(day)) continue;
    const ZoneSeconds midnight = day.time_since_epoch();
    const auto begin =
        static_cast<unsigned>(std::max<std::int64_t>(0, floor<minutes>(first - midnight).count()));
    for (unsigned i = begin; i < 24 * 60; ++i) {
      if (!allowed_[hour].test(i / 60) || !allowed_[minute].test(i % 60)) continue;
      const ZoneSeconds found = midnight + minutes(i);
      if (found < end) return found;
      return std::nullopt;
    }
  }
  return std::nullopt;
}

// The first time within a period, from `from` (UTC) on.
std::optional<ZoneSeconds> Cron::next_in(const TimeZone::Period& period, const TimeZone& zone,
                                         ZoneSeconds from) const {
  ZoneSeconds local = std::max(from, period.begin) + period.offset;
  const bool certain = !star_[minute] && !star_[hour];
  if (certain && period.begin != TimeZone::kEver) {
    const ZoneSeconds before = zone.at(period.begin - ZoneSeconds(1)).offset;
    const ZoneSeconds ahead = period.offset - before;
    const bool small = ahead < kLargeChange && -ahead < kLargeChange;
    const ZoneSeconds shown = period.begin + before;  // had the clocks not changed
    if (small && from <= period.begin && next_local(shown, shown + ahead)) return period.begin;
    if (small) local = std::max(local, shown);
  }
  const ZoneSeconds end = std::min(period.end, from + kFarthest) + period.offset;
  const auto found = next_local(local, end);
  if (!found) return std::nullopt;
  return *found - period.offset;
}

std::optional<WallTime> Cron::next(WallTime after, const TimeZone& zone) const {
  const ZoneSeconds first = floor<ZoneSeconds>(after.time_since_epoch()) + ZoneSeconds(1);
  ZoneSeconds from = first;
  while (from < first + kFarthest) {
    const TimeZone::Period period = zone.at(from);
    if (const auto found = next_in(period, zone, from)) return WallTime(*found);
    from = period.end;
  }
  return std::nullopt;
}

}  // namespace stepwell::config
