// Writes a valid program out of decisions: every construct of the language, names only where they
// are bound. Also JSON texts for its input.
// One input, one thread.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tests/fuzz/decisions.h"
#include "tests/fuzz/vocabulary.h"

namespace stepwell::fuzz {

std::string write_json(Decisions& decisions, int depth);

class ProgramWriter {
 public:
  ProgramWriter(Decisions& decisions, std::span<const Builtin> builtins)
      : decisions_(decisions), builtins_(builtins) {}

  std::string program() { return query(6); }

 private:
  struct Function {
    std::string name;
    std::size_t arity;
  };

  // program_writer.cpp: what has parts. In parentheses where it needs them.
  std::string query(int depth);
  std::string form(int depth);
  std::string binding(int depth);
  std::string pattern(int depth);
  std::string fold(int depth);
  std::string definition(int depth);
  std::string conditional(int depth);
  std::string label(int depth);
  std::string path(int depth);

  // program_writer_terms.cpp: terms, calls and what stands inside them.
  std::string term(int depth);
  std::string suffix(int depth);
  std::string object(int depth);
  std::string string(int depth);
  std::string literal();
  std::string scalar_name();
  std::string call(int depth);
  std::string argument(std::string_view function, std::size_t position, int depth);
  std::string own_call(int depth);

  bool spent() { return decisions_.used_up() || ++parts_ > 60; }
  std::string new_name(std::string_view prefix) {
    return std::string(prefix) + std::to_string(names_++ % 4);
  }

  Decisions& decisions_;
  std::span<const Builtin> builtins_;
  std::vector<std::string> variables_{"v"};
  std::vector<std::string> labels_;
  std::vector<Function> functions_;
  unsigned names_ = 0;
  unsigned parts_ = 0;
};

}  // namespace stepwell::fuzz
