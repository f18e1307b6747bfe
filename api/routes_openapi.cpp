// /api/v1/openapi.json and .yaml: the API's description.

#include <memory>
#include <mutex>

#include "api/openapi.h"
#include "api/routes.h"
#include "base/json.h"

namespace stepwell::api {

namespace {

// Made for the first who asks, from all routes that there are then.
class Document {
 public:
  explicit Document(const Router& router) : router_(router) {}

  Result<std::string> text() {
    const std::scoped_lock lock(mutex_);
    if (!text_.empty()) return text_;
    Result<Description> made = describe_api(router_.routes());
    if (!made) return fail(std::move(made.error()));
    text_ = to_json(made->document, {.indent = 1});
    return text_;
  }

 private:
  const Router& router_;
  std::mutex mutex_;
  std::string text_;  // guarded by mutex_
};

}  // namespace

Status add_openapi_routes(Router& router) {
  const auto document = std::make_shared<Document>(router);
  const auto serve = [document](const char* type) {
    return BlockingHandler([document, type](Request&) -> Result<Response> {
      Result<std::string> text = document->text();
      if (!text) return fail(std::move(text.error()));
      return text_response(200, *std::move(text), type);
    });
  };
  // JSON is YAML, too (YAML 1.2.2 §1.2).
  Route json{"GET", "/api/v1/openapi.json", Access::open(), serve("application/json")};
  Route yaml{"GET", "/api/v1/openapi.yaml", Access::open(), serve("application/yaml")};
  json.pool = Pool::operations;
  yaml.pool = Pool::operations;
  return add_all(router, {json, yaml});
}

}  // namespace stepwell::api
