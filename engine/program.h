// A definition made ready to run: tasks and task lists are numbered, and it is known which of the
// standard's variables each task looks at. Immutable, shared by all instances and threads.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "config/definition.h"

namespace stepwell::engine {

// Numbers of tasks and of task lists within one Program; kNone names none.
using TaskNumber = std::uint32_t;
using ListNumber = std::uint32_t;
inline constexpr std::uint32_t kNone = UINT32_MAX;

struct ProgramTask {
  const config::Task* task = nullptr;
  ListNumber body = kNone;           // of do, for, fork, listen and try
  ListNumber handler = kNone;        // of try: catch.do
  std::uint32_t extensions = kNone;  // what Program::extensions() knows them by
  std::uint8_t used = 0;             // bit set of config::Variable below kFirstLocal
};

struct ProgramExtension {
  const config::Extension* extension = nullptr;
  ListNumber before = kNone;
  ListNumber after = kNone;
};

class Program {
 public:
  // `budget` is what one evaluation of an expression may take.
  explicit Program(std::shared_ptr<const config::Definition> definition,
                   const expression::Budget& budget = {});

  const config::Definition& definition() const { return *definition_; }
  const std::shared_ptr<const config::Definition>& shared_definition() const { return definition_; }
  const ProgramTask& task(TaskNumber number) const { return tasks_[number]; }
  std::size_t size() const { return tasks_.size(); }                           // tasks
  TaskNumber tasks() const { return static_cast<TaskNumber>(tasks_.size()); }  // their number
  const std::vector<TaskNumber>& list(ListNumber number) const { return lists_[number]; }
  ListNumber root() const { return 0; }
  const std::vector<ProgramExtension>& extensions(std::uint32_t number) const {
    return extensions_[number];
  }
  bool has_extensions() const { return !extensions_.empty(); }
  const expression::Budget& budget() const { return budget_; }
  std::uint8_t used_by_input() const { return used_by_input_; }    // workflow input.from
  std::uint8_t used_by_output() const { return used_by_output_; }  // workflow output.as
  const Value& runtime() const { return runtime_; }                // $runtime

 private:
  struct Known;
  ListNumber number_list(const config::TaskList& tasks, Known& known);
  void fill_list(ListNumber number, const config::TaskList& tasks, Known& known);
  TaskNumber number_task(const config::Task& task, Known& known);
  std::uint32_t number_extensions(const config::Extensions& extensions, const Known& known);

  std::shared_ptr<const config::Definition> definition_;
  const expression::Budget budget_;
  std::vector<ProgramTask> tasks_;
  std::vector<std::vector<TaskNumber>> lists_;
  std::vector<std::vector<ProgramExtension>> extensions_;
  std::uint8_t used_by_input_ = 0;
  std::uint8_t used_by_output_ = 0;
  Value runtime_;
};

}  // namespace stepwell::engine
