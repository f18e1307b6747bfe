// YAML 1.2 as the reader sees it: types by the core schema, places, limits, faults.
#include <gtest/gtest.h>

#include "base/json.h"
#include "config/yaml_node.h"

namespace stepwell::config {
namespace {

struct Parsed {
  NodePtr root;
  std::vector<Fault> faults;
};

Parsed parse(std::string_view text, bool may_be_empty = false, const YamlLimits& limits = {}) {
  FaultList faults("f.yaml");
  NodePtr root = parse_yaml(text, faults, may_be_empty, limits);
  return {std::move(root), faults.take()};
}

std::string json(std::string_view text) {
  const Parsed parsed = parse(text);
  if (!parsed.faults.empty()) return parsed.faults[0].text();
  return parsed.root ? to_json(parsed.root->value) : "nothing";
}

std::string first_fault(std::string_view text, const YamlLimits& limits = {}) {
  const Parsed parsed = parse(text, false, limits);
  return parsed.faults.empty() ? "none" : parsed.faults[0].text();
}

struct ScalarCase {
  std::string_view text;
  std::string_view json;
};

TEST(Yaml, ResolvesScalarsByTheCoreSchema) {
  const std::vector<ScalarCase> cases{
      {"[~, null, Null, NULL]", "[null,null,null,null]"},
      {"[true, True, TRUE, false, False, FALSE]", "[true,true,true,false,false,false]"},
      {"[on, off, yes, no, y, n, On, NO]", R"(["on","off","yes","no","y","n","On","NO"])"},
      {"[nUll, tRue]", R"(["nUll","tRue"])"},
      {"[0, 12, -7, +5, 007]", "[0,12,-7,5,7]"},
      {"[0o17, 0xFf, 0b1, 0o8]", R"([15,255,"0b1","0o8"])"},
      {"[1.5, -0.25, .5, 1., 1e3, 1.5E-2, +.5]", "[1.5,-0.25,0.5,1,1E+3,0.015,0.5]"},
      {"[1_000, 1:30, 1.0.3, 2001-01-01, ., e3, 1e]",
       R"(["1_000","1:30","1.0.3","2001-01-01",".","e3","1e"])"},
      {R"(["1", '2', "true", "~"])", R"(["1","2","true","~"])"},
      {"[!!str 5, !!str true, !!int 5, !!float 1.5, ! 7]", R"(["5","true",5,1.5,"7"])"},
      {"a: |\n  5\n", R"({"a":"5\n"})"},
      {"100000000000000000001", "100000000000000000001"},
      {"200: ok\ntrue: x\n", R"({"200":"ok","true":"x"})"},
  };
  for (const ScalarCase& c : cases) EXPECT_EQ(json(c.text), c.json) << c.text;
}

TEST(Yaml, ReadsJson) {
  EXPECT_EQ(json(R"({"a":1,"b":[true,null],"c":"x\/y\n","d":{}})"),
            R"({"a":1,"b":[true,null],"c":"x/y\n","d":{}})");
  EXPECT_EQ(json(R"({"a":"\ud83d\ude00 \\ud83d"})"), "{\"a\":\"\xF0\x9F\x98\x80 \\\\ud83d\"}");
}

TEST(Yaml, EscapesAreUtf8) {
  EXPECT_EQ(json(R"(["\N\_\L\P", "é\_é\N", "\x85\xe9\u00A0"])"),
            "[\"\xC2\x85\xC2\xA0\xE2\x80\xA8\xE2\x80\xA9\",\"é\xC2\xA0é\xC2\x85\","
            "\"\xC2\x85é\xC2\xA0\"]");
}

TEST(Yaml, ExpandsAliasesByWhatTheyStandFor) {
  EXPECT_EQ(json("a: &x {b: [1]}\nc: *x\n"), R"({"a":{"b":[1]},"c":{"b":[1]}})");
  EXPECT_EQ(json("&k a: 1\nb: *k\n"), R"({"a":1,"b":"a"})");
}

TEST(Yaml, SaysWhereEverythingStands) {
  const Parsed parsed = parse("a: 1\nü: [x, 'é', y]\n  # c\nd:\n  - e: f\n");
  ASSERT_TRUE(parsed.root);
  const auto at = [](const Position& p) { return std::pair(p.line, p.column); };
  EXPECT_EQ(at(parsed.root->members[1].key_position), std::pair(2U, 1U));
  const YamlNode& list = *parsed.root->members[1].node;
  EXPECT_EQ(at(list.position), std::pair(2U, 4U));
  EXPECT_EQ(at(list.elements[1]->position), std::pair(2U, 8U));
  EXPECT_EQ(at(list.elements[2]->position), std::pair(2U, 13U)) << "columns count characters";
  EXPECT_EQ(at(parsed.root->members[2].node->elements[0]->members[0].node->position),
            std::pair(5U, 8U));
}

struct FaultCase {
  std::string_view text;
  std::string_view fault;
};

TEST(Yaml, TellsWhatIsWrong) {
  const std::vector<FaultCase> cases{
      {"", "f.yaml:1:1: error: the file is empty"},
      {"# nothing\n", "f.yaml:1:1: error: the file is empty"},
      {"a: 1\nb: 2\na: 3\n", "f.yaml:3:1: error: the key `a` is there twice"},
      {"{x: {a: 1, a: 2}}", "f.yaml:1:12: error: the key `a` is there twice"},
      {"a: b: c\n",
       "f.yaml:1:5: error: not valid YAML: a `:` where no key can stand; write a text that has "
       "`: ` in quotes"},
      {"a: [1\n", "f.yaml:2:1: error: not valid YAML: a `[` is not closed"},
      {"a: {b: 1\n", "f.yaml:2:1: error: not valid YAML: a `{` is not closed"},
      {"a: @x\n",
       "f.yaml:1:4: error: not valid YAML: a text cannot begin with this character; write it in "
       "quotes"},
      {"a: *nobody\n", "f.yaml:1:4: error: not valid YAML: there is no anchor `&nobody` before"},
      {"a: &x [*x]\n", "f.yaml:1:8: error: an alias stands inside of what its anchor names"},
      {"a: 1\n---\nb: 2\n", "f.yaml:3:1: error: a second document; a file holds one"},
      {"a: !thing 5\n", "f.yaml:1:4: error: the tag `!thing` is not known here"},
      {"a: !!int x\n", "f.yaml:1:4: error: `x` is no `!!int`"},
      {"a: .inf\n",
       "f.yaml:1:4: error: `.inf` is a number that JSON does not have; write text in quotes"},
      {"? [a]\n: 1\n", "f.yaml:1:3: error: a key must be text, not a list or a mapping"},
      {"~: 1\n", "f.yaml:1:1: error: a key must be text; write it in quotes"},
      {"a: \"\x01\"\n", "f.yaml:1:5: error: a control character, which YAML does not allow"},
      {"a: \xff\n", "f.yaml:1:1: error: the file is not UTF-8 text"},
      {std::string_view("a: \0\n", 6),
       "f.yaml:1:4: error: a control character, which YAML does not allow"},
      {"a: 1\n\tb: 2\n",
       "f.yaml:2:1: error: not valid YAML: a tab where YAML wants spaces: they alone indent"},
      {"a: 1\nb\nc: 2\n",
       "f.yaml:2:1: error: not valid YAML: expected `: ` behind this key, or the indentation is "
       "wrong"},
      {"a:\n  b: 1\n c: 2\n",
       "f.yaml:3:2: error: not valid YAML: expected a further key, or the indentation is wrong"},
      {"a: 'b\nc: 1\n", "f.yaml:1:4: error: not valid YAML: a text in quotes is not closed"},
      {"a: \"\\d\"\n",
       "f.yaml:1:5: error: not valid YAML: no escape that YAML knows in double quotes; write "
       "`\\\\` "
       "for a backslash, or the text in single quotes"},
      {"a: [${ .b }]\n",
       "f.yaml:1:6: error: not valid YAML: expected `,` or `]`; between brackets a text that has "
       "one of `,[]{}` is written in quotes"},
      {"a: - b\n",
       "f.yaml:1:4: error: not valid YAML: a `-` where no list can begin: it stands on a line of "
       "its own; write a text that begins with `- ` in quotes"},
      {"a: *.b\n",
       "f.yaml:1:4: error: not valid YAML: expected a name: `&` begins an anchor, `*` an alias; "
       "write a text that begins with one of them in quotes"},
      {"a: !b!c d\n",
       "f.yaml:1:4: error: not valid YAML: a tag whose handle is not declared; write a text that "
       "begins with `!` in quotes"},
      {"%YAML 3.0\n---\na: 1\n",
       "f.yaml:1:1: error: not valid YAML: a version of YAML that is not known here; expected 1.2"},
  };
  for (const FaultCase& c : cases) EXPECT_EQ(first_fault(c.text), c.fault) << c.text;
}

TEST(Yaml, TakesAByteOrderMarkAndDocumentMarkers) {
  EXPECT_EQ(json("\xEF\xBB\xBF"
                 "a: 1\n"),
            R"({"a":1})");
  EXPECT_EQ(json("---\na: 1\n...\n"), R"({"a":1})");
  EXPECT_EQ(json("a: 1\n---\n"), R"({"a":1})");
}

// The library reads YAML 1.1: what 1.2 says otherwise must hold all the same.
TEST(Yaml, IsYaml12) {
  const std::vector<ScalarCase> cases{
      {"%YAML 1.2\n---\na: 1\n", R"({"a":1})"},
      {"{a: [http://x:80/y, b:c, d: e], f:g: h}",
       R"({"a":["http://x:80/y","b:c",{"d":"e"}],"f:g":"h"})"},
      {R"({"a":1,"b":{"c":[]}})", R"({"a":1,"b":{"c":[]}})"},
      {R"(["\/", "\"", "\u00e9", "a\tb"])", R"(["/","\"","é","a\tb"])"},
      {"a:\t1\nb: [\t2,\n\t3 ]\n", R"({"a":1,"b":[2,3]})"},
      {"a: 1\n\t\nb: |\n  x\n\t \n  \ty\n", R"({"a":1,"b":"x\n\n\ty\n"})"},
      {"a: x # c\r\nb: y\r\n", R"({"a":"x","b":"y"})"},
      {"a: b#c\n'#d': -e\n", R"({"a":"b#c","#d":"-e"})"},
      {"a: '=' \nb: <<\n<<: {c: 1}\n", R"({"a":"=","b":"<<","<<":{"c":1}})"},
      {"a:\n- 1\n- - 2\n  - b: 3\n", R"({"a":[1,[2,{"b":3}]]})"},
      {"? a\n: 1\n? 'b'\n", R"({"a":1,"b":null})"},
      {"a: >-\n  b\n  c\n\n  d\nf: |2\n    g\n", R"({"a":"b c\nd","f":"  g\n"})"},
      {"a: \"\\0\"\n", R"({"a":"\u0000"})"},
  };
  for (const ScalarCase& c : cases) EXPECT_EQ(json(c.text), c.json) << c.text;
}

// U+0085, U+2028 and U+2029 break no line in YAML 1.2, and what it may hold is not all printable.
TEST(Yaml, EveryCharacterIsOneLikeAnyOther) {
  const std::vector<std::string> odd{"\xC2\x85", "\xE2\x80\xA8", "\xE2\x80\xA9",    "\xEF\xBB\xBF",
                                     "\xC2\x80", "\xEF\xBF\xBF", "\xF4\x80\x80\x80"};
  for (const std::string& c : odd) {
    const std::string text = "a" + c + ": x " + c + " y\nb: 'x " + c + " " + odd[0] + "'\nc: 1\n";
    const Parsed parsed = parse(text);
    ASSERT_TRUE(parsed.faults.empty()) << parsed.faults[0].text();
    const auto& members = parsed.root->members;
    EXPECT_EQ(members[0].key, "a" + c);
    EXPECT_EQ(members[0].node->value.as_string(), "x " + c + " y");
    EXPECT_EQ(members[1].node->value.as_string(), "x " + c + " " + odd[0]);
    EXPECT_EQ(members[2].key_position.line, 3U);
    EXPECT_EQ(members[2].node->offset, text.size() - 2);
  }
}

TEST(Yaml, PlacesHoldBehindJoinedSurrogates) {
  const std::string text = R"({"a":"\ud83d\ude00","b":)" + std::string("\n \"é\", \"c\": .inf}");
  EXPECT_EQ(first_fault(text),
            "f.yaml:2:12: error: `.inf` is a number that JSON does not have; write text in quotes");
  const Parsed parsed = parse(R"({"a":"\ud83d\ude00","b":1})");
  EXPECT_EQ(parsed.root->members[1].key_position.column, 21U);
  EXPECT_EQ(parsed.root->members[1].node->offset, 24U);
}

TEST(Yaml, DeepNestingEndsAtItsLimitAtOnce) {
  for (const char* open : {"[", "{a: ", "- ", "? "}) {
    std::string text;
    for (int i = 0; i < 50'000; ++i) text += open;
    EXPECT_NE(first_fault(text).find("nested more than 64 levels deep"), std::string::npos) << open;
  }
}

TEST(Yaml, AnEmptyFileMayBeAllowed) {
  const Parsed parsed = parse("# nothing\n", true);
  EXPECT_FALSE(parsed.root);
  EXPECT_TRUE(parsed.faults.empty());
}

TEST(Yaml, HoldsItsLimits) {
  YamlLimits limits;
  limits.nodes = 5;
  EXPECT_EQ(first_fault("[1, 2, 3, 4]", limits), "none");
  EXPECT_EQ(first_fault("[1, 2, 3, 4, 5]", limits), "f.yaml:1:1: error: more than 5 values");
  EXPECT_EQ(first_fault("[&x [1, 2], *x]", limits),
            "f.yaml:1:13: error: more than 5 values (aliases count as what they stand for)");
  limits = {};
  limits.depth = 3;
  EXPECT_EQ(first_fault("[[[1]]]", limits), "none");
  EXPECT_EQ(first_fault("[[[[1]]]]", limits), "f.yaml:1:4: error: nested more than 3 levels deep");
  EXPECT_EQ(first_fault("[&x [[1]], [*x]]", limits),
            "f.yaml:1:13: error: nested more than 3 levels deep");
  limits = {};
  limits.bytes = 1024;
  EXPECT_EQ(first_fault(std::string(1025, ' '), limits),
            "f.yaml:1:1: error: the file is larger than 1 KiB");
}

TEST(Yaml, FindsThePlaceWithinAScalar) {
  struct Case {
    std::string_view text;
    std::size_t index;
    std::pair<std::uint32_t, std::uint32_t> place;
  };
  const std::vector<Case> cases{
      {"a: abcdef\n", 3, {1, 7}},         {"a: 'abcdef'\n", 3, {1, 8}},
      {"a: 'a''b'\n", 2, {1, 8}},         {"a: \"a\\tb\\u00e9c\"\n", 5, {1, 15}},
      {"a: 'é é'\n", 3, {1, 7}},          {"a: |\n  ab\n  cd\n", 4, {3, 4}},
      {"a: one\n  two\n", 4, {2, 3}},     {"a: \"one\n  two\"\n", 4, {2, 3}},
      {"a:\n  \"one two\"\n", 4, {2, 8}}, {"a: &x abc\n", 1, {1, 8}},
  };
  for (const Case& c : cases) {
    const Parsed parsed = parse(c.text);
    ASSERT_TRUE(parsed.root) << c.text;
    const Position place = position_within(c.text, *parsed.root->members[0].node, c.index);
    EXPECT_EQ(std::pair(place.line, place.column), c.place) << c.text;
  }
}

}  // namespace
}  // namespace stepwell::config
