// The workflows that simulated worlds run: some written by hand, others made at random. Loaded once
// for all worlds of a program. For tests, on one thread.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "config/definition.h"
#include "engine/engine.h"

namespace stepwell::simulation {

using Definition = std::shared_ptr<const config::Definition>;

class Workflows {
 public:
  Workflows();
  const std::vector<Definition>& plain() const { return plain_; }
  const std::vector<Definition>& scheduled() const { return scheduled_; }
  // What `run: workflow` names.
  Definition named(const std::string& name) const;
  Definition random(std::size_t number);
  // As a process reads them from its journal.
  Result<Definition> load(const Value& sources) const;

 private:
  Definition add(const std::string& text);

  std::vector<Definition> plain_;
  std::vector<Definition> scheduled_;
  std::map<std::string, Definition> by_name_;
  std::map<std::size_t, Definition> random_;
  std::map<std::string, Definition> by_sources_;
};

}  // namespace stepwell::simulation
