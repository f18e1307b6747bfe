#include "config/byte_size.h"

#include <array>
#include <charconv>
#include <limits>

#include "config/faults.h"

namespace stepwell::config {

namespace {

struct Unit {
  std::string_view name;
  std::uint64_t bytes;
};

// The largest first.
constexpr std::array<Unit, 4> kUnits{
    {{"GiB", 1ULL << 30U}, {"MiB", 1ULL << 20U}, {"KiB", 1ULL << 10U}, {"", 1}}};

}  // namespace

Result<Bytes> parse_byte_size(std::string_view text) {
  std::uint64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  const std::string_view name(stop, static_cast<std::size_t>(end - stop));
  for (const Unit& unit : kUnits) {
    if (error != std::errc() || name != unit.name) continue;
    if (number > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()) / unit.bytes)
      break;
    return Bytes{number * unit.bytes};
  }
  return fail(make_problem(ErrorKind::configuration, "settings-invalid",
                           quoted(text) + " is no amount of memory such as 64MiB or 512KiB"));
}

std::string byte_size_text(Bytes size) {
  for (const Unit& unit : kUnits)
    if (size.count != 0 && size.count % unit.bytes == 0)
      return std::to_string(size.count / unit.bytes) + std::string(unit.name);
  return "0";
}

}  // namespace stepwell::config
