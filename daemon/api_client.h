// A small synchronous client of a daemon's API, for commands. One thread at a time; call() blocks.
#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/result.h"
#include "base/secret.h"
#include "base/value.h"
#include "http/reactor.h"

namespace stepwell::daemon {

// What a command talks to: a running daemon, or the data directory itself.
class Backend {
 public:
  virtual ~Backend() = default;
  // `body`: null for none. The answer's JSON, or null where it has none. Errors: what the API
  // answers; communication/`daemon-unreachable`.
  virtual Result<Value> call(const std::string& method, const std::string& target,
                             const Value& body) = 0;
};

class ApiClient final : public Backend {
 public:
  // `address`: HOST:PORT as the daemon published it.
  ApiClient(const std::string& address, const Secret& key);
  ~ApiClient() override;

  Result<Value> call(const std::string& method, const std::string& target,
                     const Value& body) override;

 private:
  class KeyHeader;
  const std::string address_;
  std::shared_ptr<KeyHeader> key_header_;
  SystemClock clock_;
  Metrics metrics_;
  std::unique_ptr<http::Reactor> reactor_;
};

// The problem in an answer's body, or one that only knows the status.
Problem problem_of_answer(int status, std::string_view body);

}  // namespace stepwell::daemon
