// What the tests of processes share: a listener to wait for, a FIFO by which a process tells
// something while it runs, a look at whether a process is gone.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <memory>
#include <string>

#include "steps/process_runner.h"

namespace stepwell::steps::test {

class End final : public ProcessListener {
 public:
  void started() override { started_.set_value(); }
  void ended(ProcessEnd end) override { ended_.set_value(std::move(end)); }
  void wait_for_start() { started_.get_future().wait(); }
  ProcessEnd wait() { return ended_.get_future().get(); }

 private:
  std::promise<void> started_;
  std::promise<ProcessEnd> ended_;
};

// A directory of the test's own.
class Folder {
 public:
  Folder() {
    std::string text = (std::filesystem::temp_directory_path() / "process-test-XXXXXX").string();
    path_ = ::mkdtemp(text.data());
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  std::string file(const std::string& name) const { return path_ + "/" + name; }
  const std::string& path() const { return path_; }
  void write(const std::string& name, const std::string& content, bool runs = false) const {
    std::ofstream(file(name)) << content;
    if (runs) ::chmod(file(name).c_str(), 0700);
  }
  std::string read(const std::string& name) const {
    std::ifstream stream(file(name));
    return {std::istreambuf_iterator<char>(stream), {}};
  }
  std::string fifo(const std::string& name) const {
    EXPECT_EQ(::mkfifo(file(name).c_str(), 0600), 0);
    return file(name);
  }
  bool is_empty() const { return std::filesystem::is_empty(path_); }

 private:
  std::string path_;
};

// Waits for somebody who writes a line into the FIFO.
inline std::string line_of(const std::string& fifo) {
  std::ifstream stream(fifo);
  std::string line;
  std::getline(stream, line);
  return line;
}

// Waits until the process has ended; whoever is its parent need not have collected it.
inline bool ends(const std::string& process) {
  const int watch = static_cast<int>(::syscall(SYS_pidfd_open, std::stoi(process), 0));
  if (watch < 0) return true;
  pollfd ended{watch, POLLIN, 0};
  const int count = ::poll(&ended, 1, 20'000);
  ::close(watch);
  return count == 1;
}

inline ProcessRequest shell(const std::string& command) {
  ProcessRequest request;
  request.kind = "shell";
  request.arguments = {"/bin/sh", "-c", command, "sh"};
  request.environment = {"PATH=/usr/bin:/bin"};
  return request;
}

}  // namespace stepwell::steps::test
