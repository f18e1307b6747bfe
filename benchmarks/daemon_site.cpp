#include "benchmarks/daemon_site.h"

#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <thread>

#include "base/json.h"
#include "tests/support/nginx_server.h"

namespace stepwell::bench {
namespace {

constexpr std::chrono::seconds kMostStart{60};
constexpr std::chrono::milliseconds kLook{1};

[[noreturn]] void give_up(const std::string& why) {
  std::fprintf(stderr, "the daemon: %s\n", why.c_str());
  std::exit(1);
}

std::string stepwell() {
  const auto beside = std::filesystem::read_symlink("/proc/self/exe").parent_path() / "stepwell";
  if (!std::filesystem::exists(beside)) give_up(beside.string() + " is not built");
  return beside.string();
}

std::string text_of(const std::filesystem::path& file) {
  std::ifstream in(file);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

}  // namespace

DaemonSite::DaemonSite() {
  const std::string said = (path() / "init.json").string();
  if (!test::run_program({stepwell(), "init", path().string(), "-o", "json"}, said))
    give_up(text_of(said));
  const Result<Value> made = parse_json(text_of(said));
  if (!made || !made->get("key").is_string()) give_up("no key in " + text_of(said));
  key_ = made->get("key").as_string();
}

DaemonProcess::DaemonProcess(const DaemonSite& site) {
  const std::filesystem::path log = site.path() / "daemon.log";
  std::filesystem::remove(log);
  const auto begin = std::chrono::steady_clock::now();
  pid_ = test::start_program(
      {stepwell(), "serve", "--config", (site.path() / "stepwell.yaml").string(), "--listen",
       "127.0.0.1:0", "--set", "instances.retention=100000000", "--set",
       "instances.retentionAge=P3650D", "--set", "reload.watch=false"},
      log.string());
  for (;;) {
    const std::string said = text_of(log);
    const std::size_t ready = said.find("msg=ready");
    const std::size_t end = ready == std::string::npos ? ready : said.find('\n', ready);
    const auto now = std::chrono::steady_clock::now();
    if (end != std::string::npos) {
      seconds_ = std::chrono::duration<double>(now - begin).count();
      constexpr std::string_view kAddress = "address=";
      const std::size_t at = said.find(kAddress, said.rfind('\n', ready) + 1) + kAddress.size();
      address_ = said.substr(at, said.find_first_of(" \n", at) - at);
      return;
    }
    if (now - begin > kMostStart || waitpid(pid_, nullptr, WNOHANG) != 0) give_up(said);
    std::this_thread::sleep_for(kLook);
  }
}

DaemonProcess::~DaemonProcess() {
  kill(pid_, SIGTERM);
  waitpid(pid_, nullptr, 0);
}

double DaemonProcess::resident_mib() const {
  std::ifstream file("/proc/" + std::to_string(pid_) + "/status");
  for (std::string line; std::getline(file, line);)
    if (line.rfind("VmRSS:", 0) == 0)
      return static_cast<double>(std::strtoul(line.c_str() + 6, nullptr, 10)) / 1024;
  return 0;
}

}  // namespace stepwell::bench
