// What documents of all three versions say, and which are refused.
#include <gtest/gtest.h>

#include "steps/openapi_security.h"
#include "tests/steps/openapi_shop.h"

namespace stepwell::steps::test {
namespace {

const char* const kOldShop = R"({
  "swagger": "2.0", "host": "old.example:8080", "basePath": "/api/",
  "schemes": ["ws", "http", "https"], "consumes": ["application/xml", "application/json"],
  "produces": ["application/xml", "application/json"],
  "securityDefinitions": {"key": {"type": "apiKey", "in": "header", "name": "X-Key"},
                          "login": {"type": "basic"}},
  "security": [{"key": []}],
  "parameters": {"Page": {"name": "page", "in": "query", "type": "integer"}},
  "definitions": {"Pet": {"type": "object", "required": ["name"],
                          "properties": {"name": {"type": "string"}, "age": {"type": "integer"}}}},
  "paths": {
    "/pets": {
      "get": {"operationId": "findPets", "security": [], "parameters": [
        {"$ref": "#/parameters/Page"},
        {"name": "status", "in": "query", "type": "array", "collectionFormat": "multi"},
        {"name": "csv", "in": "query", "type": "array"},
        {"name": "ssv", "in": "query", "type": "array", "collectionFormat": "ssv"},
        {"name": "tsv", "in": "query", "type": "array", "collectionFormat": "tsv"},
        {"name": "pipes", "in": "query", "type": "array", "collectionFormat": "pipes"}]},
      "post": {"operationId": "addPet", "parameters": [
        {"name": "pet", "in": "body", "required": true, "schema": {"$ref": "#/definitions/Pet"}}]}},
    "/pets/{id}/image": {
      "post": {"operationId": "addImage", "schemes": ["http"], "consumes": ["multipart/form-data"],
        "parameters": [
          {"name": "id", "in": "path", "required": true, "type": "integer"},
          {"name": "file", "in": "formData", "type": "file", "required": true},
          {"name": "note", "in": "formData", "type": "string"}]},
      "put": {"operationId": "tellImage", "consumes": ["application/json"], "parameters": [
          {"name": "id", "in": "path", "required": true, "type": "integer"},
          {"name": "tags", "in": "formData", "type": "array", "collectionFormat": "csv"}]}}}})";

TEST(OpenApiDocument, SwaggerTwoSaysTheSameInItsOwnWords) {
  const auto shop = document(kOldShop);
  ASSERT_NE(shop, nullptr);
  const std::string at = "https://old.example:8080/api/pets";
  const std::string accept = R"("Accept":"application/json")";
  struct Case {
    const char* operation;
    const char* parameters;
    std::string line;
  };
  const Case cases[] = {
      {"findPets", R"({"status": ["a", "b"], "page": 2})",
       "GET " + at + "?page=2&status=a&status=b {" + accept + "}"},
      {"findPets", R"({"csv": [1,2], "ssv": [1,2], "tsv": [1,2], "pipes": [1,2]})",
       "GET " + at + "?csv=1,2&ssv=1%202&tsv=1%092&pipes=1%7C2 {" + accept + "}"},
      {"addPet", R"({"pet": {"name": "x"}})",
       "POST " + at + " {" + accept + R"(,"Content-Type":"application/json"} {"name":"x"})"},
      {"addPet", R"({"body": {"name": "x"}})",
       "POST " + at + " {" + accept + R"(,"Content-Type":"application/json"} {"name":"x"})"},
      {"addPet", R"({"name": "x", "age": 3})",
       "POST " + at + " {" + accept +
           R"(,"Content-Type":"application/json"} {"name":"x","age":3})"},
      {"addPet", "{}",
       "parameter-missing: the operation `addPet` needs `name` (in the body), which `parameters` "
       "does not give"},
      {"addImage", R"({"id": 1, "file": "xy", "note": "n"})",
       "POST http://old.example:8080/api/pets/1/image {" + accept +
           R"(,"Content-Type":"multipart/form-data"} )"
           R"({"file":{"filename":"file","content":"xy"},"note":"n"})"},
      {"addImage", R"({"id": 1})",
       "parameter-missing: the operation `addImage` needs `file` (in the body), which `parameters` "
       "does not give"},
      {"tellImage", R"({"id": 1, "tags": ["a", "b"]})",
       "PUT " + at + "/1/image {" + accept +
           R"(,"Content-Type":"application/x-www-form-urlencoded"} "tags=a,b")"},
  };
  for (const Case& each : cases)
    EXPECT_EQ(request_line(*shop, each.operation, each.parameters), each.line);
}

