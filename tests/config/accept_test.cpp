// What our reader takes and what the standard's JSON Schema takes are the same, but for the
// differences that stand below by name: held for the official examples, for our own documents and
// examples, and for mutations of all of these.
// STEPWELL_MUTATIONS=FROM:COUNT runs others; STEPWELL_CONFORMANCE is the folder with the schema.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

#include "base/json.h"
#include "config/loader.h"
#include "config/person_step.h"
#include "config/yaml_node.h"
#include "tests/config/definitions.h"
#include "tests/config/mutation.h"
#include "tests/config/official_schema.h"

namespace stepwell::config {
namespace {

namespace fs = std::filesystem;

// What the official schema takes and our reader refuses.
struct Stricter {
  std::string_view name;
  std::string_view why;
  std::string_view faults;  // regular expression: the texts of the faults that say so
  std::string_view example;
};

const std::vector<Stricter> kStricter{
    {"expressions", "the schema sees texts; jq is checked, and which variables are there",
     "in the jq expression|the expression is empty|is not available",
     "do: [{t: {set: {a: '${ .a + }'}}}]"},
    {"names", "what a name leads to is looked up",
     "there is no (task|function)|is none of `use|cannot go on to|is no function of a catalog|"
     "calls itself|cannot be fetched|the URI of a function",
     "do: [{t: {set: {a: 1}, then: nowhere}}]"},
    {"names-twice", "a name that stands for two things stands for neither",
     "a second (task|case|extension)|have the same name",
     "do: [{t: {set: {a: 1}}}, {t: {set: {a: 2}}}]"},
    {"names-of-variables", "`$name` must be jq", "cannot name a variable",
     "do: [{t: {for: {each: $x, in: '[1]'}, do: []}}]"},
    {"names-of-tasks", "`then` must be able to say them", "cannot name a task|a task needs a name",
     "do: [{exit: {set: {a: 1}}}]"},
    {"unknown-keywords",
     "the schema leaves places open that the standard's text gives a fixed set of members (the top "
     "level, `emit.event`, `catch.errors`, `backoff`, …): a slip would go unseen",
     "unknown keyword|expected an empty mapping", "do: []\nouput: {as: .a}"},
    {"deferred", "calls, versions and languages that this version does not have",
     "is not supported by this version",
     "do: [{t: {call: mcp, with: {method: tools/list, transport: {http: {endpoint: "
     "'http://h'}}}}}]"},
    {"event-without-type", "CloudEvents 1.0 §3.1.1 requires it",
     "an event needs a `type`|`with` is missing \\(at [^ ]*/emit/event\\)",
     "do: [{t: {emit: {event: {}}}}]"},
    {"texts-for-objects", "a text here is an expression that gives an object",
     "expected a mapping or an expression", "do: [{t: {set: text}}]"},
    {"endpoints", "requests go to absolute http and https URIs; {name} names a property",
     "absolute URI|a URI |the URI |is no URI|is no name of a property|without `\\{`|is not closed",
     "do: [{t: {call: http, with: {method: get, endpoint: 'ftp://h/'}}}]"},
    {"requests", "RFC 9110: methods and names of headers are tokens; some the transport sets",
     "is no HTTP method|method CONNECT|is no name of a header|cannot be set in a definition|"
     "stands beside an `authentication`|cannot hold line breaks|expected the `operationId`",
     "do: [{t: {call: http, with: {method: 'ge t', endpoint: 'http://h/'}}}]"},
    {"numbers", "statuses of HTTP, and counts that mean something", "expected a whole number from",
     "do: [{t: {raise: {error: {type: 'urn:e', status: 7}}}}]"},
    {"durations", "nothing lasts less than nothing, or a hundred years; months have no length",
     "a duration cannot be negative|100 years|years and months|is longer than `to`|"
     "is no ISO 8601 duration",
     "do: [{t: {wait: {seconds: -1}}}]"},
    {"schemas-in-it", "a JSON Schema is compiled when the file is read", "\\(at [^ ]*/schema[/)]",
     "input: {schema: {document: {type: objekt}}}\ndo: []"},
    {"schedules", "a start needs a time, and one only; cron lines are read", "\\(at /schedule",
     "do: []\nschedule: {cron: '* * *'}"},
    {"own-metadata", "`metadata.stepwell` is ours: its members are known", "/metadata/stepwell",
     "do: [{t: {set: {a: 1}, metadata: {stepwell: {idempotnt: true}}}}]"},
    {"own-backoff",
     "`maxDelay` and its like are ours, within members that the standard leaves open", "/backoff/",
     "use: {retries: {r: {backoff: {exponential: {maxDelay: 5}}}}}\ndo: []"},
    {"processes", "what runs must be found: names of workflows, images, languages, ports",
     "\\(at [^ ]*/run/(workflow|container|script|shell)",
     "do: [{t: {run: {script: {language: cobol, code: x}}}}]"},
    {"tokens", "what a grant of OAuth 2 needs (RFC 6749 §4) is asked for",
     "\\(at [^ ]*/(oauth2|oidc)",
     "do: [{t: {call: http, with: {method: get, endpoint: {uri: 'http://h/', authentication: "
     "{oauth2: {authority: 'http://h/', grant: password}}}}}}]"},
};

// What our reader takes and the official schema refuses: a part of the schema that says other than
// the standard's text, or that cannot hold.
struct Milder {
  std::string_view name;
  std::string_view why;
  std::string_view pointer;      // into the schema …
  std::string_view replacement;  // … and what would be right there, as JSON
  std::string_view example;
};

const std::vector<Milder> kMilder{
    {"query-values", "the reference has map[string, any]",
     "/$defs/callTask/oneOf/2/allOf/1/properties/with/properties/query/oneOf/0",
     R"({"type":"object"})",
     "do: [{t: {call: http, with: {method: get, endpoint: 'http://h/', query: {limit: 10}}}}]"},
    {"time-by-expression", "every expression is a text as well: both of its `oneOf` hold",
     "/$defs/eventProperties/properties/time", R"({"type":"string"})",
     "do: [{t: {emit: {event: {with: {type: a, time: '${ .at }'}}}}}]"},
    {"instance-by-expression", "the same", "/$defs/error/properties/instance",
     R"({"type":"string"})",
     "do: [{t: {raise: {error: {type: 'urn:e', status: 400, instance: '${ .at }'}}}}]"},
    {"authority-by-expression", "as every other URI that requests go to",
     "/$defs/oauth2AuthenticationProperties/properties/authority", R"({"type":"string"})",
     "do: [{t: {call: http, with: {method: get, endpoint: {uri: 'http://h/', authentication: "
     "{oauth2: {authority: '${ .a }', grant: client_credentials, client: {id: a, secret: "
     "b}}}}}}}]"},
    {"expressions-of-several-lines", "`.` of its pattern ends at a line break",
     "/$defs/runtimeExpression/pattern", R"("^\\s*\\$\\{[\\s\\S]+\\}\\s*$")",
     "do: [{t: {wait: \"${ .a\\n | .b }\"}}]"},
};

std::string text_of(const fs::path& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

Value yaml_value(const std::string& text) {
  FaultList faults("corpus");
  const NodePtr node = parse_yaml(text, faults);
  return node ? node->value : Value();
}

std::vector<fs::path> files_of(const fs::path& folder, const std::string& extension) {
  std::vector<fs::path> paths;
  if (!fs::is_directory(folder)) return paths;
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.path().extension() == extension) paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  return paths;
}

// The definitions within a document's ```yaml blocks.
void add_blocks(const std::string& text, std::vector<Value>& corpus) {
  static const std::string kOpen = "```yaml\n";
  for (std::size_t at = text.find(kOpen); at != std::string::npos; at = text.find(kOpen, at + 1)) {
    const std::size_t from = at + kOpen.size();
    const std::string block = text.substr(from, text.find("\n```", from) - from);
    if (block.starts_with("document:")) corpus.push_back(yaml_value(block));
  }
}

Value replaced(const Value& value, std::string_view pointer, const Value& by) {
  if (pointer.empty()) return by;
  pointer.remove_prefix(1);
  const std::size_t end = std::min(pointer.find('/'), pointer.size());
  const std::string part(pointer.substr(0, end));
  pointer.remove_prefix(end);
  Value out = value;
  if (value.is_array()) {
    const std::size_t index = std::stoul(part);
    out.set(index, replaced(value.at(index), pointer, by));
  } else {
    out.set(part, replaced(value.get(part), pointer, by));
  }
  return out;
}

// What the functions for people take is ours: to the schema `with` is any object, and may be
// missing. Is the place in such a call?
bool is_of_people(const Value& definition, std::string_view reference) {
  const Value* at = &definition;
  while (reference.starts_with('/')) {
    reference.remove_prefix(1);
    const std::string part(reference.substr(0, reference.find('/')));
    reference.remove_prefix(part.size());
    const Value& call = at->get("call");
    if (call.is_string() && person_kind(call.as_string()) && (part == "with" || part == "call"))
      return true;
    if (!at->is_array()) {
      at = &at->get(part);
      continue;
    }
    const std::size_t index = std::stoul(part);
    if (index >= at->size()) return false;
    at = &at->at(index);
  }
  return false;
}

class Acceptance : public ::testing::Test {
 protected:
  void SetUp() override {
    const char* given = std::getenv("STEPWELL_CONFORMANCE");  // NOLINT(concurrency-mt-unsafe)
    const fs::path source(STEPWELL_SOURCE_DIR);
    const fs::path official = given != nullptr ? fs::path(given) : source / "../shared/conformance";
    const fs::path path = official / "schema" / "workflow.yaml";
    if (!fs::is_regular_file(path))
      GTEST_SKIP() << "no official schema at " << path
                   << "; set STEPWELL_CONFORMANCE to the folder that holds schema/";
    document = yaml_value(text_of(path));
    Value mended = document;
    for (const Milder& one : kMilder)
      mended = replaced(mended, one.pointer, parse_json(one.replacement).value());
    schema.emplace(document);
    mended_schema.emplace(mended);
    for (const Stricter& one : kStricter) faults.emplace_back(std::string(one.faults));
    for (const fs::path& folder : {official / "examples", source / "examples"})
      for (const fs::path& example : files_of(folder, ".yaml"))
        corpus.push_back(yaml_value(text_of(example)));
    for (const fs::path& page : files_of(source / "docs", ".md")) add_blocks(text_of(page), corpus);
  }

