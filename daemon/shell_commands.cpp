#include "daemon/shell_commands.h"

#include <memory>
#include <ostream>
#include <string>

#include "daemon/command_line.h"
#include "daemon/command_tree.h"
#include "daemon/completion.h"
#include "daemon/completion_names.h"
#include "daemon/manual.h"

namespace stepwell::daemon {

void add_shell_commands(CLI::App& app, CommandContext& context) {
  const auto word = std::make_shared<std::string>();
  Command completion = add_command(app, "completion",
                                   "Print a script with which a shell completes this command line");
  completion.text("shell", *word, "Which one").required().one_of({"bash", "zsh", "fish"});
  completion.footer(
      "The Debian package has installed them already.\n"
      "Examples:\n"
      "  source <(stepwell completion bash)\n"
      "  stepwell completion zsh > ~/.zfunc/_stepwell\n"
      "  stepwell completion fish > ~/.config/fish/completions/stepwell.fish");
  completion.runs([&app, &context, word] {
    const CommandTree tree = tree_of(app);
    if (*word == "bash") context.out << bash_completion(tree);
    if (*word == "zsh") context.out << zsh_completion(tree);
    if (*word == "fish") context.out << fish_completion(tree);
  });

  const auto format = std::make_shared<std::string>("man");
  Command manual = add_command(app, "manual", "Print the manual");
  manual.text("--format", *format, "man (default): a manual page").one_of({"man", "markdown"});
  manual.footer("Example:\n  stepwell manual | man -l -");
  manual.runs([&app, &context, format] {
    const CommandTree tree = tree_of(app);
    context.out << (*format == "man" ? manual_page(tree, STEPWELL_VERSION) : markdown_manual(tree));
  });

  Command names = add_command(app, "complete-names", "What the daemon knows, for completions");
  const auto kind = std::make_shared<std::string>();
  names.text("kind", *kind, "WORKFLOW, USER, …").required();
  names.hidden().runs([&context, kind] { print_completion_names(context, *kind); });
}

}  // namespace stepwell::daemon
