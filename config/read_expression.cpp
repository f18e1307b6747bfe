#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

#include "base/json.h"
#include "config/literal_text.h"
#include "config/read_values.h"

namespace stepwell::config {

namespace {

constexpr std::array<std::string_view, kFirstLocal> kVariableNames{
    "context", "input", "output", "secrets", "task", "workflow", "runtime", "authorization"};
constexpr std::string_view kBlank = " \t\r\n";

// jq source within a scalar's value.
struct Source {
  std::string_view text;
  std::size_t offset = 0;
};

std::optional<Source> braced(std::string_view text) {
  const std::size_t from = text.find_first_not_of(kBlank);
  if (from == std::string_view::npos) return std::nullopt;
  const std::size_t to = text.find_last_not_of(kBlank);
  if (text[to] != '}' || text.substr(from, 2) != "${" || to < from + 2) return std::nullopt;
  return Source{text.substr(from + 2, to - from - 2), from + 2};
}

std::string available_text(const Site& site) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < kVariableNames.size(); ++i)
    if ((site.available >> i & 1U) != 0 && i != kSecrets)
      names.push_back("$" + std::string(kVariableNames[i]));
  if (names.empty()) return "there is nothing yet but the event itself (`.`)";
  std::string out = "there are ";
  for (std::size_t i = 0; i < names.size(); ++i)
    out += (i == 0 ? "" : i + 1 == names.size() ? " and " : ", ") + names[i];
  return out;
}

void check_variables(Reading& reading, const Place& place, const Site& site,
                     const Expression& expression) {
  if (expression.uses(kSecrets)) {
    reading.error(place, "$secrets is not available",
                  "; to send a stored credential write `authentication: {use: NAME}` beside the "
                  "endpoint's `uri`");
  }
  for (std::size_t i = 0; i < kVariableNames.size(); ++i) {
    if (i == kSecrets || (site.available >> i & 1U) != 0 || !expression.uses(i)) continue;
    reading.error(
        place, "$" + std::string(kVariableNames[i]) + " is not available in " + quoted(site.field),
        "; " + available_text(site));
  }
}

// Where the compiler's line and column (1-based, in characters) stand in its source.
std::size_t source_offset(std::string_view source, std::int64_t line, std::int64_t column) {
  std::size_t offset = 0;
  for (; line > 1; --line) {
    const std::size_t end = source.find('\n', offset);
    if (end == std::string_view::npos) return source.size();
    offset = end + 1;
  }
  for (; column > 1 && offset < source.size(); --column) {
    ++offset;
    while (offset < source.size() && (static_cast<unsigned char>(source[offset]) & 0xC0U) == 0x80U)
      ++offset;
  }
  return offset;
}

// "$nme is not defined" gets a hint from the names in force.
std::string variable_hint(const Reading& reading, const std::string& detail) {
  const std::size_t dollar = detail.find('$');
  if (dollar == std::string::npos) return {};
  std::size_t end = dollar + 1;
  while (end < detail.size() &&
         (std::isalnum(static_cast<unsigned char>(detail[end])) != 0 || detail[end] == '_'))
    ++end;
  const std::vector<std::string_view> names(reading.variables.begin(), reading.variables.end());
  const std::string_view found =
      nearest(std::string_view(detail).substr(dollar + 1, end - dollar - 1), names);
  return found.empty() ? std::string() : ", did you mean `$" + std::string(found) + "`?";
}

// The compiler's words without its own place, which the place in the file replaces.
std::string without_place(const Problem& problem) {
  const std::string place = " (line " + to_json(problem.extensions.get("line")) + ", column " +
                            to_json(problem.extensions.get("column")) + ")";
  std::string detail = problem.detail;
  if (detail.size() > place.size() && detail.ends_with(place))
    detail.resize(detail.size() - place.size());
  return detail;
}

void report_syntax(Reading& reading, const Place& place, const Source& source,
                   const Problem& problem) {
  const Value& line = problem.extensions.get("line");
  const Value& column = problem.extensions.get("column");
  const std::size_t within = line.is_number() && column.is_number()
                                 ? source_offset(source.text, line.as_integer().value_or(1),
                                                 column.as_integer().value_or(1))
                                 : 0;
  std::string what = "in the jq expression: " + without_place(problem);
  const bool several = source.text.find("${") != std::string_view::npos;
  std::string hint =
      several ? "; a string is one expression as a whole: join texts as in `${ \"\\(.a)-\\(.b)\" }`"
              : variable_hint(reading, problem.detail);
  reading.faults.error(position_within(reading.source, place.node(), source.offset + within),
                       std::move(what), place.reference(80), std::move(hint));
}

