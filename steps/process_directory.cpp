#include "steps/process_directory.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <utility>

#include "steps/process_spawn.h"

namespace stepwell::steps {

namespace {

tl::unexpected<Problem> directory_failure(const std::string& what, int error) {
  Problem problem = make_problem(ErrorKind::runtime, "process-start-failed",
                                 what + ": " + std::generic_category().message(error));
  problem.retryable = true;
  return fail(std::move(problem));
}

std::string or_temporary(std::string parent) {
  if (!parent.empty()) return parent;
  std::error_code error;
  const std::filesystem::path path = std::filesystem::temp_directory_path(error);
  return error ? "/tmp" : path.string();
}

}  // namespace

ProcessDirectories::ProcessDirectories(std::string parent, Log& log)
    : parent_(or_temporary(std::move(parent))), log_(log) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  sweeper_ = std::thread([this] { sweep(); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

ProcessDirectories::~ProcessDirectories() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  sweeper_.join();
}

Result<std::string> ProcessDirectories::make() {
  std::string path = parent_ + "/stepwell-XXXXXX";
  if (::mkdtemp(path.data()) == nullptr)
    return directory_failure("no directory for a process below " + parent_, errno);
  return path;
}

Status ProcessDirectories::write(const std::string& directory, const std::string& name,
                                 std::string_view content) {
  const std::string path = directory + "/" + name;
  const Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file.is_open()) return directory_failure(path, errno);
  while (!content.empty()) {
    const ssize_t written = ::write(file.number(), content.data(), content.size());
    if (written < 0) return directory_failure(path, errno);
    content.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

void ProcessDirectories::remove(std::string directory) {
  {
    const std::scoped_lock lock(mutex_);
    unwanted_.push_back(std::move(directory));
  }
  changed_.notify_one();
}

void ProcessDirectories::sweep() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return stopping_ || !unwanted_.empty(); });
    if (unwanted_.empty()) return;
    const std::string directory = std::move(unwanted_.front());
    unwanted_.pop_front();
    lock.unlock();
    std::error_code error;
    std::filesystem::remove_all(directory, error);
    if (error)
      log_.warn("the directory of a process cannot be deleted",
                {{"directory", directory}, {"why", error.message()}});
    lock.lock();
  }
}

}  // namespace stepwell::steps
