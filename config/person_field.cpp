// What a form's fields take, and which files.
#include <algorithm>
#include <set>

#include "base/ascii.h"
#include "base/json.h"
#include "config/byte_size.h"
#include "config/faults.h"
#include "config/person_step.h"
#include "expression/pattern.h"

namespace stepwell::config {

namespace {

constexpr std::chrono::milliseconds kForAPattern{100};

bool offers(const Value& options, const Value& value) {
  const auto all = options.elements();
  return std::find(all.begin(), all.end(), value) != all.end();
}

std::string not_offered(const Value& value) {
  return quoted(value.as_string()) + " is not offered";
}

// Of a number or a date the value, else how many.
std::string out_of_limits(const Value& field, const Value& measure, std::string_view unit) {
  const Value& least = field.get("min");
  const Value& most = field.get("max");
  const auto shown = [&](const Value& limit) {
    return (limit.is_string() ? std::string(limit.as_string()) : to_json(limit)) +
           std::string(unit);
  };
  if (!least.is_null() && compare(measure, least) < 0) return "the least is " + shown(least);
  if (!most.is_null() && compare(measure, most) > 0) return "the most is " + shown(most);
  return {};
}

std::size_t count_characters(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
  }));
}

Result<std::string> text_fault(const Value& field, const Value& value) {
  if (!value.is_string()) return std::string("a text is expected");
  std::string why = out_of_limits(field, count_characters(value.as_string()), " characters");
  const Value& pattern = field.get("pattern");
  if (!why.empty() || !pattern.is_string()) return why;
  const auto compiled = expression::Pattern::compile(pattern.as_string());
  if (!compiled) return fail(compiled.error());
  const Result<bool> matches = compiled->matches(value.as_string(), kForAPattern);
  if (!matches) return fail(matches.error());
  return *matches ? why : "it does not match " + quoted(pattern.as_string());
}

std::string checklist_fault(const Value& field, const Value& value) {
  if (!value.is_array()) return "a list of options is expected";
  std::set<std::string_view> seen;
  for (const Value& each : value.elements()) {
    if (!each.is_string()) return "a list of options is expected";
    if (!offers(field.get("options"), each)) return not_offered(each);
    if (!seen.insert(each.as_string()).second) return quoted(each.as_string()) + " stands twice";
  }
  return out_of_limits(field, value.size(), "");
}

}  // namespace

std::vector<std::string> assignees_of(const Value& assignee) {
  std::vector<std::string> users;
  if (assignee.is_string()) users.emplace_back(assignee.as_string());
  for (const Value& each : assignee.elements())
    if (each.is_string()) users.emplace_back(each.as_string());
  std::sort(users.begin(), users.end());
  users.erase(std::unique(users.begin(), users.end()), users.end());
  return users;
}

bool accepts_media_type(const Value& accept, std::string_view media_type) {
  const std::string_view plain = media_type.substr(0, media_type.find_first_of("; "));
  const auto same = [](std::string_view a, std::string_view b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](char x, char y) { return ascii_lower(x) == ascii_lower(y); });
  };
  const auto fits = [&](const Value& each) {
    if (!each.is_string()) return false;
    const std::string_view wanted = each.as_string();
    if (!wanted.ends_with("/*")) return same(wanted, plain);
    return wanted == "*/*" || same(wanted.substr(0, wanted.size() - 1),
                                   plain.substr(0, std::min(wanted.size() - 1, plain.size())));
  };
  if (accept.is_null()) return true;
  if (accept.is_string()) return fits(accept);
  const auto all = accept.elements();
  return std::any_of(all.begin(), all.end(), fits);
}

std::optional<std::uint64_t> parse_max_size(const Value& size) {
  if (size.is_number()) {
    const auto whole = size.as_integer();
    if (!whole || *whole < 0) return std::nullopt;
    return static_cast<std::uint64_t>(*whole);
  }
  if (!size.is_string()) return std::nullopt;
  const Result<Bytes> bytes = parse_byte_size(size.as_string());
  if (!bytes) return std::nullopt;
  return bytes->count;
}

Result<std::string> field_value_fault(const Value& field, const Value& value) {
  const Value& named = field.get("kind");
  const std::string_view kind = named.is_string() ? named.as_string() : std::string_view();
  if (kind == "text") return text_fault(field, value);
  if (kind == "number")
    return value.is_number() ? out_of_limits(field, value, "") : "a number is expected";
  if (kind == "checklist") return checklist_fault(field, value);
  if (!value.is_string())
    return std::string(kind == "date" ? "a date such as 2027-01-31 is expected"
                                      : "a text is expected");
  if (kind == "date") {
    if (value.size() != 10 || !parse_time(value.as_string()))
      return std::string("a date such as 2027-01-31 is expected");
    return out_of_limits(field, value, "");
  }
  const bool free = kind == "file" || (kind == "user" && field.get("options").is_null());
  if (!free && !offers(field.get("options"), value)) return not_offered(value);
  return std::string();
}

}  // namespace stepwell::config
