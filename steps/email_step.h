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
  // Of each command: as long as the one behind the last dot may take (RFC 5321 §4.5.3.2.6), since
  // who gives up earlier does not know whether the mail was taken.
  Milliseconds answer_timeout{600'000};
  std::chrono::seconds block_timeout{180};  // while the content goes out (RFC 5321 §4.5.3.2.5)
  Milliseconds total_timeout{1'800'000};    // with the time in the queue
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
