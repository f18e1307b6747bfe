// TZif files (RFC 8536) and the POSIX TZ strings at their end.
#include "config/time_zone.h"

#include <algorithm>
#include <fstream>
#include <utility>

#include "base/ascii.h"

namespace stepwell::config {

namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::sys_days;

constexpr const char* kZoneFolder = "/usr/share/zoneinfo/";
constexpr std::size_t kMostZoneBytes = 1U << 20U;

bool is_zone_letter(char c) { return ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z'; }

// A name and never a way to another file.
bool is_zone_name(std::string_view name) {
  if (name.empty() || name.size() > 64 || !is_zone_letter(name.front())) return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return is_zone_letter(c) || is_ascii_digit(c) || c == '/' || c == '_' || c == '-' || c == '+';
  });
}

std::string read_zone_file(std::string_view name) {
  std::ifstream file(kZoneFolder + std::string(name), std::ios::binary);
  std::string bytes(kMostZoneBytes, '\0');
  if (!file || !file.read(bytes.data(), static_cast<std::streamsize>(bytes.size())).eof())
    return {};
  bytes.resize(static_cast<std::size_t>(file.gcount()));
  return bytes;
}

// Big-endian numbers from the front of a text; once it ends too early, nothing is good any more.
class TzifBytes {
 public:
  explicit TzifBytes(std::string_view bytes) : left_(bytes) {}
  std::string_view take(std::uint64_t count) {
    if (count > left_.size()) {
      good_ = false;
      left_ = {};
      return {};
    }
    const std::string_view taken = left_.substr(0, count);
    left_.remove_prefix(count);
    return taken;
  }
  std::int64_t number(std::size_t bytes) {
    const std::string_view taken = take(bytes);
    std::uint64_t value = !taken.empty() && (static_cast<unsigned char>(taken[0]) & 0x80U) != 0
                              ? ~std::uint64_t{0}
                              : 0;
    for (const char c : taken) value = (value << 8U) | static_cast<unsigned char>(c);
    return static_cast<std::int64_t>(value);
  }
  std::uint64_t count() {
    const std::int64_t value = number(4);
    if (value < 0) good_ = false;
    return value < 0 ? 0 : static_cast<std::uint64_t>(value);
  }
  std::string_view rest() const { return left_; }
  bool good() const { return good_; }

 private:
  std::string_view left_;
  bool good_ = true;
};

// RFC 8536 §3.1
struct TzifHeader {
  char version = 0;
  std::uint64_t ut_marks = 0;
  std::uint64_t standard_marks = 0;
  std::uint64_t leap_seconds = 0;
  std::uint64_t transitions = 0;
  std::uint64_t types = 0;
  std::uint64_t characters = 0;

  std::uint64_t data_bytes(std::uint64_t time_bytes) const {
    return transitions * (time_bytes + 1) + types * 6 + characters +
           leap_seconds * (time_bytes + 4) + standard_marks + ut_marks;
  }
};

std::optional<TzifHeader> take_header(TzifBytes& bytes) {
  TzifHeader header;
  if (bytes.take(4) != "TZif") return std::nullopt;
  const std::string_view version = bytes.take(16);
  if (!bytes.good()) return std::nullopt;
  header.version = version[0];
  header.ut_marks = bytes.count();
  header.standard_marks = bytes.count();
  header.leap_seconds = bytes.count();
  header.transitions = bytes.count();
  header.types = bytes.count();
  header.characters = bytes.count();
  return bytes.good() ? std::optional(header) : std::nullopt;
}

int year_of(ZoneSeconds time) {
  const sys_days day(std::chrono::floor<days>(time));
  return static_cast<int>(std::chrono::year_month_day(day).year());
}

}  // namespace

// The parts of a POSIX TZ string (POSIX.1-2017 §8.3, extended by RFC 8536 §3.3.1).
class TimeZone::FooterReader {
 public:
  explicit FooterReader(std::string_view text) : text_(text) {}

