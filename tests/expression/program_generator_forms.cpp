// The forms of the grammar that bind names: variables, functions, labels.
#include <algorithm>
#include <array>

#include "tests/expression/program_generator.h"

namespace stepwell::expression {

namespace {

// Puts a node into a place of another's text.
void add(Node& node, char place, Node kid) {
  node.text.push_back(place);
  node.kids.push_back(std::move(kid));
}

std::string bare(char kind) { return {'%', static_cast<char>(kind - 'a' + 'A')}; }

}  // namespace

std::string ProgramGenerator::fresh_name(char kind) {
  return std::string(1, kind) + std::to_string(names_++ % 7);
}

Node ProgramGenerator::scoped(char kind, int depth) {
  const Scope outer = scope_;
  Node node;
  switch (chance_.below(12)) {
    case 0:
    case 1:
    case 2:
      node = binding(kind, depth);
      break;
    case 3:
      node = alternatives(kind, depth);
      break;
    case 4:
      node = reduction(kind, depth);
      break;
    case 5:
    case 6:
      node = iteration(kind, depth);
      break;
    case 7:
      node = labelled(kind, depth);
      break;
    case 8:
      node = recursion(depth);
      break;
    case 9:
      node = shorthand(depth);
      break;
    case 10:
      if (!scope_.functions.empty()) {
        node = call(depth);
        break;
      }
      [[fallthrough]];
    default:
      node = definition(kind, depth);
  }
  scope_ = outer;
  if (!scope_.labels.empty() && chance_.one_in(6))
    node = {std::string(1, Node::kGrouped) + ", break $" +
                scope_.labels[chance_.below(scope_.labels.size())],
            {std::move(node)}};
  return node;
}

Node ProgramGenerator::variable(int depth) {
  const std::string& name = scope_.variables[chance_.below(scope_.variables.size())];
  static constexpr auto kSuffixes =
      std::to_array<std::string_view>({"", "", "", ".a", "[0]", "[]?", ".b?", "[1:]?"});
  return {"$" + name + (depth > 0 ? std::string(chance_.pick(kSuffixes)) : ""), {}};
}

Node ProgramGenerator::call(int depth) {
  const Function function = scope_.functions[chance_.below(scope_.functions.size())];
  std::string pattern = function.name;
  for (std::size_t i = 0; i < function.parameters; ++i) pattern += i == 0 ? "(%A" : "; %A";
  if (function.parameters > 0) pattern += ")";
  return fill(pattern, depth);
}

std::string ProgramGenerator::pattern(int depth, std::vector<std::string>& names,
                                      std::vector<Node>& kids) {
  const auto name = [&] {
    names.push_back(fresh_name('v'));
    return "$" + names.back();
  };
  const std::size_t shape = depth <= 0 ? 0 : chance_.below(4);
  if (shape <= 1) return name();
  std::string text(shape == 2 ? "[" : "{");
  const std::size_t count = 1 + chance_.below(3);
  for (std::size_t i = 0; i < count; ++i) {
    if (i > 0) text += ", ";
    if (shape == 2) {
      text += pattern(depth - 1, names, kids);
      continue;
    }
    static constexpr auto kKeys =
        std::to_array<std::string_view>({"a", "b", "\"a\"", "\"\\(\"b\")\"", "(\"a\", \"b\")"});
    switch (chance_.below(4)) {
      case 0:
        text += name();
        break;
      case 1:
        text += std::string("(") + Node::kBare + "): ";
        kids.push_back(fill("%T", 1));
        text += pattern(depth - 1, names, kids);
        break;
      default:
        text.append(chance_.pick(kKeys)).append(": ");
        text += pattern(depth - 1, names, kids);
    }
  }
  return text + (shape == 2 ? "]" : "}");
}

Node ProgramGenerator::binding(char kind, int depth) {
  Node node = fill("%a as ", depth);
  std::vector<std::string> names;
  node.text += pattern(2, names, node.kids) + " | ";
  scope_.variables.insert(scope_.variables.end(), names.begin(), names.end());
  add(node, Node::kBare, fill(bare(kind), depth));
  return node;
}

Node ProgramGenerator::alternatives(char kind, int depth) {
  Node node = fill("[%a as ", depth);
  std::vector<std::string> names;
  node.text += pattern(2, names, node.kids) + " ?// " + pattern(2, names, node.kids);
  if (chance_.one_in(2)) node.text += " ?// $" + names.front();
  node.text += " | ";
  scope_.variables.insert(scope_.variables.end(), names.begin(), names.end());
  add(node, Node::kBare, fill(bare(kind), depth));
  node.text += "][]";
  return node;
}

Node ProgramGenerator::reduction(char kind, int depth) {
  Node node = fill("reduce %a as ", depth);
  std::vector<std::string> names;
  node.text += pattern(1, names, node.kids) + " (";
  add(node, Node::kBare, fill(kind == 'p' ? "." : "first(%a, null)", depth));
  node.text += "; ";
  scope_.variables.insert(scope_.variables.end(), names.begin(), names.end());
  add(node, Node::kBare,
      fill(chance_.one_in(3) ? "[., $" + names.front() + "]" : bare(kind), depth));
  node.text += ")";
  return node;
}

Node ProgramGenerator::iteration(char kind, int depth) {
  Node node = fill("foreach %a as ", depth);
  std::vector<std::string> names;
  node.text += pattern(1, names, node.kids) + " (";
  add(node, Node::kBare, fill(kind == 'p' ? "." : bare(kind), depth));
  node.text += "; ";
  scope_.variables.insert(scope_.variables.end(), names.begin(), names.end());
  add(node, Node::kBare, fill(chance_.one_in(2) ? "[$" + names.front() + "]" : bare(kind), depth));
  if (chance_.one_in(2)) {
    node.text += "; ";
    add(node, Node::kBare, fill(bare(kind), depth));
  }
  node.text += ")";
  return node;
}

Node ProgramGenerator::labelled(char kind, int depth) {
  const std::string name = fresh_name('l');
  scope_.labels.push_back(name);
  Node node{"label $" + name + " | ", {}};
  add(node, Node::kBare, fill(bare(kind), depth));
  if (chance_.one_in(2)) {
    node.text += ", break $" + name + ", ";
    add(node, Node::kGrouped, fill(bare(kind), depth));
  }
  return node;
}

Node ProgramGenerator::definition(char kind, int depth) {
  const Scope outer = scope_;
  Function function{fresh_name('f'), chance_.below(3)};
  Node node{"def " + function.name, {}};
  for (std::size_t i = 0; i < function.parameters; ++i) {
    const std::string parameter = fresh_name('p');
    node.text += (i == 0 ? "(" : "; ");
    if (chance_.one_in(2)) {
      node.text += "$";
      scope_.variables.push_back(parameter);
    }
    node.text += parameter;
    scope_.functions.push_back({parameter, 0});
  }
  node.text += function.parameters > 0 ? "): " : ": ";
  add(node, Node::kBare, fill(bare(kind), depth));
  node.text += "; ";
  scope_ = outer;
  scope_.functions.push_back(function);
  add(node, Node::kBare, chance_.one_in(2) ? call(depth) : fill("%A", depth));
  return node;
}

// Functions that call themselves, a bounded number of times.
Node ProgramGenerator::recursion(int depth) {
  static constexpr auto kShapes = std::to_array<std::string_view>(
      {"def r0: if . >= 3 then . else . + 1 | r0 end; [%n, 3] | min | [0, .] | max | r0",
       "def r1(f): if length > 3 then . else . + [f] | r1(f) end; [] | r1(%A)",
       "def r2($n; f): if $n <= 0 then f else f, r2($n - 1; f) end; r2(2; %A)",
       "def r3($n): if $n > 2 then empty else $n, r3($n + 1) end; [r3(0)] | map(%N)",
       "def r4(f): def g: if type == \"array\" then .[] | g else f end; g; r4(%A)",
       "def r5(f; $n): if $n == 0 then f else r5(f | [., $n]; $n - 1) end; r5(%A; 2)",
       "[limit(6; def r6: ., (.[]? | r6); %a | r6)]"});
  return fill(chance_.pick(kShapes), depth);
}

Node ProgramGenerator::shorthand(int depth) {
  const std::string name = fresh_name('v');
  Node node = fill("%a as $" + name + " | {$" + name + ", a: ", depth);
  scope_.variables.push_back(name);
  add(node, Node::kGrouped, fill("%A", depth));
  node.text += "}";
  return node;
}

// Operators without parentheses, for their precedence. One comparison at most: they do not chain.
Node ProgramGenerator::flat_operators(int depth) {
  static constexpr auto kOperators = std::to_array<std::string_view>(
      {" + ", " - ", " * ", " / ", " % ", " and ", " or ", " // ", ", ", " | "});
  static constexpr auto kOnce = std::to_array<std::string_view>(
      {" == ", " != ", " < ", " >= ", " = ", " |= ", " += ", " //= "});
  const std::size_t count = 2 + chance_.below(4);
  const std::size_t once = chance_.below(2 * count);
  Node node;
  for (std::size_t i = 0; i < count; ++i) {
    if (i > 0)
      node.text += chance_.pick(i == once ? std::span(kOnce).first(kOnce.size())
                                          : std::span<const std::string_view>(kOperators));
    add(node, Node::kGrouped, fill(chance_.one_in(2) ? "%P" : "%N", std::min(depth - 1, 1)));
  }
  return node;
}

}  // namespace stepwell::expression
