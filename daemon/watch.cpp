#include "daemon/watch.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <map>
#include <ostream>
#include <thread>

#include "base/json.h"
#include "config/yaml_print.h"
#include "daemon/live_lines.h"
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

std::vector<http::Header> stream_headers(const std::string& after) {
  std::vector<http::Header> headers{{"Accept", "text/event-stream"}};
  if (!after.empty()) headers.push_back({"Last-Event-ID", after});
  return headers;
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

// TIME  STATUS  INSTANCE  WORKFLOW  NAME, and what went wrong.
std::string line_of_change(const ServerEvent& event, const Value& data, const Terminal& terminal) {
  if (!data.contains("id"))
    return event.name == "gap" ? "some changes before this are not known any more" : "";
  const std::string status = member_text(data, "status");
  std::string line = member_text(data, "lastUpdatedTime") + "  " +
                     coloured(status, colour_of_event(status), terminal.colour) + "  " +
                     member_text(data, "id") + "  " + member_text(data, "workflow");
  if (const std::string name = member_text(data, "name"); !name.empty()) line += "  " + name;
  if (event.name == "changed") line += "  (changed)";
  if (const Value& problem = data.get("error"); problem.is_object())
    line += "  " + member_text(problem, "reason") + ": " + member_text(problem, "detail");
  return line;
}

// Of all instances: lines, and below them on a terminal how often each status was seen.
class ChangePrinter {
 public:
  ChangePrinter(CommandContext& context, OutputFormat format)
      : context_(context), format_(format), live_(context.err, context.terminal) {}

  void print(const ServerEvent& event) {
    if (format_ != OutputFormat::table) {
      if (event.name != "begin") print_event(context_, format_, event);
      return;
    }
    const Result<Value> data = parse_json(event.data);
    const std::string line = line_of_change(event, data.value_or(Value()), context_.terminal);
    if (line.empty()) return;
    live_.clear();
    context_.out << line << '\n';
    context_.out.flush();
    if (event.name == "status") ++seen_[member_text(*data, "status")];
    std::string summary;
    for (const auto& [status, count] : seen_)
      summary += (summary.empty() ? "" : ", ") + std::to_string(count) + " " + status;
    if (!summary.empty()) live_.show({{"so far: " + summary, Colour::faint}});
  }
  void end() { live_.clear(); }

 private:
  CommandContext& context_;
  const OutputFormat format_;
  LiveLines live_;
  std::map<std::string, std::uint64_t> seen_;  // status events
};

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
    const Status over =
        backend.download(path + "/events", stream_headers(after), [&](std::string_view piece) {
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

void watch_all(CommandContext& context, OutputFormat format, Backend& backend,
               const WatchOptions& options, const std::function<void()>& pause) {
  const std::string target = "/api/v1/instances/events" + options.filter.text();
  std::string after = options.after;
  ChangePrinter printer(context, format);
  for (int attempt = 1;; ++attempt) {
    SseReader reader([&](const ServerEvent& event) {
      attempt = 1;
      if (!event.id.empty()) after = event.id;
      printer.print(event);
    });
    const Status over =
        backend.download(target, stream_headers(after), [&](std::string_view piece) {
          reader.feed(piece);
          return Status();
        });
    const bool lost = over || over.error().code == "daemon-unreachable";
    if (!lost || attempt >= kMostAttempts) {
      printer.end();
      if (over) return;
      return report_problem(context, format, over.error());
    }
    pause();
  }
}

void watch_instances(CommandContext& context, const CommonOptions& common, const std::string& id,
                     const WatchOptions& options) {
  const OutputFormat format = common.format();
  if (!id.empty() && !options.filter.text().empty())
    return report_problem(context, format, usage_problem("give either an id or a filter"));
  const Result<std::unique_ptr<Backend>> backend = open_backend(context, common);
  if (!backend) return report_problem(context, format, backend.error());
  const auto pause = [] { std::this_thread::sleep_for(kPause); };
  if (id.empty()) return watch_all(context, format, **backend, options, pause);
  watch_instance(context, format, **backend, id, options, pause);
}

}  // namespace stepwell::daemon
