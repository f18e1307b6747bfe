// `call: email`: makes a mail of the arguments, asks the gate for the credential, and sends it by
// the reactor to the server that the step or the settings name.
// Owned by daemon/wiring; start() is called on workers, completions come on the reactor's thread.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "engine/ports.h"
#include "http/mail.h"
#include "steps/http_step.h"

namespace stepwell::steps {

struct EmailStepOptions {
  std::string server;      // smtp://HOST:PORT or smtps://HOST:PORT; empty: steps have to name one
  std::string from;        // the same of the sender
  std::string credential;  // for `server`, where a step names neither; empty: none
  http::StartTls start_tls = http::StartTls::automatic;
  Milliseconds connect_timeout{60'000};  // some servers greet late, to see who is in a hurry
  Milliseconds answer_timeout{300'000};  // of each command (RFC 5321 §4.5.3.2)
  Milliseconds total_timeout{900'000};
};

class EmailStep final : public engine::StepRunner {
 public:
  EmailStep(HttpStepSurroundings surroundings, EmailStepOptions options)
      : surroundings_(std::move(surroundings)), options_(std::move(options)) {}

  std::shared_ptr<engine::RunningStep> start(engine::StepCall call,
                                             engine::StepTicket ticket) override;

 private:
  const HttpStepSurroundings surroundings_;
  const EmailStepOptions options_;
};

}  // namespace stepwell::steps
