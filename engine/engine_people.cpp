// Steps that wait for people, over all instances.
#include <algorithm>
#include <utility>

#include "engine/engine_impl.h"
#include "engine/person_step.h"
#include "engine/recovery.h"

namespace stepwell::engine {

void Engine::Impl::ask_person(InstanceId id, StepAnswer answer, bool change,
                              const std::function<void(Status)>& done) {
  const auto shared = std::make_shared<const StepAnswer>(std::move(answer));
  const bool known = reach(
      id,
      [shared, change, done](Instance& instance) { return instance.person(shared, change, done); },
      failing(done));
  if (known) return;
  const std::optional<InstanceView> view = find(id);
  if (!view) return done(fail(unknown_instance(id)));
  if (ended(view->status) && completed_before(id, shared->step))
    return done(fail(step_completed(shared->step)));
  done(fail(not_open(*view)));
}

// Of one that is in the journal alone.
bool Engine::Impl::completed_before(InstanceId id, const std::string& step) {
  Result<std::vector<Record>> records = journal_.read(id);
  if (!records || records->empty()) return false;
  const Result<std::shared_ptr<const Workflow>> workflow =
      workflow_of(read_head(records->front()).digest);
  if (!workflow) return false;
  const Result<Replayed> replayed = replay(*(*workflow)->program, id, std::move(*records));
  return replayed && was_completed(*(*workflow)->program, replayed->state, step);
}

// Of one that is asleep the journal has them.
Result<std::vector<OpenStep>> Engine::Impl::open_steps_now(InstanceId id) const {
  std::shared_ptr<const Workflow> workflow;
  {
    const Shard& shard = shard_of(id);
    const std::scoped_lock lock(shard.mutex);
    if (const auto found = shard.instances.find(id); found != shard.instances.end())
      return found->second->open_steps();
    const auto asleep = shard.sleepers.find(id);
    if (asleep == shard.sleepers.end()) return std::vector<OpenStep>();
    workflow = asleep->second.workflow;
  }
  Result<std::vector<Record>> records = journal_.read(id);
  if (!records) return fail(std::move(records.error()));
  if (records->empty()) return std::vector<OpenStep>();
  Result<Replayed> replayed = replay(*workflow->program, id, std::move(*records));
  if (!replayed) return fail(std::move(replayed.error()));
  return open_steps_of(*workflow->program, replayed->state);
}

Result<OpenSteps> Engine::Impl::open_steps(const OpenStepFilter& filter, std::size_t most) const {
  std::vector<OpenStepIndex::Key> keys = open_steps_.find(filter, clock_.now(), most + 1);
  OpenSteps found;
  found.more = keys.size() > most;
  if (found.more) keys.resize(most);
  for (auto key = keys.begin(); key != keys.end();) {
    const InstanceId id{key->first};
    Result<std::vector<OpenStep>> steps = open_steps_now(id);
    if (!steps) return fail(std::move(steps.error()));
    for (; key != keys.end() && key->first == id.number; ++key) {
      const auto step = std::find_if(steps->begin(), steps->end(), [&](const OpenStep& each) {
        return each.id.number == key->second;
      });
      if (step != steps->end()) found.steps.push_back(std::move(*step));
    }
  }
  mark_overdue(found.steps, clock_.now());
  if (!keys.empty()) found.last = {InstanceId{keys.back().first}, StepId{keys.back().second}};
  return found;
}

void Engine::complete_step(InstanceId id, StepAnswer answer,
                           const std::function<void(Status)>& done) {
  impl_->ask_person(id, std::move(answer), false, done);
}

void Engine::patch_step(InstanceId id, StepAnswer patch, const std::function<void(Status)>& done) {
  impl_->ask_person(id, std::move(patch), true, done);
}

Result<OpenSteps> Engine::open_steps(const OpenStepFilter& filter, std::size_t most) const {
  return impl_->open_steps(filter, most);
}

}  // namespace stepwell::engine
