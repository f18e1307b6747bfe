#include "api/instance_selection.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "api/instance_view.h"
#include "api/page.h"

namespace stepwell::api {

namespace {

using engine::InstanceFilter;
using engine::InstanceStatus;
using engine::TimeRange;

constexpr std::size_t kMostNames = 100;  // in one list

struct NamedRange {
  const char* name;
  TimeRange InstanceFilter::*range;
};
constexpr std::array kRanges{NamedRange{"started", &InstanceFilter::started},
                             NamedRange{"completed", &InstanceFilter::completed},
                             NamedRange{"stopped", &InstanceFilter::stopped},
                             NamedRange{"ended", &InstanceFilter::ended},
                             NamedRange{"lastUpdated", &InstanceFilter::updated},
                             NamedRange{"deadline", &InstanceFilter::deadline}};

std::optional<InstanceStatus> parse_status(std::string_view text) {
  for (auto status = InstanceStatus::pending; status <= InstanceStatus::stopped;
       status = static_cast<InstanceStatus>(static_cast<std::uint8_t>(status) + 1))
    if (to_string(status) == text) return status;
  return std::nullopt;
}

Value order_text(const engine::InstanceOrder& order) {
  return Value((order.descending ? "-" : "") + std::string(to_string(order.by)));
}

// Reads one parameter after the other; the first fault counts.
class SelectionReader {
 public:
  explicit SelectionReader(const TextsOf& texts_of) : texts_of_(texts_of) {}

  std::optional<std::string> text(std::string_view name) {
    const auto texts = texts_of_(name);
    if (!texts) return std::nullopt;
    if (texts->size() != 1 || texts->front().empty()) {
      fault(name, "one text that is not empty");
      return std::nullopt;
    }
    narrowed_ = true;
    return texts->front();
  }
  std::vector<std::string> list(std::string_view name) {
    auto texts = texts_of_(name);
    if (!texts) return {};
    const auto is_empty = [](const std::string& each) { return each.empty(); };
    if (texts->empty() || texts->size() > kMostNames ||
        std::any_of(texts->begin(), texts->end(), is_empty))
      fault(name, "a list of 1 to 100 texts that are not empty");
    narrowed_ = true;
    return std::move(*texts);
  }
  void workflow(std::string& into) {
    const std::optional<std::string> said = text("workflow");
    if (said && said->find('/') == std::string::npos)
      fault("workflow", "NAMESPACE/NAME or NAMESPACE/NAME:VERSION");
    into = said.value_or("");
  }
  template <class Each, class Parse>
  void choices(std::string_view name, std::vector<Each>& into, Parse parse, const char* known) {
    for (const std::string& each : list(name)) {
      const std::optional<Each> read = parse(each);
      if (!read) return fault(name, known);
      into.push_back(*read);
    }
  }
  bool flag(std::string_view name) {
    const bool narrowed = narrowed_;  // `false` picks all, as if it were not said
    const std::optional<std::string> said = text(name);
    if (said && *said != "true" && *said != "false") fault(name, "true or false");
    narrowed_ = narrowed || said == "true";
    return said == "true";
  }
  void range(const std::string& name, TimeRange& into) {
    into.from = time(name + "After");
    into.before = time(name + "Before");
  }
  // Each names an API key by its id, or all those of a user.
  void run_as(const KeysOf& keys_of, std::vector<std::string>& into) {
    for (const std::string& each : list("runAs")) {
      into.push_back(each);  // a user without keys has no instances: nothing else is meant
      if (each.starts_with("sw_")) continue;
      for (std::string& key : keys_of(each)) into.push_back(std::move(key));
    }
  }
  void parent(std::optional<InstanceId>& into) {
    const std::optional<std::string> said = text("parent");
    if (!said) return;
    into = parse_instance_id(*said);
    if (!into) fault("parent", "the id of an instance");
  }
  void order(engine::InstanceOrder& into) {
    const bool narrowed = narrowed_;
    const std::optional<std::string> said = text("ordering");
    narrowed_ = narrowed;
    if (!said) return;
    const auto order = engine::parse_order(*said);
    if (order)
      into = *order;
    else
      fault("ordering",
            "one of id, startedTime, lastUpdatedTime, completedTime, priority, name, deadline and "
            "status, with - before it to descend");
  }
  void cursor(engine::InstanceQuery& query) {
    const bool narrowed = narrowed_;
    const std::optional<std::string> said = text("cursor");
    narrowed_ = narrowed;
    if (!said) return;
    const Result<Value> value = read_cursor(*said);
    const auto number =
        value && value->size() == 4 && value->is_array() ? value->at(1).as_integer() : std::nullopt;
    const auto id = number ? value->at(3).as_integer() : std::nullopt;
    if (!id || !value->at(2).is_string())
      return fault("cursor", "what an answer before had as \"next\"");
    if (value->at(0) != order_text(query.order))
      return fault("cursor", "what an answer with the same \"ordering\" had as \"next\"");
    query.after = engine::InstancePosition{*number, std::string(value->at(2).as_string()),
                                           InstanceId{static_cast<std::uint64_t>(*id)}};
  }
  void limit(std::size_t& into, std::size_t most) {
    const bool narrowed = narrowed_;
    const std::optional<std::string> said = text("limit");
    narrowed_ = narrowed;
    if (!said) return;
    const char* const end = said->data() + said->size();
    const auto parsed = std::from_chars(said->data(), end, into);
    if (parsed.ec != std::errc() || parsed.ptr != end || into == 0)
      fault("limit", "a whole number from 1 on");
    into = std::min(into, most);
  }
  const std::optional<Problem>& problem() const { return problem_; }
  bool narrowed() const { return narrowed_; }

