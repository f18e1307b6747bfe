#include "daemon/command_context.h"

#include <cstdlib>
#include <iostream>

namespace stepwell::daemon {

CommandContext::CommandContext()
    : in(std::cin), out(std::cout), err(std::cerr), environment([](const std::string& name) {
        const char* value = std::getenv(name.c_str());  // NOLINT(concurrency-mt-unsafe): one thread
        return value == nullptr ? std::nullopt : std::optional<std::string>(value);
      }) {}

}  // namespace stepwell::daemon
