// One request about a step that waits for a person, between the thread that answers it and the
// engine: what has to be done before anything is recorded is done by that thread, which may block,
// and which then waits for what came of it.
// Shared with the callbacks that the engine is given; it refers to nothing else.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "engine/open_steps.h"

namespace stepwell::api {

class Errand : public std::enable_shared_from_this<Errand> {
 public:
  engine::StepAnswer::Prepare prepare();
  std::function<void(Status)> done();

  // Does what has to be prepared (`how` may block), until there is an answer or for so long. Where
  // there is none by then: runtime/`overloaded` if nothing has been prepared, since nothing can
  // come about any more; else nothing. Once.
  using How = std::function<Status(const engine::StepAnswer::Preparation& what)>;
  std::optional<Status> wait(Milliseconds limit, const How& how);

 private:
  struct Preparation {
    engine::StepAnswer::Preparation what;
    std::function<void(Status)> done;
  };
  void hand(Preparation preparation);

  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::deque<Preparation> preparations_;
  std::optional<Status> answer_;
  bool over_ = false;
};

}  // namespace stepwell::api
