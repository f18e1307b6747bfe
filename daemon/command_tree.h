// All commands with their options, as plain values: what the manual, docs/cli.md and completions
// are made from.
// Pure but for what CLI11 is asked.
#pragma once

#include <string>
#include <vector>

namespace CLI {  // NOLINT(readability-identifier-naming): the library's own name
class App;
}

namespace stepwell::daemon {

struct CommandOption {
  std::vector<std::string> names;  // "-o", "--output"; of what stands by its place its one name
  std::string value;               // what its value is called; empty: a flag
  std::string about;
  std::string environment;  // the variable that it is taken from; may be empty
  bool positional = false;
  bool required = false;
  bool repeated = false;

  // The words that it takes, where `value` lists them.
  std::vector<std::string> words() const;
  std::string joined_names() const;  // "-o, --output"
};

struct CommandTree {
  std::string path;  // "stepwell keys create"
  std::string name;  // "create"
  std::string about;
  std::string footer;
  std::vector<CommandOption> options;  // its own; those above it can be given as well
  std::vector<CommandTree> commands;   // without hidden ones

  // "stepwell keys create [OPTIONS] name"
  std::string usage() const;
};

CommandTree tree_of(const CLI::App& app);

// A footer's parts: text, and the lines below "Example:" or "Examples:".
struct FooterParts {
  std::string text;
  std::vector<std::string> examples;  // lines, without what they are indented by
};
FooterParts parts_of(const std::string& footer);

}  // namespace stepwell::daemon