  // Which of kStricter the fault is of; none: kStricter.size().
  std::size_t named(const Fault& fault) const {
    const std::string text = fault.text();
    const auto found = std::find_if(faults.begin(), faults.end(), [&](const std::regex& each) {
      return std::regex_search(text, each);
    });
    return static_cast<std::size_t>(found - faults.begin());
  }

  // Is there a difference that has no name?
  bool differs(const Value& definition) const {
    const Loaded loaded = load(definition);
    if (schema->accepts(definition))
      return std::any_of(loaded.faults.begin(), loaded.faults.end(), [&](const Fault& fault) {
        return fault.severity == Fault::Severity::error && named(fault) == kStricter.size() &&
               !is_of_people(definition, fault.reference);
      });
    return loaded.definition && !mended_schema->accepts(definition);
  }

  static Loaded load(const Value& definition) {
    LoadOptions options;
    options.offline = true;
    return load_definition(to_json(definition), "f.yaml", options);
  }

  // The smallest part of it that still differs, and how.
  std::string explained(Value definition) const {
    for (bool again = true; again;) {
      again = false;
      for (Value& part : smaller(definition)) {
        if (!differs(part)) continue;
        definition = std::move(part);
        again = true;
        break;
      }
    }
    std::string out = to_json(definition) + "\n";
    if (!schema->accepts(definition)) return "the schema refuses, we take: " + out;
    for (const Fault& fault : load(definition).faults) out += "  " + fault.text() + "\n";
    return "the schema takes, we refuse: " + out;
  }

