#include "daemon/command_tree.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>

namespace stepwell::daemon {

namespace {

CommandOption option_of(const CLI::Option& from) {
  CommandOption option;
  for (const std::string& name : from.get_snames()) option.names.push_back("-" + name);
  for (const std::string& name : from.get_lnames()) option.names.push_back("--" + name);
  option.positional = option.names.empty();
  if (option.positional) option.names.push_back(from.get_name(true));
  const bool takes_value = from.get_items_expected_max() > 0;
  if (takes_value) option.value = from.get_type_name();
  option.about = from.get_description();
  option.environment = from.get_envname();
  option.required = from.get_required();
  option.repeated = from.get_expected_max() > 1;
  return option;
}

CommandTree tree_below(const CLI::App& app, const std::string& path) {
  CommandTree tree;
  tree.path = path;
  tree.name = app.get_name();
  tree.about = app.get_description();
  tree.footer = app.get_footer();
  for (const CLI::Option* option : app.get_options())
    if (!option->get_group().empty()) tree.options.push_back(option_of(*option));
  for (const CLI::App* below : app.get_subcommands([](const CLI::App*) { return true; }))
    if (!below->get_group().empty())
      tree.commands.push_back(tree_below(*below, path + " " + below->get_name()));
  return tree;
}

}  // namespace

std::vector<std::string> CommandOption::words() const {
  std::vector<std::string> all;
  if (value.find('|') == std::string::npos) return all;
  std::size_t begin = 0;
  while (begin <= value.size()) {
    const std::size_t end = std::min(value.find('|', begin), value.size());
    all.push_back(value.substr(begin, end - begin));
    begin = end + 1;
  }
  return all;
}

std::string CommandOption::joined_names() const {
  std::string text;
  for (const std::string& one : names) text += (text.empty() ? "" : ", ") + one;
  return text;
}

std::string CommandTree::usage() const {
  std::string text = path;
  const bool any = std::any_of(options.begin(), options.end(),
                               [](const CommandOption& option) { return !option.positional; });
  if (any) text += " [OPTIONS]";
  for (const CommandOption& option : options) {
    if (!option.positional) continue;
    const std::string word = option.names.front() + (option.repeated ? "…" : "");
    text += option.required ? " " + word : " [" + word + "]";
  }
  return commands.empty() ? text : text + " COMMAND";
}

CommandTree tree_of(const CLI::App& app) { return tree_below(app, app.get_name()); }

FooterParts parts_of(const std::string& footer) {
  FooterParts parts;
  bool in_examples = false;
  for (std::size_t begin = 0; begin < footer.size();) {
    const std::size_t end = std::min(footer.find('\n', begin), footer.size());
    const std::string line = footer.substr(begin, end - begin);
    begin = end + 1;
    if (line == "Example:" || line == "Examples:") {
      in_examples = true;
    } else if (in_examples) {
      parts.examples.push_back(line.starts_with("  ") ? line.substr(2) : line);
    } else {
      parts.text += (parts.text.empty() ? "" : " ") + line;
    }
  }
  return parts;
}

}  // namespace stepwell::daemon
