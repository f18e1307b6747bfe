#include <utility>

#include "expression/compiler.h"
#include "expression/parser.h"

namespace stepwell::expression::detail {

namespace {
constexpr std::size_t kMaxInstructions = 1'000'000;
}

std::size_t Compiler::emit(Op op, std::uint32_t arg, std::uint16_t level, std::uint8_t n) {
  if (size_ >= kMaxInstructions && !draft_.function->code.empty()) {
    if (!problem_) problem_ = syntax_problem(source_, error_at_, "the expression is too large");
    return here() - 1;
  }
  ++size_;
  draft_.function->code.push_back({op, n, level, arg});
  return here() - 1;
}

// (Instructions have 16 bits for a local.)
std::uint32_t Compiler::new_local() {
  if (draft_.function->locals >= 0xFFFFU) {
    if (!problem_)
      problem_ = syntax_problem(source_, error_at_, "the expression has too many variables");
    return 0;
  }
  return draft_.function->locals++;
}

// A program has few constants, so a scan finds the one that is there already.
std::uint32_t Compiler::add_constant(Value value) {
  std::vector<Value>& constants = code_->constants;
  for (std::size_t i = 0; i < constants.size() && i < 32; ++i) {
    const Value& known = constants[i];
    const bool same = value.is_string() && known.is_string()
                          ? value.as_string() == known.as_string()
                          : known.same(value) && known.is_int64() == value.is_int64();
    if (same) return static_cast<std::uint32_t>(i);
  }
  if (constants.size() >= 0xFFFFU && !problem_)
    problem_ = syntax_problem(source_, error_at_, "the expression has too many constants");
  constants.push_back(std::move(value));
  return static_cast<std::uint32_t>(constants.size() - 1);
}

const Compiler::Binding* Compiler::bind_name(Binding binding) {
  binding.next = scope_;
  bindings_.push_back(binding);
  scope_ = &bindings_.back();
  return scope_;
}

// Turns calls in tail position into tail calls: what follows them, over any jumps, is the end of
// the function, and nothing that they are given refers to this function's frame.
void Compiler::finish_function(Function& function) const {
  std::vector<Instruction>& code = function.code;
  const auto returns = [&code](std::size_t at) {
    for (int hops = 0; hops < 64 && code[at].op == Op::jump; ++hops) at = code[at].arg;
    return code[at].op == Op::finish;
  };
  for (std::size_t i = 0; i < code.size(); ++i) {
    Instruction& word = code[i];
    if (word.op == Op::call_parameter) {
      if (draft_.depth > 0 && returns(i + 1)) word.op = Op::tail_parameter;
    } else if (word.op == Op::call && word.level > 0) {
      bool own_frame = false;
      for (std::size_t k = 1; k <= word.n; ++k) own_frame |= code[i + k].op == Op::argument;
      if (!own_frame && returns(i + 1 + word.n)) word.op = Op::tail_call;
    }
  }
  code.shrink_to_fit();
}

void Compiler::fail(const Node& node, std::string what) {
  if (problem_) return;
  const std::size_t at = in_source_ ? node.at : error_at_;
  problem_ = syntax_problem(source_, at, std::move(what));
}

}  // namespace stepwell::expression::detail
