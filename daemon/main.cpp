// The `stepwell` command: reads the command line and calls what it names.
#include <CLI/CLI.hpp>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include "daemon/admin_commands.h"
#include "daemon/backup_commands.h"
#include "daemon/eval_command.h"
#include "daemon/exit_code.h"
#include "daemon/graph_command.h"
#include "daemon/process.h"
#include "daemon/run_command.h"
#include "daemon/serve_command.h"
#include "daemon/shell_commands.h"
#include "daemon/validate_command.h"

namespace {

using namespace stepwell::daemon;  // NOLINT(google-build-using-namespace): this file is its user

CLI::Validator one_of(const std::vector<std::string>& words) {
  return {[words](const std::string& text) {
            std::string known;
            for (const std::string& word : words) {
              if (word == text) return std::string();
              known += (known.empty() ? "" : ", ") + word;
            }
            return "must be one of " + known;
          },
          ""};
}

void add_budget(CLI::App* command, BudgetOptions& budget) {
  command->add_option(
      "--max-cpu", budget.max_cpu,
      "CPU time that one evaluation of an expression may take: 500ms, 1s, PT1S (default 1s)");
  command->add_option("--max-memory", budget.max_memory, "Memory that it may hold (default 64MiB)");
  command->add_option("--max-outputs", budget.max_outputs, "Outputs (default 1000000)")
      ->check(CLI::PositiveNumber);
  command
      ->add_option("--max-depth", budget.max_depth,
                   "Levels of a value (at most, and by default, 10000)")
      ->check(CLI::Range(1, 10'000));
}

void add_transport(CLI::App* command, RunOptions& options) {
  command->add_option("--connect-to", options.connect_to,
                      "HOST:PORT:HOST:PORT: connect to the second instead of the first (as curl)");
  command->add_option("--resolve", options.resolve, "HOST:PORT:ADDRESS (as curl)");
  command->add_option("--cacert", options.ca_file, "Certificates to trust, PEM (as curl)")
      ->type_name("FILE");
  command->add_option("--allow-network", options.networks,
                      "A network to open for requests, e.g. 127.0.0.0/8; loopback and private ones "
                      "are closed otherwise");
  command->add_option("--catalog", options.catalog,
                      "A folder or a URI: the catalog `default`, whose functions can be called");
}

void add_run(CLI::App& app, RunOptions& options) {
  CLI::App* run = app.add_subcommand("run", "Run one instance in this process, without a daemon");
  run->fallthrough();
  run->add_option("file", options.file, "The definition (YAML or JSON)")
      ->required()
      ->type_name("FILE");
  run->add_option("--with", options.with,
                  "Another definition, or a folder of them, that `run: workflow` may start; "
                  "several times for several")
      ->type_name("FILE");
  run->add_option("--input", options.input, "JSON text, @FILE, or - for standard input");
  run->add_option("--trace", options.trace,
                  "Write a JSON line for each step's start and end to "
                  "this file, or - for standard output")
      ->type_name("FILE");
  add_transport(run, options);
  run->add_option("--credential", options.credentials,
                  "NAME=bearer:@FILE, NAME=basic:USERNAME:@FILE, NAME=digest:USERNAME:@FILE, "
                  "NAME=apiKey:PREFIX:@FILE or NAME=header:HEADER:@FILE");
  run->add_option("--origin", options.origins,
                  "NAME=ORIGIN: where the credential NAME may be sent; without it, to the "
                  "origins of the definition's own endpoints");
  run->add_flag("--allow-shell", options.allow_shell, "Let it run shell commands (run: shell)");
  run->add_flag("--allow-script", options.allow_script, "Let it run scripts (run: script)");
  run->add_flag("--allow-container", options.allow_container,
                "Let it run containers, by /usr/bin/docker (run: container)");
  add_budget(run, options.budget);
  run->footer(
      "Examples:\n"
      "  stepwell run hello.yaml --input '{\"name\": \"Ada\"}'\n"
      "  stepwell run sync.yaml --allow-network 127.0.0.0/8 --credential crm=bearer:@token\n"
      "  stepwell run order.yaml --with definitions/");
}

void add_validate(CLI::App& app, ValidateOptions& options, RunOptions& transport) {
  CLI::App* validate = app.add_subcommand("validate", "Report every fault of definitions");
  validate->fallthrough();
  validate->add_option("path", options.paths, "Files, or folders of files")
      ->required()
      ->type_name("FILE");
  validate
      ->add_option("-o,--output", options.output,
                   "text (one line for each fault, on standard error), or json (one array, on "
                   "standard output) for editors")
      ->transform(CLI::CheckedTransformer(std::map<std::string, ValidateOutput>{
          {"text", ValidateOutput::text}, {"json", ValidateOutput::json}}))
      ->type_name("text|json");
  validate->add_flag("--offline", options.offline,
                     "Fetch nothing, and warn of what is not checked for that");
  add_transport(validate, transport);
  validate->footer(
      "Warnings leave the exit code at 0.\n"
      "Examples:\n"
      "  stepwell validate definitions/\n"
      "  stepwell validate sync.yaml --output json");
}

void add_graph(CLI::App& app, GraphOptions& options) {
  CLI::App* graph = app.add_subcommand("graph", "Show what of a definition runs after what");
  graph->add_option("file", options.file, "The definition (YAML or JSON)")
      ->required()
      ->type_name("FILE");
  graph
      ->add_option("-f,--format", options.format,
                   "mermaid (text for documents and repositories) or svg (a picture)")
      ->check(one_of({"mermaid", "svg"}))
      ->type_name("mermaid|svg")
      ->default_val("mermaid");
  graph->add_option("-o,--output", options.output, "Write to this file")->type_name("FILE");
  graph->footer(
      "Examples:\n"
      "  stepwell graph sync.yaml\n"
      "  stepwell graph sync.yaml --format svg -o sync.svg");
}

void add_eval_output(CLI::App* eval, EvalOptions& options) {
  eval->add_flag("-c,--compact-output", options.compact, "Each output on one line");
  eval->add_flag("-r,--raw-output", options.raw, "Strings as they are, without quotes");
  eval->add_flag("-j,--join-output", options.join, "The same, and no line ends between outputs");
  eval->add_flag("-a,--ascii-output", options.ascii, "Other characters as \\u escapes");
  eval->add_flag("-S,--sort-keys", options.sort_keys, "Members of objects sorted by name");
  eval->add_flag("--tab", options.tabs, "Indent by tabs");
  eval->add_option("--indent", options.indent, "Indent by so many spaces; 0: one line")
      ->check(CLI::Range(0, 7));
  eval->add_flag("-e,--exit-status", options.exit_status,
                 "Exit with 1 where the last output is null or false, or there is none");
}

void add_eval(CLI::App& app, EvalOptions& options) {
  CLI::App* eval =
      app.add_subcommand("eval", "Try out an expression on JSON from standard input (as jq)");
  CLI::Option* file = eval->add_option("-f,--from-file", options.file, "Read the expression here")
                          ->type_name("FILE");
  eval->add_option("expression", options.expression, "The expression, without ${ }")
      ->excludes(file);
  add_eval_output(eval, options);
  eval->add_flag("-n,--null-input", options.null_input, "Read nothing; the input is null");
  eval->add_flag("-R,--raw-input", options.raw_input, "Each line of the input is a string");
  eval->add_flag("-s,--slurp", options.slurp, "All inputs as one array; with -R as one string");
  eval->add_option("--arg", options.arguments, "NAME VALUE: $NAME is this string")
      ->allow_extra_args(false);
  eval->add_option("--argjson", options.json_arguments, "NAME JSON: $NAME is this value")
      ->allow_extra_args(false);
  add_budget(eval, options.budget);
  eval->footer(
      "Several JSON texts are several inputs, one after the other. An expression that fails on one "
      "is reported, and the next is read; the exit code is 1 then, and 2 where the expression or "
      "the input is not valid.\n"
      "Examples:\n"
      "  echo '{\"orders\": [{\"id\": 7}]}' | stepwell eval '.orders[].id'\n"
      "  stepwell eval -n --arg name Ada '{greeting: \"Hello, \\($name)\"}'\n"
      "  stepwell eval -c --argjson context '{\"rate\": 2}' '.amount * $context.rate' "
      "< order.json");
}

void add_config(CLI::App* command, ServeOptions& options) {
  command->add_option("--config", options.config, "The settings file")
      ->envname("STEPWELL_CONFIG")
      ->type_name("FILE")
      ->default_val("stepwell.yaml");
  command->add_option("--set", options.overrides, "KEY=VALUE instead of the file's");
}

void add_serve(CLI::App& app, ServeOptions& options, ServeOptions& checked) {
  CLI::App* serve = app.add_subcommand("serve", "Run the daemon");
  add_config(serve, options);
  serve->add_option("--listen", options.listen, "HOST:PORT; port 0 takes a free one");
  serve->add_flag("--allow-plaintext", options.allow_plaintext,
                  "Listen without TLS on other than loopback addresses");
  serve->footer(
      "SIGHUP reloads definitions and settings, SIGTERM stops in an orderly way.\n"
      "Example:\n  stepwell serve --config stepwell.yaml --listen 127.0.0.1:8080");
  CLI::App* check = app.add_subcommand("check-config", "Check settings and definitions");
  add_config(check, checked);
  check->footer(
      "Exit codes: 0 all is well, 2 the settings or a definition have faults.\n"
      "Example:\n  stepwell check-config --config site/stepwell.yaml");
}

// --color, before or behind the subcommand.
void add_color(CLI::App& app, CommandContext& context) {
  app.add_option_function<std::string>(
         "--color",
         [&context](const std::string& text) {
           const ColourChoice choice = text == "always"  ? ColourChoice::always
                                       : text == "never" ? ColourChoice::never
                                                         : ColourChoice::automatic;
           context.terminal = process_terminal(choice, context.environment);
         },
         "Colours; auto: on a terminal, unless NO_COLOR is set")
      ->check(one_of({"auto", "always", "never"}))
      ->type_name("auto|always|never");
}

int run_command_line(int argc, char** argv) {
  CLI::App app(
      "Stepwell: runs integration workflows, and stops using a key the moment it is "
      "revoked or has expired.",
      "stepwell");
  app.set_version_flag("--version", "stepwell " STEPWELL_VERSION);
  app.require_subcommand(1);
  RunOptions run_options;
  ValidateOptions validate_options;
  RunOptions validate_transport;
  GraphOptions graph_options;
  EvalOptions eval_options;
  ServeOptions serve_options;
  ServeOptions check_options;  // of its own: the environment would overwrite a shared file name
  CommandContext admin;
  admin.terminal = process_terminal(ColourChoice::automatic, admin.environment);
  add_color(app, admin);
  add_run(app, run_options);
  add_validate(app, validate_options, validate_transport);
  add_graph(app, graph_options);
  add_eval(app, eval_options);
  add_serve(app, serve_options, check_options);
  add_admin_commands(app, admin);
  add_backup_commands(app, admin);
  add_shell_commands(app, admin);
  app.footer(
      "Exit codes: 0 done, 1 failed, 2 wrong usage or an invalid file, 3 cannot reach the "
      "daemon, 4 the daemon ended itself because the state on disk is in doubt.");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kDone : kUsage;
  }
  if (app.got_subcommand("run")) return run(run_options, admin.terminal);
  if (app.got_subcommand("validate")) {
    const auto transport = transport_options(validate_transport);
    if (!transport) {
      std::cerr << "stepwell validate: " << transport.error().one_line() << '\n';
      return kUsage;
    }
    validate_options.catalog = validate_transport.catalog;
    return validate(validate_options, *transport, admin);
  }
  if (app.got_subcommand("graph")) return graph(graph_options, admin);
  if (app.got_subcommand("eval")) return eval(eval_options);
  if (app.got_subcommand("serve")) return serve(serve_options);
  if (app.got_subcommand("check-config")) return check_config(check_options);
  return admin.exit_code;
}

}  // namespace

int main(int argc, char** argv) {
  forbid_core_dumps();
  raise_file_limit();
  try {
    return run_command_line(argc, argv);
  } catch (const std::exception& error) {
    std::cerr << "stepwell: " << error.what() << '\n';
    return kFailed;
  }
}
