// Pages of lists, and the filters of their queries. A cursor is opaque to clients: it says behind
// which item the next page begins, so that what comes or goes meanwhile moves no other item.
// Pure functions and values on a handler's stack; any thread.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/message.h"
#include "base/clock.h"
#include "base/result.h"
#include "base/value.h"

namespace stepwell::api {

inline constexpr std::size_t kUsualPageSize = 100;
inline constexpr std::size_t kLargestPageSize = 500;

std::string to_cursor(const Value& value);
// Errors: validation/400 `parameter-invalid`.
Result<Value> read_cursor(std::string_view text);
// What `limit` says, at most kLargestPageSize. Errors: as above.
Result<std::size_t> read_limit(const Request& request);

// Reads the query's filters; the first fault counts.
class Filters {
 public:
  explicit Filters(const Request& request) : request_(request) {}

  std::string text(std::string_view name);  // empty where absent
  std::optional<bool> flag(std::string_view name);
  std::optional<WallTime> time(std::string_view name);
  // Empty where absent; else one of the choices.
  std::string choice(std::string_view name, std::span<const std::string_view> choices);
  // Errors: validation/400 `parameter-invalid`.
  Status done() const;

 private:
  void fault(std::string_view name, const std::string& what);

  const Request& request_;
  std::optional<Problem> problem_;
};

// Does the text have this part, in any case of ASCII letters? Every text has an empty one.
bool has_part(std::string_view text, std::string_view part);

struct PageRules {
  std::string_view id;                     // the member that tells the items apart
  std::vector<std::string_view> ordering;  // members to order by; the first one where none is said
};
// The page of `items` (objects) that the query's `limit`, `cursor` and `ordering` say:
// {items, next?}. Errors: validation/400 `parameter-invalid`.
Result<Value> page_of(const Request& request, std::vector<Value> items, const PageRules& rules);
// The same as the answer.
Result<Response> page_answer(const Request& request, std::vector<Value> items,
                             const PageRules& rules);
// The names of these three, after those of the filters.
std::vector<std::string> page_names(std::vector<std::string> filters);

}  // namespace stepwell::api
