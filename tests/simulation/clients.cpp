// What clients do in a simulated world.
#include <array>

#include "tests/simulation/world.h"

namespace stepwell::simulation {

using engine::Engine;
using engine::InstanceStatus;
using engine::InstanceView;

void World::client() {
  --clients_;
  switch (dice_.below(16)) {
    case 0:
    case 1:
    case 2:
    case 3:
      return start();
    case 4:
    case 5:
      return request();
    case 6:
    case 7:
      return publish();
    case 8:
      return look();
    case 9:
    case 10:
    case 11:
      return complete_some();
    case 12:
      return change_step();
    case 13:
      return relabel();
    case 14:
      return remove();
    default:
      return wait_for_end();
  }
}

void World::start() {
  const Definition& definition = dice_.of(started_);
  if (definition->name == "emits") (void)listening();
  std::string once;
  if (dice_.one_in(3)) once = "key " + definition->name + " " + std::to_string(dice_.below(2));
  const std::size_t place = judge_.start(definition, once);
  engine::StartRequest request;
  request.workflow = process_->workflow(definition);
  request.input = Value::object({{"n", place}, {"k", dice_.below(2)}, {"s", "x"}});
  request.name = judge_.starts()[place].name;
  request.once = std::move(once);
  request.key = "k1";
  if (dice_.one_in(3)) {
    const engine::Label label = some_label(request.name);
    request.tags = label.tags;
    request.priority = label.priority;
    request.deadline = label.deadline;
  }
  judge_.labelled(place, {request.name, request.tags, request.priority, request.deadline});
  if (dice_.one_in(4)) request.observer = observer();
  trace_.add(request.name + " of " + definition->name + " " + request.once);
  ++tally_.starts;
  process_->engine().start(std::move(request), [this, place](const Result<InstanceId>& id) {
    if (alive()) judge_.admitted(place, id);
  });
}

// Told of the end, unless the admission fails.
std::shared_ptr<engine::Observer> World::observer() {
  class Listener final : public engine::Observer {
   public:
    explicit Listener(World& world) : world_(world), registration_(world.judge_.register_end()) {}
    void on_end(const InstanceView& view) override {
      if (!world_.alive()) return;
      const auto summary = world_.disk_.summary(view.id);
      if (summary && *summary) world_.judge_.told_end(registration_, view);
    }

   private:
    World& world_;
    const std::size_t registration_;
  };
  return std::make_shared<Listener>(*this);
}

std::optional<InstanceId> World::somebody() {
  const std::vector<InstanceId> ids = judge_.acknowledged();
  if (ids.empty()) return std::nullopt;
  return dice_.of(ids);
}

void World::request() {
  using Operation = Engine::Operation;
  const auto id = somebody();
  if (!id) return;
  ++tally_.requests;
  constexpr std::array<Operation, 7> kOperations{
      Operation::suspend, Operation::suspend, Operation::resume, Operation::resume,
      Operation::stop,    Operation::retry,   Operation::retry};
  const Operation what = dice_.of(kOperations);
  if (what == Operation::stop && dice_.one_in(2)) {
    trace_.add("stop " + std::to_string(id->number));
    judge_.stop(*id);
    (void)process_->engine().stop(*id);
    return;
  }
  trace_.add("ask " + std::to_string(static_cast<int>(what)) + " of " + std::to_string(id->number));
  judge_.request(what, *id);
  process_->engine().request(what, *id, [this, what, id](const Status& status) {
    if (alive()) judge_.answered(what, *id, status);
  });
}

std::vector<InstanceId> World::listening() {
  std::vector<InstanceId> ids;
  for (const auto& [number, known] : judge_.known()) {
    if (known.workflow != "collects" || !known.acknowledged) continue;
    const auto view = process_->engine().find(InstanceId{number});
    if (view &&
        (view->status == InstanceStatus::waiting || view->status == InstanceStatus::suspended) &&
        view->active_tasks == std::vector<std::string>{"/do/0/hear"})
      ids.push_back(InstanceId{number});
  }
  for (const InstanceId id : ids) judge_.listens(id);
  return ids;
}

void World::publish() {
  constexpr std::array<const char*, 9> kTypes{"tick",  "tick",  "tick", "done", "go",
                                              "order", "order", "a",    "b"};
  std::optional<std::size_t> again;
  if (!judge_.events().empty() && dice_.one_in(5)) again = dice_.below(judge_.events().size());
  const std::size_t place = judge_.publish(again, dice_.of(kTypes),
                                           static_cast<std::int64_t>(dice_.below(2)), listening());
  ++tally_.events;
  process_->engine().publish(judge_.events()[place].event, [this, place](const Status& status) {
    if (alive()) judge_.published(place, status);
  });
}

void World::look() {
  if (const auto id = somebody())
    if (const auto view = process_->engine().find(*id)) judge_.saw(*view);
  engine::InstanceQuery query;
  query.most = 5;
  const auto page = process_->engine().list(query);
  if (!page) return judge_.wrong(page.error().one_line());
  for (const InstanceView& view : page->views) judge_.saw(view);
}

void World::wait_for_end() {
  const auto id = somebody();
  if (!id) return;
  const std::size_t registration = judge_.register_end();
  const bool there =
      process_->engine().when_ended(*id, [this, registration](const InstanceView& view) {
        if (alive()) judge_.told_end(registration, view);
      });
  if (!there)
    judge_.wrong("instance " + std::to_string(id->number) +
                 " was acknowledged, and nobody knows it");
  judge_.expect_end(registration);
}

}  // namespace stepwell::simulation
