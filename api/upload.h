// One request whose body goes to a BodyConsumer: its handler, each piece and the end run on a pool
// that may block, one after the other, and what comes next is told to the connection.
// Owned by a connection and by what runs for it; one call at a time, each from any thread.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "api/blocking_pool.h"
#include "api/body.h"
#include "api/router.h"

namespace stepwell::api {

class Upload : public std::enable_shared_from_this<Upload> {
 public:
  // Nothing: go on, with the next piece or the end; else the answer, after which there is nothing
  // to be done. Called on the pool's threads, or at once where it takes no more.
  using Next = std::function<void(std::optional<Response>)>;
  using Check = std::function<Status(const Request&)>;

  // Handler and pool outlive it. `check`: may the request still be made? Asked before it is done.
  Upload(const UploadHandler& handler, BlockingPool& pool, Request request, Check check)
      : handler_(handler),
        pool_(pool),
        request_(std::make_shared<Request>(std::move(request))),
        check_(std::move(check)) {}
  // What the consumer leaves behind is removed on the pool.
  ~Upload();
  Upload(const Upload&) = delete;
  Upload& operator=(const Upload&) = delete;

  void open(const Next& next);
  void consume(std::string piece, const Next& next);
  void finish(const Next& next);
  const Request& request() const { return *request_; }

 private:
  void run(const Next& next, std::function<std::optional<Response>(Upload&)> task);

  const UploadHandler& handler_;
  BlockingPool& pool_;
  std::shared_ptr<Request> request_;
  const Check check_;
  std::unique_ptr<BodyConsumer> consumer_;  // once it is open
};

}  // namespace stepwell::api
