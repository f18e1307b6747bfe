// The administrative routes without a server: an offline command runs the very handlers that the
// API would, on the data directory that it has locked.
// Owned by the command; call() blocks; not thread-safe.
#pragma once

#include <memory>
#include <string>

#include "api/router.h"
#include "api/services.h"
#include "base/result.h"

namespace stepwell::api {

class Administration {
 public:
  // What the services refer to outlives it.
  static Result<std::unique_ptr<Administration>> make(const AdminServices& services);

  // Besides those, workflows and instances, in an engine that nobody lets go on.
  static Result<std::unique_ptr<Administration>> make_whole(const Services& services);

  // As the API's credentials, keys, users and audit resources answer, with every permission.
  // `user` is who the audit log names. Problems come back as problem+json, with their status.
  Response call(const std::string& method, const std::string& target, std::string body,
                const std::string& user) const;

 private:
  Administration() = default;
  Result<Response> answer(Request request) const;
  Router router_;
};

}  // namespace stepwell::api
