#include "benchmarks/expression_cost.h"

extern "C" {
#include <jq.h>
#include <jv.h>
}

#include <chrono>
#include <cstdlib>
#include <string>

#include "base/json.h"
#include "expression/program.h"

namespace stepwell::bench {
namespace {

constexpr int kRounds = 5;
constexpr std::chrono::milliseconds kSlice{150};  // of measuring, for each side of a round

struct Sample {
  const char* name;
  const char* source;
  std::string input;
  double evaluation_target;
};

std::string many_elements() {
  std::string text = "[";
  for (int i = 0; i < 1000; ++i) {
    text += i == 0 ? "" : ",";
    text += R"({"id":)" + std::to_string(i) + R"(,"team":"team-)" + std::to_string(i * 7 % 13) +
            R"(","price":)" + std::to_string(i * 37 % 100) + R"(,"open":)" +
            (i % 3 == 0 ? "true" : "false") + "}";
  }
  return text + "]";
}

std::vector<Sample> samples() {
  const std::string order =
      R"({"a":{"b":[{"c":42}]},"id":7,"name":"Ada","total":12.5,"tags":["x","y"],"user":{"email":"a@b.c"}})";
  return {
      {"path", ".a.b[0].c", order, 10},
      {"object", "{id: .id, name: .name, total: (.total * 2), first: .tags[0], email: .user.email}",
       order, 3},
      {"map-select", "map(select(.price > 50))", many_elements(), 3},
      {"group-by", "group_by(.team)", many_elements(), 3},
  };
}

// How often a second `work` can be done.
template <class Work>
double rate(const Work& work) {
  using Clock = std::chrono::steady_clock;
  const auto begin = Clock::now();
  std::uint64_t count = 0;
  std::uint64_t batch = 1;
  while (Clock::now() - begin < kSlice) {
    for (std::uint64_t i = 0; i < batch; ++i) work();
    count += batch;
    if (batch < 64) batch *= 2;
  }
  const std::chrono::duration<double> took = Clock::now() - begin;
  return static_cast<double>(count) / took.count();
}

// One state of libjq with its program and input.
class LibJq {
 public:
  explicit LibJq(const Sample& sample)
      : state_(jq_init()), source_(sample.source), input_(jv_parse(sample.input.c_str())) {
    compile();
  }
  ~LibJq() {
    jv_free(input_);
    jq_teardown(&state_);
  }
  LibJq(const LibJq&) = delete;
  LibJq& operator=(const LibJq&) = delete;

  void compile() {
    if (jq_compile(state_, source_) == 0) std::exit(1);
  }
  void evaluate() {
    jq_start(state_, jv_copy(input_), 0);
    jv result = jq_next(state_);
    if (jv_is_valid(result) == 0) std::exit(1);
    while (jv_is_valid(result) != 0) {
      jv_free(result);
      result = jq_next(state_);
    }
    jv_free(result);
  }

 private:
  jq_state* state_;
  const char* source_;
  jv input_;
};

void measure(const Sample& sample, std::vector<Row>& rows) {
  LibJq theirs(sample);
  const auto program = expression::Program::compile(sample.source);
  const auto input = parse_json(sample.input);
  if (!program || !input) std::exit(1);
  Row compile{std::string("expression-compile-") + sample.name, "programs/s", {}, {}, 1000};
  Row evaluate{
      std::string("expression-") + sample.name, "evaluations/s", {}, {}, sample.evaluation_target};
  for (int round = 0; round < kRounds; ++round) {
    compile.yardsticks.push_back(rate([&] { theirs.compile(); }));
    compile.values.push_back(rate([&] {
      if (!expression::Program::compile(sample.source)) std::exit(1);
    }));
    evaluate.yardsticks.push_back(rate([&] { theirs.evaluate(); }));
    evaluate.values.push_back(rate([&] {
      if (!program->evaluate(*input, {}, {})) std::exit(1);
    }));
  }
  rows.push_back(std::move(compile));
  rows.push_back(std::move(evaluate));
  rows.push_back({std::string("expression-bytes-") + sample.name,
                  "bytes a program",
                  {static_cast<double>(program->memory_bytes())},
                  {},
                  {},
                  false});
}

}  // namespace

std::vector<Row> expression_cost() {
  std::vector<Row> rows;
  for (const Sample& sample : samples()) measure(sample, rows);
  return rows;
}

}  // namespace stepwell::bench
