#include "tests/expression/program_generator.h"

#include <array>
#include <cctype>

#include "tests/expression/program_grammar.h"

namespace stepwell::expression {

namespace {

constexpr std::string_view kKinds = "ntlobapirfsk";

// How many more levels a place gets: not always all that are left, so that shapes differ.
int below(Chance& chance, int depth) { return depth - 1 - (chance.one_in(4) ? 1 : 0); }

bool is_name(std::string_view text) {
  for (const char c : text)
    if (std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '_') return false;
  return !text.empty();
}

// True where the bracket that opens the text closes at its end.
bool is_bracketed(std::string_view text) {
  int level = 0;
  bool in_text = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (in_text) return false;  // not worth following the interpolations
    if (text[i] == '"') in_text = true;
    if (text[i] == '[' || text[i] == '{' || text[i] == '(') ++level;
    if (text[i] == ']' || text[i] == '}' || text[i] == ')') --level;
    if (level == 0 && i + 1 < text.size()) return false;
  }
  return level == 0;
}

}  // namespace

std::uint64_t Chance::next() {
  state_ += 0x9E3779B97F4A7C15ULL;
  std::uint64_t mixed = state_;
  mixed = (mixed ^ (mixed >> 30U)) * 0xBF58476D1CE4E5B9ULL;
  mixed = (mixed ^ (mixed >> 27U)) * 0x94D049BB133111EBULL;
  return (mixed ^ (mixed >> 31U)) >> 1U;
}

bool Node::stands_alone() const {
  if (text.empty() || text == "." || text == "..") return false;
  if (text.front() == '.' || text.front() == '$') return text.find(' ') == std::string::npos;
  if (text.front() == '[' || text.front() == '{') return is_bracketed(text);
  return is_name(text) || (text.front() == '"' && text.find('"', 1) == text.size() - 1);
}

void Node::append_to(std::string& out) const {
  std::size_t kid = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != kGrouped && text[i] != kBare) {
      out.push_back(text[i]);
      continue;
    }
    const Node& one = kids[kid++];
    const bool number_before_dot =
        i + 1 < text.size() && text[i + 1] == '.' && std::isdigit(one.text.front()) != 0;
    const bool alone = text[i] == kBare || (one.stands_alone() && !number_before_dot);
    if (!alone) out.push_back('(');
    one.append_to(out);
    if (!alone) out.push_back(')');
  }
}

std::string Node::print() const {
  std::string out;
  append_to(out);
  return out;
}

Node ProgramGenerator::fill(std::string_view pattern, int depth) {
  Node node;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] != '%') {
      node.text.push_back(pattern[i]);
      continue;
    }
    const char letter = pattern[++i];
    const char kind = static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
    if (letter == '%' || kKinds.find(kind) == std::string_view::npos) {
      node.text.push_back(letter);
      continue;
    }
    node.text.push_back(kind == letter ? Node::kGrouped : Node::kBare);
    node.kids.push_back(of_kind(kind, below(chance_, depth)));
  }
  return node;
}

Node ProgramGenerator::of_kind(char kind, int depth) {
  const bool constant = std::string_view("irfk").find(kind) != std::string_view::npos;
  if (!constant && kind != 'p' && !scope_.variables.empty() && chance_.one_in(depth <= 0 ? 3 : 12))
    return variable(depth);
  if (kind == 'a' && chance_.one_in(16)) return flat_operators(depth);
  const bool leaf = depth <= 0 || chance_.one_in(6);
  const std::string_view pattern = choose(kind, leaf);
  if (pattern == "%s" || pattern == "%S") return scoped(kind, depth);
  return fill(pattern, depth);
}

std::string_view ProgramGenerator::choose(char kind, bool leaf) {
  if (language_ == Language::jq18 && chance_.one_in(4)) {
    const auto newer = grammar18(kind, leaf);
    if (!newer.empty()) return chance_.pick(newer);
  }
  return chance_.pick(grammar(kind, leaf));
}

std::string random_json(Chance& chance, int depth) {
  static constexpr auto kScalars = std::to_array<std::string_view>({"null",
                                                                    "true",
                                                                    "false",
                                                                    "0",
                                                                    "1",
                                                                    "2",
                                                                    "3",
                                                                    "-1",
                                                                    "2.5",
                                                                    "-0.125",
                                                                    "1e3",
                                                                    "4294967295",
                                                                    "123456789012",
                                                                    R"("")",
                                                                    R"("a")",
                                                                    R"("b")",
                                                                    R"("ab")",
                                                                    R"("aXb,c")",
                                                                    R"("é")",
                                                                    R"("e\u0301x")",
                                                                    R"("\ud83d\ude00")",
                                                                    R"("\u0000\u001f\u007f")",
                                                                    R"("10")",
                                                                    R"("x y\t\"")"});
  static constexpr auto kNames = std::to_array<std::string_view>(
      {R"("a")", R"("b")", R"("a")", R"("b")", R"("c")", R"("é")", R"("\ud83d\ude00")", R"("")"});
  if (depth <= 0 || chance.one_in(5)) return std::string(chance.pick(kScalars));
  const bool object = chance.one_in(2);
  std::string text(object ? "{" : "[");
  const std::size_t count = chance.below(4);
  for (std::size_t i = 0; i < count; ++i) {
    if (i > 0) text += ",";
    if (object) text.append(chance.pick(kNames)).append(":");
    text += random_json(chance, depth - 1);
  }
  return text + (object ? "}" : "]");
}

}  // namespace stepwell::expression
