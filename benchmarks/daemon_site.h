// A site as `stepwell init` makes it, and its daemon as a process of its own: the program that was
// built beside this one. Used by one thread, which blocks; ends the process where one cannot be
// made or started.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

#include "benchmarks/bench_node.h"

namespace stepwell::bench {

class DaemonSite {
 public:
  DaemonSite();
  const std::filesystem::path& path() const { return scratch_.path(); }
  const std::string& key() const { return key_; }
  std::filesystem::path definitions() const { return path() / "definitions"; }

 private:
  Scratch scratch_;
  std::string key_;
};

class DaemonProcess {
 public:
  // Returns once it says that it is ready. It keeps all instances.
  explicit DaemonProcess(const DaemonSite& site);
  // Ends it in order.
  ~DaemonProcess();
  DaemonProcess(const DaemonProcess&) = delete;
  DaemonProcess& operator=(const DaemonProcess&) = delete;

  const std::string& address() const { return address_; }
  double seconds_until_ready() const { return seconds_; }
  double resident_mib() const;

 private:
  pid_t pid_ = 0;
  std::string address_;
  double seconds_ = 0;
};

}  // namespace stepwell::bench
