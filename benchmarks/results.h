// Collects what the benchmarks measured, prints it as a table and writes it as JSON.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace stepwell::bench {

// One line of the table: a figure for each round, and the yardstick's of the same round. What is
// judged against the target is their ratio, or the figure itself where there is no yardstick.
struct Row {
  std::string workload;
  std::string unit;
  std::vector<double> values = {};  // empty: there is nothing yet that could be measured
  std::vector<double> yardsticks = {};
  std::optional<double> target = {};
  bool higher_is_better = true;
  std::string note = {};
};

double median(std::vector<double> numbers);
// The share `part` (0.99: the 99th percentile) of the numbers is at most this.
double percentile(std::vector<double> numbers, double part);
// What is judged: one number a round.
std::vector<double> judged(const Row& row);

// With machine, commit and date above it.
void print_table(const std::vector<Row>& rows);
// False where the file cannot be written.
bool write_json(const std::vector<Row>& rows, const std::string& path);

}  // namespace stepwell::bench
