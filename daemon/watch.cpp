#include "daemon/watch.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <ostream>
#include <thread>

#include "base/json.h"
#include "config/yaml_print.h"
#include "daemon/sse_reader.h"

namespace stepwell::daemon {

namespace {

constexpr int kMostAttempts = 5;  // one after the other that bring nothing
constexpr Milliseconds kPause{1'000};

std::string member_text(const Value& data, std::string_view name) {
  const Value& value = data.get(name);
  if (value.is_null()) return {};
  return printable(value.is_string() ? std::string(value.as_string()) : to_json(value));
}

Colour colour_of_event(std::string_view name) {
  if (name == "completed") return Colour::green;
  if (name == "faulted") return Colour::red;
  return name == "retried" || name == "stopped" ? Colour::yellow : Colour::none;
}

// TIME  WHAT  STEP, and what went wrong.
std::string line_of(const ServerEvent& event, const Value& data, const Terminal& terminal) {
  std::string line = member_text(data, "time");
  if (!line.empty()) line += "  ";
  const bool whole = event.name == "status";
  std::string what = member_text(data, whole ? "status" : "event");
  if (what.empty()) what = printable(event.name);
  line += coloured(what, colour_of_event(what), terminal.colour);
  const std::string name = member_text(data, "name");
  const std::string reference = member_text(data, "reference");
  if (whole) line += "  instance " + member_text(data, "instance");
  if (!name.empty()) line += "  " + name;
  if (!reference.empty()) line += "  " + reference;
  if (const std::string attempt = member_text(data, "attempt"); !attempt.empty() && attempt != "1")
    line += "  attempt " + attempt;
  if (const Value& problem = data.get("error"); problem.is_object())
    line += "  " + member_text(problem, "reason") + ": " + member_text(problem, "detail");
  return line;
}

void print_event(CommandContext& context, OutputFormat format, const ServerEvent& event) {
  Result<Value> parsed = parse_json(event.data);
  Value data = parsed ? *std::move(parsed) : Value(event.data);
  if (format == OutputFormat::table) {
    context.out << line_of(event, data, context.terminal) << '\n';
  } else {
    const Value whole =
        Value::object({{"id", event.id}, {"event", event.name}, {"data", std::move(data)}});
    if (format == OutputFormat::json)
      context.out << to_json(whole) << '\n';
    else
      context.out << "---\n" << config::to_yaml(whole);
  }
  context.out.flush();
}

bool has_ended(const Value& instance) {
  static constexpr std::array<std::string_view, 3> kEnds{"completed", "faulted", "stopped"};
  const Value& status = instance.get("status");
  return status.is_string() &&
         std::find(kEnds.begin(), kEnds.end(), status.as_string()) != kEnds.end();
}

}  // namespace

void watch_instance(CommandContext& context, OutputFormat format, Backend& backend,
                    const std::string& id, const WatchOptions& options,
                    const std::function<void()>& pause) {
  const std::string path = path_to("/api/v1/instances", id);
  std::string after = options.after;
  for (int attempt = 1;; ++attempt) {
    SseReader reader([&](const ServerEvent& event) {
      attempt = 1;
      if (!event.id.empty()) after = event.id;
      print_event(context, format, event);
    });
    std::vector<http::Header> headers{{"Accept", "text/event-stream"}};
    if (!after.empty()) headers.push_back({"Last-Event-ID", after});
    const Status over = backend.download(path + "/events", headers, [&](std::string_view piece) {
      reader.feed(piece);
      return Status();
    });
    const bool lost = !over && over.error().code == "daemon-unreachable";
    if (!over && (!lost || attempt >= kMostAttempts))
      return report_problem(context, format, over.error());
    if (const Result<Value> instance = backend.call("GET", path, {});
        instance && has_ended(*instance)) {
      if (!(instance->get("status") == Value("completed"))) context.exit_code = kFailed;
      return;
    }
    pause();
  }
}

void watch_instance(CommandContext& context, const CommonOptions& common, const std::string& id,
                    const WatchOptions& options) {
  const Result<std::unique_ptr<Backend>> backend = open_backend(context, common);
  if (!backend) return report_problem(context, common.format(), backend.error());
  watch_instance(context, common.format(), **backend, id, options,
                 [] { std::this_thread::sleep_for(kPause); });
}

}  // namespace stepwell::daemon
