// Lists of instances: of those that are open, and those that ended a moment ago, what is in memory;
// of all others that have ended, what the journal knows.
#include <algorithm>
#include <future>
#include <memory>
#include <span>
#include <unordered_set>
#include <utility>

#include "engine/engine_impl.h"
#include "engine/recovery.h"

namespace stepwell::engine {

const Gathering::OfWorkflow& Gathering::of(const Workflow& workflow) {
  const auto [known, fresh] = workflows_.try_emplace(&workflow);
  if (!fresh) return known->second;
  const Program& program = *workflow.program;
  const config::Definition& definition = program.definition();
  const InstanceFilter& filter = query_.filter;
  const auto refers = [&](const auto& each) { return each.first == filter.credential; };
  known->second.picked =
      picks_workflow(filter, definition.id()) &&
      (filter.credential.empty() ||
       std::any_of(definition.credentials.begin(), definition.credentials.end(), refers));
  if (filter.step.empty()) return known->second;
  for (TaskNumber number = 0; number < program.size(); ++number)
    known->second.steps.push_back(is_step(filter, program.task(number).task->reference));
  return known->second;
}

bool Gathering::wants(const InstanceFacts& facts) {
  if (query_.most == 0) return false;
  position_ = position_of(query_.order, facts);
  if (query_.after && !comes_before(query_.order, *query_.after, position_)) return false;
  if (found_.size() == query_.most &&
      !comes_before(query_.order, position_, found_.front().position))
    return false;
  return picks(query_.filter, facts);
}

bool Gathering::wants(const InstanceFacts& facts, const Workflow& workflow,
                      std::span<const TaskNumber> active) {
  if (!wants(facts)) return false;
  const OfWorkflow& known = of(workflow);
  if (!known.picked || query_.filter.step.empty()) return known.picked;
  return std::any_of(active.begin(), active.end(),
                     [&](TaskNumber task) { return known.steps.at(task); });
}

// Of one whose definition cannot be read nobody knows to what it refers.
bool Gathering::wants(const InstanceFacts& facts, const InstanceView& view) {
  return query_.filter.step.empty() && query_.filter.credential.empty() && wants(facts) &&
         picks_workflow(query_.filter, view.workflow);
}

void Gathering::add(InstanceView view) {
  const auto last = [this](const Found& a, const Found& b) {
    return comes_before(query_.order, a.position, b.position);
  };
  if (found_.size() == query_.most) {
    std::pop_heap(found_.begin(), found_.end(), last);
    found_.pop_back();
  }
  found_.push_back({std::move(position_), std::move(view)});
  std::push_heap(found_.begin(), found_.end(), last);
}

std::vector<Gathering::Found> Gathering::take() {
  std::sort_heap(found_.begin(), found_.end(), [this](const Found& a, const Found& b) {
    return comes_before(query_.order, a.position, b.position);
  });
  return std::move(found_);
}

// An instance that goes from one of a shard's tables to the other is in one of them.
void Engine::Impl::gather(Gathering& gathering) const {
  static const Label kUnlabelled{};
  for (const Shard& shard : shards_) {
    const std::scoped_lock lock(shard.mutex);
    for (const auto& [id, instance] : shard.instances) {
      auto view =
          instance->view_if([&, &workflow = instance->workflow()](const Instance::Glance& glance) {
            return gathering.wants(glance.facts, workflow, glance.active);
          });
      if (view) gathering.add(std::move(*view));
    }
    for (const auto& [id, sleeper] : shard.sleepers) {
      InstanceFacts facts{id,         sleeper.status, sleeper.started, sleeper.updated,
                          WallTime{}, &kUnlabelled,   std::nullopt,    *sleeper.key};
      if (sleeper.rare) {
        facts.label = &sleeper.rare->label;
        facts.parent = sleeper.rare->parent;
        facts.updated = std::max(facts.updated, facts.label->changed);
      }
      if (gathering.wants(facts, *sleeper.workflow, sleeper.active_tasks()))
        gathering.add(view_of_sleeper(id, sleeper));
    }
  }
  for (InstanceView& view : lost_->all()) {
    const Label label{view.name, view.tags, view.priority, view.deadline, false, {}};
    if (gathering.wants(facts_of(view, label), view)) gathering.add(std::move(view));
  }
}

InstanceView Engine::Impl::view_of_sleeper(InstanceId id, const Sleeper& sleeper) {
  InstanceView view;
  view.id = id;
  view.workflow = sleeper.workflow->program->definition().id();
  view.key = *sleeper.key;
  view.status = sleeper.status;
  view.started = sleeper.started;
  view.updated = sleeper.updated;
  view.progress = sleeper.progress;
  for (const TaskNumber number : sleeper.active_tasks())
    view.active_tasks.push_back(sleeper.workflow->program->task(number).task->reference);
  if (sleeper.rare) {
    view.parent = sleeper.rare->parent;
    show_label(sleeper.rare->label, view);
  }
  return view;
}

namespace {

// What the journal has is later, but for the `early`: their end is durable, and not told yet, so
// that they are still what they are in memory. Where the journal stopped looking, what is behind
// that comes with the next page.
InstancePage merge(const InstanceQuery& query, std::vector<Gathering::Found> present,
                   FoundInstances kept, const std::unordered_set<InstanceId>& early) {
  std::unordered_set<InstanceId> in_journal;
  for (const InstanceSummary& each : kept.instances)
    if (!early.contains(each.head.instance)) in_journal.insert(each.head.instance);
  InstancePage page;
  std::optional<InstancePosition> last;
  std::size_t next = 0;
  std::size_t places = 0;  // of the page's, some of which the early ones leave empty
  const auto add = [&](InstanceView view, InstancePosition position) {
    page.views.push_back(std::move(view));
    last = std::move(position);
    ++places;
  };
  const auto add_kept = [&] {
    const InstanceSummary& each = kept.instances[next];
    InstancePosition& position = kept.positions[next++];
    if (!early.contains(each.head.instance)) return add(view_of(each), std::move(position));
    last = std::move(position);
    ++places;
  };
  for (Gathering::Found& each : present) {
    while (places < query.most && next < kept.positions.size() &&
           comes_before(query.order, kept.positions[next], each.position))
      add_kept();
    if (places == query.most) break;
    if (kept.stopped_at && comes_before(query.order, *kept.stopped_at, each.position)) break;
    if (!in_journal.contains(each.view.id)) add(std::move(each.view), std::move(each.position));
  }
  while (places < query.most && next < kept.positions.size()) add_kept();
  if (places == query.most)
    page.next = std::move(last);
  else
    page.next = std::move(kept.stopped_at);
  return page;
}

}  // namespace

namespace {

// Told once all of them are durable.
std::shared_ptr<Learning> keep_all(Journal& journal, std::vector<Record> records) {
  auto learning = std::make_shared<Learning>();
  const auto done = [learning](Status status) { learning->done.set_value(std::move(status)); };
  if (records.empty()) {
    done({});
    return learning;
  }
  Record last = std::move(records.back());
  records.pop_back();
  for (Record& record : records) journal.append(std::move(record), nullptr);
  if (journal.append(std::move(last), done) == Journal::Durability::now) done({});
  return learning;
}

}  // namespace

// Journals of the first format do not say to which credentials their definitions refer: these do.
// Once in the life of a process; what cannot be read stays unknown.
Result<std::shared_ptr<Learning>> Engine::Impl::begin_learning() {
  const std::scoped_lock lock(learning_mutex_);
  if (learning_) return learning_;
  const Result<std::vector<std::string>> digests = journal_.incomplete_definitions();
  if (!digests) return fail(digests.error());
  std::vector<Record> complete;
  for (const std::string& digest : *digests) {
    Result<Value> payload = journal_.definition(digest);
    if (!payload) return fail(std::move(payload.error()));
    const Result<std::shared_ptr<const Workflow>> workflow = workflow_of(digest);
    if (!workflow || !payload->is_object()) {
      log_.warn("nobody knows to which credentials an old definition refers",
                {{"digest", digest},
                 {"problem", workflow ? std::string("it is gone") : workflow.error().one_line()}});
      continue;
    }
    Record& record = complete.emplace_back();
    record.kind = Record::Kind::definition;
    record.time = clock_.now();
    record.payload = *std::move(payload);
    record.payload.set("credentials", names_of_credentials((*workflow)->program->definition()));
  }
  learning_ = keep_all(journal_, std::move(complete));
  return learning_;
}

// A journal that is held up may be so for long, and whoever asks holds a thread.
Status Engine::Impl::learn_credentials() {
  constexpr std::chrono::seconds kPatience{2};
  const Result<std::shared_ptr<Learning>> learning = begin_learning();
  if (!learning) return fail(learning.error());
  const std::shared_future<Status> durable = (*learning)->durable;
  if (durable.wait_for(kPatience) == std::future_status::ready) return durable.get();
  return fail(unavailable("journal-failing",
                          "what old definitions refer to cannot be recorded at the moment"));
}

// First what is in memory: what leaves it before is in the journal. One that had ended and goes on
// meanwhile may be in neither.
Result<InstancePage> Engine::Impl::list(const InstanceQuery& query) {
  if (!query.filter.credential.empty())
    if (Status learned = learn_credentials(); !learned) return fail(std::move(learned.error()));
  while (true) {
    const std::uint64_t returned = returned_.load();
    Gathering gathering(query);
    gather(gathering);
    FoundInstances kept;
    if (may_pick_ended(query.filter)) {
      Result<FoundInstances> found = journal_.find(query);
      if (!found) return fail(std::move(found.error()));
      kept = std::move(*found);
    }
    std::unordered_set<InstanceId> early;
    for (const InstanceSummary& each : kept.instances) {
      const auto instance = lookup(each.head.instance);
      if (instance && !ended(instance->status())) early.insert(each.head.instance);
    }
    if (returned_.load() == returned) return merge(query, gathering.take(), std::move(kept), early);
  }
}

}  // namespace stepwell::engine
