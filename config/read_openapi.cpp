// `call: openapi`, and resources that lie elsewhere.
#include <array>
#include <memory>
#include <utility>

#include "config/read_tasks.h"

namespace stepwell::config {

namespace {

Template read_operation(Reading& reading, const Place& place) {
  const std::optional<std::string> text = read_text(reading, place);
  if (!text) return {};
  if (text->empty()) reading.error(place, "expected the `operationId` of an operation");
  return read_template(reading, place, body_site("with.operationId"));
}

// The document may ask for any of them, by the name of its security scheme. Read once for all
// calls: a definition may hold thousands of both.
std::shared_ptr<const NamedPolicies> read_named(Reading& reading) {
  UseTable& table = reading.use.authentications;
  if (table.member == nullptr || reading.use.policies != nullptr) return reading.use.policies;
  auto policies = std::make_shared<NamedPolicies>();
  for (const auto& [name, entry] : table.entries) {
    table.referenced.insert(name);
    auto policy = read_entry(reading, table, *entry,
                             [&](const Place& place) { return read_policy_entry(reading, place); });
    if (policy) policies->emplace(name, std::move(*policy));
  }
  reading.use.policies = std::move(policies);
  return reading.use.policies;
}

void read_openapi_with(Reading& reading, const Place& with, OpenApiCallBody& body) {
  static constexpr std::array<std::string_view, 6> kArguments{
      "document", "operationId", "parameters", "authentication", "output", "redirect"};
  const Fields fields(reading, with, kArguments);
  if (!fields.is_mapping()) return;
  if (const auto document = fields.require("document"))
    body.document = read_external_resource(reading, *document, body_site("with.document"))
                        .value_or(ExternalResource());
  if (const auto operation = fields.require("operationId"))
    body.operation = read_operation(reading, *operation);
  if (const auto parameters = fields.find("parameters");
      parameters && expect_mapping(reading, *parameters))
    body.parameters = read_template(reading, *parameters, body_site("with.parameters"));
  if (const auto authentication = fields.find("authentication"))
    body.authentication = read_authentication(reading, *authentication);
  else
    body.named = read_named(reading);
  body.output = read_call_output(reading, fields);
  body.redirect = read_call_redirect(reading, fields);
}

}  // namespace

ExternalResource read_endpoint(Reading& reading, const Place& place, const Site& site) {
  static constexpr std::array<std::string_view, 2> kKnown{"uri", "authentication"};
  const auto read = [&](const Place& uri) {
    return read_uri(reading, uri, site).value_or(UriTemplate());
  };
  ExternalResource resource;
  if (place.node().value.is_string()) {
    resource.endpoint = read(place);
    return resource;
  }
  if (place.node().kind != YamlNode::Kind::mapping) {
    reading.expected(place, "a URI or a mapping with `uri`");
    return resource;
  }
  const Fields fields(reading, place, kKnown);
  if (const auto uri = fields.require("uri")) resource.endpoint = read(*uri);
  if (const auto authentication = fields.find("authentication"))
    resource.authentication = read_authentication(reading, *authentication);
  return resource;
}

std::optional<ExternalResource> read_external_resource(Reading& reading, const Place& place,
                                                       const Site& site) {
  static constexpr std::array<std::string_view, 2> kKnown{"name", "endpoint"};
  const Fields fields(reading, place, kKnown);
  if (!fields.is_mapping()) return std::nullopt;
  ExternalResource resource;
  if (const auto name = fields.find("name")) (void)read_text(reading, *name);
  if (const auto endpoint = fields.require("endpoint"))
    resource = read_endpoint(reading, *endpoint, site);
  return resource;
}

OpenApiCallBody read_openapi_call(Reading& reading, const Place& task) {
  OpenApiCallBody body;
  const YamlNode::Member* with = read_call_base(reading, task, body.options);
  if (with == nullptr) return body;
  read_openapi_with(reading, Place(task, *with), body);
  return body;
}

}  // namespace stepwell::config
