// One execution of `call: http`: one request, or several where redirects are followed, or a token
// was refused. Shared by the engine (to cancel it), the exchange in the reactor, and the result on
// its way to a worker. begin() and resolve() run on workers, completed() on the reactor's thread,
// woken() on any; none blocks.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "auth/gate.h"
#include "engine/ports.h"
#include "http/reactor.h"
#include "http/url.h"
#include "steps/http_step.h"

namespace stepwell::steps {

// How a call is made, whatever kind of task makes it. What it points to outlives the call: parts of
// the definition, which the StepCall keeps, or of the `keeper`.
struct CallRules {
  const config::Authentication* authentication = nullptr;  // null: none
  const config::CallOptions* options = nullptr;            // never null
  config::CallOutput output = config::CallOutput::content;
  bool redirect = false;
  bool keyed = true;  // asks at every step whether the instance's API key still stands
  std::shared_ptr<const void> keeper = {};
  std::string advice = {};  // goes on behind the detail where the answer is 401 or 403
  // Takes the answer instead of `output`, on a worker or wherever the result is resolved; the URL
  // is the one that answered.
  std::function<Result<Value>(http::Response& response, const std::string& url)> take = {};
};

class HttpCall final : public engine::RunningStep, public std::enable_shared_from_this<HttpCall> {
 public:
  HttpCall(const HttpStepSurroundings& surroundings, const HttpStepOptions& options,
           engine::StepCall call, engine::StepTicket ticket, CallRules rules)
      : surroundings_(surroundings),
        options_(options),
        call_(std::move(call)),
        ticket_(std::move(ticket)),
        rules_(std::move(rules)) {}

  // The request is built of the call's arguments.
  void begin();
  void cancel() override;
  // `self`: the exchange's share of this call, which goes on to the result.
  void completed(std::shared_ptr<HttpCall> self, http::Request&& request, http::Outcome&& outcome);
  engine::StepOutcome resolve(http::Outcome outcome);

 private:
  Status prepare();
  void pace();
  void go();
  Result<bool> ask();
  Result<auth::Grant> authorize();
  Result<auth::Grant> identify();
  Result<bool> obtain(std::optional<auth::Grant>& into, Result<auth::Grant> (HttpCall::*ask_for)());
  Status check_proxy() const;
  Problem no_certificate() const;
  void remember(const auth::Grant& given);
  void woken(Status status);
  bool begin_waiting();
  bool end_waiting();
  void send();
  bool go_again(const http::Outcome& outcome);
  bool follow(const http::Response& response);
  void redirect_to(const http::Response& response, std::string url, const http::Origin& origin);
  const std::string& key() const;
  void note_result(int status);
  void finish(Problem problem);
  Problem judged(Problem problem, http::Sent sent) const;
  Problem decorated(Problem problem) const;
  std::string masked(std::string text) const;
  void mask(http::Response& response) const;
  void mask_other_charset(http::Response& response) const;
  Value authorization() const;
  std::vector<http::Header> visible_headers() const;

  const HttpStepSurroundings surroundings_;
  const HttpStepOptions options_;
  engine::StepCall call_;
  engine::StepTicket ticket_;
  const CallRules rules_;

  // Written by begin() and then only between two requests, by the thread that goes on.
  http::Request
      sent_;  // the current one, without what the gate adds; the reactor's while it has it
  http::Origin origin_;
  bool authenticated_ = false;        // the current request carries what the task authenticates by
  bool identified_ = false;           // … and the certificate that metadata names
  std::optional<auth::Grant> grant_;  // of the current request
  std::optional<auth::Grant> identity_;  // the same, of the certificate
  std::vector<auth::Grant> carried_;     // all that were sent: what answers echo of them is masked
  bool sent_before_ = false;             // an earlier request of this call has left
  bool executed_ = false;  // a request that must not be repeated was answered by a redirect
  bool renewed_ = false;   // the upstream refused a token, and another one was fetched
  int overtaken_ = 0;      // how often a grant had become stale before its request left
  int hops_ = 0;

  std::mutex mutex_;
  bool cancelled_ = false;                       // guarded by mutex_
  bool waiting_ = false;                         // guarded by mutex_; for the gate to wake it
  std::optional<http::TransferId> transfer_;     // guarded by mutex_
  std::optional<RateLimits::Ticket> held_back_;  // guarded by mutex_; waits for its turn
};

}  // namespace stepwell::steps
