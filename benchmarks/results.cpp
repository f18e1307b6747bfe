#include "benchmarks/results.h"

#include <sys/utsname.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <memory>
#include <string_view>
#include <thread>

#include "base/clock.h"
#include "base/json.h"

namespace stepwell::bench {

namespace {

std::string output_of(const char* command) {
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(command, "r"), pclose);
  std::array<char, 128> line{};
  if (!pipe || std::fgets(line.data(), line.size(), pipe.get()) == nullptr) return "unknown";
  std::string text = line.data();
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

std::string processor() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);)
    if (line.rfind("model name", 0) == 0) return line.substr(line.find(':') + 2);
  return "an unknown processor";
}

std::string machine() {
  utsname names{};
  uname(&names);
  return std::string(names.sysname) + " " + names.release + " " + names.machine + ", " +
         std::to_string(std::thread::hardware_concurrency()) + " cores, " + processor();
}

std::string commit() {
  return output_of("git describe --always --dirty --abbrev=9 --exclude '*' 2>/dev/null");
}

std::string now() { return format_time(SystemClock().now()); }

bool met(const Row& row) {
  const double reached = median(judged(row));
  return row.higher_is_better ? reached >= *row.target : reached <= *row.target;
}

const char* verdict(const Row& row) {
  if (row.values.empty()) return "not yet";
  if (!row.target) return "";
  return met(row) ? "met" : "MISSED";
}

std::string number(double value) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), std::abs(value) >= 10'000 ? "%.0f" : "%.4g", value);
  return text.data();
}

std::string number_or_dash(const std::vector<double>& list) {
  return list.empty() ? "-" : number(median(list));
}

std::string spread(const Row& row) {
  const std::vector<double> list = judged(row);
  if (list.empty()) return "-";
  const auto [low, high] = std::minmax_element(list.begin(), list.end());
  return number(*low) + " .. " + number(*high);
}

Value entry(const Row& row) {
  Value out = Value::object({{"workload", row.workload}, {"unit", row.unit}});
  out.set("value", row.values.empty() ? Value() : Value(median(row.values)));
  const std::vector<double> list = judged(row);
  if (!row.yardsticks.empty()) {
    out.set("yardstick", median(row.yardsticks));
    out.set("ratio", median(list));
  }
  if (!list.empty()) {
    const auto [low, high] = std::minmax_element(list.begin(), list.end());
    out.set("spread", Value::array({*low, *high}));
    out.set("rounds", list.size());
  }
  if (row.target) {
    out.set("target", *row.target);
    if (!list.empty()) out.set("met", met(row));
  }
  out.set("better", row.higher_is_better ? "higher" : "lower");
  if (!row.note.empty()) out.set("note", row.note);
  return out;
}

}  // namespace

double median(std::vector<double> numbers) {
  if (numbers.empty()) return 0;
  std::sort(numbers.begin(), numbers.end());
  const std::size_t middle = numbers.size() / 2;
  return numbers.size() % 2 == 1 ? numbers[middle] : (numbers[middle - 1] + numbers[middle]) / 2;
}

double percentile(std::vector<double> numbers, double part) {
  if (numbers.empty()) return 0;
  const auto rank = static_cast<std::size_t>(part * static_cast<double>(numbers.size()));
  const auto place =
      numbers.begin() + static_cast<std::ptrdiff_t>(std::min(rank, numbers.size() - 1));
  std::nth_element(numbers.begin(), place, numbers.end());
  return *place;
}

std::vector<double> judged(const Row& row) {
  if (row.yardsticks.empty()) return row.values;
  std::vector<double> list;
  for (std::size_t i = 0; i < row.yardsticks.size(); ++i)
    list.push_back(row.values[i] / row.yardsticks[i]);
  return list;
}

void print_table(const std::vector<Row>& rows) {
  std::printf("%s\ncommit %s, %s\n\n", machine().c_str(), commit().c_str(), now().c_str());
  std::printf("%-28s %10s %10s %8s %19s %9s  %-7s %s\n", "workload", "value", "yardstick", "ratio",
              "spread", "target", "", "unit");
  for (const Row& row : rows) {
    const std::string target =
        row.target ? (row.higher_is_better ? ">= " : "<= ") + number(*row.target) : "";
    const std::string ratio = row.yardsticks.empty() ? "-" : number(median(judged(row)));
    std::printf("%-28s %10s %10s %8s %19s %9s  %-7s %s%s%s\n", row.workload.c_str(),
                number_or_dash(row.values).c_str(), number_or_dash(row.yardsticks).c_str(),
                ratio.c_str(), spread(row).c_str(), target.c_str(), verdict(row), row.unit.c_str(),
                row.note.empty() ? "" : "; ", row.note.c_str());
  }
}

bool write_json(const std::vector<Row>& rows, const std::string& path) {
  Value list = Value::array();
  for (const Row& row : rows) list.push_back(entry(row));
  std::ofstream file(path);
  file << to_json(Value::object({{"machine", machine()},
                                 {"commit", commit()},
                                 {"date", now()},
                                 {"results", std::move(list)}}),
                  {2, false})
       << '\n';
  return file.good();
}

}  // namespace stepwell::bench
