// What lies elsewhere and is needed while a definition is loaded: functions of catalogs, schemas.
// Implemented by daemon/, which has files and a network; used by one load, on its thread.
#pragma once

#include <string>

#include "base/result.h"

namespace stepwell::config {

struct ResourceRequest {
  std::string uri;         // http, https or file
  std::string credential;  // a stored credential that the fetch carries; empty: none
  std::string namespace_;  // of the definition, which credentials may be bound to
};

class Resources {
 public:
  virtual ~Resources() = default;
  // The text at the URI, at most 1 MiB. Blocks. The problem's detail says, as the end of a
  // sentence, why there is none ("the server answered 404").
  virtual Result<std::string> read(const ResourceRequest& request) = 0;
};

}  // namespace stepwell::config
