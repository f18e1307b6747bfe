// `stepwell serve` and `stepwell check-config`: the daemon. Runs on main's thread, which handles
// the signals; everything else has its own threads.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "config/settings.h"
#include "daemon/wiring.h"

namespace stepwell::daemon {

struct ServeOptions {
  std::string config;                  // the settings file
  std::string listen;                  // HOST:PORT instead of http.listen; may be empty
  std::vector<std::string> overrides;  // KEY=VALUE
  bool allow_plaintext = false;        // listen without TLS on other than loopback
};

// Serves until SIGTERM or SIGINT; SIGHUP reloads. Gives an ExitCode: kDone after an orderly stop,
// kUsage for invalid settings or definitions, kFailed for what could not be opened, kInDoubt where
// the disk left it unknown what is on it.
int serve(const ServeOptions& options);

// Reads settings and definitions and says what is wrong with them. Gives an ExitCode.
int check_config(const ServeOptions& options);

// The only place where settings become options. Errors: configuration/`settings-invalid`.
Result<NodeOptions> node_options(const config::Settings& settings);

// File, then environment, then overrides. Faults of the file go to standard error.
// Errors: configuration/`settings-invalid`.
Result<config::Settings> effective_settings(const std::string& file,
                                            const std::vector<std::string>& overrides);

}  // namespace stepwell::daemon
