#include "api/page.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "api/decoding.h"
#include "base/ascii.h"
#include "base/encoding.h"
#include "base/json.h"

namespace stepwell::api {

namespace {

Problem parameter_invalid(std::string_view name, const std::string& what) {
  return client_error(400, "parameter-invalid", "\"" + std::string(name) + "\" must be " + what);
}

struct Ordering {
  std::string member;
  bool descending = false;

  std::string text() const { return (descending ? "-" : "") + member; }
};

Result<Ordering> read_ordering(const Request& request, const PageRules& rules) {
  Ordering ordering{std::string(rules.ordering.front())};
  const std::string* text = request.query_value("ordering");
  if (text == nullptr) return ordering;
  std::string_view member = *text;
  ordering.descending = member.starts_with('-');
  if (ordering.descending) member.remove_prefix(1);
  ordering.member = member;
  if (std::find(rules.ordering.begin(), rules.ordering.end(), member) != rules.ordering.end())
    return ordering;
  std::string known;
  for (const std::string_view each : rules.ordering)
    known += (known.empty() ? "" : ", ") + std::string(each);
  return fail(parameter_invalid("ordering", "one of " + known + ", with - before it to descend"));
}

}  // namespace

std::string to_cursor(const Value& value) { return to_hex(to_json(value)); }

Result<Value> read_cursor(std::string_view text) {
  const std::optional<std::string> json = from_hex(text);
  Result<Value> value = parse_json(json.value_or(""));
  if (json && value) return value;
  return fail(parameter_invalid("cursor", "what an answer before had as \"next\""));
}

Result<std::size_t> read_limit(const Request& request) {
  const std::string* text = request.query_value("limit");
  if (text == nullptr) return kUsualPageSize;
  std::size_t limit = 0;
  const char* const end = text->data() + text->size();
  const auto parsed = std::from_chars(text->data(), end, limit);
  if (parsed.ec != std::errc() || parsed.ptr != end || limit == 0)
    return fail(parameter_invalid("limit", "a whole number from 1 on"));
  return std::min(limit, kLargestPageSize);
}

void Filters::fault(std::string_view name, const std::string& what) {
  if (!problem_) problem_ = parameter_invalid(name, what);
}

std::string Filters::text(std::string_view name) {
  const std::string* text = request_.query_value(name);
  return text == nullptr ? std::string() : *text;
}

std::optional<bool> Filters::flag(std::string_view name) {
  const std::string* text = request_.query_value(name);
  if (text == nullptr) return std::nullopt;
  if (*text != "true" && *text != "false") fault(name, "true or false");
  return *text == "true";
}

std::optional<WallTime> Filters::time(std::string_view name) {
  const std::string* text = request_.query_value(name);
  if (text == nullptr) return std::nullopt;
  const Result<WallTime> time = parse_time(*text);
  if (time) return *time;
  fault(name, "a date and time such as 2027-01-31T12:00:00Z");
  return std::nullopt;
}

std::string Filters::choice(std::string_view name, std::span<const std::string_view> choices) {
  std::string text = this->text(name);
  const bool known = std::find(choices.begin(), choices.end(), text) != choices.end();
  if (known || request_.query_value(name) == nullptr) return text;
  std::string all;
  for (std::size_t i = 0; i < choices.size(); ++i)
    all += (i == 0 ? "" : (i + 1 == choices.size() ? " or " : ", ")) + std::string(choices[i]);
  fault(name, all);
  return text;
}

Status Filters::done() const {
  if (problem_) return fail(*problem_);
  return {};
}

bool has_part(std::string_view text, std::string_view part) {
  return ascii_lower(text).find(ascii_lower(part)) != std::string::npos;
}

Result<Value> page_of(const Request& request, std::vector<Value> items, const PageRules& rules) {
  const Result<std::size_t> limit = read_limit(request);
  if (!limit) return fail(limit.error());
  const Result<Ordering> ordering = read_ordering(request, rules);
  if (!ordering) return fail(ordering.error());
  const auto place_of = [&](const Value& item) {
    return Value::array({item.get(ordering->member), item.get(rules.id)});
  };
  const auto before = [&](const Value& a, const Value& b) {
    const int order = compare(a, b);
    return ordering->descending ? order > 0 : order < 0;
  };
  std::vector<std::pair<Value, Value>> placed;
  placed.reserve(items.size());
  for (Value& item : items) {
    Value place = place_of(item);
    placed.emplace_back(std::move(place), std::move(item));
  }
  if (const std::string* text = request.query_value("cursor")) {
    const Result<Value> cursor = read_cursor(*text);
    if (!cursor) return fail(cursor.error());
    if (cursor->get("by") != Value(ordering->text()))
      return fail(parameter_invalid("cursor", "of a list with the same ordering"));
    const Value& after = cursor->get("after");
    std::erase_if(placed, [&](const auto& entry) { return !before(after, entry.first); });
  }
  std::sort(placed.begin(), placed.end(),
            [&](const auto& a, const auto& b) { return before(a.first, b.first); });
  const bool more = placed.size() > *limit;
  if (more) placed.resize(*limit);
  Value page = Value::array();
  for (auto& [place, item] : placed) page.push_back(std::move(item));
  Value answer = Value::object({{"items", std::move(page)}});
  if (more)
    answer.set(
        "next",
        to_cursor(Value::object({{"by", ordering->text()}, {"after", placed.back().first}})));
  return answer;
}

Result<Response> page_answer(const Request& request, std::vector<Value> items,
                             const PageRules& rules) {
  const Result<Value> page = page_of(request, std::move(items), rules);
  if (!page) return fail(page.error());
  return json_response(200, *page);
}

std::vector<std::string> page_names(std::vector<std::string> filters) {
  filters.insert(filters.end(), {"limit", "cursor", "ordering"});
  return filters;
}

}  // namespace stepwell::api
