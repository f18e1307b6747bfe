#include "tests/api/described.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "base/ascii.h"
#include "base/json.h"

namespace stepwell::api::test {

namespace {

std::vector<std::string> segments_of(std::string_view path) {
  std::vector<std::string> segments;
  while (!path.empty()) {
    path.remove_prefix(1);
    const std::size_t end = std::min(path.find('/'), path.size());
    segments.emplace_back(path.substr(0, end));
    path.remove_prefix(end);
  }
  return segments;
}

// How many of the segments are there as they stand; nothing where the pattern does not fit.
std::optional<std::size_t> fit(std::string_view pattern, const std::vector<std::string>& segments) {
  const std::vector<std::string> expected = segments_of(pattern);
  if (expected.size() != segments.size()) return std::nullopt;
  std::size_t literal = 0;
  for (std::size_t i = 0; i < segments.size(); ++i) {
    if (expected[i] == segments[i])
      ++literal;
    else if (!expected[i].starts_with('{') || segments[i].empty())
      return std::nullopt;
  }
  return literal;
}

// Answers that come before any route is known.
bool is_of_no_route(const Answer& answer) {
  return answer.body.find("\"reason\":\"route-unknown\"") != std::string::npos ||
         answer.body.find("\"reason\":\"target-invalid\"") != std::string::npos;
}

}  // namespace

Described& Described::of(const Office& office) {
  static Described described([&] {
    Wire wire(office.address());
    wire.send("GET /api/v1/openapi.json HTTP/1.1\r\nHost: h\r\n\r\n");
    return wire.read().json();
  }());
  return described;
}

std::optional<std::pair<std::string, Value>> Described::operation(std::string_view method,
                                                                  std::string_view target) const {
  const std::vector<std::string> segments = segments_of(target.substr(0, target.find('?')));
  std::optional<std::pair<std::string, Value>> best;
  std::size_t most = 0;
  for (const Value::Member& path : document_.get("paths").members()) {
    const std::optional<std::size_t> literal = fit(path.name(), segments);
    const Value* operation = path.value.find(ascii_lower(method));
    if (!literal || operation == nullptr || (best && *literal <= most)) continue;
    best = {std::string(path.name()), *operation};
    most = *literal;
  }
  return best;
}

std::shared_ptr<const config::Schema> Described::compile(const Value& schema) const {
  std::vector<config::SchemaFault> faults;
  // References lead to #/components of the schema's own document.
  Value whole = Value::object({{"allOf", Value::array({schema})}});
  whole.set("components", document_.get("components"));
  auto compiled = config::Schema::compile(whole, faults);
  for (const config::SchemaFault& fault : faults)
    if (!fault.warning) ADD_FAILURE() << fault.pointer << ": " << fault.what;
  return compiled;
}

void Described::check(std::string_view method, std::string_view target, const Answer& answer) {
  const auto found = operation(method, target);
  if (!found || is_of_no_route(answer)) return;
  const std::string what = std::string(method) + " " + std::string(target) + " " +
                           std::to_string(answer.status) + " " + answer.body.substr(0, 2000);
  const Value& described = found->second.get("responses").get(std::to_string(answer.status));
  ASSERT_TRUE(described.is_object()) << "not described: " << what;
  const std::string type = answer.header("Content-Type");
  const Value& contents = described.get("content");
  const std::string name = type.substr(0, type.find(';'));
  const Value& content = contents.get(contents.contains(name) ? name : "*/*");
  if (answer.body.empty()) return;
  ASSERT_TRUE(content.is_object()) << type << " is not described: " << what;
  if (type.find("json") == std::string::npos) return;
  std::shared_ptr<const config::Schema> schema;
  {
    const std::scoped_lock lock(mutex_);
    auto& known = schemas_[to_json(content.get("schema"))];
    if (!known) known = compile(content.get("schema"));
    schema = known;
  }
  ASSERT_NE(schema, nullptr) << what;
  const Status valid = schema->validate(answer.json(), "the answer");
  EXPECT_TRUE(valid) << (valid ? "" : valid.error().detail) << "\n" << what;
}

}  // namespace stepwell::api::test
