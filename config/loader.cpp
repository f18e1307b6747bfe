#include "config/loader.h"

#include <array>
#include <fstream>
#include <sstream>
#include <utility>

#include "base/json.h"
#include "config/digest.h"
#include "config/library.h"
#include "config/read_document.h"

namespace stepwell::config {

namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

Loaded failed(FaultList& faults) { return {nullptr, faults.take()}; }

}  // namespace

Loaded load_definition(std::string_view text, const std::string& file, const LoadOptions& options) {
  if (text.substr(0, kByteOrderMark.size()) == kByteOrderMark)
    text.remove_prefix(kByteOrderMark.size());
  FaultList faults(file);
  const NodePtr root = parse_yaml(text, faults);
  if (!root) return failed(faults);
  auto definition = std::make_shared<Definition>();
  definition->file = file;
  Library library(options);
  read_definition(text, *root, *definition, faults, library);
  if (faults.has_errors()) return failed(faults);
  definition->document = root->value;
  definition->digest =
      content_digest(to_json(root->value, {.indent = 0, .sort_keys = true}) + library.contents());
  return {std::move(definition), faults.take()};
}

Loaded load_definition_file(const std::string& path, const LoadOptions& options) {
  FaultList faults(path);
  std::optional<std::string> text = read_file(path, YamlLimits().bytes + 1);
  if (!text) {
    faults.error({}, "the file cannot be read");
    return failed(faults);
  }
  return load_definition(*text, path, options);
}

}  // namespace stepwell::config
