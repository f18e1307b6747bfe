#include "tests/expression/differential_oracle.h"

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <utility>

#include "base/json.h"
#include "expression/program.h"

namespace stepwell::expression {

namespace {

// The command's own way to say that the program does not compile.
constexpr int kCompileError = 3;

std::vector<std::string> lines_of(const std::string& command, int& status) {
  std::vector<std::string> lines;
  FILE* pipe = popen(command.c_str(), "r");  // NOLINT(cert-env33-c): a test's own command
  if (pipe == nullptr) return lines;
  std::string line;
  std::array<char, 4096> buffer{};
  while (std::fgets(buffer.data(), static_cast<int>(buffer.size()), pipe) != nullptr) {
    line += buffer.data();
    if (line.back() != '\n') continue;
    line.pop_back();
    lines.push_back(std::exchange(line, std::string()));
  }
  const int ended = pclose(pipe);
  status = WIFEXITED(ended) ? WEXITSTATUS(ended) : -1;
  return lines;
}

// Each program's outputs as one line: an array whose last element is {"error": …} where it failed.
std::string wrapped(const std::string& program) {
  return "[try limit(40; (" + program + "\n) | [.]) catch {error: .}]";
}

std::string temporary_path(const char* what) {
  return (std::filesystem::temp_directory_path() /
          ("stepwell-differential-" + std::to_string(getpid()) + what))
      .string();
}

// As both print: every number a double, and no NaN or infinity. Messages lose their words.
Value normalised(const Value& value) {
  if (value.is_number()) {
    const double number = value.as_double();
    if (std::isnan(number)) return {};
    if (std::isinf(number)) return std::copysign(1.7976931348623157e308, number);
    return number == 0 ? 0.0 : number;
  }
  if (value.is_array()) {
    Value list = Value::array();
    for (const Value& element : value.elements()) list.push_back(normalised(element));
    return list;
  }
  if (value.is_object()) {
    Value object = Value::object();
    for (const Value::Member& member : value.members())
      object.set(member.name(), normalised(member.value));
    return object;
  }
  return value;
}

Value comparable(const Value& outputs, bool words) {
  Value list = Value::array();
  for (const Value& one : outputs.elements()) {
    if (!words && one.is_object() && one.get("error").is_string())
      list.push_back(Value::object({{"error", "words"}}));
    else
      list.push_back(normalised(one));
  }
  return list;
}

}  // namespace

JqCommand::JqCommand(std::string command)
    : command_(std::move(command)),
      program_path_(temporary_path(".jq")),
      input_path_(temporary_path(".json")) {
  int status = 0;
  const auto lines = lines_of(command_ + " --version 2>/dev/null", status);
  if (status == 0 && !lines.empty()) version_ = lines.front();
}

JqCommand::~JqCommand() {
  std::error_code ignored;
  std::filesystem::remove(program_path_, ignored);
  std::filesystem::remove(input_path_, ignored);
}

std::vector<std::vector<Outcome>> JqCommand::run(const std::vector<std::string>& programs,
                                                 const std::vector<std::string>& inputs) {
  std::vector<std::vector<Outcome>> results(programs.size(), std::vector<Outcome>(inputs.size()));
  std::ofstream file(input_path_);
  for (const std::string& input : inputs) file << input << "\n";
  file.close();
  run_range(programs, 0, programs.size(), inputs, results);
  return results;
}

std::vector<std::string> JqCommand::start(const std::vector<std::string>& programs,
                                          std::size_t begin, std::size_t end,
                                          const std::vector<std::string>&, int& status) {
  std::ofstream file(program_path_);
  for (std::size_t i = begin; i < end; ++i)
    file << (i == begin ? "" : ", ") << "(" << wrapped(programs[i]) << ")\n";
  file.close();
  ++starts_;
  // Within bounds: 1.6 knows no limits of its own.
  return lines_of("ulimit -v 2000000; ulimit -c 0; ulimit -t 1; exec " + command_ + " -c -f " +
                      program_path_ + " " + input_path_ + " 2>/dev/null",
                  status);
}

void JqCommand::run_range(const std::vector<std::string>& programs, std::size_t begin,
                          std::size_t end, const std::vector<std::string>& inputs,
                          std::vector<std::vector<Outcome>>& results) {
  if (begin == end) return;
  int status = 0;
  const auto lines = start(programs, begin, end, inputs, status);
  const std::size_t count = end - begin;
  if (lines.size() != count * inputs.size() && count > 1) {
    const std::size_t middle = begin + count / 2;
    run_range(programs, begin, middle, inputs, results);
    run_range(programs, middle, end, inputs, results);
    return;
  }
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t k = 0; k < inputs.size(); ++k) {
      Outcome& outcome = results[begin + i][k];
      if (status == kCompileError) outcome.kind = Outcome::Kind::refused;
      if (lines.size() <= k * count + i) continue;
      auto value = parse_json(lines[k * count + i]);
      if (!value) continue;
      outcome.kind = Outcome::Kind::outputs;
      outcome.outputs = std::move(*value);
    }
  }
}

Outcome run_ours(const std::string& program, const std::string& input) {
  Outcome outcome;
  const auto compiled = Program::compile(program);
  if (!compiled) {
    outcome.kind = Outcome::Kind::refused;
    return outcome;
  }
  const auto wrapper = Program::compile(wrapped(program));
  const auto value = parse_json(input);
  if (!wrapper || !value) return outcome;
  auto outputs = wrapper->evaluate(*value, {}, Context{});
  if (!outputs) return outcome;
  outcome.kind = Outcome::Kind::outputs;
  outcome.outputs = std::move(*outputs);
  return outcome;
}

bool agree(const Outcome& ours, const Outcome& theirs, bool words) {
  if (ours.kind != theirs.kind) return false;
  return comparable(ours.outputs, words) == comparable(theirs.outputs, words);
}

std::string describe(const Outcome& outcome) {
  if (outcome.kind == Outcome::Kind::refused) return "does not compile";
  if (outcome.kind == Outcome::Kind::broken) return "crashed, or was ended";
  return to_json(outcome.outputs);
}

}  // namespace stepwell::expression
