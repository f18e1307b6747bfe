#include "tests/expression/differential_shrink.h"

#include <algorithm>
#include <array>
#include <utility>

namespace stepwell::expression {

namespace {

constexpr std::size_t kAtOnce = 50;

// Every program that has one part less, or a simpler one.
void collect_smaller(const Node& node, std::vector<Node>& all) {
  static constexpr auto kSimple =
      std::to_array<const char*>({".", "null", "1", "\"a\"", "[]", ".a", ".[]", "empty", "{}"});
  for (const Node& kid : node.kids) all.push_back(kid);
  if (node.text.size() > 1 || !node.kids.empty())
    for (const char* simple : kSimple) all.push_back({simple, {}});
  for (std::size_t i = 0; i < node.kids.size(); ++i) {
    std::vector<Node> kids;
    collect_smaller(node.kids[i], kids);
    for (Node& kid : kids) {
      Node copy = node;
      copy.kids[i] = std::move(kid);
      all.push_back(std::move(copy));
    }
  }
}

struct Candidate {
  Node node;
  std::string text;
};

std::vector<Candidate> smaller(const Node& node) {
  const std::size_t size = node.print().size();
  std::vector<Node> all;
  collect_smaller(node, all);
  std::vector<Candidate> candidates;
  for (Node& one : all) {
    std::string text = one.print();
    if (text.size() < size) candidates.push_back({std::move(one), std::move(text)});
  }
  std::sort(candidates.begin(), candidates.end(), [](const Candidate& a, const Candidate& b) {
    return std::pair(a.text.size(), a.text) < std::pair(b.text.size(), b.text);
  });
  const auto same = [](const Candidate& a, const Candidate& b) { return a.text == b.text; };
  candidates.erase(std::unique(candidates.begin(), candidates.end(), same), candidates.end());
  return candidates;
}

// The smallest that still fails takes the node's place.
bool improve(Node& node, const StillFail& still_fail) {
  std::vector<Candidate> candidates = smaller(node);
  for (std::size_t begin = 0; begin < candidates.size(); begin += kAtOnce) {
    const std::size_t end = std::min(begin + kAtOnce, candidates.size());
    std::vector<std::string> texts;
    for (std::size_t i = begin; i < end; ++i) texts.push_back(candidates[i].text);
    const std::vector<bool> fail = still_fail(texts);
    const auto found = std::find(fail.begin(), fail.end(), true);
    if (found == fail.end()) continue;
    node = std::move(candidates[begin + static_cast<std::size_t>(found - fail.begin())].node);
    return true;
  }
  return false;
}

}  // namespace

Node shrink(Node program, const StillFail& still_fail, int rounds) {
  while (rounds-- > 0 && improve(program, still_fail)) {
  }
  return program;
}

}  // namespace stepwell::expression
