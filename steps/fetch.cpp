#include "steps/fetch.h"

#include <utility>

#include "steps/http_call.h"

namespace stepwell::steps {

namespace {

// What the rules of the call point to, and what its answer is kept in.
struct FetchState {
  config::CallOptions options;
  Fetched fetched;
};

class FetchCompletion final : public engine::StepCompletion {
 public:
  FetchCompletion(std::shared_ptr<FetchState> state, std::function<void(FetchResult)> done)
      : state_(std::move(state)), done_(std::move(done)) {}

  void step_finished(engine::StepId /*step*/,
                     std::unique_ptr<engine::PendingResult> result) override {
    std::shared_ptr<engine::PendingResult> pending = std::move(result);
    done_([state = state_, pending]() -> Result<Fetched> {
      const engine::StepOutcome outcome = pending->resolve();
      if (!outcome.result) return fail(outcome.result.error());
      return std::move(state->fetched);
    });
  }

 private:
  const std::shared_ptr<FetchState> state_;
  const std::function<void(FetchResult)> done_;
};

// 204 has no text, 206 a part of it, and a redirect without a target is none.
Problem no_text_problem(int status, const std::string& url) {
  Problem problem = make_problem(ErrorKind::communication, "http-status",
                                 "GET " + url.substr(0, url.find_first_of("?#")) + " answered " +
                                     std::to_string(status) + ", which brings no text");
  problem.status = status;
  return std::move(problem).with("sent", "yes");
}

}  // namespace

std::shared_ptr<engine::RunningStep> start_fetch(const HttpStepSurroundings& surroundings,
                                                 const HttpStepOptions& options,
                                                 engine::StepCall call, const FetchWish& wish,
                                                 std::function<void(FetchResult)> done) {
  auto state = std::make_shared<FetchState>();
  state->options = wish.options;
  call.arguments =
      wish.authentication_values.is_object() ? wish.authentication_values : Value::object();
  call.arguments.set("method", "GET");
  call.arguments.set("uri", wish.url);
  if (!wish.headers.is_null()) call.arguments.set("headers", wish.headers);
  call.repeatable = true;
  const bool conditional = wish.headers.is_object() && wish.headers.contains("If-None-Match");
  CallRules rules;
  rules.authentication = wish.authentication;
  rules.options = &state->options;
  rules.redirect = true;
  rules.keyed = wish.keyed;
  rules.keeper = state;
  rules.take = [state = state.get(), conditional](http::Response& response,
                                                  const std::string& url) -> Result<Value> {
    if (response.status != 200 && !(conditional && response.status == 304))
      return fail(no_text_problem(response.status, url));
    state->fetched =
        Fetched{response.status, url, std::move(response.headers), std::move(response.body)};
    return Value();
  };
  auto completion = std::make_shared<FetchCompletion>(std::move(state), std::move(done));
  auto running =
      std::make_shared<HttpCall>(surroundings, options, std::move(call),
                                 engine::StepTicket{std::move(completion), {}}, std::move(rules));
  running->begin();
  return running;
}

}  // namespace stepwell::steps
