// The API's description by OpenAPI 3.1, as the daemon serves it. What people have to write stands
// in api/openapi/*.yaml, one file a resource, compiled in; what a route knows of itself (its path's
// parameters, its query, its permission, what every route may answer) is taken from the route, so
// that it cannot differ.
// Made once, on the first request or by a test; pure functions, callable from any thread.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/router.h"
#include "base/result.h"
#include "base/value.h"

namespace stepwell::api {

// The texts of api/openapi/*.yaml by the names of the files (made by CMake).
const std::vector<std::pair<std::string_view, std::string_view>>& openapi_texts();

struct Description {
  Value document;                   // OpenAPI 3.1.0
  std::vector<std::string> faults;  // routes without a description, descriptions without a route …
};
// Errors: configuration/`openapi-invalid` for a text that is no YAML.
Result<Description> describe_api(const std::vector<Route>& routes);

}  // namespace stepwell::api