  Value document;
  std::optional<OfficialSchema> schema;
  std::optional<OfficialSchema> mended_schema;
  std::vector<std::regex> faults;
  std::vector<Value> corpus;
};

TEST_F(Acceptance, TheOracleKnowsEveryKeywordOfTheSchema) {
  EXPECT_TRUE(schema->unknown_keywords().empty()) << schema->unknown_keywords().front();
}

TEST_F(Acceptance, IsTheSameForExamplesAndDocuments) {
  EXPECT_GE(corpus.size(), 80U);
  for (const Value& definition : corpus)
    if (differs(definition)) ADD_FAILURE() << explained(definition);
}

TEST_F(Acceptance, IsTheSameForMutations) {
  std::uint64_t from = 0;
  std::uint64_t count = 3000;
  if (const char* given = std::getenv("STEPWELL_MUTATIONS")) {  // NOLINT(concurrency-mt-unsafe)
    char* end = nullptr;
    from = std::strtoull(given, &end, 10);
    count = *end == ':' ? std::strtoull(end + 1, nullptr, 10) : 1;
  }
  const Mutator mutator(corpus);
  std::set<std::string> told;
  std::size_t taken = 0;
  for (std::uint64_t seed = from; seed < from + count && told.size() < 20; ++seed) {
    const Value definition = mutator.mutated(corpus[seed % corpus.size()], seed);
    if (schema->accepts(definition)) ++taken;
    if (!differs(definition)) continue;
    const std::string how = explained(definition);
    if (told.insert(how).second) ADD_FAILURE() << "STEPWELL_MUTATIONS=" << seed << ": " << how;
  }
  // As many of both kinds that the test means something.
  EXPECT_TRUE(count < 1000 || (taken > count / 10 && taken < count / 2)) << taken;
}

TEST_F(Acceptance, DiffersWhereAReasonHasAName) {
  for (const Stricter& one : kStricter) {
    const Value definition = yaml_value(definition_text(one.example));
    EXPECT_TRUE(schema->accepts(definition)) << one.name << ": " << one.example;
    const Loaded loaded = load(definition);
    EXPECT_FALSE(loaded.definition) << one.name << ": " << one.example;
    const std::regex pattern{std::string(one.faults)};
    for (const Fault& fault : loaded.faults) {
      if (fault.severity != Fault::Severity::error) continue;
      EXPECT_TRUE(std::regex_search(fault.text(), pattern)) << one.name << ": " << fault.text();
    }
  }
  for (const char* example : {"do: [{t: {call: decision}}]",
                              "do: [{t: {call: form, with: {fields: [{name: a, kind: b}]}}}]"}) {
    const Value definition = yaml_value(definition_text(example));
    EXPECT_TRUE(schema->accepts(definition)) << example;
    const Loaded loaded = load(definition);
    EXPECT_FALSE(loaded.definition) << example;
    for (const Fault& fault : loaded.faults)
      EXPECT_TRUE(is_of_people(definition, fault.reference)) << fault.text();
  }
  EXPECT_FALSE(is_of_people(yaml_value("do: [{t: {call: http, with: {}}}]"), "/do/0/t/with"));
  for (const Milder& one : kMilder) {
    const Value definition = yaml_value(definition_text(one.example));
    EXPECT_FALSE(schema->accepts(definition)) << one.name << ": " << one.example;
    EXPECT_TRUE(load(definition).definition) << one.name << ": " << one.example;
    const OfficialSchema alone(
        replaced(document, one.pointer, parse_json(one.replacement).value()));
    EXPECT_TRUE(alone.accepts(definition)) << one.name;
  }
}

// What the oracle says, an independent implementation of the draft says too.
TEST_F(Acceptance, IsJudgedAsPythonsJsonschemaJudges) {
  if (std::system("/usr/bin/python3 -c 'import jsonschema' 2>/dev/null") != 0)  // NOLINT
    GTEST_SKIP() << "python3-jsonschema is not installed (tools/setup.sh)";
  static constexpr std::string_view kJudge =
      "import json, sys\n"
      "from jsonschema import Draft202012Validator\n"
      "lines = [json.loads(line) for line in sys.stdin]\n"
      "schema = Draft202012Validator(lines[0])\n"
      "print(''.join('1' if schema.is_valid(each) else '0' for each in lines[1:]))\n";
  const fs::path folder = fs::path(testing::TempDir()) / ("accept-" + std::to_string(::getpid()));
  fs::create_directories(folder);
  std::ofstream(folder / "judge.py") << kJudge;
  std::ofstream lines(folder / "lines");
  lines << to_json(document) << "\n";
  const Mutator mutator(corpus);
  std::string expected;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    const Value definition = mutator.mutated(corpus[seed * 7 % corpus.size()], seed);
    lines << to_json(definition) << "\n";
    expected += schema->accepts(definition) ? '1' : '0';
  }
  lines.close();
  const std::string command = "/usr/bin/python3 " + (folder / "judge.py").string() + " < " +
                              (folder / "lines").string() + " > " + (folder / "out").string();
  EXPECT_EQ(std::system(command.c_str()), 0);  // NOLINT(concurrency-mt-unsafe,cert-env33-c)
  EXPECT_EQ(text_of(folder / "out"), expected + "\n");
  fs::remove_all(folder);
}

}  // namespace
}  // namespace stepwell::config
