// Compares with the jq command, where there is one, over generated programs and inputs.
//   STEPWELL_DIFFERENTIAL_PROGRAMS  how many programs (default: what takes a few seconds)
//   STEPWELL_DIFFERENTIAL_SEED      where to begin
//   STEPWELL_DIFFERENTIAL_JQ        another command than jq; with one of 1.8 the whole grammar is
//                                   used
//   STEPWELL_DIFFERENTIAL_WORDS     1 compares the errors' messages too
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "tests/expression/differential_differences.h"
#include "tests/expression/differential_oracle.h"
#include "tests/expression/differential_shrink.h"
#include "tests/expression/program_generator.h"

namespace stepwell::expression {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::uint64_t kPrograms = 160;
#else
constexpr std::uint64_t kPrograms = 480;
#endif
constexpr std::size_t kBatch = 40;
constexpr std::size_t kInputs = 4;
constexpr int kFaultsToReport = 40;

std::uint64_t setting(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): one thread
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

class Comparison {
 public:
  explicit Comparison(JqCommand& jq)
      : jq_(jq),
        language_(jq.is_16() ? ProgramGenerator::Language::jq16
                             : ProgramGenerator::Language::jq18) {}

  void run(std::uint64_t seed, std::size_t programs) {
    Chance chance(seed);
    std::vector<Node> nodes;
    std::vector<std::string> texts;
    for (std::size_t i = 0; i < programs; ++i) {
      nodes.push_back(
          ProgramGenerator(chance, language_).program(1 + static_cast<int>(chance.below(6))));
      texts.push_back(nodes.back().print());
    }
    std::vector<std::string> inputs;
    for (std::size_t i = 0; i < kInputs; ++i) inputs.push_back(random_json(chance, 3));
    const auto theirs = jq_.run(texts, inputs);
    for (std::size_t i = 0; i < texts.size(); ++i)
      for (std::size_t k = 0; k < inputs.size(); ++k)
        if (!compare(nodes[i], inputs[k], theirs[i][k])) break;  // one report for a program
  }

  int faults() const { return faults_; }
  void report(std::ostream& out) const {
    out << compared_ << " outcomes compared with " << jq_.version() << " in " << jq_.starts()
        << " starts; " << equal_ << " equal, of which " << failed_ << " failed on both sides\n";
    for (const auto& [name, met] : explained_)
      out << "  " << met.first << " explained by: " << name << ", as in " << met.second << "\n";
  }

 private:
  // False where they do not agree and nothing explains it.
  bool compare(const Node& node, const std::string& input, const Outcome& theirs) {
    const std::string program = node.print();
    const Outcome ours = run_ours(program, input);
    ++compared_;
    if (same(ours, theirs)) {
      ++equal_;
      const auto elements = ours.outputs.elements();
      if (elements.size() == 1 && elements[0].is_object()) ++failed_;
      return true;
    }
    if (const Difference* known = excuse(program, ours, theirs)) {
      auto& [count, example] = explained_[std::string(known->name)];
      if (count++ == 0) example = program;
      return true;
    }
    report_fault(node, input);
    return false;
  }

  bool same(const Outcome& ours, const Outcome& theirs) const {
    return agree(ours, theirs, words_);
  }
  const Difference* excuse(const std::string& program, const Outcome& ours,
                           const Outcome& theirs) const {
    return jq_.is_16() ? explanation(program, ours, theirs) : explanation18(program, ours, theirs);
  }

  void report_fault(const Node& node, const std::string& input) {
    const auto still_fail = [&](const std::vector<std::string>& programs) {
      std::vector<bool> fail;
      const auto theirs = jq_.run(programs, {input});
      for (std::size_t i = 0; i < programs.size(); ++i) {
        const Outcome ours = run_ours(programs[i], input);
        fail.push_back(ours.kind == Outcome::Kind::outputs && !same(ours, theirs[i][0]) &&
                       excuse(programs[i], ours, theirs[i][0]) == nullptr);
      }
      return fail;
    };
    const std::string small = shrink(node, still_fail).print();
    if (!reported_.insert(small).second) return;
    ++faults_;
    ADD_FAILURE() << "program: " << small << "\ninput:   " << input
                  << "\nours:    " << describe(run_ours(small, input))
                  << "\ntheirs:  " << describe(jq_.run({small}, {input})[0][0])
                  << "\nwas:     " << node.print();
  }

  JqCommand& jq_;
  const ProgramGenerator::Language language_;
  const bool words_ = setting("STEPWELL_DIFFERENTIAL_WORDS", 0) != 0;
  std::map<std::string, std::pair<std::uint64_t, std::string>> explained_;  // and an example
  std::uint64_t compared_ = 0;
  std::uint64_t equal_ = 0;
  std::uint64_t failed_ = 0;
  std::set<std::string> reported_;
  int faults_ = 0;
};

// As in the table of differences.
std::string in_short(const Outcome& outcome) {
  if (outcome.kind == Outcome::Kind::refused) return "refused";
  if (outcome.kind == Outcome::Kind::broken) return "broken";
  std::string text;
  for (const Value& one : outcome.outputs.elements()) {
    if (!text.empty()) text.push_back(' ');
    text += one.is_object() ? "error" : to_json(one.at(0));
  }
  return text;
}

TEST(Differential, DiffersFromJq16WhereItSaysSo) {
  JqCommand jq;
  for (const Difference& one : differences()) {
    const std::string program(one.program);
    const std::string input(one.input);
    EXPECT_EQ(in_short(run_ours(program, input)), one.ours) << one.name << ": " << one.program;
    if (!jq.is_16()) continue;
    EXPECT_EQ(in_short(jq.run({program}, {input})[0][0]), one.theirs)
        << one.name << ": " << one.program;
  }
}

TEST(Differential, AgreesWithTheJqCommand) {
  const char* command = std::getenv("STEPWELL_DIFFERENTIAL_JQ");  // NOLINT(concurrency-mt-unsafe)
  JqCommand jq(command == nullptr ? "jq" : command);
  if (!jq.available()) GTEST_SKIP() << "there is no jq command here to compare with";
  const std::uint64_t programs = setting("STEPWELL_DIFFERENTIAL_PROGRAMS", kPrograms);
  const std::uint64_t seed = setting("STEPWELL_DIFFERENTIAL_SEED", 20261122);
  Comparison comparison(jq);
  for (std::uint64_t done = 0; done < programs && comparison.faults() < kFaultsToReport;
       done += kBatch)
    comparison.run(seed + done, kBatch);
  comparison.report(std::cout);
}

}  // namespace
}  // namespace stepwell::expression
