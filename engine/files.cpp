#include "engine/files.h"

#include <set>
#include <utility>

namespace stepwell::engine {

namespace {

constexpr std::size_t kIdLength = 28;

}  // namespace

Value file_value(const FileInfo& info) {
  return Value::object({{"file", info.id},
                        {"name", info.name},
                        {"mediaType", info.media_type},
                        {"size", info.size},
                        {"sha256", info.sha256}});
}

std::optional<std::string> file_id(const Value& value) {
  const Value& id = value.get("file");
  if (!id.is_string()) return std::nullopt;
  const std::string_view text = id.as_string();
  if (text.size() != kIdLength || !text.starts_with("f_")) return std::nullopt;
  constexpr std::string_view kDigits = "0123456789abcdefghjkmnpqrstvwxyz";
  if (text.find_first_not_of(kDigits, 2) != std::string_view::npos) return std::nullopt;
  return std::string(text);
}

std::vector<std::string> file_ids(const Value& value) {
  std::set<std::string> ids;
  std::vector<const Value*> left{&value};
  while (!left.empty()) {
    const Value& one = *left.back();
    left.pop_back();
    if (std::optional<std::string> id = file_id(one)) ids.insert(*std::move(id));
    for (const Value& element : one.elements())
      if (element.is_array() || element.is_object()) left.push_back(&element);
    for (const Value::Member& member : one.members())
      if (member.value.is_array() || member.value.is_object()) left.push_back(&member.value);
  }
  return {ids.begin(), ids.end()};
}

}  // namespace stepwell::engine
