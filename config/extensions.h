// The extensions of a definition, by the kinds of tasks that they extend. What they run is read
// after all tasks know which of them extend them. Lives as long as load_definition() runs, on its
// thread.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "config/reading.h"

namespace stepwell::config {

class ExtensionTable {
 public:
  // Takes in `use.extensions`.
  void index(const Place& list);
  // Those that extend tasks of this kind (the keyword of the task); null for none.
  std::shared_ptr<const Extensions> of(std::string_view kind);
  // Reads what they do; they go into the definition.
  void read(Reading& reading, const Place& list);

 private:
  std::vector<std::shared_ptr<Extension>> extensions_;  // by item; null where it is no extension
  std::map<std::string, std::shared_ptr<const Extensions>, std::less<>> by_kind_;
};

}  // namespace stepwell::config
