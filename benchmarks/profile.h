// The engine alone under a steady load, for a profiler to look at: `make profile`.
#pragma once

#include <cstddef>
#include <string>

namespace stepwell::bench {

struct ProfileOptions {
  std::string workload;  // w1, w3, p1, c; or bare: what libcurl alone does for w1
  std::size_t instances = 100'000;
  std::size_t parallel = 64;
  bool journal = true;
};

// Runs it and prints what each kind of thread took for an instance. The exit code of a program.
int profile(const ProfileOptions& options);

}  // namespace stepwell::bench
