// Holds live answers against the API's own description: each must be one that is described for its
// route, with a body that its schema takes.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/value.h"
#include "config/schema.h"
#include "tests/api/office.h"

namespace stepwell::api::test {

class Described {
 public:
  // The description that a server gives; read once for all of the tests.
  static Described& of(const Office& office);
  explicit Described(Value document) : document_(std::move(document)) {}

  const Value& document() const { return document_; }
  // The operation of the route that a request took: its path and what is said of it.
  std::optional<std::pair<std::string, Value>> operation(std::string_view method,
                                                         std::string_view target) const;
  // Fails the test where the answer is none that is described.
  void check(std::string_view method, std::string_view target, const Answer& answer);
  // The schema with all that it refers to; fails the test where it is none.
  std::shared_ptr<const config::Schema> compile(const Value& schema) const;

 private:
  const Value document_;
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<const config::Schema>> schemas_;  // guarded by mutex_
};

}  // namespace stepwell::api::test
