#include "base/clock.h"

#include <array>
#include <cstdio>
#include <ctime>

namespace stepwell {

namespace {

using namespace std::chrono;

bool digits(std::string_view text, std::size_t& at, std::size_t count, int& out) {
  if (at + count > text.size()) return false;
  out = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const char c = text[at + i];
    if (c < '0' || c > '9') return false;
    out = out * 10 + (c - '0');
  }
  at += count;
  return true;
}

bool literal(std::string_view text, std::size_t& at, char c) {
  if (at >= text.size() || text[at] != c) return false;
  ++at;
  return true;
}

// The offset from UTC in minutes: "Z", "+02:00" or "-0530".
bool offset(std::string_view text, std::size_t& at, int& minutes_east) {
  if (at < text.size() && (text[at] == 'Z' || text[at] == 'z')) {
    ++at;
    minutes_east = 0;
    return true;
  }
  if (at >= text.size() || (text[at] != '+' && text[at] != '-')) return false;
  const int sign = text[at++] == '-' ? -1 : 1;
  int hour = 0;
  int minute = 0;
  if (!digits(text, at, 2, hour)) return false;
  literal(text, at, ':');
  if (!digits(text, at, 2, minute) || hour > 23 || minute > 59) return false;
  minutes_east = sign * (hour * 60 + minute);
  return true;
}

bool time_of_day(std::string_view text, std::size_t& at, milliseconds& out) {
  int hour = 0;
  int minute = 0;
  int second = 0;
  if (!digits(text, at, 2, hour) || !literal(text, at, ':') || !digits(text, at, 2, minute))
    return false;
  if (literal(text, at, ':') && !digits(text, at, 2, second)) return false;
  if (hour > 23 || minute > 59 || second > 60) return false;
  int fraction = 0;
  if (literal(text, at, '.')) {
    int scale = 100;
    const std::size_t first = at;
    for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at, scale /= 10)
      fraction += (text[at] - '0') * scale;
    if (at == first) return false;
  }
  out = hours(hour) + minutes(minute) + seconds(second) + milliseconds(fraction);
  return true;
}

// So many digits, with zeros in front; gives where to go on.
char* put_digits(char* at, unsigned number, std::size_t count) {
  for (std::size_t i = count; i > 0; --i, number /= 10)
    at[i - 1] = static_cast<char>('0' + number % 10);
  return at + count;
}

}  // namespace

WallTime SystemClock::now() const { return floor<milliseconds>(system_clock::now()); }
SteadyTime SystemClock::steady_now() const { return steady_clock::now(); }

std::string format_time(WallTime time) {
  const auto day = floor<days>(time);
  const year_month_day date(day);
  const hh_mm_ss<milliseconds> clock(time - day);
  std::array<char, 32> text{};
  char* at = text.data();
  const auto part = [&at](char before, auto number, std::size_t count) {
    *at++ = before;
    at = put_digits(at, static_cast<unsigned>(number), count);
  };
  const int year = static_cast<int>(date.year());
  if (year >= 0 && year <= 9999)
    at = put_digits(at, static_cast<unsigned>(year), 4);
  else
    at += std::snprintf(at, 8, "%04d", year);  // at most "-32767"
  part('-', static_cast<unsigned>(date.month()), 2);
  part('-', static_cast<unsigned>(date.day()), 2);
  part('T', clock.hours().count(), 2);
  part(':', clock.minutes().count(), 2);
  part(':', clock.seconds().count(), 2);
  if (clock.subseconds().count() != 0) part('.', clock.subseconds().count(), 3);
  *at++ = 'Z';
  return {text.data(), at};
}

Result<WallTime> parse_time(std::string_view text) {
  const auto invalid = [&] {
    return fail(
        make_problem(ErrorKind::validation, "time-invalid",
                     "'" + std::string(text) +
                         "' is no date and time; write it as 2027-01-31T12:00:00Z (RFC 3339)"));
  };
  std::size_t at = 0;
  int y = 0;
  int m = 0;
  int d = 0;
  if (!digits(text, at, 4, y) || !literal(text, at, '-') || !digits(text, at, 2, m) ||
      !literal(text, at, '-') || !digits(text, at, 2, d))
    return invalid();
  const year_month_day date{year(y), month(static_cast<unsigned>(m)),
                            day(static_cast<unsigned>(d))};
  if (!date.ok()) return invalid();
  const WallTime midnight = sys_days(date);
  if (at == text.size()) return midnight;
  milliseconds clock{0};
  int minutes_east = 0;
  if (text[at] != 'T' && text[at] != 't' && text[at] != ' ') return invalid();
  ++at;
  if (!time_of_day(text, at, clock) || !offset(text, at, minutes_east) || at != text.size())
    return invalid();
  return midnight + clock - minutes(minutes_east);
}

}  // namespace stepwell
