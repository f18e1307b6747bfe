// Real processes in the runner's room: what they get, what of them comes back, how they end.
#include <sys/wait.h>

#include <algorithm>
#include <iterator>
#include <set>
#include <sstream>
#include <thread>

#include "tests/steps/process_fixture.h"

namespace stepwell::steps::test {
namespace {

using How = ProcessEnd::How;

class ProcessRunning : public testing::Test {
 protected:
  ProcessRunner& runner() {
    if (!runner_) {
      options.directory = folder.path();
      runner_ = std::make_unique<ProcessRunner>(options, clock, metrics, Log::null());
    }
    return *runner_;
  }
  ProcessEnd run(ProcessRequest request) {
    auto end = std::make_shared<End>();
    runner().start(std::move(request), end);
    return end->wait();
  }
  void stop() { runner_.reset(); }

  Folder folder;
  SystemClock clock;
  Metrics metrics;
  ProcessRunnerOptions options;

 private:
  std::unique_ptr<ProcessRunner> runner_;
};

std::size_t open_descriptors() {
  return static_cast<std::size_t>(
      std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {}));
}

TEST_F(ProcessRunning, GivesBothStreamsAndTheExitCode) {
  const ProcessEnd end = run(shell("echo out; echo err >&2; exit 7"));
  EXPECT_EQ(end.how, How::exited);
  EXPECT_EQ(end.code, 7);
  EXPECT_EQ(end.output, "out\n");
  EXPECT_EQ(end.error, "err\n");
}

TEST_F(ProcessRunning, ASignalIsToldAsTheShellDoes) {
  EXPECT_EQ(run(shell("kill -9 $$")).code, 128 + SIGKILL);
}

TEST_F(ProcessRunning, FeedsMoreThanAPipeHolds) {
  options.most_output = 4_MiB;
  ProcessRequest request = shell("cat");
  request.input = std::string(3'000'000, 'x') + "end";
  const ProcessEnd end = run(request);
  EXPECT_EQ(end.code, 0);
  EXPECT_EQ(end.output, *request.input);
}

TEST_F(ProcessRunning, DoesNotMindWhoReadsNothing) {
  for (const char* command :
       {"echo done", "exec 0<&-; echo done", "head -c 5 > /dev/null; echo done"}) {
    ProcessRequest request = shell(command);
    request.input = std::string(3'000'000, 'x');
    const ProcessEnd end = run(std::move(request));
    EXPECT_EQ(end.code, 0) << command;
    EXPECT_EQ(end.output, "done\n") << command;
  }
}

TEST_F(ProcessRunning, WithoutInputThereIsNothingToRead) {
  EXPECT_EQ(run(shell("cat; echo done")).output, "done\n");
  ProcessRequest request = shell("cat; echo done");
  request.input = "";
  EXPECT_EQ(run(std::move(request)).output, "done\n");
}

TEST_F(ProcessRunning, EndsWhoWritesTooMuch) {
  options.most_output = 100'000_B;
  for (const char* command : {"yes", "yes >&2", "trap '' TERM; yes", "head -c 100001 /dev/zero"}) {
    const ProcessEnd end = run(shell(command));
    EXPECT_EQ(end.how, How::too_much_output) << command;
    EXPECT_LE(end.output.size(), 100'000U) << command;
    EXPECT_LE(end.error.size(), 100'000U) << command;
  }
  EXPECT_EQ(run(shell("head -c 100000 /dev/zero")).how, How::exited);
}

TEST_F(ProcessRunning, OfWhatIsNotWantedOnlyTheEndIsKept) {
  options.most_output = 1000_B;
  ProcessRequest request = shell("head -c 5000000 /dev/zero >&2; echo end >&2; echo out");
  request.wants_error = false;
  const ProcessEnd end = run(std::move(request));
  EXPECT_EQ(end.how, How::exited);
  EXPECT_EQ(end.output, "out\n");
  EXPECT_EQ(end.error.size() - end.lead, 2048U);
  EXPECT_TRUE(end.error.ends_with("end\n"));
}

TEST_F(ProcessRunning, WhoTakesTooLongIsEnded) {
  options.timeout = Milliseconds(50);
  options.grace = Milliseconds(20'000);
  const ProcessEnd end = run(shell("exec sleep 1000"));
  EXPECT_EQ(end.how, How::timed_out);
  EXPECT_EQ(end.code, 128 + SIGTERM);
}

TEST_F(ProcessRunning, IsAskedToEndBeforeItIsMadeTo) {
  const auto cancelled = [this](const std::string& trap, const std::string& name) {
    const std::string fifo = folder.fifo(name);
    auto end = std::make_shared<End>();
    const ProcessId process = runner().start(
        shell(trap + "; echo ready > " + fifo + "; while :; do sleep 0.01; done"), end);
    EXPECT_EQ(line_of(fifo), "ready");
    runner().cancel(process);
    return end->wait();
  };
  options.grace = Milliseconds(20'000);
  const ProcessEnd asked = cancelled("trap 'echo asked; exit 3' TERM", "asked");
  EXPECT_EQ(asked.how, How::cancelled);
  EXPECT_EQ(asked.code, 3);
  EXPECT_EQ(asked.output, "asked\n");
  stop();
  options.grace = Milliseconds(50);
  const ProcessEnd made = cancelled("trap '' TERM", "made");
  EXPECT_EQ(made.how, How::cancelled);
  EXPECT_EQ(made.code, 128 + SIGKILL);
}

TEST_F(ProcessRunning, ACancelEndsTheWholeGroup) {
  options.grace = Milliseconds(100);
  const std::string fifo = folder.fifo("told");
  auto end = std::make_shared<End>();
  const ProcessId process = runner().start(
      shell("(trap '' TERM; sleep 1000 & echo $! > " + fifo + "; wait) & wait"), end);
  const std::string grandchild = line_of(fifo);
  runner().cancel(process);
  runner().cancel(process);
  EXPECT_EQ(end->wait().how, How::cancelled);
  EXPECT_TRUE(ends(grandchild));
}

TEST_F(ProcessRunning, WhatItLeavesInTheBackgroundEndsWithIt) {
  const ProcessEnd end = run(shell("sleep 1000 & echo $!"));
  EXPECT_EQ(end.how, How::exited);
  EXPECT_EQ(end.code, 0);
  EXPECT_TRUE(ends(end.output));
}

TEST_F(ProcessRunning, WhatLeavesTheGroupDoesNotHoldUpTheEnd) {
  const ProcessEnd end = run(shell("setsid sleep 1000 & echo $!"));
  EXPECT_EQ(end.code, 0);
  ::kill(std::stoi(end.output), SIGKILL);
}

TEST_F(ProcessRunning, InheritsNothingButWhatItIsGiven) {
  ::setenv("STEPWELL_TEST_SECRET", "not-for-children", 1);
  ProcessRequest request;
  request.arguments = {"/usr/bin/env"};
  request.environment = {"A=1"};
  std::istringstream lines(run(std::move(request)).output);
  ::unsetenv("STEPWELL_TEST_SECRET");
  std::set<std::string> names;
  for (std::string line; std::getline(lines, line);) names.insert(line.substr(0, line.find('=')));
  EXPECT_EQ(names, (std::set<std::string>{"A", "HOME", "TMPDIR"}));
}

TEST_F(ProcessRunning, HasThreeDescriptorsNoSignalBlockedOrIgnoredAndAFewFiles) {
  const int kept = ::open("/dev/null", O_RDONLY);  // without O_CLOEXEC
  ::signal(SIGPIPE, SIG_IGN);
  const ProcessEnd end =
      run(shell("ls /proc/self/fd | tr '\\n' ' '; grep -E 'Sig(Blk|Ign)|NoNewPrivs' "
                "/proc/self/status | tr -d "
                "'\\n\\t'; ulimit -n"));
  ::signal(SIGPIPE, SIG_DFL);
  ::close(kept);
  EXPECT_EQ(end.output,
            "0 1 2 3 "  // the fourth is that of `ls`
            "SigBlk:0000000000000000SigIgn:0000000000000000NoNewPrivs:11024\n");
}

TEST_F(ProcessRunning, HasADirectoryOfItsOwnWhichGoesWithIt) {
  ProcessRequest request = shell("pwd; stat -c %a . file; cat file; mkdir -p a/b; echo $HOME");
  request.file_name = "file";
  request.file = "content\n";
  const ProcessEnd end = run(std::move(request));
  const std::string directory = end.output.substr(0, end.output.find('\n'));
  EXPECT_TRUE(directory.starts_with(folder.path() + "/")) << end.output;
  EXPECT_EQ(end.output, directory + "\n700\n600\ncontent\n" + directory + "\n");
  stop();
  EXPECT_TRUE(folder.is_empty());
}

TEST_F(ProcessRunning, TellsWhyItCannotStart) {
  ProcessRequest request;
  request.arguments = {"/nowhere/to/be/found"};
  const ProcessEnd missing = run(request);
  ASSERT_EQ(missing.how, How::not_started);
  EXPECT_EQ(missing.problem->code, "process-start-failed");
  EXPECT_FALSE(missing.problem->retryable);
  EXPECT_NE(missing.problem->detail.find("/nowhere/to/be/found cannot be started: No such file"),
            std::string::npos)
      << missing.problem->detail;
  request.arguments = {"/bin/echo", std::string(1'000'000, 'x')};
  const ProcessEnd too_long = run(request);
  ASSERT_EQ(too_long.how, How::not_started);
  EXPECT_NE(too_long.problem->detail.find("Argument list too long"), std::string::npos);
  options.directory = folder.file("missing");
  ProcessRunner homeless(options, clock, metrics, Log::null());
  auto end = std::make_shared<End>();
  homeless.start(shell("true"), end);
  const ProcessEnd nowhere = end->wait();
  ASSERT_EQ(nowhere.how, How::not_started);
  EXPECT_TRUE(nowhere.problem->retryable);
}

TEST_F(ProcessRunning, SoManyAtATimeAndTheOthersWait) {
  options.most_processes = 1;
  auto first = std::make_shared<End>();
  auto second = std::make_shared<End>();
  auto third = std::make_shared<End>();
  const ProcessId one = runner().start(shell("exec sleep 1000"), first);
  const ProcessId two = runner().start(shell("echo never"), second);
  runner().start(shell("echo third"), third);
  first->wait_for_start();
  runner().cancel(two);
  EXPECT_EQ(second->wait().how, How::cancelled);
  runner().cancel(one);
  EXPECT_EQ(first->wait().how, How::cancelled);
  EXPECT_EQ(third->wait().output, "third\n");
}

TEST_F(ProcessRunning, ACommandFollowsWhereItDidNotEndByItself) {
  ProcessRequest request = shell("exec sleep 1000");
  request.when_cut_short = {"/bin/sh", "-c", "echo followed > " + folder.file("mark")};
  auto end = std::make_shared<End>();
  const ProcessId process = runner().start(request, end);
  end->wait_for_start();
  runner().cancel(process);
  EXPECT_EQ(end->wait().how, How::cancelled);
  EXPECT_EQ(folder.read("mark"), "followed\n");
  request.arguments = {"/bin/true"};
  request.when_cut_short = {"/bin/sh", "-c", "echo twice >> " + folder.file("mark")};
  EXPECT_EQ(run(request).how, How::exited);
  EXPECT_EQ(folder.read("mark"), "followed\n");
}

TEST_F(ProcessRunning, WhatFollowsGetsTheIdThatWasTold) {
  const std::string hex(64, 'a');
  const std::vector<std::pair<std::string, std::string>> table{
      {hex, hex},          {hex + "\\n", hex}, {"", ""},
      {"--all", ""},       {"a b", ""},        {hex + hex + "b", ""},
      {"no such file", ""}};
  for (const auto& [told, given] : table) {
    const std::string fifo = folder.fifo("told");
    const bool tells = told != "no such file";
    ProcessRequest request = shell((tells ? "printf '" + told + "' > id; " : "") + "echo > " +
                                   fifo + "; exec sleep 1000");
    request.id_file = "id";
    request.when_cut_short = {"/bin/sh", "-c", "echo $1 > " + folder.file("mark"), "sh"};
    auto end = std::make_shared<End>();
    const ProcessId process = runner().start(std::move(request), end);
    line_of(fifo);
    runner().cancel(process);
    EXPECT_EQ(end->wait().id, given) << told;
    EXPECT_EQ(folder.read("mark"), given.empty() ? "" : given + "\n") << told;
    std::filesystem::remove(folder.file("mark"));
    std::filesystem::remove(fifo);
  }
}

// The runner's thread is held up, so that it learns of all this at once: output beyond what is
// kept, the end, and then what one that is left behind wrote.
TEST_F(ProcessRunning, LateOutputIsNotTheFollowers) {
  options.most_output = 1000_B;
  const std::string go = folder.fifo("go");
  const std::string told = folder.fifo("told");
  const std::string late = folder.fifo("late");
  const std::string done = folder.fifo("done");
  ProcessRequest request =
      shell("read x < " + go + "; (read x < " + late + "; echo late >&2; echo done > " + done +
            ") & head -c 2000 /dev/zero; echo $$ > " + told);
  request.when_cut_short = {"/bin/sh", "-c", "sleep 0.05; echo followed > " + folder.file("mark")};
  auto end = std::make_shared<End>();
  runner().start(std::move(request), end);
  end->wait_for_start();
  std::promise<void> held;
  std::promise<void> freed;
  ProcessRequest holding = shell("true");
  holding.prepare = [&](ProcessRequest&) {
    held.set_value();
    freed.get_future().wait();
    return Status();
  };
  auto holder = std::make_shared<End>();
  runner().start(std::move(holding), holder);
  held.get_future().wait();
  std::ofstream(go) << "go\n";
  EXPECT_TRUE(ends(line_of(told)));
  std::ofstream(late) << "go\n";
  EXPECT_EQ(line_of(done), "done");
  freed.set_value();
  EXPECT_EQ(end->wait().how, How::too_much_output);
  EXPECT_EQ(folder.read("mark"), "followed\n");
  holder->wait();
}

TEST_F(ProcessRunning, AnIgnoredSignalOfItsParentLosesNoExitCode) {
  ::signal(SIGCHLD, SIG_IGN);
  EXPECT_EQ(run(shell("exit 7")).code, 7);
  EXPECT_EQ(run(shell("exit 0")).code, 0);
  ::signal(SIGCHLD, SIG_DFL);
}

TEST_F(ProcessRunning, NoneOutlivesTheRunner) {
  const std::string fifo = folder.fifo("told");
  options.most_processes = 1;
  auto running = std::make_shared<End>();
  auto waiting = std::make_shared<End>();
  auto delayed = std::make_shared<End>();
  runner().start(shell("echo $$ > " + fifo + "; exec sleep 1000"), running);
  runner().start(shell("echo never"), waiting);
  ProcessRequest later = shell("echo never");
  later.delay = Milliseconds(3'600'000);
  runner().start(std::move(later), delayed);
  const std::string process = line_of(fifo);
  stop();
  EXPECT_TRUE(ends(process));
  EXPECT_EQ(running->wait().how, How::cancelled);
  EXPECT_EQ(waiting->wait().how, How::cancelled);
  EXPECT_EQ(delayed->wait().how, How::cancelled);
}

TEST_F(ProcessRunning, ThousandsLeaveNothingBehind) {
  options.most_processes = 8;
  run(shell("true"));
  // Their directories, which take a descriptor, may go a little later than they are told to end.
  const auto descriptors = [this] {
    while (!folder.is_empty()) std::this_thread::yield();
    return open_descriptors();
  };
  const std::size_t before = descriptors();
  std::vector<std::shared_ptr<End>> ends;
  ProcessRequest request;
  request.kind = "shell";
  request.arguments = {"/bin/cat"};
  request.input = "x";
  for (int i = 0; i < 1000; ++i) {
    ends.push_back(std::make_shared<End>());
    runner().start(request, ends.back());
  }
  for (const auto& end : ends) EXPECT_EQ(end->wait().output, "x");
  EXPECT_EQ(descriptors(), before);
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);  // no child, not even a dead one
  EXPECT_EQ(metrics
                .gauge("stepwell_processes_running", "Processes of run: tasks that run.",
                       {{"kind", "shell"}})
                .value(),
            0);
  stop();
  EXPECT_TRUE(folder.is_empty());
}

TEST_F(ProcessRunning, MayBeAskedFromManyThreads) {
  options.most_processes = 4;
  runner();
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([this] {
      for (int i = 0; i < 20; ++i) {
        auto end = std::make_shared<End>();
        const ProcessId process = runner().start(shell("exec sleep 1000"), end);
        runner().cancel(process);
        EXPECT_EQ(end->wait().how, How::cancelled);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace stepwell::steps::test
