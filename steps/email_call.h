// One execution of `call: email`: one mail, sent again only where a token was refused or a grant
// overtaken before it left. Shared by the engine (to cancel it), the exchange in the reactor, and
// the result on its way to a worker. begin() and resolve() run on workers, completed() on the
// reactor's thread, woken() on any; begin() opens the files that are attached.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "auth/gate.h"
#include "engine/ports.h"
#include "http/reactor.h"
#include "steps/email_message.h"
#include "steps/email_step.h"

namespace stepwell::steps {

class EmailCall final : public engine::RunningStep, public std::enable_shared_from_this<EmailCall> {
 public:
  EmailCall(const HttpStepSurroundings& surroundings, EmailStepOptions options,
            engine::StepCall call, engine::StepTicket ticket);

  void begin();
  void cancel() override;
  void completed(http::Outcome&& outcome);
  engine::StepOutcome resolve(http::Outcome outcome);

 private:
  Status prepare();
  void go();
  // False: not yet; woken() goes on, or has done so already.
  Result<bool> ask();
  Result<auth::Grant> authorize();
  void woken(Status status);
  bool begin_waiting();
  bool end_waiting();
  void send();
  bool go_again(const http::Outcome& outcome);
  void note(const http::MailAnswer& answer);
  void finish(Problem problem);
  const std::string& key() const;
  std::string masked(std::string text) const;
  Problem decorated(Problem problem) const;
  Problem refusal(const http::MailAnswer& answer, http::Sent sent) const;
  Value refused_recipients(const http::MailAnswer& answer) const;
  Value authorization() const;

  const HttpStepSurroundings surroundings_;
  const EmailStepOptions options_;
  engine::StepCall call_;
  engine::StepTicket ticket_;

  // Written by begin() and then only between two sends, by the thread that goes on.
  Email email_;
  const config::Authentication* authentication_ = nullptr;  // the definition's; null: none
  std::string credential_;                                  // of the settings, where it counts
  http::Request probe_;                                     // what the gate is asked about
  std::optional<auth::Grant> grant_;
  std::vector<auth::Grant> carried_;  // all that were shown
  bool renewed_ = false;
  int overtaken_ = 0;

  std::mutex mutex_;
  bool cancelled_ = false;                    // guarded by mutex_
  bool waiting_ = false;                      // guarded by mutex_; for the gate to wake it
  std::optional<http::TransferId> transfer_;  // guarded by mutex_
};

}  // namespace stepwell::steps