// The same source means the same where the same variables are in force.
Result<expression::Program> compile_program(Reading& reading, std::string_view source) {
  std::string key = std::to_string(source.size()) + ":";
  key += source;
  for (std::size_t i = kFirstLocal; i < reading.variables.size(); ++i)
    key += "$" + reading.variables[i];
  const auto known = reading.programs.find(key);
  if (known != reading.programs.end()) return known->second;
  auto program = expression::Program::compile(source, reading.variables);
  if (!program) return program;
  reading.sees_itself =
      reading.sees_itself || program->uses_variable(kTask) || program->uses_variable(kWorkflow);
  reading.programs.emplace(std::move(key), *program);
  return program;
}

std::optional<Expression> compile(Reading& reading, const Place& place, const Site& site,
                                  const Source& source) {
  if (source.text.find_first_not_of(kBlank) == std::string_view::npos) {
    reading.error(place, "the expression is empty");
    return std::nullopt;
  }
  Result<expression::Program> program = compile_program(reading, source.text);
  if (!program) {
    report_syntax(reading, place, source, program.error());
    return std::nullopt;
  }
  Expression result{std::move(*program), place.position()};
  check_variables(reading, place, site, result);
  return result;
}

bool sees_only_available(const Site& site, const Expression& expression) {
  for (std::size_t i = 0; i < kVariableNames.size(); ++i)
    if (expression.uses(i) && (i == kSecrets || (site.available >> i & 1U) == 0)) return false;
  return true;
}

// Loose mode: what is no jq, or sees what is not there, is text.
Template loose_template(Reading& reading, const Place& place, const Site& site,
                        std::string_view text) {
  const std::string_view source = braced(text) ? braced(text)->text : text;
  if (source.find_first_not_of(kBlank) != std::string_view::npos) {
    Result<expression::Program> program = compile_program(reading, source);
    if (program) {
      Expression expression{std::move(*program), place.position()};
      if (sees_only_available(site, expression))
        return Template::loose(std::move(expression), std::string(text));
    }
  }
  return Template::constant(place.node().value);
}

// What a text with `${ … }` in it was surely meant to be, as far as that is jq.
std::string meant_expression(const Reading& reading, std::string_view text) {
  constexpr std::size_t kMost = 200;
  const std::optional<std::string> jq = interpolated(text);
  const bool fits = jq && jq->size() <= kMost && !reading.faults.full();
  if (fits && expression::Program::compile(*jq, reading.variables)) return "${ " + *jq + " }";
  return "${ \"… \\(.name) …\" }";
}

Template read_string_template(Reading& reading, const Place& place, const Site& site) {
  const std::string_view text = place.node().value.as_string();
  if (reading.loose) return loose_template(reading, place, site, text);
  if (const std::optional<Source> source = braced(text)) {
    std::optional<Expression> expression = compile(reading, place, site, *source);
    return expression ? Template::expression(std::move(*expression)) : Template();
  }
  const std::size_t open = text.find("${");
  if (open != std::string_view::npos && text.find('}', open) != std::string_view::npos)
    reading.warning(place,
                    "this is literal text: in strict mode a string is an expression only where the "
                    "whole of it is `${ … }`",
                    "; write `" + meant_expression(reading, text) + "`");
  return Template::constant(place.node().value);
}

// jq that gives the node's value: constants as JSON, expressions by their first output.
std::string jq_of(const YamlNode& node) {
  if (node.kind == YamlNode::Kind::scalar) {
    if (!node.value.is_string()) return to_json(node.value);
    const std::optional<Source> source = braced(node.value.as_string());
    return source ? "([" + std::string(source->text) + "\n][0])" : to_json(node.value);
  }
  const bool is_list = node.kind == YamlNode::Kind::sequence;
  std::string out = is_list ? "[" : "{";
  for (const NodePtr& element : node.elements) {
    if (out.size() > 1) out += ",";
    out += jq_of(*element);
  }
  for (const YamlNode::Member& member : node.members) {
    if (out.size() > 1) out += ",";
    out += to_json(Value(member.key)) + ":" + jq_of(*member.node);
  }
  return out + (is_list ? "]" : "}");
}

}  // namespace

