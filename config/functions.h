// The functions that a definition can call: those of use.functions, and those that are fetched.
// Each is read once, whoever calls it, and after all else, so that functions may call each other
// in any order. Lives as long as load_definition() runs, on its thread.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "config/library.h"
#include "config/reading.h"

namespace stepwell::config {

class FunctionTable {
 public:
  FunctionTable(Reading& definition, Library& library)
      : definition_(definition), library_(library) {}

  // Takes in the entries of use.functions.
  void index();
  // The function that `call: NAME` means. Null where there is none, for which there is a fault.
  std::shared_ptr<const TaskList> refer(Reading& reading, const Place& call,
                                        const std::string& name);
  // Reads all of them, and what they call; those that are called go into the definition.
  void read_all();

 private:
  struct Call {
    std::size_t callee;
    Position position;
    std::string reference;
  };
  struct Function {
    std::string name;                         // as a call has it
    const YamlNode::Member* entry = nullptr;  // of use.functions …
    Library::Document* document = nullptr;    // … or what was fetched
    std::shared_ptr<TaskList> tasks = std::make_shared<TaskList>();
    bool called = false;
    std::vector<Call> calls = {};
  };

  std::size_t add(std::string name, const std::string& key);
  std::size_t find(Reading& reading, const Place& call, const std::string& name);
  std::size_t find_elsewhere(Reading& reading, const Place& call, const std::string& name,
                             const FixedEndpoint& endpoint);
  std::size_t find_cataloged(Reading& reading, const Place& call, const std::string& name);
  void read(std::size_t number);
  void check_calls();
  void report_cycle(std::size_t from, const std::vector<std::size_t>& depth,
                    std::vector<bool>& told);

  Reading& definition_;
  Library& library_;
  std::vector<Function> functions_;
  std::map<std::string, std::size_t, std::less<>> known_;  // by name, or by URI
};

}  // namespace stepwell::config
