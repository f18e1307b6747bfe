#include "daemon/manual.h"

#include <string_view>
#include <utility>
#include <vector>

namespace stepwell::daemon {

namespace {

// --- man(7) ---

std::string roff(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\')
      out += "\\e";
    else if (c == '-')
      out += "\\-";
    else if (c == '\'')
      out += "\\(aq";
    else if (c == '`')
      out += "\\(ga";
    else if (c == '^')
      out += "\\(ha";
    else if (c == '~')
      out += "\\(ti";
    else
      out += c == '\n' ? ' ' : c;
  }
  // groff reads UTF-8 by its preprocessor; these stand in our own texts.
  for (const auto& [from, to] : {std::pair{"…", "\\&..."}, {"→", "\\->"}})
    for (std::size_t at = out.find(from); at != std::string::npos; at = out.find(from))
      out.replace(at, std::string_view(from).size(), to);
  return out;
}

// A line that does not begin a request, whatever it begins with.
std::string roff_line(std::string_view text) {
  std::string line = roff(text);
  if (!line.empty() && (line.front() == '.' || line.starts_with("\\(aq"))) line.insert(0, "\\&");
  return line + "\n";
}

std::string roff_examples(const std::vector<std::string>& lines) {
  if (lines.empty()) return {};
  std::string out = ".PP\n.nf\n.RS\n";
  for (const std::string& line : lines) out += roff_line(line);
  return out + ".RE\n.fi\n";
}

std::string roff_option(const CommandOption& option) {
  std::string out = ".TP\n\\fB" + roff(option.joined_names()) + "\\fR";
  if (!option.value.empty() && !option.positional) out += " \\fI" + roff(option.value) + "\\fR";
  out += "\n";
  std::string about = option.about;
  if (option.positional && !option.words().empty()) about += " (" + option.value + ")";
  if (!option.environment.empty()) about += " (or the variable " + option.environment + ")";
  return out + roff_line(about);
}

void append_roff(std::string& out, const CommandTree& tree) {
  for (const CommandTree& command : tree.commands) {
    out += ".SS \"" + roff(command.usage()) + "\"\n" + roff_line(command.about + ".");
    for (const CommandOption& option : command.options)
      if (option.names.back() != "--help") out += roff_option(option);
    const FooterParts footer = parts_of(command.footer);
    if (!footer.text.empty()) out += ".PP\n" + roff_line(footer.text);
    // An example of a group is one of its commands' too.
    if (command.commands.empty()) out += roff_examples(footer.examples);
    append_roff(out, command);
  }
}

// --- Markdown ---

std::string escaped_cell(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '|' || c == '<' || c == '*' || c == '_') out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out;
}

std::string code(std::string_view text) {
  std::string out = "`";
  for (const char c : text) {
    if (c == '|') out += '\\';  // within a table
    out += c;
  }
  return out + "`";
}

std::string option_row(const CommandOption& option) {
  std::string name;
  for (const std::string& one : option.names) name += (name.empty() ? "" : ", ") + code(one);
  if (!option.positional && !option.value.empty()) name += " " + code(option.value);
  std::string about = escaped_cell(option.about);
  if (option.required) about += "; required";
  if (!option.environment.empty()) about += "; or `" + option.environment + "`";
  return "| " + name + " | " + about + " |\n";
}

void append_markdown(std::string& out, const CommandTree& tree, int level) {
  for (const CommandTree& command : tree.commands) {
    out += "\n" + std::string(static_cast<std::size_t>(level), '#') + " " + command.path + "\n\n" +
           command.about + ".\n";
    const FooterParts footer = parts_of(command.footer);
    if (!footer.text.empty()) out += "\n" + footer.text + "\n";
    std::string rows;
    for (const CommandOption& option : command.options)
      if (option.names.back() != "--help") rows += option_row(option);
    out += "\n```\n" + command.usage() + "\n```\n";
    if (!rows.empty()) out += "\n| | |\n|---|---|\n" + rows;
    if (command.commands.empty() && !footer.examples.empty()) {
      out += "\n```sh\n";
      for (const std::string& line : footer.examples) out += line + "\n";
      out += "```\n";
    }
    append_markdown(out, command, level + 1);
  }
}

}  // namespace

std::string manual_page(const CommandTree& tree, const std::string& version) {
  std::string out =
      ".\\\" Made by `stepwell manual`.\n"
      ".TH STEPWELL 1 \"\" \"stepwell " +
      version + "\" \"User Commands\"\n.nh\n.ad l\n";
  out +=
      ".SH NAME\nstepwell \\- runs integration workflows, and stops using a key when it is revoked "
      "or has expired\n";
  out += ".SH SYNOPSIS\n.B stepwell\n.I COMMAND\n.RI [ OPTIONS ]\n";
  out += ".SH DESCRIPTION\n" + roff_line(tree.about);
  out += ".SH OPTIONS\n";
  for (const CommandOption& option : tree.options) out += roff_option(option);
  out += ".SH COMMANDS\n";
  append_roff(out, tree);
  out += ".SH \"EXIT STATUS\"\n" + roff_line(tree.footer);
  out +=
      ".SH ENVIRONMENT\n"
      ".TP\n.B STEPWELL_API_KEY\nThe API key that commands present to the daemon.\n"
      ".TP\n.B STEPWELL_CONFIG\nThe settings file, instead of \\fIstepwell.yaml\\fR.\n"
      ".TP\n.B STEPWELL_SERVER\nThe daemon's URL, where there is no settings file.\n"
      ".TP\n.B STEPWELL_CACERT, STEPWELL_CERT, STEPWELL_CERT_KEY\nAs \\fB--cacert\\fR, "
      "\\fB--cert\\fR and \\fB--key\\fR.\n"
      ".TP\n.B STEPWELL_CERT_PASSPHRASE\nOf that key, where it is encrypted.\n"
      ".TP\n.B NO_COLOR\nSet and not empty: no colours.\n"
      ".PP\nEach setting of the daemon can be given by a variable too; stepwell.yaml, as "
      "\\fBstepwell init\\fR writes it, says which there are.\n";
  out += ".SH \"SEE ALSO\"\n.BR jq (1),\n.BR curl (1),\n.BR systemd (1)\n";
  return out;
}

std::string markdown_manual(const CommandTree& tree) {
  std::string out =
      "# The command line\n\n"
      "Made by `stepwell manual --format markdown`, which a test compares it with; so is the "
      "manual "
      "page\n"
      "(`man stepwell`). [Getting started](getting-started.md) shows the commands at work.\n\n" +
      tree.about + " " + tree.footer + "\n\n| | |\n|---|---|\n";
  for (const CommandOption& option : tree.options) out += option_row(option);
  append_markdown(out, tree, 2);
  return out;
}

}  // namespace stepwell::daemon
