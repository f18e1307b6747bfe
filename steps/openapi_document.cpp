#include "steps/openapi_document.h"

#include <utility>

#include "base/json.h"
#include "config/faults.h"
#include "config/yaml_node.h"
#include "steps/openapi_reader.h"

namespace stepwell::steps {

namespace {

// A document of the largest size that is fetched fits in; a YAML tree is much larger than its text.
constexpr config::YamlLimits kDocumentLimits{16UL * 1024 * 1024, 200, 1'000'000,
                                             32ULL * 1024 * 1024};
constexpr std::size_t kDocumentDepth = 200;

// JSON is read by its own reader, which is much quicker; what looks like it and is not may be YAML.
Result<Value> document_value(std::string_view text) {
  const std::size_t start = text.find_first_not_of(" \t\r\n\xEF\xBB\xBF");
  std::string json_fault;
  if (start != std::string_view::npos && text[start] == '{') {
    auto value = parse_json(text.substr(start), {kDocumentDepth});
    if (value) return value;
    json_fault = "; read as JSON: " + value.error().detail;
  }
  config::FaultList faults("document");
  const config::NodePtr root = config::parse_yaml(text, faults, false, kDocumentLimits);
  if (root != nullptr && !faults.has_errors()) return root->value;
  std::string what = "it is neither JSON nor YAML";
  for (const config::Fault& fault : faults.take()) {
    if (fault.severity != config::Fault::Severity::error) continue;
    what += ": line " + std::to_string(fault.position.line) + ", column " +
            std::to_string(fault.position.column) + ": " + fault.what;
    break;
  }
  return fail(openapi_invalid(what + json_fault));
}

}  // namespace

Problem openapi_invalid(std::string what) {
  return make_problem(ErrorKind::configuration, "openapi-invalid",
                      "the OpenAPI document cannot be used: " + std::move(what));
}

std::string_view to_string(ParameterPlace place) noexcept {
  switch (place) {
    case ParameterPlace::path:
      return "path";
    case ParameterPlace::query:
      return "query";
    case ParameterPlace::header:
      return "header";
    case ParameterPlace::cookie:
      return "cookie";
    case ParameterPlace::form:
      break;
  }
  return "form";
}

const OpenApiProperty* OpenApiBody::find(std::string_view property) const {
  const auto found = properties.find(property);
  return found == properties.end() ? nullptr : &found->second;
}

Result<const OpenApiOperation*> OpenApiDocument::find(std::string_view operation) const {
  const auto found = operations_.find(operation);
  if (found != operations_.end()) {
    if (!found->second) return fail(found->second.error());
    return &*found->second;
  }
  std::string detail =
      "the OpenAPI document has no operation with the operationId " + config::quoted(operation);
  if (operations_.empty()) {
    detail += "; none of its operations has an operationId at all";
  } else {
    std::vector<std::string_view> names;
    names.reserve(operations_.size());
    for (const auto& [name, known] : operations_) names.emplace_back(name);
    const std::string hint = config::did_you_mean(operation, names);
    if (names.size() > 8) names.resize(8);
    detail += hint.empty() ? "; it has " + config::quoted_list(names) +
                                 (operations_.size() > names.size() ? " and others" : "")
                           : hint;
  }
  return fail(make_problem(ErrorKind::configuration, "operation-unknown", std::move(detail)));
}

const SecurityScheme* OpenApiDocument::scheme(std::string_view name) const {
  const auto found = schemes_.find(name);
  return found == schemes_.end() ? nullptr : &found->second;
}

Result<std::shared_ptr<const OpenApiDocument>> read_openapi(std::string_view text) {
  auto root = document_value(text);
  if (!root) return fail(std::move(root.error()));
  return OpenApiReader(*root).read();
}

}  // namespace stepwell::steps
