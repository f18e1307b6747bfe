#include "api/byte_range.h"

#include <algorithm>
#include <charconv>

#include "api/message.h"
#include "base/ascii.h"

namespace stepwell::api {

namespace {

std::optional<std::uint64_t> number_of(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  return whole ? std::optional(number) : std::nullopt;
}

Problem unsatisfiable(std::uint64_t size) {
  return client_error(416, "range-unsatisfiable",
                      "the file has " + std::to_string(size) + " bytes");
}

}  // namespace

Result<std::optional<ByteRange>> read_range(const std::string* range, std::uint64_t size) {
  const std::optional<ByteRange> whole;
  if (range == nullptr) return whole;
  std::string_view text = *range;
  constexpr std::string_view kUnit = "bytes=";
  if (ascii_lower(text.substr(0, kUnit.size())) != kUnit) return whole;
  text = trimmed(text.substr(kUnit.size()));
  const std::size_t dash = text.find('-');
  if (dash == std::string_view::npos || text.find(',') != std::string_view::npos) return whole;
  const auto first = number_of(text.substr(0, dash));
  const auto last = number_of(text.substr(dash + 1));
  if ((!first && dash > 0) || (!last && dash + 1 < text.size()) || (!first && !last)) return whole;
  if (!first) {  // the last so many
    if (*last == 0 || size == 0) return fail(unsatisfiable(size));
    const std::uint64_t some = std::min(*last, size);
    return std::optional(ByteRange{size - some, some});
  }
  if (last && *last < *first) return whole;
  if (*first >= size) return fail(unsatisfiable(size));
  const std::uint64_t end = last ? std::min(*last, size - 1) : size - 1;
  return std::optional(ByteRange{*first, end - *first + 1});
}

bool names_tag(std::string_view list, std::string_view tag, Comparison how) {
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    std::string_view each = trimmed(list.substr(0, comma));
    if (how == Comparison::weak && each.starts_with("W/")) each.remove_prefix(2);
    if (each == tag || each == "*") return true;
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return false;
}

}  // namespace stepwell::api
