// One request with a credential, to see whether the system that it is for accepts it: `POST
// /api/v1/credentials/{name}/test`. It goes through the gate like a step's, counts like one, and is
// what tries out a credential that was rejected and enabled again.
// Shared by the exchange in the reactor and the gate that wakes it; callable from any thread; does
// not block.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "api/responder.h"
#include "auth/gate.h"
#include "base/clock.h"
#include "http/reactor.h"

namespace stepwell::api {

class CredentialTest : public std::enable_shared_from_this<CredentialTest> {
 public:
  // Gate, reactor and clock outlive it.
  CredentialTest(auth::Gate& gate, http::Reactor& reactor, const Clock& clock,
                 auth::Credential credential, Responder responder)
      : gate_(gate),
        reactor_(reactor),
        clock_(clock),
        credential_(std::move(credential)),
        responder_(std::move(responder)) {}

  // `url`: where to, at an allowed origin; empty: the first origin that is no pattern. Answers
  // {url, method, accepted, status | problem, milliseconds}: accepted, unless the answer was 401,
  // 403 or 407 or there was none. Errors: validation/400 `url-invalid`; the gate's.
  void begin(const std::string& url);

 private:
  class Exchange;
  void go();
  void completed(http::Outcome outcome);
  void answer(Value report) const;

  auth::Gate& gate_;
  http::Reactor& reactor_;
  const Clock& clock_;
  const auth::Credential credential_;
  const Responder responder_;
  http::Request request_;
  http::Origin target_;
  SteadyTime began_;
  std::optional<auth::Grant> grant_;
};

}  // namespace stepwell::api
