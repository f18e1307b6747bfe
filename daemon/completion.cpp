#include "daemon/completion.h"

#include <algorithm>
#include <initializer_list>
#include <string_view>

namespace stepwell::daemon {

namespace {

std::string in_one(std::initializer_list<std::string_view> parts) {
  std::string text;
  for (const std::string_view part : parts) text += part;
  return text;
}

// In single quotes of a shell.
std::string shell_quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'')
      out += "'\\''";
    else
      out += c == '\n' ? ' ' : c;
  }
  return out + "'";
}

// The first sentence, for the line beside a word.
std::string short_about(const std::string& about) {
  const std::size_t end = about.find("; ");
  return about.substr(0, end);
}

// As zsh's _describe has it: WORD:ABOUT.
std::string described(const std::string& word, const std::string& about) {
  std::string escaped;
  for (const char c : word) {
    if (c == ':') escaped += '\\';
    escaped += c;
  }
  return shell_quoted(escaped + ":" + short_about(about));
}

void add_places(const CommandTree& tree, const std::vector<const CommandOption*>& above,
                std::vector<CompletionPlace>& places) {
  CompletionPlace place{&tree, {}, {}};
  for (const CommandOption& option : tree.options)
    (option.positional ? place.positionals : place.options).push_back(&option);
  for (const CommandOption* option : above) {
    const bool hidden = std::any_of(
        place.options.begin(), place.options.end(),
        [option](const CommandOption* own) { return own->names.back() == option->names.back(); });
    if (!hidden) place.options.push_back(option);
  }
  const std::vector<const CommandOption*> all = place.options;
  places.push_back(std::move(place));
  for (const CommandTree& below : tree.commands) add_places(below, all, places);
}

// What a word before the last one is, in bash and zsh alike: it moves $at, or belongs to an option.
// The tables are functions of "$at WORD", so that nothing is looked up in arrays of the shell.
std::string tables(const std::vector<CompletionPlace>& places) {
  std::string below;
  std::string kinds;
  std::string positionals;
  for (const CompletionPlace& place : places) {
    const std::string& path = place.command->path;
    for (const CommandTree& command : place.command->commands)
      below += in_one({"    ", shell_quoted(command.path), ") return 0 ;;\n"});
    for (const CommandOption* option : place.options) {
      if (option->value.empty()) continue;
      std::string patterns;
      for (const std::string& name : option->names)
        patterns += in_one({patterns.empty() ? "" : "|", shell_quoted(in_one({path, " ", name}))});
      kinds += in_one({"    ", patterns, ") printf %s ", shell_quoted(option->value), " ;;\n"});
    }
    std::size_t number = 0;
    for (const CommandOption* option : place.positionals) {
      const std::string index = option->repeated ? "*" : std::to_string(number++);
      positionals += in_one({"    ", shell_quoted(in_one({path, " "})), index, ") printf %s ",
                             shell_quoted(option->value), " ;;\n"});
    }
  }
  return "__stepwell_is_command() {\n  case \"$1\" in\n" + below +
         "  esac\n  return 1\n}\n"
         "__stepwell_value_of() {\n  case \"$1\" in\n" +
         kinds +
         "  esac\n}\n"
         "__stepwell_operand_of() {\n  case \"$1\" in\n" +
         positionals + "  esac\n}\n";
}

}  // namespace

std::vector<CompletionPlace> completion_places(const CommandTree& tree) {
  std::vector<CompletionPlace> places;
  add_places(tree, {}, places);
  return places;
}

