// Collects what the benchmarks measured, prints it as a table and writes it as JSON.
#pragma once

#include <string>
#include <vector>

namespace stepwell::bench {

// Medians of the rounds; `ratio` is the engine's figure over the yardstick's of the same round.
struct Row {
  std::string workload;
  std::string unit;
  std::vector<double> values;      // one a round
  std::vector<double> yardsticks;  // one a round; empty where there is none
  double target = 0;               // of the ratio, or of the value where there is no yardstick
  bool higher_is_better = true;
};

double median(std::vector<double> numbers);
std::vector<double> ratios(const Row& row);

void print_table(const std::vector<Row>& rows);
// False where the file cannot be written.
bool write_json(const std::vector<Row>& rows, const std::string& path);

}  // namespace stepwell::bench
