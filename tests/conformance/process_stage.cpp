// The real program: its output, its problem object and its trace are what the scenario judges.
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <utility>

#include "base/json.h"
#include "tests/conformance/stage.h"

extern char** environ;

namespace stepwell::conformance {

namespace {

class Folder {
 public:
  Folder() : path_((std::filesystem::temp_directory_path() / "scenario-XXXXXX").string()) {
    if (mkdtemp(path_.data()) == nullptr) throw std::runtime_error("no temporary folder");
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  std::string file(const std::string& name) const { return path_ + "/" + name; }
  std::string read(const std::string& name) const {
    std::ifstream in(file(name));
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(file(name)) << text;
  }

 private:
  std::string path_;
};

int run_to_end(std::vector<std::string> words, const std::string& out, const std::string& err) {
  std::vector<char*> argv;
  argv.reserve(words.size() + 1);
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  constexpr int kFlags = O_WRONLY | O_CREAT | O_TRUNC;
  posix_spawn_file_actions_addopen(&actions, 1, out.c_str(), kFlags, 0600);
  posix_spawn_file_actions_addopen(&actions, 2, err.c_str(), kFlags, 0600);
  pid_t pid = -1;
  const int failed = posix_spawn(&pid, argv[0], &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  int status = 0;
  if (failed != 0 || waitpid(pid, &status, 0) != pid) return -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

class ProcessStage final : public Stage {
 public:
  ProcessStage(std::string binary, Hosts& hosts) : binary_(std::move(binary)), hosts_(hosts) {}

  void execute(const std::string& definition, const Value& input) override {
    const Folder folder;
    folder.write("scenario.yaml", definition);
    folder.write("input.json", to_json(input));
    std::vector<std::string> words{binary_,
                                   "run",
                                   folder.file("scenario.yaml"),
                                   "--input",
                                   "@" + folder.file("input.json"),
                                   "--trace",
                                   folder.file("trace"),
                                   "--cacert",
                                   hosts_.ca_file(),
                                   "--allow-network",
                                   "127.0.0.0/8"};
    for (const std::string& way : hosts_.connect_to()) {
      words.emplace_back("--connect-to");
      words.push_back(way);
    }
    const int code = run_to_end(std::move(words), folder.file("out"), folder.file("err"));
    judge(code, folder.read("out"), folder.read("err"), folder.read("trace"));
  }
  const Outcome& outcome() override { return outcome_; }

 private:
  void judge(int code, const std::string& out, const std::string& err, const std::string& trace) {
    if (code == 0) {
      outcome_.status = "completed";
      if (auto output = parse_json(out)) outcome_.output = *output;
    } else if (code == 1) {
      outcome_.status = "faulted";
      // Warnings may stand before it.
      const std::size_t brace = err.starts_with('{') ? 0 : err.find("\n{");
      if (auto problem = parse_json(err.substr(std::min(brace, err.size()))))
        outcome_.problem = *problem;
    } else {
      outcome_.status = "refused";
      outcome_.faults = err;
    }
    std::size_t begin = 0;
    for (std::size_t end = 0; (end = trace.find('\n', begin)) != std::string::npos;
         begin = end + 1) {
      const auto line = parse_json(std::string_view(trace).substr(begin, end - begin));
      if (!line) continue;
      outcome_.trace.push_back({std::string(line->get("event").as_string()),
                                std::string(line->get("name").as_string()),
                                std::string(line->get("reference").as_string())});
    }
  }

  const std::string binary_;
  Hosts& hosts_;
  Outcome outcome_;
};

}  // namespace

std::unique_ptr<Stage> make_process_stage(std::string binary, Hosts& hosts) {
  return std::make_unique<ProcessStage>(std::move(binary), hosts);
}

}  // namespace stepwell::conformance
