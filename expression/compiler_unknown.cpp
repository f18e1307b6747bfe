// What is said of names that are not there: why jq's own are missing, and what may have been meant.
#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <utility>

#include "expression/compiler.h"
#include "expression/library.h"

namespace stepwell::expression::detail {

namespace {

struct Refused {
  std::string_view name;
  std::string_view why;
};

// What the jq command has and an expression must not: it reads nothing but its input, and does
// nothing but compute its outputs.
constexpr std::string_view kOneInput =
    "an expression has no further inputs to read; its one input is ., and .[] goes through a list";
constexpr std::string_view kNoFiles =
    "an expression does not read files; what it may see are its input and its variables";
constexpr std::string_view kNoEnd =
    "an expression cannot end the process; error(\"…\") ends it with an error";
constexpr std::string_view kNoModules =
    "modules are not available; write the functions in the expression itself, by def";
constexpr std::array<Refused, 10> kRefused{{
    {"input", kOneInput},
    {"inputs", kOneInput},
    {"input_filename", kNoFiles},
    {"input_line_number", kNoFiles},
    {"halt", kNoEnd},
    {"halt_error", kNoEnd},
    {"get_search_list", kNoModules},
    {"modulemeta", kNoModules},
    {"get_prog_origin", kNoFiles},
    {"get_jq_origin", kNoFiles},
}};
constexpr std::array<Refused, 2> kRefusedVariables{{
    {"ENV",
     "an expression cannot read the environment; pass the value in with the input or a variable"},
    {"__prog_args", "an expression has no command line; its variables are named, such as $input"},
}};

template <std::size_t kCount>
std::string_view why_not(const std::array<Refused, kCount>& list, std::string_view name) {
  for (const Refused& refused : list)
    if (refused.name == name) return refused.why;
  return {};
}

std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t changed = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({changed, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

std::string signature(std::string_view name, std::size_t arity) {
  return std::string(name) + "/" + std::to_string(arity);
}

// "1 argument", "0, 2 or 3 arguments".
std::string arguments(const std::set<std::size_t>& counts) {
  std::string text;
  for (auto at = counts.begin(); at != counts.end(); ++at) {
    if (at != counts.begin()) text += std::next(at) == counts.end() ? " or " : ", ";
    text += std::to_string(*at);
  }
  return text + (*counts.rbegin() == 1 && counts.size() == 1 ? " argument" : " arguments");
}

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

// ".content-type" is .content less the function type: the name that was meant, where it was.
std::string dashed_name(std::string_view source, std::size_t at, std::string_view name) {
  if (at < 2 || at > source.size() || source[at - 1] != '-' || !is_word(source[at - 2])) return {};
  std::size_t begin = at - 1;
  while (begin > 0 && (is_word(source[begin - 1]) || source[begin - 1] == '-')) --begin;
  if (begin == 0 || source[begin - 1] != '.') return {};
  return std::string(source.substr(begin, at - begin)) + std::string(name);
}

// A longer name is no slip of the pen, and would take long to compare.
constexpr std::size_t kLongestName = 64;

}  // namespace

void Compiler::unknown_function(const Node& node) {
  if (const auto why = why_not(kRefused, node.text); !why.empty())
    return fail(node, node.text + " is not available: " + std::string(why));
  const std::size_t arity = node.kids.size();
  std::set<std::size_t> counts;
  std::string best;
  std::size_t nearest = node.text.size() < 4 ? 2 : 3;
  const auto offer = [&](std::string_view name, std::size_t count) {
    if (name == node.text) counts.insert(count);
    if (node.text.size() > kLongestName || name.size() > kLongestName) return;
    const std::size_t apart = distance(node.text, name) + (count == arity ? 0 : 1);
    if (apart >= nearest) return;
    nearest = apart;
    best = signature(name, count);
  };
  for (const Binding* at = scope_; at != nullptr; at = at->next)
    if (at->kind == BindingKind::function || at->kind == BindingKind::parameter)
      offer(at->name, at->arity);
  for (const BuiltinName& known : builtin_names()) offer(known.name, known.arity);
  std::string what = signature(node.text, arity) + " is not defined";
  if (!counts.empty())
    what += ": " + node.text + " takes " + arguments(counts) + ", not " + std::to_string(arity);
  else if (const auto dashed =
               in_source_ ? dashed_name(source_, node.at, node.text) : std::string();
           !dashed.empty())
    what += "; a name with \"-\" in it is written .\"" + dashed + "\"";
  else if (!best.empty())
    what += "; did you mean " + best + "?";
  fail(node, std::move(what));
}

void Compiler::unknown_variable(const Node& node) {
  const std::string_view why = why_not(kRefusedVariables, node.text);
  if (why.empty()) return fail(node, "$" + node.text + " is not defined");
  fail(node, "$" + node.text + " is not available: " + std::string(why));
}

}  // namespace stepwell::expression::detail
