// Subcommands and their arguments, without the library that parses them: CLI11 lies behind this
// header. What a shell completes, the manual and docs/cli.md are made from what is declared here.
// Made by main before anything is parsed; what is given by reference outlives the parsing.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace CLI {  // NOLINT(readability-identifier-naming): the library's own name
class App;
class Option;
}  // namespace CLI

namespace stepwell::daemon {

class Argument {
 public:
  explicit Argument(CLI::Option* option) : option_(option) {}

  Argument& required();
  Argument& excludes(const Argument& other);
  // What help calls its value. FILE, FOLDER, WORKFLOW, CREDENTIAL, USER, KEY, INSTANCE, SCHEDULE
  // and HELD_FILE are what a shell can complete (daemon/completion_names.h).
  Argument& kind(const std::string& name);
  // The words that it takes.
  Argument& one_of(std::vector<std::string> words);
  // Gives what is wrong with a value, or nothing.
  Argument& check(std::function<std::string(const std::string&)> fault);
  Argument& environment(const std::string& variable);

 private:
  CLI::Option* option_;
};

class Command {
 public:
  explicit Command(CLI::App* app) : app_(app) {}

  // `names`: "-o,--output", or a word for what stands by its place.
  Argument text(const std::string& names, std::string& target, const std::string& about);
  Argument texts(const std::string& names, std::vector<std::string>& target,
                 const std::string& about);
  Argument flag(const std::string& names, bool& target, const std::string& about);
  // Below the help: what else there is to know, and examples.
  Command& footer(const std::string& text);
  Command& runs(std::function<void()> what);
  // One below this one; options that it does not know are looked for here.
  Command subcommand(const std::string& name, const std::string& about);
  // Not in the help.
  Command& hidden();
  Command& needs_subcommand();

 private:
  CLI::App* app_;
};

Command add_command(CLI::App& app, const std::string& name, const std::string& about);
// -o, for what prints an answer.
Argument add_output(Command command, std::string& target);
// --config, from the environment too.
Argument add_config(Command command, std::string& target);

}  // namespace stepwell::daemon
