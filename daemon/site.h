// Finds what a command works on: the settings, and through them the running daemon or the data
// directory. Used by one thread; everything here may block.
#pragma once

#include <memory>
#include <string>

#include "auth/master_key.h"
#include "base/result.h"
#include "config/settings.h"
#include "daemon/api_client.h"
#include "daemon/command_context.h"

namespace stepwell::daemon {

// The settings file with the environment's overrides. Errors: configuration/`settings-invalid`,
// whose detail has one line for each fault.
Result<config::Settings> read_settings(const CommandContext& context);

auth::MasterKeySource master_key_source(const config::Settings& settings);

// Whom the audit log names for an offline command.
std::string login_name();
// Files that another user makes in it, root too, the daemon could not open any more. Errors:
// configuration/`data-directory-unusable`.
Status owned_by_us(const std::string& directory);

// How a command gets at the data.
struct Connection {
  bool offline = false;  // the data directory itself
  std::string server;    // a daemon's URL, or HOST:PORT; empty: that of the settings
  std::string ca_file;   // certificates to trust, PEM; empty: the system's
  // What a daemon that asks for it is shown, PEM; empty: nothing. The key may stand in the
  // certificate's file.
  std::string certificate_file, certificate_key_file;
  Milliseconds patience = Server().patience;
};

// With `server`, the daemon there, and no settings are needed. Offline: locks the data directory
// and opens it. Else: the daemon that holds it, with the key of STEPWELL_API_KEY. Errors:
// communication/`daemon-unreachable` where none runs; configuration/`key-missing`;
// `data-directory-locked`; the store's and the vault's; those of files that cannot be read.
Result<std::unique_ptr<Backend>> open_backend(const CommandContext& context,
                                              const Connection& connection);

// The data directory itself, for `init` and offline commands.
Result<std::unique_ptr<Backend>> open_offline(const config::Settings& settings);

}  // namespace stepwell::daemon
