// The `stepwell` command: reads the command line and calls what it names.
#include <CLI/CLI.hpp>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <string>

#include "daemon/admin_commands.h"
#include "daemon/exit_code.h"
#include "daemon/process.h"
#include "daemon/run_command.h"
#include "daemon/serve_command.h"
#include "daemon/validate_command.h"

namespace {

using namespace stepwell::daemon;  // NOLINT(google-build-using-namespace): this file is its user

void add_run(CLI::App& app, RunOptions& options) {
  CLI::App* run = app.add_subcommand("run", "Run one instance in this process, without a daemon");
  run->add_option("file", options.file, "The definition (YAML or JSON)")->required();
  run->add_option("--input", options.input, "JSON text, @FILE, or - for standard input");
  run->add_option("--trace", options.trace,
                  "Write a JSON line for each step's start and end to "
                  "this file, or - for standard output");
  run->add_option("--connect-to", options.connect_to,
                  "HOST:PORT:HOST:PORT: connect to the second instead of the first (as curl)");
  run->add_option("--resolve", options.resolve, "HOST:PORT:ADDRESS (as curl)");
  run->add_option("--cacert", options.ca_file, "Certificates to trust, PEM (as curl)");
  run->add_option("--allow-network", options.networks,
                  "A network to open for requests, e.g. 127.0.0.0/8; loopback and private ones "
                  "are closed otherwise");
  run->add_option("--credential", options.credentials,
                  "NAME=bearer:@FILE, NAME=basic:USERNAME:@FILE, NAME=digest:USERNAME:@FILE, "
                  "NAME=apiKey:PREFIX:@FILE or NAME=header:HEADER:@FILE");
  run->add_option("--origin", options.origins,
                  "NAME=ORIGIN: where the credential NAME may be sent; without it, to the "
                  "origins of the definition's own endpoints");
  run->footer(
      "Examples:\n"
      "  stepwell run hello.yaml --input '{\"name\": \"Ada\"}'\n"
      "  stepwell run sync.yaml --allow-network 127.0.0.0/8 --credential crm=bearer:@token");
}

void add_validate(CLI::App& app, std::vector<std::string>& paths) {
  CLI::App* validate = app.add_subcommand("validate", "Report every fault of definitions");
  validate->add_option("path", paths, "Files, or folders of files")->required();
  validate->footer("Example:\n  stepwell validate definitions/");
}

void add_config(CLI::App* command, ServeOptions& options) {
  command->add_option("--config", options.config, "The settings file")
      ->envname("STEPWELL_CONFIG")
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
}

int run_command_line(int argc, char** argv) {
  CLI::App app(
      "Stepwell: runs integration workflows, and stops using a key the moment it is "
      "revoked or has expired.",
      "stepwell");
  app.set_version_flag("--version", "stepwell " STEPWELL_VERSION);
  app.require_subcommand(1);
  RunOptions run_options;
  std::vector<std::string> paths;
  ServeOptions serve_options;
  ServeOptions check_options;  // of its own: the environment would overwrite a shared file name
  CommandContext admin;
  add_run(app, run_options);
  add_validate(app, paths);
  add_serve(app, serve_options, check_options);
  add_admin_commands(app, admin);
  app.footer(
      "Exit codes: 0 done, 1 failed, 2 wrong usage or an invalid file, 3 cannot reach the "
      "daemon.");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kDone : kUsage;
  }
  if (app.got_subcommand("run")) return run(run_options);
  if (app.got_subcommand("validate")) return validate(paths);
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
