#include "daemon/output.h"

#include <algorithm>
#include <array>
#include <ostream>

#include "base/json.h"
#include "config/yaml_print.h"
#include "daemon/table.h"

namespace stepwell::daemon {

namespace {

constexpr std::size_t kFewestColumnsBeside = 20;  // what a value gets beside its name, at least

std::string cell(const Value& value) {
  if (value.is_null()) return "-";
  if (value.is_string()) return printable(value.as_string());
  if (!value.is_array()) return printable(to_json(value));
  std::string text;
  for (const Value& element : value.elements()) text += (text.empty() ? "" : ",") + cell(element);
  return text.empty() ? "-" : text;
}

// Of a problem, in a list, its code.
std::string short_cell(const Value& value) {
  const Value& reason = value.get("reason");
  return reason.is_string() ? printable(reason.as_string()) : cell(value);
}

std::string heading(std::string_view column) {
  std::string text;
  for (const char c : column) {
    if (c >= 'A' && c <= 'Z') text += ' ';
    text += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  }
  return text;
}

// By what a state means to who looks at it.
Colour colour_of(std::string_view column, std::string_view text) {
  if (column != "status" && column != "state") return Colour::none;
  static constexpr std::array<std::string_view, 3> kGood{"active", "completed", "running"};
  static constexpr std::array<std::string_view, 4> kBad{"faulted", "revoked", "expired", "failing"};
  static constexpr std::array<std::string_view, 5> kOdd{"waiting", "suspended", "stopped",
                                                        "disabled", "pending"};
  const auto among = [text](const auto& words) {
    return std::find(words.begin(), words.end(), text) != words.end();
  };
  if (among(kGood)) return Colour::green;
  if (among(kBad)) return Colour::red;
  return among(kOdd) ? Colour::yellow : Colour::none;
}

std::string list_text(std::span<const Value> items, const std::vector<std::string>& columns,
                      const Terminal& terminal, std::size_t margin) {
  Table table;
  Table::Row headings;
  for (const std::string& column : columns) headings.push_back({heading(column), Colour::bold});
  table.add(std::move(headings));
  for (const Value& item : items) {
    Table::Row row;
    for (const std::string& column : columns) {
      std::string text = short_cell(item.get(column));
      const Colour colour = colour_of(column, text);
      row.push_back({std::move(text), colour});
    }
    table.add(std::move(row));
  }
  const std::size_t room = terminal.columns > margin + kFewestColumnsBeside
                               ? terminal.columns - margin
                               : kFewestColumnsBeside;
  return table.text(terminal.out ? room : 0, terminal.colour);
}

std::string indented_lines(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    out += "  " + std::string(text.substr(0, end)) + "\n";
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

bool is_list_of_objects(const Value& value) {
  return !value.empty() && value.is_array() &&
         std::all_of(value.elements().begin(), value.elements().end(),
                     [](const Value& element) { return element.is_object(); });
}

// Names of members that any of them has with something short in it.
std::vector<std::string> columns_of(const Value& list) {
  std::vector<std::string> names;
  for (const Value& element : list.elements()) {
    for (const Value::Member& member : element.members()) {
      const bool large = member.value.is_object() && !member.value.contains("reason");
      const std::string name(member.name());
      if (!large && !member.value.is_null() &&
          std::find(names.begin(), names.end(), name) == names.end())
        names.push_back(name);
    }
  }
  return names;
}

bool has_lines(const Value& value) {
  return value.is_string() && value.as_string().find('\n') != std::string_view::npos;
}

void print_object(std::ostream& out, const Value& answer, const Terminal& terminal) {
  std::size_t width = 0;
  const auto stands_below = [](const Value& value) {
    return is_list_of_objects(value) || has_lines(value);
  };
  for (const Value::Member& member : answer.members())
    if (!member.value.is_null() && !stands_below(member.value))
      width = std::max(width, display_width(member.name()));
  for (const Value::Member& member : answer.members()) {
    if (member.value.is_null() || stands_below(member.value)) continue;
    const std::string name = printable(member.name()) + ":";
    const std::string text = cell(member.value);
    out << name << std::string(width + 3 - std::min(width + 2, display_width(name)), ' ')
        << coloured(text, colour_of(member.name(), text), terminal.colour) << '\n';
  }
  for (const Value::Member& member : answer.members()) {
    if (!stands_below(member.value)) continue;
    out << printable(member.name()) << ":\n";
    if (has_lines(member.value))
      out << indented_lines(printable(member.value.as_string(), true));
    else
      out << indented_lines(
          list_text(member.value.elements(), columns_of(member.value), terminal, 2));
  }
}

int exit_code_of(const Problem& problem) {
  static constexpr std::array<std::string_view, 5> kUsageCodes{
      "settings-invalid", "key-missing", "not-offline", "usage", "file-unreadable"};
  if (problem.code == "daemon-unreachable") return kUnreachable;
  // A key that the daemon misses would be a 401 from it, with the same code but another kind.
  const bool usage =
      std::find(kUsageCodes.begin(), kUsageCodes.end(), problem.code) != kUsageCodes.end();
  return usage && problem.status != 401 ? kUsage : kFailed;
}

}  // namespace

OutputFormat format_named(std::string_view name) {
  if (name == "json") return OutputFormat::json;
  return name == "yaml" ? OutputFormat::yaml : OutputFormat::table;
}

void print_answer(std::ostream& out, OutputFormat format, const Value& answer,
                  const std::vector<std::string>& columns, const Terminal& terminal) {
  if (format == OutputFormat::json) {
    out << to_json(answer, {2, false}) << '\n';
  } else if (format == OutputFormat::yaml) {
    out << config::to_yaml(answer);
  } else if (const Value* items = answer.find("items"); items != nullptr && !columns.empty()) {
    out << list_text(items->elements(), columns, terminal, 0);
  } else {
    print_object(out, answer, terminal);
  }
}

void print_answer(CommandContext& context, OutputFormat format, const Value& answer,
                  const std::vector<std::string>& columns) {
  print_answer(context.out, format, answer, columns, context.terminal);
}

void report_problem(CommandContext& context, OutputFormat format, const Problem& problem) {
  if (format == OutputFormat::json)
    context.err << to_json(problem.to_value(), {2, false}) << '\n';
  else if (format == OutputFormat::yaml)
    context.err << config::to_yaml(problem.to_value());
  else
    context.err << "stepwell: " << printable(problem.detail, true) << " ("
                << printable(problem.code) << ")\n";
  context.exit_code = exit_code_of(problem);
}

}  // namespace stepwell::daemon
