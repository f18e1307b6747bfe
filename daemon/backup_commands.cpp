#include "daemon/backup_commands.h"

#include <memory>
#include <string>

#include "daemon/backup.h"
#include "daemon/command_line.h"
#include "daemon/output.h"
#include "daemon/restore.h"

namespace stepwell::daemon {

namespace {

struct BackupOptions {
  std::string config;
  std::string output = "table";
  RestoreOptions restore;
};

void add_common(Command command, BackupOptions& options, const char* folder) {
  command.text("folder", options.restore.folder, folder).required().kind("FOLDER");
  add_config(command, options.config);
  add_output(command, options.output);
}

OutputFormat prepare(CommandContext& context, const BackupOptions& options) {
  if (!options.config.empty()) context.config_file = options.config;
  return format_named(options.output);
}

}  // namespace

void add_backup_commands(CLI::App& app, CommandContext& context) {
  auto backup_options = std::make_shared<BackupOptions>();
  Command backup_command =
      add_command(app, "backup", "Copy the data directory's databases, also while the daemon runs");
  add_common(backup_command, *backup_options, "A folder that does not exist yet");
  backup_command.footer(
      "In it: instances, keys, credentials (encrypted), the audit log, revocations, and\n"
      "manifest.json with the hash of each file. Not in it: the master key, without which nobody\n"
      "can use the copy, the settings, the definitions.\n"
      "Example:\n  stepwell backup /var/backups/stepwell/$(date +%F)");
  backup_command.runs([&context, options = backup_options] {
    const OutputFormat format = prepare(context, *options);
    backup(context, options->restore.folder, format);
  });

  auto restore_options = std::make_shared<BackupOptions>();
  Command restore_command =
      add_command(app, "restore", "Put a backup in the place of the data directory's databases");
  add_common(restore_command, *restore_options, "What stepwell backup has made");
  restore_command.flag(
      "--resume-instances", restore_options->restore.resume_instances,
      "Let instances that had not ended go on at the next start, and do again what they did after "
      "the backup; without it they are suspended");
  restore_command.footer(
      "No daemon may run on the data directory. The backup is checked first, and what was there "
      "is\n"
      "kept in a folder within the data directory. Keys and credentials that were revoked or\n"
      "deleted since the backup stay so. Needs the master key that was in force at the backup.\n"
      "Example:\n  stepwell restore /var/backups/stepwell/2027-01-31");
  restore_command.runs([&context, options = restore_options] {
    const OutputFormat format = prepare(context, *options);
    restore(context, options->restore, format);
  });
}

}  // namespace stepwell::daemon
