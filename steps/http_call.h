// One execution of `call: http`: one request, or several where redirects are followed, or a token
// was refused. Shared by the engine (to cancel it), the exchange in the reactor, and the result on
// its way to a worker. begin() and resolve() run on workers, completed() on the reactor's thread,
// woken() on any; none blocks.
#pragma once

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

class HttpCall final : public engine::RunningStep, public std::enable_shared_from_this<HttpCall> {
 public:
  HttpCall(const HttpStepSurroundings& surroundings, const HttpStepOptions& options,
           engine::StepCall call, engine::StepTicket ticket)
      : surroundings_(surroundings),
        options_(options),
        call_(std::move(call)),
        ticket_(std::move(ticket)),
        body_(std::get<config::HttpCallBody>(call_.definition().body)) {}

  void begin();
  void cancel() override;
  void completed(http::Outcome outcome);
  engine::StepOutcome resolve(http::Outcome outcome);

 private:
  Status prepare();
  void go();
  Result<bool> ask();
  Result<auth::Grant> authorize();
  void remember();
  void woken(Status status);
  bool begin_waiting();
  bool end_waiting();
  void send();
  bool go_again(const http::Outcome& outcome);
  bool follow(const http::Response& response);
  void redirect_to(const http::Response& response, std::string url, const http::Origin& origin);
  const std::string& key() const;
  void finish(Problem problem);
  Problem judged(Problem problem, http::Sent sent) const;
  Problem decorated(Problem problem) const;
  std::string masked(std::string text) const;
  Value authorization() const;
  std::vector<http::Header> visible_headers() const;

  const HttpStepSurroundings surroundings_;
  const HttpStepOptions options_;
  engine::StepCall call_;
  engine::StepTicket ticket_;
  const config::HttpCallBody& body_;

  // Written by begin() and then only between two requests, by the thread that goes on.
  http::Request sent_;  // the current request, without what the gate adds to it
  http::Origin origin_;
  bool authenticated_ = false;        // the current request carries what the task authenticates by
  std::optional<auth::Grant> grant_;  // of the current request
  std::vector<auth::Grant> carried_;  // all that were sent: what answers echo of them is masked
  bool sent_before_ = false;          // an earlier request of this call has left
  bool executed_ = false;  // a request that must not be repeated was answered by a redirect
  bool renewed_ = false;   // the upstream refused a token, and another one was fetched
  int overtaken_ = 0;      // how often a grant had become stale before its request left
  int hops_ = 0;

  std::mutex mutex_;
  bool cancelled_ = false;                    // guarded by mutex_
  bool waiting_ = false;                      // guarded by mutex_; for the gate to wake it
  std::optional<http::TransferId> transfer_;  // guarded by mutex_
};

}  // namespace stepwell::steps
