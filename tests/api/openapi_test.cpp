// The API's description, held against the routes, against itself and against the documents.
#include "api/openapi.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <set>

#include "api/dispatcher.h"
#include "base/ascii.h"
#include "tests/api/described.h"

namespace stepwell::api::test {
namespace {

class OpenApi : public testing::Test {
 protected:
  OpenApi() {
    dispatcher = Dispatcher::make(office.services(), {pool, pool, pool, pool}).value();
    description = describe_api(dispatcher->router().routes()).value();
  }
  ~OpenApi() override { pool.stop(); }

  // Calls back with the path, the method and the operation of each.
  template <class Look>
  void each_operation(const Look& look) const {
    for (const Value::Member& path : description.document.get("paths").members())
      for (const Value::Member& operation : path.value.members())
        look(std::string(path.name()), std::string(operation.name()), operation.value);
  }

  Office office;
  BlockingPool pool{1, 1, office.metrics.gauge("queue", "")};
  std::unique_ptr<Dispatcher> dispatcher;
  Description description;
};

TEST_F(OpenApi, DescribesEachRouteAndNothingElse) {
  for (const std::string& fault : description.faults) ADD_FAILURE() << fault;
}

TEST_F(OpenApi, SaysOfEachRouteWhatTheRouteSays) {
  for (const Route& route : dispatcher->router().routes()) {
    const Value& operation =
        description.document.get("paths").get(route.pattern).get(ascii_lower(route.method));
    if (operation.is_null()) continue;  // told above
    const std::string name = route.method + " " + route.pattern;
    std::vector<std::string> query;
    std::size_t in_path = 0;
    for (const Value& parameter : operation.get("parameters").elements()) {
      EXPECT_FALSE(parameter.get("description").empty()) << name;
      if (parameter.get("in") == Value("query"))
        query.emplace_back(parameter.get("name").as_string());
      if (parameter.get("in") == Value("path")) ++in_path;
    }
    EXPECT_EQ(query, route.query) << name;
    EXPECT_EQ(in_path, std::count(route.pattern.begin(), route.pattern.end(), '{')) << name;
    const bool open = !route.access->permission;
    EXPECT_EQ(operation.contains("x-permission"), !open) << name;
    if (open) continue;
    EXPECT_EQ(operation.get("x-permission"), Value(to_string(*route.access->permission))) << name;
    EXPECT_NE(operation.get("description").as_string().find(to_string(*route.access->permission)),
              std::string_view::npos)
        << name;
    EXPECT_FALSE(operation.get("security").empty()) << name;
  }
}

TEST_F(OpenApi, HasASummaryAndAnIdOfItsOwnForEachOperation) {
  std::set<std::string, std::less<>> ids;
  each_operation([&](const std::string& path, const std::string& method, const Value& operation) {
    const std::string name = method + " " + path;
    EXPECT_TRUE(operation.get("summary").is_string()) << name;
    EXPECT_TRUE(operation.get("operationId").is_string() &&
                ids.insert(std::string(operation.get("operationId").as_string())).second)
        << name;
    EXPECT_FALSE(operation.get("responses").empty()) << name;
  });
}

void find_references(const Value& value, std::set<std::string>& references) {
  for (const Value& element : value.elements()) find_references(element, references);
  for (const Value::Member& member : value.members()) {
    if (member.name() == "$ref") references.emplace(member.value.as_string());
    find_references(member.value, references);
  }
}

TEST_F(OpenApi, RefersToWhatIsThereAndHasNothingElse) {
  std::set<std::string> references;
  find_references(description.document, references);
  std::set<std::string> there;
  for (const Value::Member& schema :
       description.document.get("components").get("schemas").members())
    there.insert("#/components/schemas/" + std::string(schema.name()));
  for (const std::string& reference : references)
    EXPECT_TRUE(there.count(reference) != 0) << reference << " is not there";
}

TEST_F(OpenApi, HasSchemasThatAreSchemas) {
  const Described described(description.document);
  for (const Value::Member& schema :
       description.document.get("components").get("schemas").members()) {
    SCOPED_TRACE(schema.name());
    EXPECT_NE(described.compile(schema.value), nullptr);
  }
}

TEST_F(OpenApi, NamesProblemsThatHaveAPage) {
  std::set<std::string> codes;
  each_operation([&](const std::string&, const std::string&, const Value& operation) {
    for (const Value::Member& answer : operation.get("responses").members()) {
      const Value& schema =
          answer.value.get("content").get("application/problem+json").get("schema");
      for (const Value& part : schema.get("allOf").elements())
        for (const Value& code : part.get("properties").get("reason").get("enum").elements())
          codes.emplace(code.as_string());
    }
  });
  EXPECT_GT(codes.size(), 30U);
  for (const std::string& code : codes)
    EXPECT_TRUE(std::filesystem::exists(STEPWELL_SOURCE_DIR "/docs/errors/" + code + ".md"))
        << code;
}

TEST_F(OpenApi, IsServedToEverybodyInBothForms) {
  const Answer json = office.call("", "GET", "/api/v1/openapi.json");
  EXPECT_EQ(json.status, 200);
  EXPECT_EQ(json.header("Content-Type"), "application/json");
  EXPECT_EQ(json.json().get("openapi"), Value("3.1.0"));
  const Answer yaml = office.call("", "GET", "/api/v1/openapi.yaml");
  EXPECT_EQ(yaml.header("Content-Type"), "application/yaml");
  EXPECT_EQ(yaml.body, json.body);
}

}  // namespace
}  // namespace stepwell::api::test
