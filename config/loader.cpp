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
  const bool sees_itself = read_definition(text, *root, *definition, faults, library);
  if (faults.has_errors()) return failed(faults);
  definition->document = root->value;
  definition->digest =
      content_digest(to_json(root->value, {.indent = 0, .sort_keys = true}) + library.contents());
  definition->sources = std::make_shared<const Sources>(
      Sources{file, std::string(text), options.default_catalog, library.fetched()});
  if (options.lean && !sees_itself) drop_document(*definition);
  return {std::move(definition), faults.take()};
}

namespace {

class Recorded final : public Resources {
 public:
  explicit Recorded(const Sources& sources) : sources_(sources) {}
  Result<std::string> read(const ResourceRequest& request) override {
    for (const Sources::Fetched& each : sources_.fetched)
      if (each.uri == request.uri && each.credential == request.credential) return each.text;
    return fail(make_problem(ErrorKind::configuration, "file-unreadable",
                             "it was not there when the definition was first read"));
  }

 private:
  const Sources& sources_;
};

}  // namespace

Loaded load_definition(const Sources& sources) {
  Recorded recorded(sources);
  return load_definition(
      sources.text, sources.file,
      {.resources = &recorded, .default_catalog = sources.default_catalog, .lean = true});
}

Result<std::shared_ptr<const Definition>> load_recorded(const Value& value) {
  const Result<Sources> sources = read_sources(value);
  if (!sources) return fail(sources.error());
  Loaded loaded = load_definition(*sources);
  if (loaded.definition) return std::shared_ptr<const Definition>(std::move(loaded.definition));
  std::string detail = "a definition that instances were started with has faults now";
  for (const Fault& fault : loaded.faults) detail += "\n" + fault.text();
  return fail(make_problem(ErrorKind::configuration, "definitions-invalid", std::move(detail)));
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
