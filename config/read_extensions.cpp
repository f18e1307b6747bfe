// `use.extensions`: what runs before and after tasks of a kind.
#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "config/extensions.h"
#include "config/read_tasks.h"

namespace stepwell::config {

namespace {

constexpr std::size_t kMost = 100;  // each task can be extended by all of them
constexpr std::array<std::string_view, 12> kExtend{"all", "call",   "composite", "emit",
                                                   "for", "listen", "raise",     "run",
                                                   "set", "switch", "try",       "wait"};
constexpr std::array<std::string_view, 4> kExtension{"extend", "when", "before", "after"};

bool extends(std::string_view extend, std::string_view kind) {
  const bool composite = kind == "do" || kind == "fork";
  return extend == "all" || extend == (composite ? std::string_view("composite") : kind);
}

const YamlNode::Member* single_member(const YamlNode& item) {
  const bool single = item.kind == YamlNode::Kind::mapping && item.members.size() == 1;
  return single ? &item.members[0] : nullptr;
}

// In the standard's own examples `$task` is the task as it was written.
void warn_of_definition(Reading& reading, const Place& when) {
  const std::string_view text = when.node().value.as_string();
  for (const std::string_view part : {"$task.with", "$task.call"})
    if (text.find(part) != std::string_view::npos)
      reading.warning(when,
                      quoted(part) + " is null: what the author wrote is in `$task.definition`",
                      "; write `$task.definition" + std::string(part.substr(5)) + "`");
}

void read_extend(Reading& reading, const Place& place, Extension& extension) {
  if (place.node().value.is_string() && place.node().value.as_string() == "extension") {
    reading.error(place, "tasks of extensions are not extended",
                  "; expected " + quoted_list(kExtend, "or"));
    return;
  }
  if (const auto choice = read_choice(reading, place, kExtend))
    extension.extend = std::string(kExtend[*choice]);
}

void read_extension(Reading& reading, const Place& place, Extension& extension) {
  extension.name = std::string(place.key());
  const Fields fields(reading, place, kExtension);
  if (!fields.is_mapping()) return;
  if (const auto extend = fields.require("extend")) read_extend(reading, *extend, extension);
  if (const auto when = fields.find("when")) {
    extension.when = read_expression(reading, *when, body_site("when"));
    if (extension.when) warn_of_definition(reading, *when);
  }
  const auto before = fields.find("before");
  const auto after = fields.find("after");
  if (before) extension.before = read_task_list(reading, *before);
  if (after) extension.after = read_task_list(reading, *after);
  if (!before && !after)
    reading.faults.warning(place.key_position(), "it has no effect without `before` or `after`",
                           place.reference(80));
}

}  // namespace

void ExtensionTable::index(const Place& list) {
  const std::vector<NodePtr>& items = list.node().elements;
  for (std::size_t i = 0; i < items.size() && i < kMost; ++i) {
    const YamlNode::Member* member = single_member(*items[i]);
    extensions_.push_back(member != nullptr ? std::make_shared<Extension>() : nullptr);
    if (member == nullptr) continue;
    if (const YamlNode::Member* extend = member->node->find("extend"))
      if (extend->node->value.is_string())
        extensions_.back()->extend = std::string(extend->node->value.as_string());
  }
}

std::shared_ptr<const Extensions> ExtensionTable::of(std::string_view kind) {
  if (extensions_.empty()) return nullptr;
  const auto known = by_kind_.find(kind);
  if (known != by_kind_.end()) return known->second;
  auto found = std::make_shared<Extensions>();
  for (const auto& extension : extensions_)
    if (extension != nullptr && extends(extension->extend, kind)) found->push_back(extension);
  if (found->empty()) found = nullptr;
  return by_kind_.emplace(kind, std::move(found)).first->second;
}

void ExtensionTable::read(Reading& reading, const Place& list) {
  if (list.node().kind != YamlNode::Kind::sequence) {
    reading.expected(list, "a list of extensions");
    return;
  }
  const std::size_t count = list.node().elements.size();
  if (count > kMost) reading.error(list, "more than " + std::to_string(kMost) + " extensions");
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < extensions_.size(); ++i) {
    const Place item(list, i);
    if (extensions_[i] == nullptr) {
      if (item.node().kind == YamlNode::Kind::mapping)
        reading.error(item,
                      "an item has one name, found " + std::to_string(item.node().members.size()));
      else
        reading.expected(item, "a mapping of one name to an extension");
      continue;
    }
    const Place place(item, item.node().members[0]);
    if (!names.insert(place.key()).second)
      reading.error_at_key(place, "a second extension with the name " + quoted(place.key()));
    read_extension(reading, place, *extensions_[i]);
    reading.definition.extensions.push_back(extensions_[i]);
  }
}

}  // namespace stepwell::config
