#include "auth/master_key_command.h"

#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <system_error>
#include <utility>
#include <vector>

namespace stepwell::auth {

namespace {

using Steady = std::chrono::steady_clock;

Problem failed(const std::string& program, const std::string& why) {
  return make_problem(ErrorKind::configuration, "master-key-command-failed",
                      "the master key's command " + program + " " + why);
}

std::vector<std::string> words_of(const std::string& line) {
  std::vector<std::string> words;
  for (std::size_t at = line.find_first_not_of(' '); at != std::string::npos;) {
    const std::size_t end = std::min(line.find(' ', at), line.size());
    words.push_back(line.substr(at, end - at));
    at = line.find_first_not_of(' ', end);
  }
  return words;
}

std::vector<std::string> environment() {
  std::vector<std::string> variables{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin"};
  std::vector<char> room(16UL * 1024);
  struct passwd entry {};
  struct passwd* found = nullptr;
  if (::getpwuid_r(::geteuid(), &entry, room.data(), room.size(), &found) == 0 && found != nullptr)
    variables.push_back("HOME=" + std::string(entry.pw_dir));
  return variables;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> list;
  list.reserve(texts.size() + 1);
  for (std::string& text : texts) list.push_back(text.data());
  list.push_back(nullptr);
  return list;
}

void close_one(int& descriptor) {
  if (descriptor >= 0) ::close(descriptor);
  descriptor = -1;
}

// A running command and what it writes; the end of this object is the end of both.
class Child {
 public:
  Child() = default;
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (pid_ > 0) {
      // The group first: what the command left running may hold the key as well.
      ::kill(-pid_, SIGKILL);
      if (!reaped_) ::waitpid(pid_, nullptr, 0);
    }
    close_one(process_);
    close_one(output_);
  }

  // 0 or an errno.
  int start(std::vector<std::string> words) {
    std::array<int, 2> pipe{};
    if (::pipe2(pipe.data(), O_CLOEXEC) != 0) return errno;
    output_ = pipe[0];
    ::fcntl(output_, F_SETFL, O_NONBLOCK);
    const int error = spawn(words, pipe[1]);
    ::close(pipe[1]);
    if (error != 0) return error;
    // glibc 2.36 declares pidfd_open(), but not for C++.
    process_ = static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0));
    return process_ < 0 ? errno : 0;
  }

  // False where the limit passed first. What it writes beyond `into` is thrown away.
  bool wait(Secret& into, std::size_t& got, Steady::time_point limit) {
    for (;;) {
      std::array<pollfd, 2> watched{{{output_, POLLIN, 0}, {process_, POLLIN, 0}}};
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(limit - Steady::now()).count();
      if (left <= 0) return false;
      const int ready = ::poll(watched.data(), watched.size(), static_cast<int>(left));
      if (ready < 0 && errno != EINTR) return false;
      if (ready <= 0) continue;
      // The exit was seen before the read: nothing of the command's can come after it.
      read_all(into, got);
      if (watched[1].revents != 0) return true;
    }
  }

  int status() {
    int status = -1;
    reaped_ = ::waitpid(pid_, &status, 0) == pid_;
    return status;
  }

 private:
  int spawn(std::vector<std::string>& words, int output) {
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    ::posix_spawn_file_actions_init(&files);
    ::posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_adddup2(&files, output, STDOUT_FILENO);
    ::posix_spawn_file_actions_addclosefrom_np(&files, STDERR_FILENO + 1);
    ::posix_spawnattr_init(&attributes);
    sigset_t none;
    sigset_t all;
    sigemptyset(&none);
    sigfillset(&all);
    ::posix_spawnattr_setsigmask(&attributes, &none);
    ::posix_spawnattr_setsigdefault(&attributes, &all);
    ::posix_spawnattr_setpgroup(&attributes, 0);
    ::posix_spawnattr_setflags(
        &attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    std::vector<std::string> variables = environment();
    const int error = ::posix_spawn(&pid_, words.front().c_str(), &files, &attributes,
                                    pointers(words).data(), pointers(variables).data());
    if (error != 0) pid_ = -1;
    ::posix_spawnattr_destroy(&attributes);
    ::posix_spawn_file_actions_destroy(&files);
    return error;
  }

  void read_all(Secret& into, std::size_t& got) {
    Secret rest = Secret::of_size(512);
    while (output_ >= 0) {
      const bool full = got == into.size();
      const ssize_t count = full ? ::read(output_, rest.writable(), rest.size())
                                 : ::read(output_, into.writable() + got, into.size() - got);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
      if (count <= 0) return close_one(output_);  // poll() passes over it from now on
      if (!full) got += static_cast<std::size_t>(count);
    }
  }

  pid_t pid_ = -1;
  int process_ = -1;
  int output_ = -1;
  bool reaped_ = false;
};

}  // namespace

Result<Secret> run_key_command(const std::string& line, std::size_t most, Milliseconds limit) {
  std::vector<std::string> words = words_of(line);
  if (words.empty() || words.front().front() != '/')
    return fail(failed("\"" + (words.empty() ? std::string() : words.front()) + "\"",
                       "must begin with the absolute path of a program"));
  // Its arguments may be nobody's business.
  const std::string program = words.front();
  Child child;
  const int error = child.start(std::move(words));
  if (error != 0)
    return fail(failed(program, "could not be started: " + std::generic_category().message(error)));
  Secret output = Secret::of_size(most);
  std::size_t got = 0;
  if (!child.wait(output, got, Steady::now() + limit))
    return fail(failed(
        program, "did not end within " + std::to_string(limit.count()) + " ms and was killed"));
  const int status = child.status();
  if (WIFSIGNALED(status))
    return fail(failed(program, "was ended by signal " + std::to_string(WTERMSIG(status))));
  if (WEXITSTATUS(status) != 0)
    return fail(failed(program, "ended with status " + std::to_string(WEXITSTATUS(status)) +
                                    "; it says why on stderr"));
  return Secret(output.reveal().substr(0, got));
}

}  // namespace stepwell::auth
