#include "api/upload.h"

#include <utility>

namespace stepwell::api {

Upload::~Upload() {
  if (!consumer_) return;
  struct Rest {
    std::shared_ptr<Request> request;
    std::unique_ptr<BodyConsumer> consumer;  // goes first
  };
  auto rest = std::make_shared<Rest>();
  rest->request = std::move(request_);
  rest->consumer = std::move(consumer_);
  // Where the pool takes nothing it is removed here and now.
  (void)pool_.submit([kept = std::move(rest)]() mutable { kept.reset(); });
}

void Upload::run(const Next& next, std::function<std::optional<Response>(Upload&)> task) {
  const bool taken = pool_.submit(
      [self = shared_from_this(), next, task = std::move(task)] { next(task(*self)); });
  if (!taken) next(problem_response(overloaded()));
}

void Upload::open(const Next& next) {
  run(next, [](Upload& self) -> std::optional<Response> {
    Result<std::unique_ptr<BodyConsumer>> consumer = self.handler_(*self.request_);
    if (!consumer) return problem_response(consumer.error());
    self.consumer_ = *std::move(consumer);
    return std::nullopt;
  });
}

void Upload::consume(std::string piece, const Next& next) {
  run(next, [piece = std::move(piece)](Upload& self) -> std::optional<Response> {
    if (const Status taken = self.consumer_->consume(piece); !taken)
      return problem_response(taken.error());
    return std::nullopt;
  });
}

void Upload::finish(const Next& next) {
  run(next, [](Upload& self) -> std::optional<Response> {
    if (const Status allowed = self.check_(*self.request_); !allowed)
      return problem_response(allowed.error());
    Result<Response> response = self.consumer_->finish();
    return response ? *std::move(response) : problem_response(response.error());
  });
}

}  // namespace stepwell::api
