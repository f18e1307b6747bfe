// Dates. `now` is the event's time, and local time is UTC, so that a result depends on nothing but
// the program and its input.
#include <cmath>
#include <ctime>
#include <string>
#include <utility>

#include "expression/builtins.h"
#include "expression/operations.h"

namespace stepwell::expression::detail {

namespace {

Value now(NativeCall& call) {
  const auto milliseconds = call.context.now.time_since_epoch().count();
  if (milliseconds % 1000 == 0) return Value(milliseconds / 1000);
  return Value(static_cast<double>(milliseconds) / 1000.0);
}

Value broken_down(const std::tm& tm, double seconds) {
  return Value::array({Value(std::int64_t{tm.tm_year} + 1900), Value(tm.tm_mon), Value(tm.tm_mday),
                       Value(tm.tm_hour), Value(tm.tm_min), number_value(seconds),
                       Value(tm.tm_wday), Value(tm.tm_yday)});
}

bool to_tm(double seconds, std::tm& tm) {
  if (!(std::fabs(seconds) < 1e17)) return false;
  const auto whole = static_cast<std::time_t>(std::floor(seconds));
  return gmtime_r(&whole, &tm) != nullptr;
}

constexpr const char* kNoTime = "error converting number of seconds since epoch to datetime";

Value to_utc(NativeCall& call, const char* name) {
  if (!call.input.is_number()) return call.raise(std::string(name) + "() requires numeric inputs");
  const double seconds = call.input.as_double();
  std::tm tm{};
  if (!to_tm(seconds, tm)) return call.raise(kNoTime);
  return broken_down(tm, tm.tm_sec + (seconds - std::floor(seconds)));
}
Value gmtime_native(NativeCall& call) { return to_utc(call, "gmtime"); }
Value localtime_native(NativeCall& call) { return to_utc(call, "localtime"); }

// From the array that gmtime makes; trailing members may be missing. Normalises.
bool from_array(const Value& array, std::tm& tm) {
  int* const fields[] = {&tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour,
                         &tm.tm_min,  &tm.tm_sec, &tm.tm_wday, &tm.tm_yday};
  for (std::size_t i = 0; i < std::size(fields) && i < array.size(); ++i) {
    const Value& number = array.at(i);
    if (!number.is_number() || std::isnan(number.as_double())) return false;
    const double shifted = number.as_double() - (i == 0 ? 1900 : 0);
    *fields[i] = static_cast<int>(std::fmin(std::fmax(shifted, -2147483648.0), 2147483647.0));
  }
  return true;
}

Value mktime_native(NativeCall& call) {
  if (!call.input.is_array()) return call.raise("mktime requires array inputs");
  std::tm tm{};
  if (!from_array(call.input, tm)) return call.raise("mktime requires parsed datetime inputs");
  const std::time_t seconds = timegm(&tm);
  // jq takes the second before the epoch for timegm's failure.
  if (seconds == -1) return call.raise("invalid gmtime representation");
  return Value(static_cast<std::int64_t>(seconds));
}

Value formatted(NativeCall& call, const std::string& name) {
  std::tm tm{};
  if (call.input.is_number()) {
    if (!to_tm(call.input.as_double(), tm)) return call.raise(kNoTime);
  } else if (!call.input.is_array()) {
    return call.raise(name + " requires parsed datetime inputs");
  }
  if (!call.args[0].is_string()) return call.raise(name + " requires a string format");
  if (call.input.is_array()) {
    if (!from_array(call.input, tm)) return call.raise(name + " requires parsed datetime inputs");
    timegm(&tm);
  }
  tm.tm_zone = "UTC";
  const std::string format(call.args[0].as_string());
  if (format.empty()) return Value("");
  if (!call.limits.room_for(static_cast<std::int64_t>(format.size()) * 64) ||
      !call.limits.spend(static_cast<std::int64_t>(format.size())))
    return {};
  std::string text(format.size() * 4 + 256, '\0');
  const std::size_t size = std::strftime(text.data(), text.size(), format.c_str(), &tm);
  if (size == 0) return call.raise(name + ": unknown system failure");
  return Value(std::string_view(text).substr(0, size));
}
Value strftime_native(NativeCall& call) { return formatted(call, "strftime/1"); }
Value strflocaltime_native(NativeCall& call) { return formatted(call, "strflocaltime/1"); }

Value strptime_native(NativeCall& call) {
  if (!call.input.is_string() || !call.args[0].is_string())
    return call.raise("strptime/1 requires string inputs and arguments");
  const std::string text(call.input.as_string());
  const std::string format(call.args[0].as_string());
  std::tm tm{};
  tm.tm_wday = 8;  // not a day: tells whether the format gave one
  tm.tm_yday = 367;
  const char* rest = strptime(text.c_str(), format.c_str(), &tm);
  if (rest == nullptr || (*rest != '\0' && *rest != ' '))
    return call.raise("date \"" + text + "\" does not match format \"" + format + "\"");
  std::tm whole = tm;
  timegm(&whole);
  if (tm.tm_wday == 8) tm.tm_wday = whole.tm_wday;
  if (tm.tm_yday == 367) tm.tm_yday = whole.tm_yday;
  Value parsed = broken_down(tm, tm.tm_sec);
  if (*rest != '\0') parsed.push_back(Value(rest));
  return parsed;
}

constexpr NativeEntry kTimeEntries[] = {
    {"now", 0, now},
    {"gmtime", 0, gmtime_native},
    {"localtime", 0, localtime_native},
    {"mktime", 0, mktime_native},
    {"strftime", 1, strftime_native},
    {"strflocaltime", 1, strflocaltime_native},
    {"strptime", 1, strptime_native},
};

}  // namespace

std::span<const NativeEntry> time_natives() { return kTimeEntries; }

}  // namespace stepwell::expression::detail
