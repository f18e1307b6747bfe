// The top level: `document`, `use`, `do` and the rest.
#include "config/read_document.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <utility>

#include "base/ascii.h"
#include "config/extensions.h"
#include "config/functions.h"
#include "config/read_tasks.h"

namespace stepwell::config {

namespace {

constexpr std::array<std::string_view, 8> kTop{"document", "input",  "use",      "do",
                                               "timeout",  "output", "schedule", "evaluate"};
constexpr std::array<std::string_view, 8> kDocument{"dsl",   "namespace", "name", "version",
                                                    "title", "summary",   "tags", "metadata"};

bool is_alphanumeric(char c) {
  return is_ascii_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// RFC 1035 §2.3.1 as RFC 1123 §2.1 relaxed it.
bool is_dns_label(std::string_view text) {
  return !text.empty() && text.size() <= 63 && is_alphanumeric(text.front()) &&
         is_alphanumeric(text.back()) && std::all_of(text.begin(), text.end(), [](char c) {
           return is_alphanumeric(c) || c == '-';
         });
}

bool is_numeric_part(std::string_view text) {
  return !text.empty() && text.size() <= 18 &&
         std::all_of(text.begin(), text.end(), is_ascii_digit) &&
         (text.size() == 1 || text[0] != '0');
}

// Identifiers between dots; in a pre-release numbers have no leading zeros (semver.org §9, §10).
bool are_identifiers(std::string_view text, bool pre_release) {
  while (true) {
    const std::size_t dot = text.find('.');
    const std::string_view part = text.substr(0, dot);
    const bool good = !part.empty() && std::all_of(part.begin(), part.end(), [](char c) {
      return is_alphanumeric(c) || c == '-';
    });
    const bool digits = std::all_of(part.begin(), part.end(), is_ascii_digit);
    if (!good || (pre_release && digits && part.size() > 1 && part[0] == '0')) return false;
    if (dot == std::string_view::npos) return true;
    text.remove_prefix(dot + 1);
  }
}

// Semantic Versioning 2.0.0.
bool is_semver(std::string_view text) {
  const std::size_t plus = text.find('+');
  if (plus != std::string_view::npos && !are_identifiers(text.substr(plus + 1), false))
    return false;
  text = text.substr(0, plus);
  const std::size_t dash = text.find('-');
  if (dash != std::string_view::npos && !are_identifiers(text.substr(dash + 1), true)) return false;
  text = text.substr(0, dash);
  const std::size_t first = text.find('.');
  const std::size_t second = first == std::string_view::npos ? first : text.find('.', first + 1);
  return second != std::string_view::npos && is_numeric_part(text.substr(0, first)) &&
         is_numeric_part(text.substr(first + 1, second - first - 1)) &&
         is_numeric_part(text.substr(second + 1));
}

}  // namespace

std::string read_label(Reading& reading, const Place& place) {
  std::string text = read_text(reading, place).value_or("");
  if (place.node().value.is_string() && !is_dns_label(text))
    reading.error(place, quoted(text) +
                             " is no DNS label: expected letters, digits and `-` inside, at most "
                             "63 characters");
  return text;
}

std::string read_version(Reading& reading, const Place& place) {
  std::string text = read_text(reading, place).value_or("");
  if (place.node().value.is_string() && !is_semver(text))
    reading.error(place, quoted(text) + " is no semantic version such as 1.0.0");
  return text;
}

namespace {

void read_document(Reading& reading, const Place& place) {
  const Fields fields(reading, place, kDocument);
  if (!fields.is_mapping()) return;
  Definition& definition = reading.definition;
  if (const auto dsl = fields.require("dsl")) {
    const std::string version = read_version(reading, *dsl);
    if (is_semver(version) && version.substr(0, 2) != "1.")
      reading.error(*dsl, quoted("dsl: " + version) + " is not supported by this version");
  }
  if (const auto name_space = fields.require("namespace"))
    definition.namespace_ = read_label(reading, *name_space);
  if (const auto name = fields.require("name")) definition.name = read_label(reading, *name);
  if (const auto version = fields.require("version"))
    definition.version = read_version(reading, *version);
  if (const auto title = fields.find("title"))
    definition.title = read_text(reading, *title).value_or("");
  if (const auto summary = fields.find("summary")) (void)read_text(reading, *summary);
  if (const auto tags = fields.find("tags")) (void)expect_mapping(reading, *tags);
  if (const auto metadata = fields.find("metadata")) read_document_metadata(reading, *metadata);
}

void read_evaluate(Reading& reading, const Place& place) {
  static constexpr std::array<std::string_view, 2> kEvaluate{"language", "mode"};
  static constexpr std::array<std::string_view, 2> kModes{"strict", "loose"};
  const Fields fields(reading, place, kEvaluate);
  if (const auto language = fields.find("language")) {
    const std::optional<std::string> name = read_text(reading, *language);
    if (name && *name != "jq")
      reading.error(*language, quoted("language: " + *name) + " is not supported by this version");
  }
  if (const auto mode = fields.find("mode"))
    reading.loose = read_choice(reading, *mode, kModes).value_or(0) == 1;
}

}  // namespace

bool read_definition(std::string_view source, const YamlNode& root, Definition& definition,
                     FaultList& faults, Library& library) {
  Reading reading{faults, source, definition, root};
  reading.variables = standard_variables();
  const Place top(root);
  const Fields fields(reading, top, kTop);
  if (!fields.is_mapping()) return false;
  if (const auto evaluate = fields.find("evaluate")) read_evaluate(reading, *evaluate);
  if (const auto document = fields.require("document")) read_document(reading, *document);
  const auto use = fields.find("use");
  FunctionTable functions(reading, library);
  ExtensionTable table;
  std::optional<Place> extensions;
  if (use) {
    index_use(reading, *use);
    functions.index();
    if (const YamlNode::Member* list = use->node().find("extensions")) {
      extensions.emplace(*use, *list);
      table.index(*extensions);
    }
  }
  reading.library = &library;
  reading.functions = &functions;
  reading.extensions = &table;
  if (const auto input = fields.find("input"))
    definition.input_from =
        read_filter_part(reading, *input, "from", {kWorkflowInputSees, "input.from"},
                         &reading.definition.input_schema);
  if (const auto tasks = fields.require("do")) definition.tasks = read_task_list(reading, *tasks);
  if (const auto output = fields.find("output"))
    definition.output_as =
        read_filter_part(reading, *output, "as", {kWorkflowOutputSees, "output.as"},
                         &reading.definition.output_schema);
  if (const auto timeout = fields.find("timeout"))
    definition.timeout = read_timeout(reading, *timeout, {kWorkflowInputSees, "timeout"});
  if (const auto schedule = fields.find("schedule"))
    definition.schedule = read_schedule(reading, *schedule);
  reading.extensions = nullptr;
  if (extensions) table.read(reading, *extensions);
  reading.extensions = &table;
  functions.read_all();
  if (use) check_unused(reading);
  return reading.sees_itself;
}

std::optional<std::string> read_file(const std::string& path, std::size_t most) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  std::string text(most, '\0');
  file.read(text.data(), static_cast<std::streamsize>(most));
  if (file.bad() || (file.gcount() == 0 && !file.eof())) return std::nullopt;
  text.resize(static_cast<std::size_t>(file.gcount()));
  return text;
}

}  // namespace stepwell::config
