// The way back to a client: handed to a route's handler, copied freely, answered once. The first
// answer counts, whoever gives it; a request whose last Responder goes unanswered gets a 500, so
// that no client waits for something that nobody remembers.
// All members may be called from any thread and do not block. A Responder may outlive the server:
// its answer then goes nowhere.
#pragma once

#include <atomic>
#include <functional>
#include <memory>

#include "api/message.h"
#include "base/clock.h"

namespace stepwell::api {

// The transport's side of one request.
class ResponseSink {
 public:
  virtual ~ResponseSink() = default;
  // Called at most once for each request.
  virtual void respond(Response response) = 0;
  // Runs `task` soon on an I/O thread, unless the request has been answered before.
  virtual void resume(std::function<void()> task) = 0;
  // Runs `task` after `delay`, unless the request has been answered before. One at a time.
  virtual void after(Milliseconds delay, std::function<void()> task) = 0;
};

class Responder {
 public:
  explicit Responder(std::shared_ptr<ResponseSink> sink)
      : state_(std::make_shared<State>(std::move(sink))) {}

  void answer(Response response) const { state_->answer(std::move(response)); }
  void answer(const Problem& problem) const { state_->answer(problem_response(problem)); }
  void answer(Result<Response> result) const {
    state_->answer(result ? *std::move(result) : problem_response(result.error()));
  }
  // Goes on with the request outside of the caller's locks: calls `task`, which may answer, soon
  // on an I/O thread, unless the request has been answered before.
  void resume(std::function<void()> task) const { state_->sink->resume(std::move(task)); }
  // Calls `task`, which may answer, unless that has been done before.
  void after(Milliseconds delay, std::function<void()> task) const {
    state_->sink->after(delay, std::move(task));
  }

 private:
  struct State {
    explicit State(std::shared_ptr<ResponseSink> to) : sink(std::move(to)) {}
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    ~State();
    void answer(Response response) {
      if (!answered.exchange(true)) sink->respond(std::move(response));
    }
    const std::shared_ptr<ResponseSink> sink;
    std::atomic<bool> answered{false};
  };
  std::shared_ptr<State> state_;
};

}  // namespace stepwell::api
