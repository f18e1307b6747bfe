#include "tests/conformance/kit_hosts.h"

#include <algorithm>

#include "base/encoding.h"
#include "base/json.h"

namespace stepwell::conformance {

namespace {

test::PlayedAnswer json_answer(int status, const Value& value) {
  return {status, {{"Content-Type", "application/json"}}, to_json(value)};
}

Value pet(const std::string& id, const std::string& state) {
  return Value::object({{"id", Value::number_from_literal(id)},
                        {"name", "pet " + id},
                        {"status", state},
                        {"photoUrls", Value::array()},
                        {"tags", Value::array()}});
}

Value operation(const char* id, const Value& parameter) {
  return Value::object(
      {{"operationId", id},
       {"produces", Value::array({"application/json"})},
       {"parameters", Value::array({parameter})},
       {"responses", Value::object({{"200", Value::object({{"description", "ok"}})}})}});
}

// A Swagger 2.0 document with what the kit calls.
Value description() {
  const Value status = Value::object({{"name", "status"},
                                      {"in", "query"},
                                      {"required", true},
                                      {"type", "array"},
                                      {"items", Value::object({{"type", "string"}})},
                                      {"collectionFormat", "multi"}});
  const Value id = Value::object({{"name", "petId"},
                                  {"in", "path"},
                                  {"required", true},
                                  {"type", "integer"},
                                  {"format", "int64"}});
  return Value::object(
      {{"swagger", "2.0"},
       {"info", Value::object({{"title", "pets"}, {"version", "1.0.0"}})},
       {"host", "petstore.swagger.io"},
       {"basePath", "/v2"},
       {"schemes", Value::array({"https"})},
       {"paths",
        Value::object(
            {{"/pet/findByStatus", Value::object({{"get", operation("findPetsByStatus", status)}})},
             {"/pet/{petId}", Value::object({{"get", operation("getPetById", id)}})}})}});
}

bool is_number(const std::string& text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

test::PlayedAnswer play_pets(const test::PlayedRequest& request) {
  const std::string pets = "/v2/pet/";
  if (request.path == "/v2/swagger.json") return json_answer(200, description());
  if (request.path == pets + "findByStatus" && request.query.starts_with("status=")) {
    const std::string state = request.query.substr(7);
    return json_answer(200, Value::array({pet("1", state), pet("2", state)}));
  }
  if (request.path.starts_with(pets) && is_number(request.path.substr(pets.size())))
    return json_answer(200, pet(request.path.substr(pets.size()), "available"));
  return json_answer(404, Value::object({{"message", "no such pet"}}));
}

// /basic-auth/USER/PASSWORD
test::PlayedAnswer play_login(const test::PlayedRequest& request) {
  const std::string prefix = "/basic-auth/";
  if (!request.path.starts_with(prefix)) return json_answer(404, Value());
  std::string wanted = request.path.substr(prefix.size());
  std::replace(wanted.begin(), wanted.end(), '/', ':');
  if (request.header("authorization") == "Basic " + to_base64(wanted))
    return json_answer(200, Value::object({{"authenticated", true}}));
  return {401, {{"WWW-Authenticate", "Basic realm=\"house\""}}, ""};
}

}  // namespace

test::PlayedAnswer play_kit_host(const test::PlayedRequest& request) {
  if (request.scheme == "https" && request.host == "petstore.swagger.io") return play_pets(request);
  if (request.scheme == "https" && request.host == "httpbin.org") return play_login(request);
  return {404, {}, "nobody plays this host"};
}

}  // namespace stepwell::conformance
