// A small synchronous client of a daemon's API, for commands. One thread at a time; everything
// blocks.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

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
  // Takes a piece of an answer's body; an error ends the transfer, and is what came of it.
  using TakePiece = std::function<Status(std::string_view piece)>;

  virtual ~Backend() = default;
  // `body`: null for none. The answer's JSON, or null where it has none. Errors: what the API
  // answers; communication/`daemon-unreachable`.
  virtual Result<Value> call(const std::string& method, const std::string& target,
                             const Value& body) = 0;
  // What call() sends as Idempotency-Key from now on; empty: nothing. Offline there is none.
  virtual void use_once(const std::string& key) { (void)key; }
  // An answer of any length, piece by piece, on another thread, while the caller waits. Errors: as
  // of call(), and those of `take`; offline validation/`not-offline`, here and below.
  virtual Status download(const std::string& target, const std::vector<http::Header>& headers,
                          const TakePiece& take);
  // A body of any length. Errors: as of call().
  virtual Result<Value> upload(const std::string& target, const std::string& media_type,
                               const std::shared_ptr<http::BodySource>& body);
};

// Where a daemon is reached.
struct Server {
  std::string origin;   // "http://127.0.0.1:8080"
  std::string ca_file;  // certificates to trust; empty: the system's
  std::shared_ptr<const http::TlsIdentity> identity = {};  // what it is shown; null: nothing
  // How long an answer may take to begin: more than the longest `?wait=` of the API.
  Milliseconds patience{std::chrono::minutes(6)};
};
// `address`: HOST:PORT as a daemon published it, or a URL. One that listens on every address is
// reached on loopback.
Server server_at(const std::string& address, bool tls, const std::string& ca_file);

class ApiClient final : public Backend {
 public:
  ApiClient(Server server, const Secret& key);
  ~ApiClient() override;

  Result<Value> call(const std::string& method, const std::string& target,
                     const Value& body) override;
  void use_once(const std::string& key) override { once_ = key; }
  Status download(const std::string& target, const std::vector<http::Header>& headers,
                  const TakePiece& take) override;
  Result<Value> upload(const std::string& target, const std::string& media_type,
                       const std::shared_ptr<http::BodySource>& body) override;

 private:
  class KeyHeader;
  class Call;
  std::unique_ptr<Call> prepare(const std::string& method, const std::string& target) const;
  Result<http::Response> send(std::unique_ptr<Call> call);

  const Server server_;
  std::string once_;
  std::shared_ptr<KeyHeader> key_header_;
  SystemClock clock_;
  Metrics metrics_;
  std::unique_ptr<http::Reactor> reactor_;
};

// The problem in an answer's body, or one that only knows the status.
Problem problem_of_answer(int status, std::string_view body);

}  // namespace stepwell::daemon
