// Stop, suspend, resume and retry: asked of the engine, and waited for until what was asked is
// durable and can be seen, for one instance or many at once.
// Used by handlers that may block. An Answers is shared with the callbacks that fill it.
#pragma once

#include <array>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "engine/engine.h"

namespace stepwell::api {

using Operation = engine::Engine::Operation;
inline constexpr std::array kOperations{Operation::stop, Operation::suspend, Operation::resume,
                                        Operation::retry};
std::string_view name_of(Operation operation);  // also the last segment of its routes

// Could it be done to an instance of that status?
bool fits(Operation operation, engine::InstanceStatus status);
// Why not: validation/409 `instance-ended`, `instance-not-faulted`.
Problem does_not_fit(Operation operation, InstanceId id, engine::InstanceStatus status);
// The instances that it is meant for where nothing is said about their status.
void narrow(Operation operation, engine::InstanceFilter& filter);

// What came of each of several requests to the engine. What comes later than somebody waited for
// changes nothing any more.
class Answers : public std::enable_shared_from_this<Answers> {
 public:
  using Answer = std::optional<Status>;  // nothing: there is none yet

  // Asks the engine, which answers now or later.
  void ask(engine::Engine& engine, Operation operation, InstanceId id);
  // What is there once all have answered, or after so long; in the order of the requests. Once.
  std::vector<Answer> wait(Milliseconds limit);

 private:
  void set(std::size_t index, Status answer);

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Answer> answers_;  // guarded by mutex_
  std::size_t open_ = 0;         // guarded by mutex_
  bool over_ = false;            // guarded by mutex_
};

}  // namespace stepwell::api
