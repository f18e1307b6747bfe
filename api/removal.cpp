#include "api/removal.h"

#include <algorithm>
#include <memory>
#include <string>
#include <unordered_set>

#include "api/instance_operations.h"
#include "api/instance_view.h"

namespace stepwell::api {

namespace {

constexpr std::size_t kRemovedAtOnce = 1'000;

// Those that went leave `ids`. Files go last: what has none any more would else still be there.
Status remove_some(engine::Engine& engine, engine::Files* files, std::vector<InstanceId>& ids,
                   std::vector<InstanceId>& gone) {
  std::vector<InstanceId> left;
  for (std::size_t at = 0; at < ids.size(); at += kRemovedAtOnce) {
    const auto begin = ids.begin() + static_cast<std::ptrdiff_t>(at);
    const auto end =
        ids.begin() + static_cast<std::ptrdiff_t>(std::min(ids.size(), at + kRemovedAtOnce));
    Result<std::vector<InstanceId>> went = engine.remove({begin, end});
    if (!went) return fail(std::move(went.error()));
    if (files != nullptr && !went->empty()) {
      Status done = files->remove_of(*went);
      if (!done) return done;
    }
    const std::unordered_set<InstanceId> known(went->begin(), went->end());
    std::copy_if(begin, end, std::back_inserter(left),
                 [&](InstanceId id) { return !known.contains(id); });
    gone.insert(gone.end(), went->begin(), went->end());
  }
  ids = std::move(left);
  return {};
}

}  // namespace

Problem instance_open(InstanceId id) {
  return client_error(409, "instance-open",
                      "instance " + std::to_string(id.number) +
                          " has not ended; stop it first, or say \"stop\": true");
}

Result<Removal> remove_instances(engine::Engine& engine, engine::Files* files,
                                 const std::vector<InstanceId>& ids, bool stop,
                                 Milliseconds limit) {
  Removal removal;
  std::vector<InstanceId> left = ids;
  Status done = remove_some(engine, files, left, removal.gone);
  if (done && stop && !left.empty()) {
    const auto answers = std::make_shared<Answers>();
    for (const InstanceId id : left) answers->ask(engine, Operation::stop, id);
    (void)answers->wait(limit);
    done = remove_some(engine, files, left, removal.gone);
  }
  if (!done) return fail(std::move(done.error()));
  for (const InstanceId id : left) {
    const auto view = engine.find(id);
    if (!view) {
      Problem problem = unknown_instance();
      removal.refused.emplace_back(id, std::move(problem));
    } else if (!stop && !engine::ended(view->status)) {
      removal.refused.emplace_back(id, instance_open(id));
    } else {
      removal.unconfirmed.push_back(id);
    }
  }
  return removal;
}

}  // namespace stepwell::api
