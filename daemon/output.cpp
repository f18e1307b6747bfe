#include "daemon/output.h"

#include <algorithm>
#include <array>
#include <ostream>

#include "base/json.h"

namespace stepwell::daemon {

namespace {

constexpr std::size_t kGap = 2;

std::string cell(const Value& value) {
  if (value.is_null()) return "-";
  if (value.is_string()) return std::string(value.as_string());
  if (!value.is_array()) return to_json(value);
  std::string text;
  for (const Value& element : value.elements()) text += (text.empty() ? "" : ",") + cell(element);
  return text.empty() ? "-" : text;
}

// Of a problem, in a list, its code.
std::string short_cell(const Value& value) {
  const Value& reason = value.get("reason");
  return reason.is_string() ? std::string(reason.as_string()) : cell(value);
}

void print_rows(std::ostream& out, const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      out << row[i];
      if (i + 1 < row.size()) out << std::string(widths[i] - row[i].size() + kGap, ' ');
    }
    out << '\n';
  }
}

std::string heading(std::string_view column) {
  std::string text;
  for (const char c : column) {
    if (c >= 'A' && c <= 'Z') text += ' ';
    text += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  }
  return text;
}

int exit_code_of(const Problem& problem) {
  static constexpr std::array<std::string_view, 4> kUsageCodes{"settings-invalid", "key-missing",
                                                               "not-offline", "usage"};
  if (problem.code == "daemon-unreachable") return kUnreachable;
  // A key that the daemon misses would be a 401 from it, with the same code but another kind.
  const bool usage =
      std::find(kUsageCodes.begin(), kUsageCodes.end(), problem.code) != kUsageCodes.end();
  return usage && problem.status != 401 ? kUsage : kFailed;
}

}  // namespace

void print_answer(std::ostream& out, OutputFormat format, const Value& answer,
                  const std::vector<std::string>& columns) {
  if (format == OutputFormat::json) {
    out << to_json(answer, {2, false}) << '\n';
    return;
  }
  std::vector<std::vector<std::string>> rows;
  if (const Value* items = answer.find("items")) {
    rows.emplace_back();
    for (const std::string& column : columns) rows.back().push_back(heading(column));
    for (const Value& item : items->elements()) {
      rows.emplace_back();
      for (const std::string& column : columns) rows.back().push_back(short_cell(item.get(column)));
    }
  } else {
    for (const Value::Member& member : answer.members()) {
      if (!member.value.is_null())
        rows.push_back({std::string(member.name()) + ":", cell(member.value)});
    }
  }
  print_rows(out, rows);
}

void report_problem(CommandContext& context, OutputFormat format, const Problem& problem) {
  if (format == OutputFormat::json)
    context.err << to_json(problem.to_value(), {2, false}) << '\n';
  else
    context.err << "stepwell: " << problem.detail << " (" << problem.code << ")\n";
  context.exit_code = exit_code_of(problem);
}

}  // namespace stepwell::daemon
