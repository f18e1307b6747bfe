// What an administrative command is given of its surroundings, and where it leaves its exit code:
// the process's own streams and environment, or a test's.
// Owned by main; used by one thread.
#pragma once

#include <functional>
#include <iosfwd>
#include <optional>
#include <string>

#include "daemon/exit_code.h"
#include "daemon/terminal.h"

namespace stepwell::daemon {

struct CommandContext {
  // The process's own.
  CommandContext();
  CommandContext(std::istream& from, std::ostream& to, std::ostream& errors,
                 std::function<std::optional<std::string>(const std::string&)> variables)
      : in(from), out(to), err(errors), environment(std::move(variables)) {}

  std::istream& in;
  std::ostream& out;
  std::ostream& err;
  std::function<std::optional<std::string>(const std::string& name)> environment;
  Terminal terminal;  // none: what is printed is for a program
  std::string config_file = "stepwell.yaml";
  int exit_code = kDone;
};

}  // namespace stepwell::daemon
