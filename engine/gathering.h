// Collects the first so many of a list of instances, in its order, from those that are offered in
// any order. A plain value for one thread.
#pragma once

#include <cstddef>
#include <span>
#include <unordered_map>
#include <vector>

#include "engine/engine.h"
#include "engine/instance_filter.h"

namespace stepwell::engine {

class Gathering {
 public:
  struct Found {
    InstancePosition position;
    InstanceView view;
  };

  explicit Gathering(const InstanceQuery& query) : query_(query) {}

  // Is it one of them, as far as is known? Then it is to be added.
  bool wants(const InstanceFacts& facts, const Workflow& workflow,
             std::span<const TaskNumber> active);
  bool wants(const InstanceFacts& facts, const InstanceView& view);
  // The one that was wanted last.
  void add(InstanceView view);
  std::vector<Found> take();  // in their order

 private:
  struct OfWorkflow {
    bool picked = false;
    std::vector<bool> steps;  // by task: is it the step that is asked for?
  };
  const OfWorkflow& of(const Workflow& workflow);
  bool wants(const InstanceFacts& facts);

  const InstanceQuery& query_;
  InstancePosition position_;
  std::vector<Found> found_;  // a heap, the last one in the order first
  std::unordered_map<const Workflow*, OfWorkflow> workflows_;
};

}  // namespace stepwell::engine