 private:
  std::optional<WallTime> time(const std::string& name) {
    const std::optional<std::string> said = text(name);
    if (!said) return std::nullopt;
    const Result<WallTime> time = parse_time(*said);
    if (time) return *time;
    fault(name, "a date and time such as 2027-01-31T12:00:00Z");
    return std::nullopt;
  }
  void fault(std::string_view name, std::string_view what) {
    if (!problem_)
      problem_ = client_error(400, "parameter-invalid",
                              "\"" + std::string(name) + "\" must be " + std::string(what));
  }

  const TextsOf& texts_of_;
  std::optional<Problem> problem_;
  bool narrowed_ = false;
};

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find(',', at), text.size());
    parts.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return parts;
}

bool takes_list(std::string_view name) {
  return name == "status" || name == "priority" || name == "tag" || name == "runAs";
}

}  // namespace

TextsOf texts_of(const Request& request) {
  return [&request](std::string_view name) -> std::optional<std::vector<std::string>> {
    const std::string* text = request.query_value(name);
    if (text == nullptr) return std::nullopt;
    if (takes_list(name)) return split(*text);
    return std::vector<std::string>{*text};
  };
}

KeysOf keys_of(const auth::Keys& keys) {
  return [&keys](const std::string& user) {
    std::vector<std::string> ids;
    for (auth::ApiKey& key : keys.list())
      if (key.user == user) ids.push_back(std::move(key.id));
    return ids;
  };
}

Result<Selection> read_selection(const TextsOf& texts_of, const KeysOf& keys_of, WallTime now,
                                 std::size_t usual, std::size_t most) {
  Selection selection;
  engine::InstanceQuery& query = selection.query;
  InstanceFilter& filter = query.filter;
  query.most = usual;
  SelectionReader reader(texts_of);
  const bool open = reader.flag("open");
  reader.workflow(filter.workflow);
  reader.choices("status", filter.statuses, parse_status,
                 "pending, running, waiting, suspended, completed, faulted or stopped");
  filter.open = open;
  filter.name = reader.text("name").value_or("");
  reader.choices("priority", filter.priorities, engine::parse_priority, "regular, H or V");
  filter.tags = reader.list("tag");
  filter.step = reader.text("step").value_or("");
  filter.credential = reader.text("credential").value_or("");
  reader.run_as(keys_of, filter.keys);
  reader.parent(filter.parent);
  for (const NamedRange& each : kRanges) reader.range(each.name, filter.*each.range);
  if (reader.flag("overdue")) filter.overdue = now;
  selection.narrowed = reader.narrowed();
  reader.order(query.order);
  reader.cursor(query);
  reader.limit(query.most, most);
  if (reader.problem()) return fail(*reader.problem());
  return selection;
}

const std::vector<std::string>& selection_names() {
  static const std::vector<std::string> kNames = [] {
    std::vector<std::string> names{"open",    "workflow", "status",     "name",  "priority",
                                   "tag",     "step",     "credential", "runAs", "parent",
                                   "overdue", "ordering", "cursor",     "limit"};
    for (const NamedRange& each : kRanges)
      for (const char* end : {"After", "Before"}) names.push_back(std::string(each.name) + end);
    return names;
  }();
  return kNames;
}

const std::vector<std::string>& lasting_names() {
  static const std::vector<std::string> kNames{"workflow", "status", "name",  "priority",
                                               "tag",      "runAs",  "parent"};
  return kNames;
}

std::string cursor_of(const engine::InstanceOrder& order,
                      const engine::InstancePosition& position) {
  return to_cursor(
      Value::array({order_text(order), position.number, position.text, position.id.number}));
}

}  // namespace stepwell::api
