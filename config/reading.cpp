#include "config/reading.h"

#include <algorithm>
#include <utility>

#include "config/kind_words.h"

namespace stepwell::config {

namespace {

void append_pointer_segment(std::string& out, std::string_view key, std::size_t longest) {
  out += '/';
  for (const char c : key.substr(0, longest)) {
    if (c == '~')
      out += "~0";
    else if (c == '/')
      out += "~1";
    else
      out += c;
  }
  if (key.size() > longest) out += "…";
}

// What a text was surely meant to be, where it says a number or a flag.
std::string unquoted_hint(std::string_view wanted, std::string_view text) {
  const auto is_one_of = [&](std::initializer_list<std::string_view> words) {
    return std::find(words.begin(), words.end(), text) != words.end();
  };
  const bool digits = !text.empty() && std::all_of(text.begin(), text.end(),
                                                   [](char c) { return c >= '0' && c <= '9'; });
  if (wanted == "a whole number" && digits) return "; write it without quotes";
  if (wanted != "true or false") return {};
  if (is_one_of({"true", "false"})) return "; write it without quotes";
  if (is_one_of({"yes", "on", "Yes", "On", "YES", "ON"})) return "; write `true`";
  return is_one_of({"no", "off", "No", "Off", "NO", "OFF"}) ? "; write `false`" : "";
}

std::string_view kind_text(const YamlNode& node) {
  if (node.kind == YamlNode::Kind::sequence)
    return node.elements.empty() ? "an empty list" : "a list";
  if (node.kind == YamlNode::Kind::mapping)
    return node.members.empty() ? "an empty mapping" : "a mapping";
  return kind_words(node.value);
}

}  // namespace

std::string Place::reference(std::size_t longest) const {
  std::vector<const Place*> way;
  for (const Place* place = this; place->up_ != nullptr; place = place->up_) way.push_back(place);
  std::string out;
  for (auto place = way.rbegin(); place != way.rend(); ++place) {
    if ((*place)->member_ != nullptr)
      append_pointer_segment(out, (*place)->key(), longest);
    else
      out += "/" + std::to_string((*place)->index_);
  }
  return out;
}

std::vector<std::string_view> UseTable::names() const {
  std::vector<std::string_view> all;
  all.reserve(entries.size());
  for (const auto& [entry, unused] : entries) all.emplace_back(entry);
  return all;
}

std::string Reading::reference(const Place& place) const {
  std::string pointer = place.reference();
  return source_uri.empty() ? pointer : source_uri + "#" + pointer;
}

void Reading::error(const Place& place, std::string what, std::string hint) {
  faults.error(place.position(), std::move(what), place.reference(80), std::move(hint));
}

void Reading::error_at_key(const Place& place, std::string what, std::string hint) {
  faults.error(place.key_position(), std::move(what), place.reference(80), std::move(hint));
}

void Reading::warning(const Place& place, std::string what, std::string hint) {
  faults.warning(place.position(), std::move(what), place.reference(80), std::move(hint));
}

void Reading::unsupported(const Place& place, std::string_view what) {
  error_at_key(place, quoted(what) + " is not supported by this version");
}

void Reading::expected(const Place& place, std::string_view what) {
  std::string text =
      "expected " + std::string(what) + ", found " + std::string(kind_text(place.node()));
  std::string hint;
  const Value& value = place.node().value;
  if (what.substr(0, 4) == "text" && (value.is_number() || value.is_bool()))
    hint = "; write it in quotes";
  if (value.is_string()) hint = unquoted_hint(what, value.as_string());
  // What is not there has no place of its own.
  if (value.is_null())
    error_at_key(place, std::move(text), std::move(hint));
  else
    error(place, std::move(text), std::move(hint));
}

const YamlNode::Member* Reading::refer(const Place& place, UseTable& table,
                                       const std::string& otherwise) {
  const std::string name(place.node().value.as_string());
  const auto entry = table.entries.find(name);
  if (entry != table.entries.end()) {
    table.referenced.insert(name);
    return entry->second;
  }
  std::string hint = did_you_mean(name, table.names());
  if (hint.empty()) hint = otherwise;
  error(place, quoted(name) + " is none of " + quoted("use." + table.name), hint);
  return nullptr;
}

LocalVariable::LocalVariable(Reading& reading, const std::string& name)
    : reading_(reading), before_(reading.variables) {
  // The indices stay; only the later of two equal names can be spelled.
  for (std::string& other : reading.variables)
    if (other == name) other.clear();
  reading.variables.push_back(name);
}

LocalVariable::~LocalVariable() { reading_.variables = std::move(before_); }

Fields::Fields(Reading& reading, const Place& place, std::span<const std::string_view> known)
    : reading_(reading), place_(place) {
  if (!expect_mapping(reading, place)) return;
  std::vector<std::string_view> absent;
  for (const std::string_view key : known)
    if (place.node().find(key) == nullptr) absent.push_back(key);
  for (const YamlNode::Member& member : place.node().members) {
    if (std::find(known.begin(), known.end(), member.key) != known.end()) continue;
    meant_.push_back(nearest(member.key, absent));
    std::string hint = did_you_mean(member.key, absent);
    if (hint.empty()) hint = "; expected " + quoted_list(known, "or");
    if (member.key == "<<") hint = "; merge keys are not part of YAML 1.2";
    reading.error_at_key(Place(place, member), "unknown keyword " + quoted(member.key), hint);
  }
}

std::optional<Place> Fields::find(std::string_view key) const {
  const YamlNode::Member* member = place_.node().find(key);
  if (member == nullptr) return std::nullopt;
  return Place(place_, *member);
}

std::optional<Place> Fields::require(std::string_view key) const {
  std::optional<Place> place = find(key);
  const bool told = std::find(meant_.begin(), meant_.end(), key) != meant_.end();
  if (!place && is_mapping() && !told)
    reading_.error_at_key(place_, "the keyword " + quoted(key) + " is missing");
  return place;
}

bool expect_mapping(Reading& reading, const Place& place) {
  if (place.node().kind == YamlNode::Kind::mapping) return true;
  reading.expected(place, "a mapping");
  return false;
}

std::optional<std::string> read_text(Reading& reading, const Place& place) {
  const Value& value = place.node().value;
  if (value.is_string()) return std::string(value.as_string());
  reading.expected(place, "text");
  return std::nullopt;
}

std::optional<bool> read_flag(Reading& reading, const Place& place) {
  const Value& value = place.node().value;
  if (value.is_bool()) return value.as_bool();
  reading.expected(place, "true or false");
  return std::nullopt;
}

std::optional<std::int64_t> read_whole(Reading& reading, const Place& place, std::int64_t least,
                                       std::int64_t most) {
  const Value& value = place.node().value;
  if (!value.is_number()) {
    reading.expected(place, "a whole number");
    return std::nullopt;
  }
  const std::optional<std::int64_t> number = value.as_integer();
  if (number && *number >= least && *number <= most) return number;
  reading.error(place, "expected a whole number from " + std::to_string(least) + " to " +
                           std::to_string(most));
  return std::nullopt;
}

std::optional<std::size_t> read_choice(Reading& reading, const Place& place,
                                       std::span<const std::string_view> choices) {
  const std::optional<std::string> text = read_text(reading, place);
  if (!text) return std::nullopt;
  const auto found = std::find(choices.begin(), choices.end(), *text);
  if (found != choices.end()) return static_cast<std::size_t>(found - choices.begin());
  std::string hint = did_you_mean(*text, choices);
  if (hint.empty()) hint = "; expected " + quoted_list(choices, "or");
  reading.error(place, quoted(*text) + " is not known here", hint);
  return std::nullopt;
}

std::string read_variable_name(Reading& reading, const Place& place) {
  const std::optional<std::string> name = read_text(reading, place);
  if (!name) return {};
  const auto letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  const bool good = !name->empty() && name->size() <= 255 && letter(name->front()) &&
                    std::all_of(name->begin(), name->end(),
                                [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
  if (good) return *name;
  const bool dollar = !name->empty() && name->front() == '$';
  reading.error(
      place, quoted(*name) + " cannot name a variable",
      dollar ? "; write it without `$`" : "; expected letters, digits and `_`, no digit first");
  return {};
}

}  // namespace stepwell::config
