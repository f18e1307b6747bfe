#include "daemon/bulk.h"

#include <istream>
#include <ostream>
#include <string>
#include <utility>

#include "base/json.h"
#include "daemon/live_lines.h"

namespace stepwell::daemon {

namespace {

std::int64_t count_in(const Value& answer, std::string_view name) {
  return answer.get(name).as_integer().value_or(0);
}

// Adds what one page brought to what the pages before it brought.
void add_page(Value& total, const Value& page) {
  for (const char* name : {"taken", "unconfirmed"})
    total.set(name, count_in(total, name) + count_in(page, name));
  Value problems = total.get("problems");
  for (const Value& problem : page.get("problems").elements()) problems.push_back(problem);
  total.set("problems", std::move(problems));
}

void print_total(CommandContext& context, OutputFormat format, const Value& total) {
  if (format != OutputFormat::table) return print_answer(context, format, total);
  context.out << "taken: " << count_in(total, "taken") << '\n';
  if (count_in(total, "unconfirmed") > 0)
    context.err << "stepwell: " << count_in(total, "unconfirmed")
                << " more have been asked, and have not answered yet; look at them again\n";
  for (const Value& problem : total.get("problems").elements())
    context.err << "stepwell: " << to_json(problem.get("id")) << ": "
                << printable(problem.get("detail").as_string()) << " ("
                << printable(problem.get("reason").as_string()) << ")\n";
}

Result<Value> try_out(Backend& backend, const AdminCall& call) {
  Value body = call.body;
  body.set("dryRun", true);
  return backend.call(call.method, call.target, body);
}

// How many a trial has found.
std::string instances(const Value& found) {
  const std::int64_t count = count_in(found, "matched");
  const bool more = found.get("more") == Value(true);
  return std::to_string(count) + (more ? " or more" : "") +
         (count == 1 && !more ? " instance" : " instances");
}

void show_only(CommandContext& context, OutputFormat format, Backend& backend,
               const AdminCall& call) {
  const Result<Value> found = try_out(backend, call);
  if (!found) return report_problem(context, format, found.error());
  print_answer(context, format, *found,
               {"id", "name", "workflow", "status", "startedTime", "lastUpdatedTime"});
  if (format == OutputFormat::table)
    context.err << "stepwell: would " << call.verb << ' ' << instances(*found) << '\n';
}

// How many it is about; nothing where nobody agreed, or it failed, which is told already.
std::optional<std::int64_t> ask(CommandContext& context, OutputFormat format, Backend& backend,
                                const AdminCall& call) {
  const Result<Value> found = try_out(backend, call);
  if (!found) {
    report_problem(context, format, found.error());
    return std::nullopt;
  }
  const std::int64_t matched = count_in(*found, "matched");
  if (matched == 0) return matched;
  context.err << "This will " << call.verb << ' ' << instances(*found) << ". Go on? [y/N] ";
  context.err.flush();
  std::string answer;
  std::getline(context.in, answer);
  if (answer == "y" || answer == "Y" || answer == "yes") return matched;
  context.err << "stepwell: nothing was done\n";
  context.exit_code = kFailed;
  return std::nullopt;
}

}  // namespace

void perform_in_bulk(CommandContext& context, OutputFormat format, Backend& backend,
                     const AdminCall& call) {
  if (call.dry_run) return show_only(context, format, backend, call);
  std::int64_t matched = 0;
  const bool person = context.terminal.in && context.terminal.err;
  if (person && !call.confirmed && !call.body.contains("ids")) {
    const std::optional<std::int64_t> agreed = ask(context, format, backend, call);
    if (!agreed) return;
    matched = *agreed;
  }
  LiveLines progress(context.err, context.terminal);
  Value total = Value::object({{"taken", 0}, {"unconfirmed", 0}, {"problems", Value::array()}});
  Value body = call.body;
  bool begun = false;
  while (true) {
    const Result<Value> page = backend.call(call.method, call.target, body);
    if (!page) {
      progress.clear();
      if (begun) print_total(context, format, total);
      return report_problem(context, format, page.error());
    }
    begun = true;
    add_page(total, *page);
    const std::string all = matched > 0 ? " of " + std::to_string(matched) : "";
    progress.show({{call.verb + ": " + std::to_string(count_in(total, "taken")) + all}});
    const Value* const next = page->find("next");
    if (next == nullptr || next->is_null()) break;
    body.set("cursor", *next);
  }
  progress.clear();
  print_total(context, format, total);
  if (!total.get("problems").empty() || count_in(total, "unconfirmed") > 0)
    context.exit_code = kFailed;
}

}  // namespace stepwell::daemon