  std::optional<Rule> read() {
    Rule rule;
    if (!name() || !offset(rule.standard)) return std::nullopt;
    if (text_.empty()) return rule;
    if (!name()) return std::nullopt;
    rule.summer = rule.standard + hours(1);
    if (!text_.empty() && text_[0] != ',' && !offset(rule.summer)) return std::nullopt;
    Change begin;
    Change end;
    if (!change(begin) || !change(end) || !text_.empty()) return std::nullopt;
    rule.changes.emplace(begin, end);
    return rule;
  }

 private:
  bool literal(char c) {
    if (text_.empty() || text_[0] != c) return false;
    text_.remove_prefix(1);
    return true;
  }
  bool name() {
    const bool quoted_name = literal('<');
    std::size_t length = 0;
    while (length < text_.size() &&
           (quoted_name ? text_[length] != '>' : is_zone_letter(text_[length])))
      ++length;
    text_.remove_prefix(length);
    return length >= 3 && (!quoted_name || literal('>'));
  }
  bool number(int& value, int most) {
    value = 0;
    std::size_t length = 0;
    for (; length < text_.size() && length < 3 && is_ascii_digit(text_[length]); ++length)
      value = value * 10 + (text_[length] - '0');
    text_.remove_prefix(length);
    return length > 0 && value <= most;
  }
  // [+-]hh[:mm[:ss]]; hours up to 167 (RFC 8536 §3.3.1).
  bool time(ZoneSeconds& value) {
    const bool negative = literal('-');
    if (!negative) (void)literal('+');
    int hour = 0;
    int minute = 0;
    int second = 0;
    if (!number(hour, 167)) return false;
    if (literal(':') && (!number(minute, 59) || (literal(':') && !number(second, 59))))
      return false;
    value = hours(hour) + minutes(minute) + ZoneSeconds(second);
    if (negative) value = -value;
    return true;
  }
  // POSIX counts what has to be added to local time.
  bool offset(ZoneSeconds& value) {
    if (!time(value)) return false;
    value = -value;
    return true;
  }
  bool change(Change& value) {
    if (!literal(',')) return false;
    if (literal('M')) {
      if (!number(value.month, 12) || value.month < 1 || !literal('.') || !number(value.week, 5) ||
          value.week < 1 || !literal('.') || !number(value.day, 6))
        return false;
    } else {
      value.kind = literal('J') ? Change::Kind::julian : Change::Kind::day;
      if (!number(value.day, 365)) return false;
    }
    return !literal('/') || time(value.time);
  }

  std::string_view text_;
};

Result<std::shared_ptr<const TimeZone>> TimeZone::load(std::string_view name) {
  if (name == "UTC" || name == "Etc/UTC") return std::make_shared<const TimeZone>();
  std::shared_ptr<const TimeZone> zone;
  if (is_zone_name(name)) zone = from_tzif(read_zone_file(name));
  if (zone) return zone;
  return fail(make_problem(ErrorKind::configuration, "time-zone-unknown",
                           "the time zone database of this machine has no " + std::string(name) +
                               "; expected a name such as Europe/Berlin or UTC"));
}

