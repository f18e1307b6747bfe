// `stepwell doctor`: looks at a site, says what is wrong with it and what to do, and with --fix
// mends what can be mended without loss.
// Runs on main's thread; blocks.
#pragma once

#include <iosfwd>
#include <string>

#include "base/clock.h"
#include "base/value.h"
#include "daemon/command_context.h"
#include "daemon/doctor_findings.h"
#include "daemon/output.h"

namespace stepwell::daemon {

struct DoctorOptions {
  std::string output = "table";
  bool fix = false;
};

// Prints the findings. Leaves the exit code kDone where there is no error, kFailed where there is
// any, kUsage where the settings cannot be read.
void doctor(CommandContext& context, const DoctorOptions& options, const Clock& clock);
void doctor(CommandContext& context, const DoctorOptions& options);

// {"findings": [{level, check, detail, remedy}, …], "errors": n, "warnings": n}
Value describe(const Findings& findings);
// A line "LEVEL  CHECK  DETAIL" for each, its remedy indented below.
void print_findings(std::ostream& out, OutputFormat format, const Findings& findings);

}  // namespace stepwell::daemon
