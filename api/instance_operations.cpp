#include "api/instance_operations.h"

#include <utility>

#include "api/instance_view.h"

namespace stepwell::api {

using engine::InstanceStatus;

std::string_view name_of(Operation operation) {
  switch (operation) {
    case Operation::stop:
      return "stop";
    case Operation::suspend:
      return "suspend";
    case Operation::resume:
      return "resume";
    case Operation::retry:
      break;
  }
  return "retry";
}

bool fits(Operation operation, InstanceStatus status) {
  return operation == Operation::retry ? status == InstanceStatus::faulted : !engine::ended(status);
}

Problem does_not_fit(Operation operation, InstanceId id, InstanceStatus status) {
  const std::string instance = "instance " + std::to_string(id.number);
  if (operation == Operation::retry)
    return client_error(409, "instance-not-faulted",
                        instance + " is " + std::string(to_string(status)) +
                            "; only one that faulted can be retried");
  return client_error(409, "instance-ended",
                      instance + " has ended already, as " + std::string(to_string(status)));
}

void narrow(Operation operation, engine::InstanceFilter& filter) {
  if (!filter.statuses.empty()) return;
  switch (operation) {
    case Operation::stop:
    case Operation::suspend:
      filter.open = true;
      break;
    case Operation::resume:
      filter.statuses = {InstanceStatus::suspended};
      break;
    case Operation::retry:
      filter.statuses = {InstanceStatus::faulted};
      break;
  }
}

void Answers::ask(engine::Engine& engine, Operation operation, InstanceId id) {
  std::size_t index = 0;
  {
    const std::scoped_lock lock(mutex_);
    index = answers_.size();
    answers_.emplace_back();
    ++open_;
  }
  engine.request(operation, id, [self = shared_from_this(), index](Status status) {
    self->set(index, std::move(status));
  });
}

void Answers::set(std::size_t index, Status answer) {
  const std::scoped_lock lock(mutex_);
  if (over_ || answers_[index]) return;
  answers_[index] = std::move(answer);
  if (--open_ == 0) changed_.notify_all();
}

std::vector<Answers::Answer> Answers::wait(Milliseconds limit) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, limit, [this] { return open_ == 0; });
  over_ = true;
  return std::move(answers_);
}

}  // namespace stepwell::api