std::string bash_completion(const CommandTree& tree) {
  const std::vector<CompletionPlace> places = completion_places(tree);
  std::string words;
  for (const CompletionPlace& place : places) {
    std::string commands;
    for (const CommandTree& command : place.command->commands)
      commands += in_one({command.name, " "});
    std::string options;
    for (const CommandOption* option : place.options)
      options += in_one({option->names.back(), " "});
    words +=
        in_one({"    ", shell_quoted(place.command->path), ") commands=", shell_quoted(commands),
                " options=", shell_quoted(options), " ;;\n"});
  }
  return "# Completion of stepwell for bash; made by `stepwell completion bash`.\n" +
         tables(places) +
         "__stepwell_complete_value() {\n"
         "  case \"$1\" in\n"
         "    FILE) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "
         "\"$2\") ;;\n"
         "    FOLDER) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -d -- "
         "\"$2\") ;;\n"
         "    *\\|*) COMPREPLY=($(compgen -W \"${1//|/ }\" -- \"$2\")) ;;\n"
         "    WORKFLOW|CREDENTIAL|USER|KEY|INSTANCE|SCHEDULE|HELD_FILE)\n"
         "      COMPREPLY=($(compgen -W \"$(\"${COMP_WORDS[0]}\" complete-names \"$1\" "
         "2>/dev/null)\" -- \"$2\")) ;;\n"
         "  esac\n"
         "}\n"
         "_stepwell() {\n"
         "  local IFS=$' \\t\\n' at=stepwell word operands=0 pending= commands= options= i\n"
         "  local current=${COMP_WORDS[COMP_CWORD]}\n"
         "  COMPREPLY=()\n"
         "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
         "    word=${COMP_WORDS[i]}\n"
         "    if [[ -n $pending ]]; then\n"
         "      [[ $word == '=' ]] || pending=\n"
         "    elif [[ $word == -* ]]; then\n"
         "      pending=$(__stepwell_value_of \"$at $word\")\n"
         "    elif __stepwell_is_command \"$at $word\"; then\n"
         "      at=\"$at $word\"\n"
         "    else\n"
         "      operands=$((operands + 1))\n"
         "    fi\n"
         "  done\n"
         "  [[ $current == '=' ]] && current=\n"
         "  if [[ -n $pending ]]; then\n"
         "    __stepwell_complete_value \"$pending\" \"$current\"\n"
         "    return\n"
         "  fi\n"
         "  case \"$at\" in\n" +
         words +
         "  esac\n"
         "  if [[ $current == -* ]]; then\n"
         "    COMPREPLY=($(compgen -W \"$options\" -- \"$current\"))\n"
         "  elif [[ -n $commands ]]; then\n"
         "    COMPREPLY=($(compgen -W \"$commands\" -- \"$current\"))\n"
         "  else\n"
         "    __stepwell_complete_value \"$(__stepwell_operand_of \"$at $operands\")\" "
         "\"$current\"\n"
         "  fi\n"
         "}\n"
         "complete -F _stepwell stepwell\n";
}

std::string zsh_completion(const CommandTree& tree) {
  const std::vector<CompletionPlace> places = completion_places(tree);
  std::string words;
  for (const CompletionPlace& place : places) {
    std::string commands;
    for (const CommandTree& command : place.command->commands)
      commands += in_one({" ", described(command.name, command.about)});
    std::string options;
    for (const CommandOption* option : place.options)
      options += in_one({" ", described(option->names.back(), option->about)});
    words += in_one({"    ", shell_quoted(place.command->path), ")\n      commands=(", commands,
                     ")\n      options=(", options, ") ;;\n"});
  }
  return "#compdef stepwell\n# Completion of stepwell for zsh; made by `stepwell completion "
         "zsh`.\n" +
         tables(places) +
         "__stepwell_complete_value() {\n"
         "  case \"$1\" in\n"
         "    FILE) _files ;;\n"
         "    FOLDER) _files -/ ;;\n"
         "    *\\|*) compadd -- ${(s:|:)1} ;;\n"
         "    WORKFLOW|CREDENTIAL|USER|KEY|INSTANCE|SCHEDULE|HELD_FILE)\n"
         "      compadd -- ${(f)\"$(\"${words[1]}\" complete-names \"$1\" 2>/dev/null)\"} ;;\n"
         "  esac\n"
         "}\n"
         "_stepwell() {\n"
         "  local at=stepwell word pending= i\n"
         "  local -i operands=0\n"
         "  local -a commands options\n"
         "  for ((i = 2; i < CURRENT; i++)); do\n"
         "    word=${words[i]}\n"
         "    if [[ -n $pending ]]; then\n"
         "      pending=\n"
         "    elif [[ $word == -* ]]; then\n"
         "      pending=$(__stepwell_value_of \"$at $word\")\n"
         "    elif __stepwell_is_command \"$at $word\"; then\n"
         "      at=\"$at $word\"\n"
         "    else\n"
         "      operands+=1\n"
         "    fi\n"
         "  done\n"
         "  if [[ -n $pending ]]; then\n"
         "    __stepwell_complete_value \"$pending\"\n"
         "    return\n"
         "  fi\n"
         "  case \"$at\" in\n" +
         words +
         "  esac\n"
         "  if [[ ${words[CURRENT]} == -* ]]; then\n"
         "    _describe -o option options\n"
         "  elif (( ${#commands} )); then\n"
         "    _describe command commands\n"
         "  else\n"
         "    __stepwell_complete_value \"$(__stepwell_operand_of \"$at $operands\")\"\n"
         "  fi\n"
         "}\n"
         "if [[ ${funcstack[1]} == _stepwell ]]; then _stepwell \"$@\"; else compdef _stepwell "
         "stepwell; fi\n";
}

