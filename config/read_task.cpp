// Task lists, what all tasks have in common, and the tasks that hold other tasks.
#include <algorithm>
#include <array>
#include <utility>

#include "config/extensions.h"
#include "config/read_tasks.h"

namespace stepwell::config {

namespace {

// What a task can be, and the keywords that only it has. `for` stands before `do`, which it has.
struct TaskKind {
  std::string_view keyword;
  std::array<std::string_view, 2> more;
};
constexpr std::array<TaskKind, 12> kKinds{{
    {"call", {"with", ""}},
    {"for", {"while", "do"}},
    {"do", {"", ""}},
    {"raise", {"", ""}},
    {"set", {"", ""}},
    {"switch", {"", ""}},
    {"try", {"catch", ""}},
    {"wait", {"", ""}},
    {"emit", {"", ""}},
    {"fork", {"", ""}},
    {"listen", {"foreach", ""}},
    {"run", {"", ""}},
}};
constexpr std::array<std::string_view, 7> kBase{"if",      "input", "output",  "export",
                                                "timeout", "then",  "metadata"};

std::vector<std::string_view> kind_names() {
  std::vector<std::string_view> names(kKinds.size());
  std::transform(kKinds.begin(), kKinds.end(), names.begin(),
                 [](const TaskKind& kind) { return kind.keyword; });
  return names;
}

// The kind of the task; a fault where there is none, or more than one.
const TaskKind* find_kind(Reading& reading, const Place& place) {
  std::vector<const TaskKind*> found;
  for (const TaskKind& kind : kKinds) {
    const bool part_of_for = kind.keyword == "do" && !found.empty() && found[0]->keyword == "for";
    const bool part_of_call = !found.empty() && found[0]->more[0] == kind.keyword;
    if (!part_of_for && !part_of_call && place.node().find(kind.keyword) != nullptr)
      found.push_back(&kind);
  }
  if (found.size() == 1) return found[0];
  std::vector<std::string_view> names;
  names.reserve(found.size());
  for (const TaskKind* kind : found) names.push_back(kind->keyword);
  if (found.size() > 1) {
    reading.error_at_key(place, "a task is of one kind, found " + quoted_list(names));
    return nullptr;
  }
  names = kind_names();
  for (const YamlNode::Member& member : place.node().members) {
    const bool base = std::find(kBase.begin(), kBase.end(), member.key) != kBase.end();
    const std::string hint = base ? "" : did_you_mean(member.key, names);
    if (hint.empty()) continue;
    reading.error_at_key(Place(place, member), "unknown keyword " + quoted(member.key), hint);
    return nullptr;
  }
  std::string what = "the task has no kind; expected one of " + quoted_list(names, "or");
  if (place.node().find("catch") != nullptr) what = "`catch` without `try`";
  reading.error_at_key(place, std::move(what));
  return nullptr;
}

void check_keywords(Reading& reading, const Place& place, const TaskKind* kind) {
  std::vector<std::string_view> known(kBase.begin(), kBase.end());
  if (kind != nullptr) {
    known.push_back(kind->keyword);
    for (const std::string_view more : kind->more)
      if (!more.empty()) known.push_back(more);
  } else {
    // What is wrong is said already; what could belong to some kind is left alone.
    for (const TaskKind& other : kKinds) known.push_back(other.keyword);
    for (const TaskKind& other : kKinds) known.push_back(other.more[0]);
    for (const YamlNode::Member& member : place.node().members)
      if (!nearest(member.key, kind_names()).empty()) known.push_back(member.key);
  }
  if (kind != nullptr) {
    for (const TaskKind& other : kKinds) {
      if (&other == kind || other.more[0].empty()) continue;
      const YamlNode::Member* foreign = place.node().find(other.more[0]);
      if (foreign == nullptr) continue;
      known.push_back(other.more[0]);
      reading.error_at_key(Place(place, *foreign), quoted(other.more[0]) + " belongs to a " +
                                                       quoted(other.keyword) + " task");
    }
  }
  const Fields checked(reading, place, known);
}

void read_base(Reading& reading, const Place& place, Task& task) {
  const auto find = [&](std::string_view key) { return place.node().find(key); };
  DataSchemas schemas;
  if (const auto* condition = find("if"))
    task.condition = read_expression(reading, Place(place, *condition), {kTaskInputSees, "if"});
  if (const auto* input = find("input"))
    task.input_from = read_filter_part(reading, Place(place, *input), "from",
                                       {kTaskInputSees, "input.from"}, &schemas.input);
  if (const auto* output = find("output"))
    task.output_as = read_filter_part(reading, Place(place, *output), "as", body_site("output.as"),
                                      &schemas.output);
  if (const auto* exported = find("export"))
    task.export_as = read_filter_part(reading, Place(place, *exported), "as",
                                      {kExportSees, "export.as"}, &schemas.context);
  if (schemas.input || schemas.output || schemas.context) task.schemas = std::move(schemas);
  if (const auto* timeout = find("timeout"))
    task.timeout = read_timeout(reading, Place(place, *timeout), body_site("timeout"));
  if (const auto* then = find("then")) task.then = read_flow(reading, Place(place, *then));
}

SetBody read_set(Reading& reading, const Place& task) {
  const Place set(task, *task.node().find("set"));
  const YamlNode& node = set.node();
  if (node.kind == YamlNode::Kind::mapping) {
    if (node.members.empty()) reading.error(set, "expected at least one member");
    return {read_template(reading, set, body_site("set"))};
  }
  if (node.value.is_string() && is_expression_text(node.value.as_string()))
    return {read_template(reading, set, body_site("set"))};
  reading.expected(set, "a mapping or an expression `${ … }`");
  return {};
}

TaskBody read_for(Reading& reading, const Place& task) {
  // The last two are no keywords of `for` itself, but often written there.
  static constexpr std::array<std::string_view, 5> kFor{"each", "in", "at", "while", "do"};
  const Place loop(task, *task.node().find("for"));
  const bool misplaced = loop.node().find("while") != nullptr || loop.node().find("do") != nullptr;
  if (misplaced) reading.error(loop, "`while` and `do` stand beside `for`, not in it");
  const Fields fields(reading, loop,
                      std::span<const std::string_view>(kFor).first(misplaced ? 5 : 3));
  const auto name = [&](std::string_view key, const std::string& otherwise) {
    const auto field = fields.find(key);
    const std::string text = field ? read_variable_name(reading, *field) : std::string();
    return text.empty() ? otherwise : text;
  };
  const std::string each = name("each", "item");
  const std::string at = name("at", "index");
  if (each == at) reading.error(loop, "`each` and `at` have the same name " + quoted(at));
  std::optional<Expression> collection;
  if (const auto in = fields.require("in"))
    collection = read_collection(reading, *in, body_site("for.in"));
  const LocalVariable item(reading, each);
  const LocalVariable index(reading, at);
  std::optional<Expression> condition;
  if (const auto* written = task.node().find("while"))
    condition = read_expression(reading, Place(task, *written), body_site("while"));
  TaskList tasks;
  if (const auto* list = task.node().find("do"))
    tasks = read_task_list(reading, Place(task, *list));
  else
    reading.error_at_key(loop, "the keyword `do` is missing beside `for`");
  if (!collection) return DoBody{};  // the fault is told; the definition is not used
  return ForBody{each, std::move(*collection), std::move(condition), std::move(tasks)};
}

ForkBody read_fork(Reading& reading, const Place& task) {
  static constexpr std::array<std::string_view, 2> kFork{"branches", "compete"};
  const Place fork(task, *task.node().find("fork"));
  const Fields fields(reading, fork, kFork);
  ForkBody body;
  if (const auto branches = fields.require("branches"))
    body.branches = read_branches(reading, *branches);
  if (const auto compete = fields.find("compete"))
    body.compete = read_flag(reading, *compete).value_or(false);
  return body;
}

TaskBody read_body(Reading& reading, const Place& task, const TaskKind& kind) {
  if (kind.keyword == "call") return read_call(reading, task);
  if (kind.keyword == "emit") return read_emit(reading, task);
  if (kind.keyword == "for") return read_for(reading, task);
  if (kind.keyword == "fork") return read_fork(reading, task);
  if (kind.keyword == "listen") return read_listen(reading, task);
  if (kind.keyword == "raise") return read_raise(reading, task);
  if (kind.keyword == "run") return read_run(reading, task);
  if (kind.keyword == "set") return read_set(reading, task);
  if (kind.keyword == "switch") return read_switch(reading, task);
  if (kind.keyword == "try") return read_try(reading, task);
  const Place body(task, *task.node().find(kind.keyword));
  if (kind.keyword == "wait")
    return WaitBody{read_duration(reading, body, body_site("wait")).value_or(DurationTemplate())};
  return DoBody{read_task_list(reading, body)};
}

void check_name(Reading& reading, const Place& place) {
  const std::string_view name = place.key();
  if (name == "continue" || name == "exit" || name == "end")
    reading.error_at_key(
        place, quoted(name) + " cannot name a task: after `then` it says where the flow goes");
  if (name.empty()) reading.error_at_key(place, "a task needs a name");
  if (name.size() > 255) reading.error_at_key(place, "a task's name has at most 255 bytes");
}

// The list's items as places of tasks; faults for what is no single named task.
std::vector<const YamlNode::Member*> task_members(Reading& reading, const Place& list) {
  std::vector<const YamlNode::Member*> members;
  for (std::size_t i = 0; i < list.node().elements.size(); ++i) {
    const Place item(list, i);
    const YamlNode& node = item.node();
    const bool single = node.kind == YamlNode::Kind::mapping && node.members.size() == 1;
    members.push_back(single ? &node.members[0] : nullptr);
    if (single) continue;
    if (node.kind != YamlNode::Kind::mapping || node.members.empty())
      reading.expected(item, "a mapping of a name to a task");
    else
      reading.error(item, "an item of a task list has one name, found " +
                              std::to_string(node.members.size()) +
                              " (is the task indented below its name?)");
  }
  return members;
}

}  // namespace

Task read_task(Reading& reading, const Place& place) {
  Task task;
  task.name = std::string(place.key());
  task.reference = reading.reference(place);
  task.position = place.key_position();
  task.definition = place.node().value;
  if (!expect_mapping(reading, place)) return task;
  const TaskKind* kind = find_kind(reading, place);
  check_keywords(reading, place, kind);
  read_base(reading, place, task);
  if (kind == nullptr) return task;
  const YamlNode::Member* metadata = place.node().find("metadata");
  if (metadata != nullptr && kind->keyword != "call")
    read_task_metadata(reading, Place(place, *metadata), nullptr);
  task.body = read_body(reading, place, *kind);
  if (reading.extensions != nullptr) task.extensions = reading.extensions->of(kind->keyword);
  return task;
}

namespace {

enum class ListKind : std::uint8_t { sequence, branches };

TaskList read_list(Reading& reading, const Place& list, ListKind kind) {
  TaskList tasks;
  if (list.node().kind != YamlNode::Kind::sequence) {
    reading.expected(list, "a list of tasks");
    return tasks;
  }
  const std::vector<const YamlNode::Member*> members = task_members(reading, list);
  TaskNames names;
  for (std::size_t i = 0; i < members.size(); ++i) {
    if (members[i] == nullptr) continue;
    const Place item(list, i);
    const Place task(item, *members[i]);
    check_name(reading, task);
    if (!names.emplace(members[i]->key, i).second)
      reading.error_at_key(
          task, "a second task with the name " + quoted(members[i]->key) + " in this list");
  }
  const bool branches = kind == ListKind::branches;
  const TaskNames* outer = std::exchange(reading.tasks, branches ? nullptr : &names);
  if (branches) reading.loner = "a branch of `fork`";
  const std::size_t errors_before = reading.faults.errors();
  tasks.resize(members.size());
  for (std::size_t i = 0; i < members.size(); ++i) {
    if (members[i] == nullptr) continue;
    const Place item(list, i);
    tasks[i] = read_task(reading, Place(item, *members[i]));
  }
  reading.tasks = outer;
  if (!branches && reading.faults.errors() == errors_before) check_reachability(reading, tasks);
  return tasks;
}

}  // namespace

TaskList read_task_list(Reading& reading, const Place& list) {
  return read_list(reading, list, ListKind::sequence);
}

TaskList read_branches(Reading& reading, const Place& list) {
  return read_list(reading, list, ListKind::branches);
}

}  // namespace stepwell::config
