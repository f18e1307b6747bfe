#include <algorithm>
#include <array>

#include "tests/fuzz/program_writer.h"

namespace stepwell::fuzz {

namespace {

bool among(std::string_view name, std::span<const std::string_view> names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// Those that go on for ever with most arguments: all but one in four stand in a limit.
constexpr auto kEndless = std::to_array<std::string_view>(
    {"repeat", "until", "while", "recurse", "range", "combinations"});
constexpr auto kOfPatterns = std::to_array<std::string_view>(
    {"test", "match", "capture", "scan", "split", "splits", "sub", "gsub"});
constexpr auto kOfPaths = std::to_array<std::string_view>(
    {"path", "paths", "pick", "del", "first", "last", "limit", "skip", "map_values", "recurse"});

}  // namespace

std::string ProgramWriter::term(int depth) {
  if (depth <= 0 || spent()) {
    switch (decisions_.below(6)) {
      case 0:
        return ".";
      case 1:
        return "$" + variables_[decisions_.below(variables_.size())];
      case 2:
        return "." + scalar_name();
      case 3:
        return ".[]?";
      default:
        return literal();
    }
  }
  switch (decisions_.below(16)) {
    case 0:
      return ".";
    case 1:
      return literal();
    case 2:
      return "$" + variables_[decisions_.below(variables_.size())] + suffix(depth - 1);
    case 3:
      return "." + scalar_name() + (decisions_.one_in(2) ? "?" : "");
    case 4:
      return "." + suffix(depth - 1);
    case 5:
      return "[" + query(depth - 1) + "]" + (decisions_.one_in(3) ? suffix(depth - 1) : "");
    case 6:
      return object(depth - 1);
    case 7:
      return string(depth - 1);
    case 8:
      return std::string(decisions_.word(formats()));
    case 9:
      return "-" + term(depth - 1);
    case 10:
      if (labels_.empty() || !decisions_.one_in(2)) return "..";
      return "break $" + labels_[decisions_.below(labels_.size())];
    case 11:
      return functions_.empty() ? "$__loc__" : own_call(depth - 1);
    case 12:
    case 13:
      return call(depth - 1);
    case 14:
      return "(" + query(depth - 1) + ")" + suffix(depth - 1);
    default:
      return "(" + query(depth - 1) + ")";
  }
}

std::string ProgramWriter::suffix(int depth) {
  std::string out;
  switch (decisions_.below(9)) {
    case 0:
      out = "[]";
      break;
    case 1:
      out = "[" + literal() + "]";
      break;
    case 2:
      out = "[" + query(depth) + "]";
      break;
    case 3:
      out = "[" + std::string(decisions_.word(numbers())) + ":]";
      break;
    case 4:
      out = "[:" + term(depth) + "]";
      break;
    case 5:
      out = "[" + term(depth) + ":" + term(depth) + "]";
      break;
    case 6:
      out = "[\"" + scalar_name() + "\"]";
      break;
    case 7:
      out = "[0]";
      break;
    default:
      out = "[1:3]";
  }
  if (decisions_.one_in(4)) out += "?";
  if (decisions_.one_in(5) && !spent()) out += suffix(depth);
  return out;
}

std::string ProgramWriter::object(int depth) {
  std::string out;
  for (std::size_t left = decisions_.below(4), first = 1; left > 0; --left, first = 0) {
    if (first == 0) out += ", ";
    switch (decisions_.below(8)) {
      case 0:
        out += scalar_name();
        continue;
      case 1:
        out += "$" + variables_[decisions_.below(variables_.size())];
        continue;
      case 2:
        out += "(" + query(depth) + ")";
        break;
      case 3:
        out += string(depth);
        break;
      case 4:
        out += "$__loc__";
        continue;
      case 5:
        out.append(decisions_.word(formats())).append(" ").append(string(depth));
        break;
      default:
        out += scalar_name();
    }
    out += ": " + term(depth);
  }
  return "{" + out + "}";
}

std::string ProgramWriter::string(int depth) {
  std::string out = "\"";
  for (std::size_t left = 1 + decisions_.below(3); left > 0; --left) {
    const std::string_view text = decisions_.word(texts());
    out.append(text.substr(1, text.size() - 2));
    if (depth > 0 && !spent()) out += "\\(" + query(depth - 1) + ")";
  }
  out += "\"";
  return decisions_.one_in(4) ? std::string(decisions_.word(formats())) + " " + out : out;
}

std::string ProgramWriter::literal() {
  switch (decisions_.below(10)) {
    case 0:
      return "null";
    case 1:
      return decisions_.one_in(2) ? "true" : "false";
    case 2:
    case 3:
    case 4:
      return std::string(decisions_.word(numbers()));
    case 5:
    case 6:
      return std::string(decisions_.word(texts()));
    case 7:
      return decisions_.one_in(2) ? "nan" : "infinite";
    default:
      return write_json(decisions_, 2);
  }
}

std::string ProgramWriter::scalar_name() { return std::string(decisions_.word(keys())); }

std::string ProgramWriter::call(int depth) {
  const Builtin& builtin = builtins_[decisions_.below(builtins_.size())];
  std::string out = builtin.name;
  for (std::size_t i = 0; i < builtin.arity; ++i)
    out.append(i == 0 ? "(" : "; ").append(argument(builtin.name, i, depth));
  if (builtin.arity > 0) out += ")";
  const bool endless = among(builtin.name, kEndless) && decisions_.below(4) != 3;
  if (endless) out = "limit(5; " + out + ")";
  // An input of a kind that it is made for, often enough.
  switch (decisions_.below(6)) {
    case 1:
      return "(" + std::string(decisions_.word(texts())) + " | " + out + ")";
    case 2:
      return "(" + std::string(decisions_.word(numbers())) + " | " + out + ")";
    case 3:
      return "([" + query(depth - 1) + "] | " + out + ")";
    case 4:
      return "(" + write_json(decisions_, 2) + " | " + out + ")";
    default:
      return out;
  }
}

std::string ProgramWriter::argument(std::string_view function, std::size_t position, int depth) {
  if (decisions_.one_in(3)) return query(depth);
  if (among(function, kOfPatterns)) {
    if (position == 0) return std::string(decisions_.word(patterns()));
    if (decisions_.one_in(2)) return decisions_.one_in(2) ? "\"g\"" : "null";
    return string(depth);
  }
  if (among(function, kOfPaths)) return path(depth);
  if (function == "getpath" || function == "setpath" || function == "delpaths")
    return decisions_.one_in(2) ? "[" + literal() + ", " + literal() + "]"
                                : "[paths(" + term(depth) + ")]";
  return term(depth);
}

std::string ProgramWriter::own_call(int depth) {
  const Function function = functions_[decisions_.below(functions_.size())];
  std::string out = function.name;
  for (std::size_t i = 0; i < function.arity; ++i)
    out.append(i == 0 ? "(" : "; ").append(query(depth));
  return function.arity > 0 ? out + ")" : out;
}

}  // namespace stepwell::fuzz
