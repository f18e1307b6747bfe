#include "daemon/eval_command.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iostream>
#include <optional>
#include <string_view>

#include "base/clock.h"
#include "base/json.h"
#include "daemon/eval_input.h"
#include "daemon/exit_code.h"
#include "daemon/text_source.h"
#include "expression/program.h"

namespace stepwell::daemon {

namespace {

constexpr std::string_view kSelf = "stepwell eval: ";

int eval_usage(std::string_view what) {
  std::cerr << kSelf << what << '\n';
  return kUsage;
}

Problem option_invalid(std::string detail) {
  return make_problem(ErrorKind::configuration, "usage", std::move(detail));
}

// The $variables of the command line; of several with one name the first counts, as in jq.
struct Variables {
  std::vector<std::string> names;
  std::vector<Value> values;

  Status read(const EvalOptions& options) {
    Value named = Value::object();
    for (const auto& [name, text] : options.arguments)
      if (!named.contains(name)) named.set(name, Value(valid_utf8(text)));
    for (const auto& [name, text] : options.json_arguments) {
      Result<Value> value = parse_json(text);
      if (!value) return fail(option_invalid("--argjson " + name + ": " + value.error().detail));
      if (!named.contains(name)) named.set(name, *std::move(value));
    }
    for (const Value::Member& member : named.members()) {
      names.emplace_back(member.name());
      values.push_back(member.value);
    }
    names.emplace_back("ARGS");
    values.push_back(Value::object({{"positional", Value::array()}, {"named", named}}));
    return {};
  }
};

// The line of the fault with a caret below the column. Of a long line only what is around it.
std::string marked_line(std::string_view source, std::size_t line, std::size_t column) {
  constexpr std::size_t kAround = 60;
  for (; line > 1; --line) source.remove_prefix(std::min(source.find('\n'), source.size() - 1) + 1);
  source = source.substr(0, source.find('\n'));
  if (source.ends_with('\r')) source.remove_suffix(1);
  std::string shown = "  ";
  std::string below = "  ";
  std::size_t at = 1;  // the column of the character that begins next
  for (std::size_t i = 0; i < source.size(); ++at) {
    std::size_t next = i + 1;
    while (next < source.size() && (static_cast<unsigned char>(source[next]) & 0xC0U) == 0x80U)
      ++next;
    if (at + kAround >= column && at <= column + kAround) {
      shown.append(source, i, next - i);
      if (at < column) below += source[i] == '\t' ? '\t' : ' ';
    }
    i = next;
  }
  return shown + "\n" + below + "^\n";
}

int syntax_error(const std::string& file, const std::string& source, const Problem& problem) {
  const Value& line = problem.extensions.get("line");
  const Value& column = problem.extensions.get("column");
  const std::string place = to_json(line) + ":" + to_json(column);
  std::string detail = problem.detail;
  const std::size_t own_place = detail.rfind(" (line ");
  if (own_place != std::string::npos) detail.resize(own_place);
  std::cerr << (file.empty() ? "<expression>" : file) << ":" << place << ": error: " << detail
            << '\n'
            << marked_line(source, static_cast<std::size_t>(line.as_integer().value_or(1)),
                           static_cast<std::size_t>(column.as_integer().value_or(1)));
  return kUsage;
}

// Standard input, after everything that was printed has gone out: what feeds us may wait for it.
class StandardInput {
 public:
  std::size_t read(char* into, std::size_t most) {
    std::cout.flush();
    while (true) {
      const ssize_t count = ::read(STDIN_FILENO, into, most);
      if (count >= 0) return static_cast<std::size_t>(count);
      if (errno == EINTR) continue;
      error_ = errno;
      return 0;
    }
  }
  std::string fault() const { return error_ == 0 ? "" : std::strerror(error_); }

 private:
  int error_ = 0;
};

class Evaluation {
 public:
  Evaluation(const EvalOptions& options, const expression::Program& program,
             std::span<const Value> variables, const expression::Budget& budget)
      : options_(options), program_(program), variables_(variables), budget_(budget) {
    style_.tabs = options.tabs && !options.compact;
    style_.indent = options.compact ? 0 : options.indent;
    style_.sort_keys = options.sort_keys;
    style_.ascii = options.ascii;
  }

  int run() {
    StandardInput stream;
    EvalInput input({options_.null_input, options_.raw_input, options_.slurp, budget_.depth},
                    [&stream](char* into, std::size_t most) { return stream.read(into, most); });
    while (true) {
      const Result<std::optional<Value>> value = input.next();
      if (!value) return unreadable(value.error(), stream);
      if (!*value) break;
      evaluate(**value, input);
      if (!std::cout) return eval_usage("standard output cannot be written");
    }
    if (!stream.fault().empty())
      return eval_usage("standard input cannot be read: " + stream.fault());
    std::cout.flush();
    const bool refused = options_.exit_status && !last_was_true_;
    return failed_ || refused ? kFailed : kDone;
  }

 private:
  void evaluate(const Value& input, const EvalInput& origin) {
    const auto print = [this](const Value& output) {
      this->print(output);
      return static_cast<bool>(std::cout);
    };
    const Status status = program_.evaluate_all(input, variables_, {clock_.now(), budget_}, print);
    if (status) return;
    failed_ = true;
    std::cout.flush();
    std::cerr << "stepwell: error (at " << origin.place() << "): " << status.error().detail << '\n';
  }

  void print(const Value& output) {
    last_was_true_ = output.truthy();
    text_.clear();
    // jq prints quotes where a raw string would not be ASCII.
    if ((options_.raw || options_.join) && output.is_string() && !options_.ascii)
      text_ += output.as_string();
    else
      append_json(text_, output, style_);
    if (!options_.join) text_ += '\n';
    std::cout.write(text_.data(), static_cast<std::streamsize>(text_.size()));
  }

  int unreadable(const Problem& problem, const StandardInput& stream) {
    std::cout.flush();
    if (!stream.fault().empty())
      return eval_usage("standard input cannot be read: " + stream.fault());
    std::cerr << "<stdin>:" << to_json(problem.extensions.get("line")) << ":"
              << to_json(problem.extensions.get("column"))
              << ": error: " << problem.detail.substr(0, problem.detail.rfind(" (line ")) << '\n';
    return kUsage;
  }

  const EvalOptions& options_;
  const expression::Program& program_;
  const std::span<const Value> variables_;
  const expression::Budget budget_;
  const SystemClock clock_;
  JsonStyle style_;
  std::string text_;
  bool failed_ = false;
  bool last_was_true_ = false;
};

}  // namespace

int eval(const EvalOptions& options) {
  std::string source = options.expression.value_or("");
  if (!options.expression && options.file.empty())
    return eval_usage("give an expression, or a file with one by --from-file");
  if (!options.expression) {
    Result<std::string> text = read_file(options.file);
    if (!text) return eval_usage(text.error().detail);
    source = *std::move(text);
  }
  const auto budget = budget_of(options.budget);
  if (!budget) return eval_usage(budget.error().detail);
  Variables variables;
  if (const Status read = variables.read(options); !read) return eval_usage(read.error().detail);
  const auto program = expression::Program::compile(source, variables.names);
  if (!program) return syntax_error(options.file, source, program.error());
  return Evaluation(options, *program, variables.values, *budget).run();
}

}  // namespace stepwell::daemon