std::vector<std::string> standard_variables() {
  return {kVariableNames.begin(), kVariableNames.end()};
}

bool is_expression_text(std::string_view text) { return braced(text).has_value(); }

std::optional<Expression> read_expression(Reading& reading, const Place& place, const Site& site) {
  const Value& value = place.node().value;
  if (!value.is_string()) {
    reading.expected(place, "text with an expression");
    return std::nullopt;
  }
  const std::string_view text = value.as_string();
  return compile(reading, place, site, braced(text).value_or(Source{text, 0}));
}

Template read_template(Reading& reading, const Place& place, const Site& site) {
  const YamlNode& node = place.node();
  if (node.kind == YamlNode::Kind::scalar) {
    if (node.value.is_string()) return read_string_template(reading, place, site);
    return Template::constant(node.value);
  }
  if (node.kind == YamlNode::Kind::sequence) {
    std::vector<Template> elements;
    elements.reserve(node.elements.size());
    for (std::size_t i = 0; i < node.elements.size(); ++i)
      elements.push_back(read_template(reading, Place(place, i), site));
    Template result = Template::array(std::move(elements));
    return result.is_constant() ? Template::constant(node.value) : result;
  }
  std::vector<std::pair<Value, Template>> members;
  members.reserve(node.members.size());
  for (std::size_t i = 0; i < node.members.size(); ++i)
    members.emplace_back(node.value.members()[i].key,
                         read_template(reading, Place(place, node.members[i]), site));
  Template result = Template::object(std::move(members));
  // The very value of the document, so that nothing is held twice.
  return result.is_constant() ? Template::constant(node.value) : result;
}

std::optional<Template> read_filter(Reading& reading, const Place& place, const Site& site) {
  if (place.node().kind == YamlNode::Kind::mapping) return read_template(reading, place, site);
  if (!place.node().value.is_string()) {
    reading.expected(place, "an expression or a mapping");
    return std::nullopt;
  }
  std::optional<Expression> expression = read_expression(reading, place, site);
  if (!expression) return std::nullopt;
  return Template::expression(std::move(*expression));
}

std::optional<Template> read_filter_part(Reading& reading, const Place& place, std::string_view key,
                                         const Site& site, std::shared_ptr<const Schema>* schema) {
  const std::array<std::string_view, 2> known{"schema", key};
  const Fields fields(reading, place, known);
  if (!fields.is_mapping()) return std::nullopt;
  const auto filter = fields.find(key);
  if (const auto written = fields.find("schema")) {
    if (schema == nullptr)
      reading.unsupported(*written, std::string(place.key()) + ".schema");
    else
      *schema = read_schema(reading, *written);
    if (place.key() == "export" && !filter)
      reading.warning(*written, "it has no effect without `as`, which makes the context");
  }
  return filter ? read_filter(reading, *filter, site) : std::nullopt;
}

std::optional<Expression> read_collection(Reading& reading, const Place& place, const Site& site) {
  if (place.node().kind == YamlNode::Kind::scalar && place.node().value.is_string())
    return read_expression(reading, place, site);
  if (place.node().kind != YamlNode::Kind::sequence) {
    reading.expected(place, "an expression or a list");
    return std::nullopt;
  }
  constexpr std::uint32_t kMost = 10'000;
  if (place.node().count > kMost) {
    reading.error(place, "more than " + std::to_string(kMost) +
                             " values in a list to loop over; put them into a `set` task");
    return std::nullopt;
  }
  const std::size_t before = reading.faults.count();
  for (std::size_t i = 0; i < place.node().elements.size(); ++i)
    if (place.node().elements[i]->kind != YamlNode::Kind::mapping)
      reading.error(Place(place, i), "an element of a list that is written here is a mapping",
                    "; for others write the list as an expression: `in: ${ [1, 2] }`");
  (void)read_template(reading, place, site);  // each expression is checked at its own place
  if (reading.faults.count() != before) return std::nullopt;
  const std::string source = jq_of(place.node());
  return compile(reading, place, site, {source, 0});
}

}  // namespace stepwell::config
