// Exit codes of every command (docs/operations.md).
#pragma once

namespace stepwell::daemon {

enum ExitCode : int {
  kDone = 0,         // the thing asked for was done
  kFailed = 1,       // it failed: an instance faulted, a check found faults
  kUsage = 2,        // wrong usage, or an invalid file
  kUnreachable = 3,  // the daemon cannot be reached
  kInDoubt = 4,      // the daemon ended itself, since nobody knows what is on the disk
};

}  // namespace stepwell::daemon
