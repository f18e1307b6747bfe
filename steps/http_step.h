// `call: http`: builds the request, asks the gate for the credential, sends by the reactor, follows
// redirects itself, and makes an output or a problem of the answer.
// Owned by daemon/wiring; start() is called on workers, completions come on the reactor's thread,
// and their decoding is done on workers again.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "auth/gate.h"
#include "auth/keys.h"
#include "base/clock.h"
#include "base/entropy.h"
#include "engine/files.h"
#include "engine/ports.h"
#include "http/reactor.h"
#include "steps/rate_limits.h"

namespace stepwell::steps {

struct HttpStepOptions {
  Milliseconds total_timeout{300'000};  // of one request, where nothing in the definition is less
  int max_redirects = 5;
};

// What the step works with; all of it outlives the step.
struct HttpStepSurroundings {
  http::Reactor& reactor;
  auth::Gate& gate;
  const auth::Keys& keys;
  const Clock& clock;
  Entropy& entropy;
  std::shared_ptr<RateLimits> rate_limits = nullptr;  // null: no call is held back
  engine::Files* files = nullptr;                     // null: there are none to send
};

class HttpStep final : public engine::StepRunner {
 public:
  HttpStep(HttpStepSurroundings surroundings, HttpStepOptions options)
      : surroundings_(std::move(surroundings)), options_(options) {}
  ~HttpStep() override;
  HttpStep(const HttpStep&) = delete;
  HttpStep& operator=(const HttpStep&) = delete;

  std::shared_ptr<engine::RunningStep> start(engine::StepCall call,
                                             engine::StepTicket ticket) override;

 private:
  HttpStepSurroundings surroundings_;
  HttpStepOptions options_;
};

}  // namespace stepwell::steps
