#include "config/graph_notes.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/json.h"
#include "config/faults.h"

namespace stepwell::config {

namespace {

constexpr std::size_t kLongestLine = 64;  // bytes of a line

// On one line, without what is behind `kLongestLine` bytes.
std::string shortened(std::string_view text) {
  std::string out;
  bool blank = true;  // leading white space goes, other is one space
  for (const char c : text) {
    const bool space = static_cast<unsigned char>(c) <= 0x20U || c == 0x7F;
    if (space && !blank) out += ' ';
    if (!space) out += c;
    blank = space;
  }
  while (out.ends_with(' ')) out.pop_back();
  if (out.size() <= kLongestLine) return out;
  std::size_t end = kLongestLine;
  while (end > 0 && (static_cast<unsigned char>(out[end]) & 0xC0U) == 0x80U) --end;
  return out.substr(0, end) + "…";
}

// `${ .a }` as `.a`, any other text as it is, the rest as JSON.
std::string written(const Value& value) {
  if (!value.is_string()) return shortened(to_json(value));
  std::string_view text = value.as_string();
  const std::size_t from = text.find_first_not_of(" \t\r\n");
  const std::size_t to = text.find_last_not_of(" \t\r\n");
  if (from == std::string_view::npos) return {};
  text = text.substr(from, to - from + 1);
  if (text.starts_with("${") && text.ends_with('}')) text = text.substr(2, text.size() - 3);
  return shortened(text);
}

// {"seconds": 5, "milliseconds": 1} as "5 seconds 1 milliseconds".
std::string written_duration(const Value& value) {
  if (!value.is_object()) return written(value);
  std::string out;
  for (const Value::Member& member : value.members()) {
    if (!out.empty()) out += ' ';
    out += written(member.value) + " " + std::string(member.name());
  }
  return shortened(out);
}

std::string call_note(const Value& arguments) {
  const Value& endpoint = arguments.get("endpoint");
  const Value& uri = endpoint.is_object() ? endpoint.get("uri") : endpoint;
  if (!arguments.get("method").is_string() || !uri.is_string()) return {};
  std::string method = written(arguments.get("method"));
  for (char& c : method)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return shortened(method + " " + written(uri));
}

std::string openapi_note(const Value& arguments) {
  const Value& operation = arguments.get("operationId");
  const Value& endpoint = arguments.get("document").get("endpoint");
  const Value& uri = endpoint.is_object() ? endpoint.get("uri") : endpoint;
  if (!operation.is_string() || !uri.is_string()) return {};
  return shortened(written(operation) + " of " + written(uri));
}

// What a process runs: a command, a language, an image.
std::string process_note(const Value& run) {
  const Value& script = run.get("script");
  if (script.is_object())
    return written(script.contains("source") ? script.get("source").get("endpoint")
                                             : script.get("language"));
  const Value& text =
      run.contains("shell") ? run.get("shell").get("command") : run.get("container").get("image");
  return text.is_string() ? written(text) : std::string();
}

// An error's type without what all of one kind have before their last part.
std::string written_type(const Value& type) {
  if (!type.is_string()) return written(type);
  const std::string_view text = type.as_string();
  const std::string_view last = text.substr(text.rfind('/') + 1);
  const bool expression = text.starts_with("${");
  return expression || last.empty() ? written(type) : shortened(last);
}

std::string raise_note(const Value& raise) {
  const Value& error = raise.get("error");
  if (error.is_string()) return written(error);
  return shortened(written_type(error.get("type")) + " " + written(error.get("status")));
}

std::string for_note(const ForBody& body, const Value& loop) {
  return shortened("for each " + body.each + " in " + written(loop.get("in")));
}

std::string retry_note(const RetryPolicy& policy, const Value& retry) {
  static constexpr std::array<std::string_view, 3> kBackoff{"", ", linear", ", exponential"};
  std::string note = "retry";
  if (retry.is_string()) note += " " + written(retry);
  if (policy.max_attempts) note += ", " + std::to_string(*policy.max_attempts) + " attempts";
  note += kBackoff[static_cast<std::size_t>(policy.backoff)];
  return shortened(note);
}

void note_body(const Task& task, std::vector<std::string>& notes) {
  const Value& written_task = task.definition;
  const auto add = [&](std::string note) {
    if (!note.empty()) notes.push_back(std::move(note));
  };
  if (const auto* loop = std::get_if<ForBody>(&task.body)) {
    add(for_note(*loop, written_task.get("for")));
    if (loop->while_) add(shortened("while " + written(written_task.get("while"))));
  } else if (const auto* fork = std::get_if<ForkBody>(&task.body)) {
    add(fork->compete ? "fork: the first to complete wins" : "fork: all branches");
  } else if (const auto* attempt = std::get_if<TryBody>(&task.body)) {
    if (attempt->retry) add(retry_note(*attempt->retry, written_task.get("catch").get("retry")));
  } else if (std::holds_alternative<HttpCallBody>(task.body)) {
    add(call_note(written_task.get("with")));
  } else if (std::holds_alternative<OpenApiCallBody>(task.body)) {
    add(openapi_note(written_task.get("with")));
  } else if (const auto* child = std::get_if<RunWorkflowBody>(&task.body)) {
    add(shortened(child->namespace_ + "/" + child->name + ":" + child->version +
                  (child->await ? "" : ", not awaited")));
  } else if (std::holds_alternative<RunProcessBody>(task.body)) {
    add(process_note(written_task.get("run")));
  } else if (std::holds_alternative<PersonStepBody>(task.body)) {
    const Value& with = written_task.get("with");
    for (const char* name : {"prompt", "title", "subject"})
      if (notes.empty() && with.contains(name)) add(written(with.get(name)));
  } else if (std::holds_alternative<RaiseBody>(task.body)) {
    add("raise " + raise_note(written_task.get("raise")));
  } else if (std::holds_alternative<WaitBody>(task.body)) {
    add("wait " + written_duration(written_task.get("wait")));
  } else {
    const Value& type = written_task.get("emit").get("event").get("with").get("type");
    if (type.is_string()) add(shortened("emit " + written(type)));
    const Value& to = written_task.get("listen").get("to");
    if (!to.members().empty()) add(shortened("listen to " + written(to.members()[0].key)));
  }
}

}  // namespace

std::string task_kind(const Task& task) {
  // What every task may have; the next keyword is what it is (`for` stands beside `do`).
  static constexpr std::array<std::string_view, 11> kOther{"if",      "input", "output", "export",
                                                           "timeout", "then",  "with",   "metadata",
                                                           "while",   "catch", "foreach"};
  std::string_view kind;
  for (const Value::Member& member : task.definition.members()) {
    const std::string_view key = member.name();
    if (std::find(kOther.begin(), kOther.end(), key) != kOther.end()) continue;
    if (kind.empty() || key == "for") kind = key;
  }
  const Value& called = task.definition.get("call");
  if (kind == "call" && called.is_string()) return "call " + written(called);
  if (kind != "run") return std::string(kind);
  const Value& run = task.definition.get("run");
  for (const std::string_view what : {"workflow", "shell", "script", "container"})
    if (run.contains(what)) return "run " + std::string(what);
  return "run";
}

std::vector<std::string> task_notes(const Task& task) {
  std::vector<std::string> notes;
  note_body(task, notes);
  if (task.condition) notes.push_back(shortened("if " + written(task.definition.get("if"))));
  if (task.timeout) {
    const Value& timeout = task.definition.get("timeout");
    notes.push_back(
        shortened("timeout " + (timeout.is_object() ? written_duration(timeout.get("after"))
                                                    : written(timeout))));
  }
  if (task.extensions) {
    std::string names;
    for (const auto& extension : *task.extensions)
      names += (names.empty() ? "" : ", ") + extension->name;
    notes.push_back(shortened("extended by " + names));
  }
  return notes;
}

std::vector<std::string> catch_notes(const Task& task) {
  const Value& caught = task.definition.get("catch");
  std::vector<std::string> notes;
  for (const Value::Member& member : caught.get("errors").get("with").members()) {
    const std::string name(member.name());
    notes.push_back(shortened(
        name + " " + (name == "type" ? written_type(member.value) : written(member.value))));
  }
  for (const std::string_view key : {"when", "exceptWhen"})
    if (caught.contains(key))
      notes.push_back(shortened(std::string(key) + " " + written(caught.get(key))));
  return notes;
}

std::string case_label(const Task& task, std::size_t index) {
  const std::span<const Value> cases = task.definition.get("switch").elements();
  if (index >= cases.size() || cases[index].members().empty()) return {};
  const Value::Member& one = cases[index].members()[0];
  const std::string name = written(one.key);
  const Value& when = one.value.get("when");
  return when.is_null() ? name : shortened(name + ": " + written(when));
}

}  // namespace stepwell::config