TEST(OpenApiDocument, ServersAreTheOperationsThePathsOrTheDocuments) {
  const auto with = [](const std::string& head, const std::string& url) {
    const auto read = document(head + ", paths: {/x: {get: {operationId: x, responses: {}}}}}");
    return read == nullptr ? std::string("invalid") : request_line(*read, "x", "{}", url);
  };
  const std::string url = "https://h.example:444/a/b.json?v=1";
  EXPECT_EQ(with("{openapi: 3.0.3", url), "GET https://h.example:444/x");
  EXPECT_EQ(with("{openapi: 3.0.3, servers: [{url: v2}]", url), "GET https://h.example:444/a/v2/x");
  EXPECT_EQ(with("{openapi: 3.0.3, servers: [{url: 'wss://x'}, {url: 'http://y/'}]", url),
            "GET http://y/x");
  EXPECT_EQ(with("{openapi: 3.0.3, servers: [{url: //z/q}]", url), "GET https://z/q/x");
  EXPECT_EQ(with("{swagger: '2.0'", url), "GET https://h.example:444/x");
  EXPECT_EQ(with("{swagger: 2.0, host: h2, basePath: /b", url), "GET https://h2/b/x");
  EXPECT_EQ(with("{openapi: 3.0.3, servers: [{url: 'https://{a}/'}]", url).substr(0, 15),
            "openapi-invalid");
  EXPECT_EQ(with("{openapi: 3.0.3, servers: [{url: 'ftp://a/'}]", url).substr(0, 15),
            "openapi-invalid");
}

TEST(OpenApiDocument, WhatIsNoneIsRefusedWithTheReason) {
  struct Case {
    std::string text;
    const char* says;
  };
  const Case cases[] = {
      {"", "neither JSON nor YAML"},
      {"{\"openapi\": \"3.0.0\",", "neither JSON nor YAML"},
      {"a: [", "not valid YAML: expected a value"},
      {"[]", "it is no object"},
      {"<html>", "it is no object"},
      {"{}", "it has neither `openapi` nor `swagger`"},
      {"{openapi: 4.0.0}", "its version is `4.0.0`"},
      {"{swagger: '1.2'}", "its version is `1.2`"},
      {"{openapi: 3.0.0, paths: {/a: {}, /a: {}}}", "line 1"},
  };
  for (const Case& each : cases) {
    const auto read = read_openapi(each.text);
    ASSERT_FALSE(read) << each.text;
    EXPECT_EQ(read.error().code, "openapi-invalid");
    EXPECT_NE(read.error().detail.find(each.says), std::string::npos) << read.error().detail;
    EXPECT_FALSE(read.error().retryable);
  }
}

