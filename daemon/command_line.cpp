#include "daemon/command_line.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <utility>

namespace stepwell::daemon {

namespace {

std::string joined(const std::vector<std::string>& words, const std::string& between) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : between) + word;
  return text;
}

}  // namespace

Argument& Argument::required() {
  option_->required();
  return *this;
}

Argument& Argument::excludes(const Argument& other) {
  option_->excludes(other.option_);
  return *this;
}

Argument& Argument::kind(const std::string& name) {
  option_->type_name(name);
  return *this;
}

Argument& Argument::one_of(std::vector<std::string> words) {
  option_->type_name(joined(words, "|"));
  return check([words = std::move(words)](const std::string& text) {
    return std::find(words.begin(), words.end(), text) != words.end()
               ? std::string()
               : "must be one of " + joined(words, ", ");
  });
}

Argument& Argument::check(std::function<std::string(const std::string&)> fault) {
  option_->check([fault = std::move(fault)](const std::string& text) { return fault(text); });
  return *this;
}

Argument& Argument::environment(const std::string& variable) {
  option_->envname(variable);
  return *this;
}

Argument Command::text(const std::string& names, std::string& target, const std::string& about) {
  return Argument(app_->add_option(names, target, about));
}

Argument Command::texts(const std::string& names, std::vector<std::string>& target,
                        const std::string& about) {
  CLI::Option* option = app_->add_option(names, target, about);
  // One value each time, so that a positional argument may stand behind it.
  if (!option->get_positional()) option->allow_extra_args(false);
  return Argument(option);
}

Argument Command::flag(const std::string& names, bool& target, const std::string& about) {
  return Argument(app_->add_flag(names, target, about));
}

Command& Command::footer(const std::string& text) {
  app_->footer(text);
  return *this;
}

Command& Command::runs(std::function<void()> what) {
  app_->callback(std::move(what));
  return *this;
}

Command Command::subcommand(const std::string& name, const std::string& about) {
  CLI::App* command = app_->add_subcommand(name, about);
  command->fallthrough();
  return Command(command);
}

Command& Command::hidden() {
  app_->group("");
  return *this;
}

Command& Command::needs_subcommand() {
  app_->require_subcommand(1);
  return *this;
}

Command add_command(CLI::App& app, const std::string& name, const std::string& about) {
  CLI::App* command = app.add_subcommand(name, about);
  command->fallthrough();
  return Command(command);
}

Argument add_output(Command command, std::string& target) {
  return command.text("-o,--output", target, "How the answer is printed (default table)")
      .one_of({"table", "json", "yaml"});
}

Argument add_config(Command command, std::string& target) {
  return command.text("--config", target, "The settings file")
      .environment("STEPWELL_CONFIG")
      .kind("FILE");
}

}  // namespace stepwell::daemon
