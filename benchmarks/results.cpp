#include "benchmarks/results.h"

#include <sys/utsname.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <fstream>
#include <memory>
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

std::string machine() {
  utsname names{};
  uname(&names);
  return std::string(names.sysname) + " " + names.release + " " + names.machine + ", " +
         std::to_string(std::thread::hardware_concurrency()) + " cores";
}

}  // namespace

double median(std::vector<double> numbers) {
  if (numbers.empty()) return 0;
  std::sort(numbers.begin(), numbers.end());
  const std::size_t middle = numbers.size() / 2;
  return numbers.size() % 2 == 1 ? numbers[middle] : (numbers[middle - 1] + numbers[middle]) / 2;
}

std::vector<double> ratios(const Row& row) {
  std::vector<double> list;
  for (std::size_t i = 0; i < row.yardsticks.size(); ++i)
    list.push_back(row.values[i] / row.yardsticks[i]);
  return list;
}

void print_table(const std::vector<Row>& rows) {
  std::printf("%-26s %14s %14s %8s %15s %8s\n", "workload", "value", "yardstick", "ratio", "spread",
              "target");
  for (const Row& row : rows) {
    const std::vector<double> judged = row.yardsticks.empty() ? row.values : ratios(row);
    const auto [low, high] = std::minmax_element(judged.begin(), judged.end());
    std::printf("%-26s %14.6g %14.6g %8.3f %6.3f – %6.3f %s %5.4g  %s\n", row.workload.c_str(),
                median(row.values), median(row.yardsticks),
                row.yardsticks.empty() ? 0.0 : median(judged), *low, *high,
                row.higher_is_better ? "≥" : "≤", row.target, row.unit.c_str());
  }
}

bool write_json(const std::vector<Row>& rows, const std::string& path) {
  Value list = Value::array();
  for (const Row& row : rows) {
    const std::vector<double> judged = row.yardsticks.empty() ? row.values : ratios(row);
    const auto [low, high] = std::minmax_element(judged.begin(), judged.end());
    Value entry = Value::object({{"workload", row.workload},
                                 {"value", median(row.values)},
                                 {"unit", row.unit},
                                 {"spread", Value::array({*low, *high})},
                                 {"target", row.target},
                                 {"better", row.higher_is_better ? "higher" : "lower"}});
    if (!row.yardsticks.empty()) {
      entry.set("yardstick", median(row.yardsticks));
      entry.set("ratio", median(judged));
    }
    list.push_back(std::move(entry));
  }
  std::ofstream file(path);
  file << to_json(Value::object({{"machine", machine()},
                                 {"commit", output_of("git rev-parse --short HEAD 2>/dev/null")},
                                 {"date", format_time(SystemClock().now())},
                                 {"results", std::move(list)}}),
                  {2, false})
       << '\n';
  return file.good();
}

}  // namespace stepwell::bench