TEST(OpenApiDocument, CirclesAndFloodsEnd) {
  const auto circle = document(R"({openapi: 3.0.0,
    components: {parameters: {a: {$ref: '#/components/parameters/b'},
                              b: {$ref: '#/components/parameters/a'}},
                 schemas: {s: {allOf: [{$ref: '#/components/schemas/s'}]}}},
    paths: {/x: {get: {operationId: x, parameters: [{$ref: '#/components/parameters/a'}]},
                 put: {operationId: y, requestBody: {content: {application/json:
                       {schema: {$ref: '#/components/schemas/s'}}}}}}}})");
  ASSERT_NE(circle, nullptr);
  EXPECT_NE(request_line(*circle, "x", "{}").find("leads in a circle"), std::string::npos);
  EXPECT_NE(request_line(*circle, "y", "{}").find("leads in a circle"), std::string::npos);
  // One large schema that every operation refers to.
  std::string flood = R"({"openapi":"3.0.0","components":{"schemas":{"s":{"properties":{)";
  for (int i = 0; i < 5000; ++i) flood += (i == 0 ? "\"p" : ",\"p") + std::to_string(i) + "\":{}";
  flood += R"(}}}},"paths":{)";
  for (int i = 0; i < 5000; ++i)
    flood += (i == 0 ? "\"/" : ",\"/") + std::to_string(i) + "\":{\"put\":{\"operationId\":\"o" +
             std::to_string(i) +
             R"(","requestBody":{"content":{"application/json":{"schema":)"
             R"({"$ref":"#/components/schemas/s"}}}}}})";
  const auto read = read_openapi(flood + "}}");
  ASSERT_FALSE(read);
  EXPECT_NE(read.error().detail.find("more than this version reads"), std::string::npos);
}

auth::Credential stored(auth::CredentialKind kind, const std::string& header = "") {
  auth::Credential credential;
  credential.kind = kind;
  credential.header = header;
  return credential;
}

// "named NAME", "stored NAME", "nobody" or the problem.
std::string chosen(const std::string& security, const std::string& name,
                   const auth::Credential& credential, const std::vector<std::string>& named = {},
                   bool written_out = false) {
  const auto shop =
      document(kShop + "  /secured:\n    get: {operationId: secured, security: " + security +
               ", responses: {}}\n");
  if (shop == nullptr) return "invalid";
  config::NamedPolicies policies;
  for (const std::string& each : named) {
    policies[each].kind = config::Authentication::Kind::bearer;
    if (!written_out) policies[each].credential = "stored";
  }
  const SecurityLookup lookup{&policies,
                              [&](std::string_view wanted) -> std::optional<auth::Credential> {
                                if (wanted == name) return credential;
                                return std::nullopt;
                              }};
  const auto choice = choose_security(*shop->find("secured").value(), *shop, lookup);
  if (!choice) return choice.error().code + ": " + choice.error().detail;
  if (!choice->named.empty()) return "named " + choice->named;
  if (!choice->stored.empty()) return "stored " + choice->stored;
  return choice->advice.empty() ? "nobody" : "nobody: " + choice->advice;
}

TEST(OpenApiSecurity, TheCredentialNamedLikeTheSchemeIsUsed) {
  using Kind = auth::CredentialKind;
  const auto key = stored(Kind::api_key, "x-shop-key");
  EXPECT_EQ(chosen("[{api_key: []}]", "api-key", key), "stored api-key");
  EXPECT_EQ(chosen("[{bearerAuth: []}]", "bearer-auth", stored(Kind::oauth2)),
            "stored bearer-auth");
  EXPECT_EQ(chosen("[{login: []}, {api_key: []}]", "api-key", key), "stored api-key");
  EXPECT_EQ(chosen("[{bearerAuth: []}]", "", key, {"bearerAuth"}), "named bearerAuth");
  EXPECT_EQ(chosen("[{cookieKey: []}]", "cookie-key", stored(Kind::api_key, "Cookie")),
            "stored cookie-key");
  EXPECT_EQ(chosen("[]", "api-key", key), "nobody");
  EXPECT_EQ(chosen("[{}, {login: []}]", "api-key", key), "nobody");
  EXPECT_EQ(chosen("[{}, {api_key: []}]", "api-key", key), "stored api-key");
}

TEST(OpenApiSecurity, WhatIsMissingIsSaidWithWhatToDo) {
  using Kind = auth::CredentialKind;
  const auto key = stored(Kind::api_key, "X-Other");
  const auto says = [](const std::string& choice, const std::string& begin,
                       const std::string& part) {
    EXPECT_TRUE(choice.starts_with(begin)) << choice;
    EXPECT_NE(choice.find(part), std::string::npos) << choice;
  };
  says(chosen("[{bearerAuth: []}]", "", key),
       "nobody: ", "`bearerAuth` (http bearer): store a credential under the name `bearer-auth`");
  says(chosen("[{queryKey: []}]", "", key), "nobody: ", "it would go into the URL");
  says(chosen("[{cookieKey: []}]", "", key), "nobody: ", "the value `session=KEY`");
  says(chosen("[{login: [], api_key: []}]", "api-key", key),
       "nobody: ", "`login` together with `api_key`");
  // One that has the name and goes elsewhere is surely meant, and wrong.
  says(chosen("[{api_key: []}]", "api-key", key), "security-unmet: ",
       "is named like the security scheme `api_key` (apiKey in the header `X-Shop-Key`) of the "
       "OpenAPI document, but does not go with it");
  says(chosen("[{login: []}]", "", key, {"login"}),
       "security-unmet: ", "the authentication `login`");
  // What stands in the definition would go wherever the document says, under any of its names.
  for (const char* name : {"bearerAuth", "bearer-auth"})
    says(chosen("[{bearerAuth: []}]", "", key, {name}, true), "security-unmet: ",
         "the authentication `" + std::string(name) +
             "`, which stands in the definition and has no origins of its own, is named like");
}

TEST(OpenApiSecurity, SchemesHaveALabelEach) {
  for (const auto& [scheme, label] : {std::pair{"api_key", "api-key"},
                                      {"bearerAuth", "bearer-auth"},
                                      {"OAuth2", "oauth2"},
                                      {"petstore__auth ", "petstore-auth"},
                                      {"HTTPBasic", "httpbasic"}})
    EXPECT_EQ(label_of_scheme(scheme), label);
}

}  // namespace
}  // namespace stepwell::steps::test
