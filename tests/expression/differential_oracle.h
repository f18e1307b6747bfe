// Runs programs through the jq command and through ours, and says whether they agree.
// One start of the command takes many programs and inputs: a start costs more than most programs.
// Owned by one test; one thread. The command reads two files in the temporary directory, which are
// removed with the oracle.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/value.h"

namespace stepwell::expression {

// What one program made of one input.
struct Outcome {
  enum class Kind : std::uint8_t {
    outputs,  // ended well or with an error that it could catch itself
    refused,  // does not compile
    broken    // the command crashed or took too long; ours met its budget
  };
  Kind kind = Kind::broken;
  // The first outputs; an error is {"error": …} at the end.
  Value outputs = Value::array();
};

class JqCommand {
 public:
  explicit JqCommand(std::string command = "jq");
  ~JqCommand();
  JqCommand(const JqCommand&) = delete;
  JqCommand& operator=(const JqCommand&) = delete;

  bool available() const { return !version_.empty(); }
  const std::string& version() const { return version_; }
  // True for the version that Debian 12 has, whose differences are known by name.
  bool is_16() const { return version_ == "jq-1.6"; }

  // What the command makes of each program with each input: result[program][input].
  std::vector<std::vector<Outcome>> run(const std::vector<std::string>& programs,
                                        const std::vector<std::string>& inputs);
  std::uint64_t starts() const { return starts_; }

 private:
  void run_range(const std::vector<std::string>& programs, std::size_t begin, std::size_t end,
                 const std::vector<std::string>& inputs,
                 std::vector<std::vector<Outcome>>& results);
  // The lines it prints; `status` is how it ended.
  std::vector<std::string> start(const std::vector<std::string>& programs, std::size_t begin,
                                 std::size_t end, const std::vector<std::string>& inputs,
                                 int& status);

  const std::string command_;
  std::string program_path_;
  std::string input_path_;
  std::string version_;
  std::uint64_t starts_ = 0;
};

Outcome run_ours(const std::string& program, const std::string& input);

// True where both say the same: the same outputs, and errors in the same places. Without `words`
// messages are not compared, as 1.8 words and cuts them otherwise than 1.6; errors of the
// program's own making always are.
bool agree(const Outcome& ours, const Outcome& theirs, bool words = false);
std::string describe(const Outcome& outcome);

}  // namespace stepwell::expression
