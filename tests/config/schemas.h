// Short ways to compile schemas in tests and to see what they say of data.
// Included by the tests of config/ alone; pure functions.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "config/schema.h"

namespace stepwell::config {

// Fails the test where the schema has errors.
inline std::shared_ptr<const Schema> compiled(std::string_view json) {
  std::vector<SchemaFault> faults;
  auto document = parse_json(json);
  EXPECT_TRUE(document) << json;
  auto schema = Schema::compile(document.value_or(Value()), faults);
  for (const SchemaFault& fault : faults)
    EXPECT_TRUE(fault.warning) << json << ": " << fault.pointer << ": " << fault.what;
  return schema;
}

// Faults as "POINTER: WHAT", warnings with "warning: " before it, a line each.
inline std::string schema_faults(std::string_view json) {
  std::vector<SchemaFault> faults;
  (void)Schema::compile(parse_json(json).value(), faults);
  std::string out;
  for (const SchemaFault& fault : faults)
    out += std::string(fault.warning ? "warning: " : "") + fault.pointer + ": " + fault.what + "\n";
  return out;
}

// The detail without its beginning; empty where the data is good.
inline std::string violation(const Schema& schema, const Value& data) {
  const Status status = schema.validate(data, "it");
  if (status) return "";
  EXPECT_EQ(status.error().status, 400);
  const std::string& detail = status.error().detail;
  constexpr std::string_view kBeginning = "it is not as its schema says: ";
  return detail.starts_with(kBeginning) ? detail.substr(kBeginning.size()) : detail;
}

inline std::string violation(std::string_view schema, std::string_view data) {
  const auto program = compiled(schema);
  return program == nullptr ? "no schema" : violation(*program, parse_json(data).value());
}

}  // namespace stepwell::config
