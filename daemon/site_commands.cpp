// `stepwell init` and `stepwell doctor`: a site's beginning, and its health.
#include <memory>
#include <string>

#include "daemon/admin_commands.h"
#include "daemon/command_line.h"
#include "daemon/doctor.h"
#include "daemon/init.h"
#include "daemon/output.h"

namespace stepwell::daemon {

void add_init_command(CLI::App& app, CommandContext& context) {
  auto directory = std::make_shared<std::string>();
  auto data = std::make_shared<std::string>();
  auto output = std::make_shared<std::string>("table");
  Command init = add_command(app, "init", "Set up a new site in a directory");
  init.text("directory", *directory, "Made if missing; nothing in it is touched")
      .required()
      .kind("FOLDER");
  init.text("--data", *data,
            "The data folder, if it is to lie elsewhere; if it is there, it must be empty")
      .kind("FOLDER");
  add_output(init, *output);
  init.footer(
      "Prints the first API key, of the user admin; it is shown this once.\n"
      "Example:\n  stepwell init site && stepwell serve --config site/stepwell.yaml");
  init.runs([&context, directory, data, output] {
    const OutputFormat format = format_named(*output);
    const Result<Value> made = init_site(*directory, *data);
    if (!made) return report_problem(context, format, made.error());
    print_answer(context, format, *made);
  });
}

void add_doctor_command(CLI::App& app, CommandContext& context) {
  auto options = std::make_shared<DoctorOptions>();
  Command command = add_command(app, "doctor", "Check a site, and say what to do about each fault");
  // Of its own: the other groups' options write the environment's to the one they share.
  auto config = std::make_shared<std::string>();
  add_config(command, *config);
  add_output(command, options->output);
  command.flag("--fix", options->fix,
               "Mend what can be mended without loss: modes of files, a tombstone file that lacks "
               "what the database has");
  command.footer(
      "Exit codes: 0 no errors (there may be warnings), 1 errors, 2 the settings cannot be read.\n"
      "Example:\n  stepwell doctor --config site/stepwell.yaml");
  command.runs([&context, options, config] {
    if (!config->empty()) context.config_file = *config;
    doctor(context, *options);
  });
}

}  // namespace stepwell::daemon
