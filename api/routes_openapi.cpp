// /api/v1/openapi.json and .yaml: the API's description.

#include <memory>
#include <mutex>

#include "api/openapi.h"
#include "api/routes.h"
#include "api/shared_text.h"
#include "base/json.h"

namespace stepwell::api {

namespace {

// Made for the first who asks, from all routes that there are then.
class Document {
 public:
  explicit Document(const Router& router) : router_(router) {}

  Result<std::shared_ptr<const std::string>> text() {
    const std::scoped_lock lock(mutex_);
    if (text_) return text_;
    Result<Description> made = describe_api(router_.routes());
    if (!made) return fail(std::move(made.error()));
    text_ = std::make_shared<const std::string>(to_json(made->document, {.indent = 1}));
    return text_;
  }

 private:
  const Router& router_;
  std::mutex mutex_;
  std::shared_ptr<const std::string> text_;  // guarded by mutex_
};

}  // namespace

Status add_openapi_routes(Router& router, const Blocking& open) {
  const auto document = std::make_shared<Document>(router);
  const auto serve = [document, open](const char* type) {
    return AsyncHandler([document, open, type](const Request&, const Responder& responder) {
      const bool taken = open([document, type, responder] {
        Result<std::shared_ptr<const std::string>> text = document->text();
        if (!text) return responder.answer(text.error());
        responder.answer(shared_text_response(*std::move(text), type));
      });
      if (!taken) responder.answer(overloaded());
    });
  };
  // JSON is YAML, too (YAML 1.2.2 §1.2).
  return add_all(router,
                 {{"GET", "/api/v1/openapi.json", Access::open(), serve("application/json")},
                  {"GET", "/api/v1/openapi.yaml", Access::open(), serve("application/yaml")}});
}

}  // namespace stepwell::api