std::shared_ptr<const TimeZone> TimeZone::from_tzif(std::string_view text) {
  TzifBytes bytes(text);
  const auto old = take_header(bytes);
  if (!old || old->version < '2') return nullptr;
  bytes.take(old->data_bytes(4));  // the same again with times of 32 bits
  const auto header = take_header(bytes);
  if (!header || header->leap_seconds != 0 || header->types == 0 ||
      header->data_bytes(8) > bytes.rest().size())
    return nullptr;
  auto zone = std::make_shared<TimeZone>();
  for (std::uint64_t i = 0; i < header->transitions; ++i)
    zone->transitions_.push_back({ZoneSeconds(bytes.number(8)), {}});
  const std::string_view types = bytes.take(header->transitions);
  std::vector<ZoneSeconds> offsets;
  for (std::uint64_t i = 0; i < header->types; ++i) {
    offsets.emplace_back(bytes.number(4));
    bytes.take(2);
  }
  bytes.take(header->characters + header->standard_marks + header->ut_marks);
  zone->first_ = offsets[0];
  for (std::size_t i = 0; i < types.size(); ++i) {
    const auto type = static_cast<unsigned char>(types[i]);
    if (type >= offsets.size()) return nullptr;
    zone->transitions_[i].offset = offsets[type];
  }
  std::string_view footer = bytes.rest();
  if (footer.size() < 2 || footer.front() != '\n' || footer.back() != '\n') return nullptr;
  footer = footer.substr(1, footer.size() - 2);
  if (!footer.empty()) {
    zone->rule_ = FooterReader(footer).read();
    if (!zone->rule_) return nullptr;
  }
  const bool ascending =
      std::is_sorted(zone->transitions_.begin(), zone->transitions_.end(),
                     [](const Transition& a, const Transition& b) { return a.at < b.at; });
  return ascending ? zone : nullptr;
}

TimeZone::Period TimeZone::at(ZoneSeconds utc) const {
  const auto next = std::upper_bound(transitions_.begin(), transitions_.end(), utc,
                                     [](ZoneSeconds t, const Transition& x) { return t < x.at; });
  if (next == transitions_.end() && rule_) return at_by_rule(utc);
  Period period{kEver, kNever, first_};
  if (next != transitions_.begin()) {
    period.begin = std::prev(next)->at;
    period.offset = std::prev(next)->offset;
  }
  if (next != transitions_.end()) period.end = next->at;
  return period;
}

// On the local clock of the time before the change.
ZoneSeconds TimeZone::local_time_of(const Change& change, int year) {
  using namespace std::chrono;
  const std::chrono::year y(year);
  if (change.kind == Change::Kind::weekday) {
    const auto month_number = std::chrono::month(static_cast<unsigned>(change.month));
    const weekday day(static_cast<unsigned>(change.day));
    const sys_days date =
        change.week == 5 ? sys_days(y / month_number / day[last])
                         : sys_days(y / month_number / day[static_cast<unsigned>(change.week)]);
    return date.time_since_epoch() + change.time;
  }
  // Julian days are 1 to 365 and leave out February 29; the others count from 0.
  int day = change.day;
  if (change.kind == Change::Kind::julian) day -= y.is_leap() && change.day >= 60 ? 0 : 1;
  return sys_days(y / January / 1).time_since_epoch() + days(day) + change.time;
}

std::vector<TimeZone::Transition> TimeZone::by_rule(int from_year, int to_year) const {
  std::vector<Transition> changes;
  for (int year = from_year; year <= to_year; ++year) {
    changes.push_back(
        {local_time_of(rule_->changes->first, year) - rule_->standard, rule_->summer});
    changes.push_back(
        {local_time_of(rule_->changes->second, year) - rule_->summer, rule_->standard});
  }
  std::sort(changes.begin(), changes.end(),
            [](const Transition& a, const Transition& b) { return a.at < b.at; });
  return changes;
}

TimeZone::Period TimeZone::at_by_rule(ZoneSeconds utc) const {
  const ZoneSeconds first = transitions_.empty() ? kEver : transitions_.back().at;
  if (!rule_->changes) return {first, kNever, rule_->standard};
  const int year = year_of(utc);
  const std::vector<Transition> changes = by_rule(year - 1, year + 1);
  const auto next = std::upper_bound(changes.begin(), changes.end(), utc,
                                     [](ZoneSeconds t, const Transition& x) { return t < x.at; });
  Period period{kEver, kNever, rule_->standard};
  if (next != changes.begin()) {
    period.begin = std::prev(next)->at;
    period.offset = std::prev(next)->offset;
  }
  if (next != changes.end()) period.end = next->at;
  period.begin = std::max(period.begin, first);
  return period;
}

}  // namespace stepwell::config
