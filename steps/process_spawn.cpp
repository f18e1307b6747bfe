#include "steps/process_spawn.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <memory>
#include <system_error>

namespace stepwell::steps {

namespace {

// What a program may rely on, whatever the daemon raised its own limit to.
constexpr rlim_t kChildFiles = 1024;  // the soft limit
constexpr rlim_t kMostFiles = 1UL << 20U;
constexpr std::size_t kChildStack = 64UL * 1024;
constexpr int kFirstOther = STDERR_FILENO + 1;

struct Pipe {
  Descriptor read;
  Descriptor write;
};

// Not one of the three standard ones, which the child replaces.
Descriptor moved_up(Descriptor descriptor) {
  if (!descriptor.is_open() || descriptor.number() >= kFirstOther) return descriptor;
  return Descriptor(::fcntl(descriptor.number(), F_DUPFD_CLOEXEC, kFirstOther));
}

bool open_pipe(Pipe& ends) {
  std::array<int, 2> pair{-1, -1};
  if (::pipe2(pair.data(), O_CLOEXEC) != 0) return false;
  ends.read = moved_up(Descriptor(pair[0]));
  ends.write = moved_up(Descriptor(pair[1]));
  return ends.read.is_open() && ends.write.is_open();
}

void do_not_block(const Descriptor& descriptor) {
  ::fcntl(descriptor.number(), F_SETFL, ::fcntl(descriptor.number(), F_GETFL) | O_NONBLOCK);
}

std::vector<char*> pointers_to(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  pointers.reserve(texts.size() + 1);
  // execve() takes them as they are and changes nothing.
  for (const std::string& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

// All that the child needs, made ready before there is one.
struct ChildPlan {
  char* const* arguments;
  char* const* environment;
  const char* directory;
  std::array<int, 3> streams;
  pid_t parent;
  unsigned highest;  // descriptor that may be open, for kernels without close_range
  rlimit files;
  bool keeps_rights;
  int error = 0;  // written by the child
};

// The child shares the memory of a process with threads until it is another program: it may call
// the kernel, and nothing else.
__attribute__((no_sanitize("address", "thread", "undefined"))) void give_up(ChildPlan& plan) {
  plan.error = errno;
  ::syscall(SYS_exit_group, 127);
}

__attribute__((no_sanitize("address", "thread", "undefined"))) void reset_signals() {
  // The kernel's own struct sigaction, as long as on any machine: all zero is the default action.
  std::array<unsigned long, 8> defaults{};
  for (int number = 1; number < 65; ++number)
    ::syscall(SYS_rt_sigaction, number, defaults.data(), nullptr, sizeof(unsigned long));
  unsigned long none = 0;
  ::syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, nullptr, sizeof(none));
}

__attribute__((no_sanitize("address", "thread", "undefined"))) void close_others(unsigned highest) {
  if (::syscall(SYS_close_range, kFirstOther, ~0U, 0) == 0) return;
  for (unsigned number = kFirstOther; number < highest; ++number) ::syscall(SYS_close, number);
}

__attribute__((no_sanitize("address", "thread", "undefined"))) int child_main(void* given) {
  ChildPlan& plan = *static_cast<ChildPlan*>(given);
  ::syscall(SYS_setsid);
  ::syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  // The parent may have ended before.
  if (::syscall(SYS_getppid) != plan.parent) ::syscall(SYS_exit_group, 127);
  if (plan.keeps_rights) ::syscall(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  for (int stream = 0; stream < 3; ++stream)
    if (::syscall(SYS_dup3, plan.streams[static_cast<std::size_t>(stream)], stream, 0) < 0)
      give_up(plan);
  close_others(plan.highest);
  ::syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, &plan.files, nullptr);
  if (::syscall(SYS_chdir, plan.directory) != 0) give_up(plan);
  reset_signals();
  ::syscall(SYS_execve, plan.arguments[0], plan.arguments, plan.environment);
  give_up(plan);
  return 0;
}

// The id, or -1; `watch` becomes the pidfd.
pid_t clone_child(ChildPlan& plan, int& watch) {
  const auto stack = std::make_unique<std::array<char, kChildStack>>();
  // No handler of ours may run in the child: it would act on this process's memory.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t id = ::clone(child_main, stack->data() + stack->size(),
                           CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, &plan, &watch);
  const int error = errno;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  errno = error;
  return id;
}

tl::unexpected<Problem> start_failure(const std::string& what, int error) {
  // Of the program itself, or of the machine's resources?
  const bool passing = error == EAGAIN || error == ENOMEM || error == EMFILE || error == ENFILE ||
                       error == ETXTBSY || error == ENOSPC;
  Problem problem =
      make_problem(passing ? ErrorKind::runtime : ErrorKind::configuration, "process-start-failed",
                   what + ": " + std::generic_category().message(error));
  problem.retryable = passing;
  return fail(std::move(problem));
}

}  // namespace

void Descriptor::close() noexcept {
  if (number_ >= 0) ::close(std::exchange(number_, -1));
}

Result<SpawnedProcess> spawn_process(const SpawnRequest& request) {
  Pipe input;
  Pipe output;
  Pipe error;
  if (!open_pipe(output) || !open_pipe(error) || (request.reads && !open_pipe(input)))
    return start_failure("no pipes for a process", errno);
  if (!request.reads) {
    input.read = moved_up(Descriptor(::open("/dev/null", O_RDONLY | O_CLOEXEC)));
    if (!input.read.is_open()) return start_failure("/dev/null", errno);
  }
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  const std::vector<char*> arguments = pointers_to(request.arguments);
  const std::vector<char*> environment = pointers_to(request.environment);
  ChildPlan plan{arguments.data(),
                 environment.data(),
                 request.directory.c_str(),
                 {input.read.number(), output.write.number(), error.write.number()},
                 ::getpid(),
                 static_cast<unsigned>(std::min(files.rlim_cur, kMostFiles)),
                 {std::min(files.rlim_max, kChildFiles), files.rlim_max},
                 request.keeps_rights};
  int watch = -1;
  const pid_t id = clone_child(plan, watch);
  if (id < 0) return start_failure("no further process", errno);
  SpawnedProcess process{id, Descriptor(watch), std::move(input.write), std::move(output.read),
                         std::move(error.read)};
  if (plan.error != 0) {
    siginfo_t ended{};
    ::waitid(P_PID, static_cast<id_t>(id), &ended, WEXITED);
    return start_failure(request.arguments.front() + " cannot be started", plan.error);
  }
  for (const Descriptor* ours : {&process.input, &process.output, &process.error})
    if (ours->is_open()) do_not_block(*ours);
  return process;
}

}  // namespace stepwell::steps