namespace {

// Where the words so far name this command, and none below it.
std::string fish_condition(const CommandTree& tree) {
  std::string path = tree.path;
  std::string condition = tree.commands.empty() ? "__stepwell_in" : "__stepwell_at";
  for (std::size_t begin = path.find(' '); begin != std::string::npos;) {
    const std::size_t end = path.find(' ', begin + 1);
    condition +=
        in_one({" ", path.substr(begin + 1, end == std::string::npos ? end : end - begin - 1)});
    begin = end;
  }
  return condition;
}

std::string fish_values(const std::string& kind) {
  if (kind == "FILE") return " -F";
  if (kind == "FOLDER") return " -f -a '(__fish_complete_directories)'";
  if (kind.find('|') != std::string::npos) {
    std::string words = kind;
    std::replace(words.begin(), words.end(), '|', ' ');
    return " -f -a " + shell_quoted(words);
  }
  for (const char* known :
       {"WORKFLOW", "CREDENTIAL", "USER", "KEY", "INSTANCE", "SCHEDULE", "HELD_FILE"})
    if (kind == known)
      return " -f -a " + shell_quoted("(command stepwell complete-names " + kind + " 2>/dev/null)");
  return " -f";
}

}  // namespace

std::string fish_completion(const CommandTree& tree) {
  std::string out =
      "# Completion of stepwell for fish; made by `stepwell completion fish`.\n"
      "# The words that are no options are exactly these, or begin with them.\n"
      "function __stepwell_words\n"
      "  set -l words (commandline -opc)\n"
      "  set -e words[1]\n"
      "  for word in $words\n"
      "    string match -q -- '-*' $word; or echo $word\n"
      "  end\n"
      "end\n"
      "function __stepwell_at\n"
      "  set -l found (__stepwell_words)\n"
      "  test \"$found\" = \"$argv\"\n"
      "end\n"
      "function __stepwell_in\n"
      "  set -l found (__stepwell_words)\n"
      "  set -l most (count $argv)\n"
      "  test (count $found) -ge $most; and test \"$found[1..$most]\" = \"$argv\"\n"
      "end\n"
      "complete -c stepwell -f\n";
  for (const CompletionPlace& place : completion_places(tree)) {
    const std::string when =
        in_one({"complete -c stepwell -n ", shell_quoted(fish_condition(*place.command))});
    for (const CommandTree& command : place.command->commands)
      out += in_one(
          {when, " -a ", command.name, " -d ", shell_quoted(short_about(command.about)), "\n"});
    for (const CommandOption* option : place.options) {
      out += when;
      for (const std::string& name : option->names)
        out += name.starts_with("--") ? in_one({" -l ", std::string_view(name).substr(2)})
                                      : in_one({" -s ", std::string_view(name).substr(1)});
      if (!option->value.empty()) out += in_one({" -r", fish_values(option->value)});
      out += in_one({" -d ", shell_quoted(short_about(option->about)), "\n"});
    }
    for (const CommandOption* option : place.positionals)
      if (const std::string values = fish_values(option->value); values != " -f")
        out += in_one({when, values, "\n"});
  }
  return out;
}

}  // namespace stepwell::daemon
