// Random programs and values for the tests of the expression language: the differential test and
// the property tests draw from the same grammar. Everything follows from the seed.
// Owned by one test; one thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace stepwell::expression {

// Where chance comes from: splitmix64, the same on every machine.
class Chance {
 public:
  explicit Chance(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next();
  std::size_t below(std::size_t end) { return static_cast<std::size_t>(next() % end); }
  bool one_in(std::size_t times) { return below(times) == 0; }
  std::string_view pick(std::span<const std::string_view> from) { return from[below(from.size())]; }

 private:
  std::uint64_t state_;
};

// A part of a program: its text with a place for each kid. The tree is kept so that a program that
// fails a test can be made smaller part by part.
struct Node {
  static constexpr char kGrouped = '\1';  // a kid, in parentheses where it needs them
  static constexpr char kBare = '\2';     // a kid as it is

  std::string text;
  std::vector<Node> kids;

  std::string print() const;

 private:
  void append_to(std::string& out) const;
  bool stands_alone() const;
};

// JSON text, with what inputs are known to trip over: duplicate names, text beyond the basic plane,
// combining characters, empty containers, fractions.
std::string random_json(Chance& chance, int depth);

class ProgramGenerator {
 public:
  // jq16: what means the same in jq 1.6 and 1.8, for the most part; jq18: everything.
  enum class Language : std::uint8_t { jq16, jq18 };

  explicit ProgramGenerator(Chance& chance, Language language = Language::jq18)
      : chance_(chance), language_(language) {}

  Node program(int depth) { return fill("%A", depth + 1); }
  // Expands a template of the grammar (see program_grammar.h for its places).
  Node fill(std::string_view pattern, int depth);
  Node path(int depth) { return fill("%P", depth + 1); }

 private:
  struct Function {
    std::string name;
    std::size_t parameters;
  };
  struct Scope {
    std::vector<std::string> variables;
    std::vector<Function> functions;
    std::vector<std::string> labels;
  };

  std::string_view choose(char kind, bool leaf);
  Node of_kind(char kind, int depth);
  // A form that binds names; `kind` is what its body gives.
  Node scoped(char kind, int depth);
  Node binding(char kind, int depth);
  Node alternatives(char kind, int depth);
  Node reduction(char kind, int depth);
  Node iteration(char kind, int depth);
  Node labelled(char kind, int depth);
  Node definition(char kind, int depth);
  Node recursion(int depth);
  Node shorthand(int depth);
  Node variable(int depth);
  Node call(int depth);
  Node flat_operators(int depth);
  // A destructuring pattern; what it binds is added to `names`.
  std::string pattern(int depth, std::vector<std::string>& names, std::vector<Node>& kids);
  std::string fresh_name(char kind);

  Chance& chance_;
  const Language language_;
  Scope scope_;
  unsigned names_ = 0;
};

}  // namespace stepwell::expression
