#include "tests/fuzz/program_writer.h"

#include <utility>

namespace stepwell::fuzz {

std::string write_json(Decisions& decisions, int depth) {
  const std::size_t choice = decisions.below(depth <= 0 ? 5 : 9);
  const std::size_t count = choice < 5 ? 0 : decisions.below(5);
  std::string out;
  switch (choice) {
    case 0:
      return "null";
    case 1:
      return decisions.one_in(2) ? "true" : "false";
    case 2:
    case 3:
      return std::string(decisions.word(numbers()));
    case 4:
      return std::string(decisions.word(texts()));
    case 5:
    case 6:
      for (std::size_t i = 0; i < count; ++i)
        out.append(i == 0 ? "" : ",").append(write_json(decisions, depth - 1));
      return "[" + out + "]";
    default:
      for (std::size_t i = 0; i < count; ++i) {
        out.append(i == 0 ? "\"" : ",\"").append(decisions.word(keys()));
        out.append("\":").append(write_json(decisions, depth - 1));
      }
      return "{" + out + "}";
  }
}

std::string ProgramWriter::query(int depth) {
  std::string out = form(depth);
  for (std::size_t more = spent() ? 0 : decisions_.below(4); more > 0; --more)
    out.append(decisions_.one_in(4) ? ", " : " | ").append(form(depth));
  return out;
}

std::string ProgramWriter::form(int depth) {
  if (depth <= 0 || spent()) return term(0);
  switch (decisions_.below(16)) {
    case 0:
      return term(depth - 1) + " " + std::string(decisions_.word(operators())) + " " +
             term(depth - 1);
    case 1:
      return path(depth - 1) + " " + std::string(decisions_.word(assignments())) + " " +
             term(depth - 1);
    case 2:
      return "(" + binding(depth - 1) + ")";
    case 3:
      return fold(depth - 1);
    case 4:
      return "(" + definition(depth - 1) + ")";
    case 5:
      return conditional(depth - 1);
    case 6:
      return "(" + label(depth - 1) + ")";
    case 7:
      return "try (" + query(depth - 1) + ")" +
             (decisions_.one_in(2) ? " catch " + term(depth - 1) : std::string());
    case 8:
      return "path(" + path(depth - 1) + ")";
    case 9:
      return path(depth - 1);
    case 10:
    case 11:
    case 12:
      return call(depth - 1);
    default:
      return term(depth - 1);
  }
}

std::string ProgramWriter::binding(int depth) {
  const std::size_t outer = variables_.size();
  std::string out = term(depth) + " as ";
  std::string patterns = pattern(2);
  while (decisions_.one_in(4) && !spent()) patterns += " ?// " + pattern(2);
  out.append(patterns).append(" | ").append(query(depth));
  variables_.resize(outer);
  return out;
}

std::string ProgramWriter::pattern(int depth) {
  const std::size_t choice = depth <= 0 ? 0 : decisions_.below(4);
  if (choice < 2 || spent()) {
    variables_.push_back(new_name("x"));
    return "$" + variables_.back();
  }
  std::string out;
  const std::size_t count = 1 + decisions_.below(3);
  for (std::size_t i = 0; i < count; ++i) {
    if (i > 0) out += ", ";
    if (choice == 3) {
      switch (decisions_.below(4)) {
        case 0:
          variables_.push_back(new_name("x"));
          out += "$" + variables_.back();
          if (!decisions_.one_in(3)) continue;
          break;
        case 1:
          out.append(decisions_.word(keys()));
          break;
        case 2:
          out.append(decisions_.word(texts()));
          break;
        default:
          out += "(" + term(1) + ")";
      }
      out += ": ";
    }
    out += pattern(depth - 1);
  }
  return choice == 3 ? "{" + out + "}" : "[" + out + "]";
}

std::string ProgramWriter::fold(int depth) {
  const bool each = decisions_.one_in(2);
  std::string out = (each ? "foreach " : "reduce ") + term(depth) + " as ";
  const std::size_t outer = variables_.size();
  const std::string patterns = pattern(2);
  std::vector<std::string> bound(variables_.begin() + static_cast<std::ptrdiff_t>(outer),
                                 variables_.end());
  variables_.resize(outer);
  out += patterns + " (" + query(depth);
  variables_.insert(variables_.end(), bound.begin(), bound.end());
  out += "; " + query(depth);
  if (each && decisions_.one_in(2)) out += "; " + query(depth);
  variables_.resize(outer);
  return out + ")";
}

std::string ProgramWriter::definition(int depth) {
  Function function{new_name("f"), decisions_.below(4)};
  const std::size_t outer_functions = functions_.size();
  const std::size_t outer_variables = variables_.size();
  const std::vector<std::string> labels = std::exchange(labels_, {});
  functions_.push_back(function);
  std::string out = "def " + function.name;
  for (std::size_t i = 0; i < function.arity; ++i) {
    const std::string name = new_name("p");
    const bool by_value = decisions_.one_in(2);
    out.append(i == 0 ? "(" : "; ").append(by_value ? "$" : "").append(name);
    functions_.push_back({name, 0});
    if (by_value) variables_.push_back(name);
  }
  out.append(function.arity > 0 ? ")" : "").append(": ").append(query(depth)).append("; ");
  functions_.resize(outer_functions + 1);
  variables_.resize(outer_variables);
  labels_ = labels;
  out += query(depth);
  functions_.resize(outer_functions);
  return out;
}

std::string ProgramWriter::conditional(int depth) {
  std::string out = "if " + query(depth) + " then " + query(depth);
  while (decisions_.one_in(4) && !spent()) out += " elif " + query(depth) + " then " + query(depth);
  if (!decisions_.one_in(3)) out += " else " + query(depth);
  return out + " end";
}

std::string ProgramWriter::label(int depth) {
  labels_.push_back(new_name("l"));
  std::string out = "label $" + labels_.back() + " | " + query(depth);
  labels_.pop_back();
  return out;
}

// What is good on the left side of an assignment, mostly.
std::string ProgramWriter::path(int depth) {
  if (depth <= 0 || spent()) return "." + scalar_name();
  switch (decisions_.below(14)) {
    case 0:
      return ".[]";
    case 1:
      return "..";
    case 2:
      return "first(" + path(depth - 1) + ")";
    case 3:
      return "(" + path(depth - 1) + " | select(" + query(depth - 1) + "))";
    case 4:
      return "(" + path(depth - 1) + " | " + path(depth - 1) + ")";
    case 5:
      return "(" + path(depth - 1) + ", " + path(depth - 1) + ")";
    case 6:
      return "(if " + term(depth - 1) + " then " + path(depth - 1) + " else " + path(depth - 1) +
             " end)";
    case 7:
      return "(" + path(depth - 1) + " // " + path(depth - 1) + ")";
    case 8:
      return "getpath(" + term(depth - 1) + ")";
    case 9:
      return "limit(2; " + path(depth - 1) + ")";
    case 10:
      return "recurse(" + path(depth - 1) + ")";
    case 11:
      return "(" + query(depth - 1) + ")";
    case 12:
      return "." + suffix(depth - 1);
    default:
      return "(" + term(depth - 1) + ")?";
  }
}

}  // namespace stepwell::fuzz
