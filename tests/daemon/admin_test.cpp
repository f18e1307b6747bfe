// The administrative commands as a shell would call them: offline on a new site, and online
// through a real server.
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <thread>

#include "daemon/admin_commands.h"
#include "daemon/bulk.h"
#include "store/lock.h"
#include "tests/api/office.h"
#include "tests/daemon/node_house.h"

namespace stepwell::daemon {
namespace {

namespace fs = std::filesystem;

class AdminCommands : public testing::Test {
 protected:
  AdminCommands() {
    std::string pattern = (fs::temp_directory_path() / "stepwell-admin-XXXXXX").string();
    root = mkdtemp(pattern.data());
    site = root / "site";
  }
  ~AdminCommands() override { fs::remove_all(root); }

  // The exit code; what was printed is in `out` and `err`.
  int run(std::vector<std::string> words, const std::string& input = "") {
    std::istringstream from(input);
    std::ostringstream to;
    std::ostringstream errors;
    CommandContext context(from, to, errors, [this](const std::string& name) {
      const auto found = environment.find(name);
      return found == environment.end() ? std::nullopt : std::optional<std::string>(found->second);
    });
    context.config_file = (site / "stepwell.yaml").string();
    CLI::App app;
    app.require_subcommand(1);
    add_admin_commands(app, context);
    std::reverse(words.begin(), words.end());
    int code = kDone;
    try {
      app.parse(words);
      code = context.exit_code;
    } catch (const CLI::ParseError& error) {
      errors << error.what();
      code = error.get_exit_code() == 0 ? kDone : kUsage;
    }
    out = to.str();
    err = errors.str();
    return code;
  }
  int init() { return run({"init", site.string()}); }
  Value json() const {
    const Result<Value> value = parse_json(out);
    EXPECT_TRUE(value) << out << err;
    return value ? *value : Value();
  }
  static mode_t mode_of(const fs::path& path) {
    struct stat facts {};
    EXPECT_EQ(::stat(path.c_str(), &facts), 0) << path;
    return facts.st_mode & 07777U;
  }

  fs::path root;
  fs::path site;
  std::map<std::string, std::string> environment;
  std::string out;
  std::string err;
};

TEST_F(AdminCommands, InitMakesASiteAndPrintsItsKeyOnce) {
  ASSERT_EQ(run({"init", site.string(), "-o", "json"}), kDone) << err;
  EXPECT_EQ(json().get("config"), Value((site / "stepwell.yaml").string()));
  const std::string key(json().get("key").as_string());
  EXPECT_TRUE(key.starts_with("sw_"));
  EXPECT_EQ(mode_of(site / "secrets" / "master.key"), 0600U);
  EXPECT_EQ(mode_of(site / "secrets"), 0700U);
  EXPECT_EQ(mode_of(site / "data"), 0700U);
  EXPECT_TRUE(fs::is_directory(site / "definitions"));
  ASSERT_EQ(run({"keys", "list", "--offline", "-o", "json"}), kDone) << err;
  EXPECT_EQ(json().get("items").at(0).get("user"), Value("admin"));
  EXPECT_EQ(out.find(key), std::string::npos);
}

TEST_F(AdminCommands, InitTouchesNothingThatExists) {
  for (const char* name : {"stepwell.yaml", "definitions", "data", "secrets"}) {
    fs::create_directories(site);
    std::ofstream(site / name) << "mine";
    EXPECT_EQ(init(), kFailed) << name;
    EXPECT_NE(err.find((site / name).string()), std::string::npos) << err;
    EXPECT_EQ(std::distance(fs::directory_iterator(site), {}), 1) << name;
    fs::remove_all(site);
  }
  ASSERT_EQ(init(), kDone);
  EXPECT_EQ(init(), kFailed);
}

TEST_F(AdminCommands, CredentialsAreAddedRotatedAndRevokedOffline) {
  ASSERT_EQ(init(), kDone);
  const std::vector<std::string> add = {"credentials", "add",
                                        "crm",         "--offline",
                                        "--kind",      "bearer",
                                        "--origin",    "https://crm.example.com",
                                        "--expires",   "2097-01-31T12:00:00Z",
                                        "--value",     "-",
                                        "-o",          "json"};
  ASSERT_EQ(run(add, "token-123456\n"), kDone) << err;
  EXPECT_EQ(json().get("state"), Value("active"));
  EXPECT_EQ(out.find("token-123456"), std::string::npos);
  EXPECT_EQ(run(add, "token-123456\n"), kFailed);
  std::ofstream(root / "value") << "token-654321\n";
  EXPECT_EQ(run({"credentials", "rotate", "crm", "--offline", "--value-file",
                 (root / "value").string(), "-o", "json"}),
            kDone)
      << err;
  EXPECT_EQ(json().get("version"), Value(2));
  EXPECT_EQ(json().get("expiresAt"), Value("2097-01-31T12:00:00Z"));
  EXPECT_EQ(run({"credentials", "set-expiry", "crm", "--never", "--offline", "-o", "json"}), kDone);
  EXPECT_TRUE(json().get("expiresAt").is_null());
  EXPECT_EQ(run({"credentials", "revoke", "crm", "--offline"}), kDone);
  EXPECT_EQ(run({"credentials", "enable", "crm", "--offline"}), kFailed);
  EXPECT_EQ(run({"credentials", "list", "--offline"}), kDone);
  EXPECT_TRUE(out.starts_with("NAME  KIND    STATE    VERSION  ORIGINS")) << out;
  EXPECT_NE(out.find("\ncrm   bearer  revoked"), std::string::npos) << out;
}

TEST_F(AdminCommands, OnlyOneNewlineIsTakenFromASecret) {
  ASSERT_EQ(init(), kDone);
  EXPECT_EQ(run({"credentials", "add", "a", "--offline", "--kind", "bearer", "--origin",
                 "https://a.example.com", "--value", "-"},
                "token\n\n"),
            kFailed);
  EXPECT_NE(err.find("credential-invalid"), std::string::npos) << err;
}

TEST_F(AdminCommands, WrongUsageIsExitCode2) {
  ASSERT_EQ(init(), kDone);
  const std::vector<std::string> cases[] = {
      {"keys"},
      {"keys", "create", "x"},
      {"keys", "frobnicate"},
      {"keys", "list", "-o", "xml"},
      {"credentials", "add", "x", "--kind", "bearer", "--origin", "https://a.example.com",
       "--value", "s3cret"},
      {"credentials", "add", "x", "--kind", "bearer", "--origin", "https://a.example.com"},
      {"keys", "set-expiry", "sw_x", "--offline"},
      {"keys", "set-expiry", "sw_x", "--never", "--expires", "2027-01-31"},
      {"instances", "stop", "1", "--offline"},
      {"instances", "watch", "1", "--offline"},
      {"instances", "delete", "1", "--stop", "--offline"},
      {"schedules", "list", "--offline"},
      {"instances", "start", "a/b", "--input", "{"},
      {"instances", "start", "a/b", "--offline"},
      {"instances", "stop"},
      {"instances", "stop", "1", "--all"},
      {"instances", "suspend", "1", "2", "--workflow", "a/b"},
      {"instances", "resume", "1", "x"},
      {"instances", "retry", "1", "-2"},
      {"instances", "retry", "--limit", "1"},
  };
  for (const auto& words : cases) EXPECT_EQ(run(words), kUsage) << words.back() << ": " << err;
}

TEST_F(AdminCommands, WorkflowsAndInstancesAreThereOffline) {
  ASSERT_EQ(init(), kDone);
  const std::string quick = "do: [{a: {set: {n: 1}}}]";
  std::ofstream(site / "definitions" / "quick.yaml")
      << "document: {dsl: 1.0.3, namespace: test, name: quick, version: 1.0.0}\n"
      << quick << "\n";
  NodeOptions options = test::open_to_loopback();
  options.data_directory = site / "data";
  options.master_key.where = site / "secrets" / "master.key";
  std::string done;
  std::string open;
  {
    test::NodeHouse house(options);
    house.load({{"quick", quick}, {"slow", "do: [{w: {wait: {hours: 1}}}]"}});
    done = std::to_string(house.run("quick").id.number);
    const InstanceId waits = house.start("slow");
    while (house.node().engine().find(waits)->status != engine::InstanceStatus::waiting)
      std::this_thread::yield();
    open = std::to_string(waits.number);
  }
  ASSERT_EQ(run({"instances", "list", "--offline", "-o", "json"}), kDone) << err;
  EXPECT_EQ(json().get("items").size(), 2U) << out;
  ASSERT_EQ(run({"instances", "list", "--offline", "--open", "-o", "json"}), kDone) << err;
  EXPECT_EQ(to_json(json().get("items").at(0).get("id")), open);
  ASSERT_EQ(run({"instances", "show", open, "--offline", "-o", "json"}), kDone) << err;
  EXPECT_EQ(json().get("status"), Value("waiting"));
  ASSERT_EQ(run({"instances", "show", done, "--offline", "-o", "json"}), kDone) << err;
  EXPECT_EQ(json().get("steps").at(0).get("status"), Value("completed"));
  EXPECT_EQ(run({"instances", "show", "77", "--offline"}), kFailed);
  EXPECT_EQ(run({"instances", "delete", open, "--offline"}), kFailed) << "it has not ended";
  EXPECT_EQ(run({"instances", "delete", "--workflow", "test/quick", "--offline", "-o", "json"}),
            kDone);
  EXPECT_EQ(json().get("taken"), Value(1)) << out << err;
  ASSERT_EQ(run({"instances", "list", "--offline", "-o", "json"}), kDone);
  EXPECT_EQ(json().get("items").size(), 1U);

  ASSERT_EQ(run({"workflows", "list", "--offline", "-o", "json"}), kDone) << err;
  EXPECT_EQ(json().get("items").at(0).get("name"), Value("quick")) << out;
  EXPECT_EQ(run({"workflows", "disable", "test/quick", "--offline"}), kDone) << err;
  ASSERT_EQ(run({"workflows", "show", "test/quick", "--offline", "-o", "json"}), kDone) << err;
  EXPECT_EQ(json().get("enabled"), Value(false)) << out;
  ASSERT_EQ(run({"audit", "list", "--offline", "-o", "json"}), kDone);
  EXPECT_NE(out.find("workflow.disable"), std::string::npos);
  EXPECT_NE(out.find("instance.delete"), std::string::npos);
  // Nothing of it was lost for the daemon.
  test::NodeHouse house(options);
  house.load({{"quick", quick}});
  EXPECT_TRUE(house.node().recover());
  EXPECT_EQ(house.node().engine().open_instances(), 1U);
}

TEST_F(AdminCommands, WithoutADaemonTheFlagIsNamed) {
  ASSERT_EQ(init(), kDone);
  environment["STEPWELL_API_KEY"] = "sw_x.y";
  EXPECT_EQ(run({"keys", "list"}), kUnreachable);
  EXPECT_NE(err.find("--offline"), std::string::npos) << err;
  Result<store::LockFile> lock = store::LockFile::acquire((site / "data").string());
  ASSERT_TRUE(lock);
  EXPECT_EQ(run({"keys", "list", "--offline"}), kFailed);
  EXPECT_NE(err.find("data-directory-locked"), std::string::npos) << err;
  // A daemon that is gone from its address: nothing listens on the discard port.
  ASSERT_TRUE(lock->publish("127.0.0.1:9"));
  EXPECT_EQ(run({"keys", "list"}), kUnreachable);
  EXPECT_NE(err.find("127.0.0.1:9"), std::string::npos) << err;
}

TEST_F(AdminCommands, WorkThroughARunningDaemon) {
  ASSERT_EQ(init(), kDone);
  api::test::Office office;
  office.add_workflow("twice", "do: [{s: {set: {y: \"${ .x * 2 }\"}}}]");
  office.add_workflow("fail",
                      "do: [{r: {raise: {error: {type: 'https://example.com/e', status: 400}}}}]");
  Result<store::LockFile> lock = store::LockFile::acquire((site / "data").string());
  ASSERT_TRUE(lock);
  ASSERT_TRUE(lock->publish(office.address()));
  EXPECT_EQ(run({"users", "list"}), kUsage) << "no key is given";

  environment["STEPWELL_API_KEY"] = office.key("ana");
  EXPECT_EQ(run({"users", "create", "bob", "--role", "viewer"}), kDone) << err;
  EXPECT_EQ(run({"users", "list"}), kDone);
  EXPECT_NE(out.find("\nbob"), std::string::npos) << out;
  EXPECT_EQ(run({"keys", "create", "ci", "--user", "bob", "-o", "json"}), kDone) << err;
  const std::string id(json().get("id").as_string());
  EXPECT_EQ(run({"keys", "revoke", id, "-o", "json"}), kDone);
  EXPECT_EQ(json().get("state"), Value("revoked"));
  EXPECT_EQ(run({"keys", "show", "sw_unknown"}), kFailed);
  EXPECT_NE(err.find("key-unknown"), std::string::npos) << err;

  EXPECT_EQ(run({"instances", "start", "test/twice", "--input", "{\"x\": 21}", "--wait", "1m", "-o",
                 "json"}),
            kDone)
      << err;
  EXPECT_EQ(to_json(json().get("output")), "{\"y\":42}");
  EXPECT_EQ(run({"instances", "show", to_json(json().get("id"))}), kDone);
  EXPECT_EQ(run({"instances", "start", "test/fail", "--wait", "1m"}), kFailed);

  environment["STEPWELL_API_KEY"] = office.key("vic");
  EXPECT_EQ(run({"keys", "list"}), kFailed);
  EXPECT_NE(err.find("permission-denied"), std::string::npos) << err;
}

// A daemon whose office can be reached by commands, with a workflow that waits for its step.
class InstanceCommands : public AdminCommands {
 protected:
  InstanceCommands() {
    EXPECT_EQ(init(), kDone);
    office.add_workflow("get",
                        "do: [{get: {call: http, with: {method: get, endpoint: 'http://h/'}}}]");
    office.add_workflow(
        "fail", "do: [{r: {raise: {error: {type: 'https://example.com/e', status: 400}}}}]");
    lock = *store::LockFile::acquire((site / "data").string());
    EXPECT_TRUE(lock->publish(office.address()));
    environment["STEPWELL_API_KEY"] = office.key("olga");
  }
  std::string start(const std::string& workflow) {
    run({"instances", "start", "test/" + workflow, "-o", "json"});  // may have faulted already
    EXPECT_TRUE(json().contains("id")) << out << err;
    return to_json(json().get("id"));
  }
  void finish(Result<Value> result) {
    office.steps.next().ticket.finish(
        std::make_unique<stepwell::test::ReadyResult>(std::move(result)));
    EXPECT_TRUE(office.engine->wait_until_idle(Deadline()));
  }

  api::test::Office office;
  std::optional<store::LockFile> lock;
};

TEST_F(InstanceCommands, SuspendResumeAndRetryOneOrAllThatAFilterPicks) {
  const std::string id = start("get");
  EXPECT_EQ(run({"instances", "suspend", id, "-o", "json"}), kDone) << err;
  EXPECT_EQ(json().get("status"), Value("suspended"));
  EXPECT_EQ(run({"instances", "list", "--open"}), kDone) << err;
  EXPECT_TRUE(out.starts_with("ID ")) << out;
  EXPECT_NE(out.find("\n" + id), std::string::npos) << out;
  EXPECT_NE(out.find("suspended"), std::string::npos) << out;
  EXPECT_EQ(run({"instances", "resume", "--all"}), kDone) << err;
  EXPECT_EQ(out, "taken: 1\n");
  finish(fail(make_problem(ErrorKind::communication, "connect", "nobody there")));
  EXPECT_EQ(run({"instances", "list", "--status", "faulted"}), kDone) << err;
  EXPECT_NE(out.find("connect"), std::string::npos) << out;
  EXPECT_EQ(run({"instances", "retry", "--workflow", "test/get", "--since", "2000-01-01"}), kDone)
      << err;
  EXPECT_EQ(out, "taken: 1\n");
  finish(Value(7));
  EXPECT_EQ(run({"instances", "show", id, "-o", "json"}), kDone) << err;
  EXPECT_EQ(json().get("output"), Value(7));
  EXPECT_EQ(run({"instances", "retry", id}), kFailed);
  EXPECT_NE(err.find("instance-not-faulted"), std::string::npos) << err;
}

TEST_F(InstanceCommands, SayWhichOfManyWereNotTaken) {
  const std::string one = start("get");
  const std::string two = start("get");
  const std::string raised = start("fail");
  while (!office.engine->at_rest()) std::this_thread::yield();
  EXPECT_EQ(run({"instances", "stop", one, two, raised}), kFailed);
  EXPECT_EQ(out, "taken: 2\n");
  EXPECT_NE(err.find("stepwell: " + raised + ": "), std::string::npos) << err;
  EXPECT_NE(err.find("(instance-ended)"), std::string::npos) << err;
  EXPECT_EQ(run({"instances", "retry", "--all", "-o", "json"}), kFailed);
  EXPECT_EQ(json().get("taken"), Value(0)) << out;
  EXPECT_EQ(json().get("problems").at(0).get("reason"), Value("instance-not-retryable"));
  EXPECT_EQ(run({"instances", "list", "--limit", "1"}), kDone);
  EXPECT_NE(err.find("there may be more: --cursor "), std::string::npos) << err;
  environment["STEPWELL_API_KEY"] = office.key("vic");
  EXPECT_EQ(run({"instances", "stop", "--all"}), kFailed);
  EXPECT_NE(err.find("permission-denied"), std::string::npos) << err;
}

// Answers by the pages that a test wrote, and keeps what it was asked.
class PagesBackend final : public Backend {
 public:
  explicit PagesBackend(std::vector<const char*> pages) : pages_(std::move(pages)) {}
  Result<Value> call(const std::string& /*method*/, const std::string& /*target*/,
                     const Value& body) override {
    asked.push_back(to_json(body));
    if (asked.size() <= pages_.size()) return parse_json(pages_[asked.size() - 1]);
    return fail(make_problem(ErrorKind::communication, "daemon-unreachable", "gone"));
  }
  std::vector<std::string> asked;

 private:
  const std::vector<const char*> pages_;
};

TEST(InstancesInBulk, GoOnUntilThereAreNoMore) {
  struct Case {
    std::vector<const char*> pages;
    std::vector<std::string> asked;
    const char* out;
    int code;
  };
  const Case cases[] = {
      {{R"({"taken":2,"unconfirmed":0,"problems":[],"next":7})",
        R"({"taken":1,"unconfirmed":0,"problems":[]})"},
       {R"({"all":true})", R"({"all":true,"cursor":7})"},
       "taken: 3\n",
       kDone},
      {{R"({"taken":1,"unconfirmed":1,"problems":[]})"},
       {R"({"all":true})"},
       "taken: 1\n",
       kFailed},
      {{R"({"taken":1,"unconfirmed":0,"problems":[],"next":7})"},
       {R"({"all":true})", R"({"all":true,"cursor":7})"},
       "taken: 1\n",
       kUnreachable},
      {{}, {R"({"all":true})"}, "", kUnreachable},
  };
  for (const Case& one : cases) {
    PagesBackend backend(one.pages);
    std::istringstream in;
    std::ostringstream out;
    std::ostringstream err;
    CommandContext context(in, out, err, [](const std::string&) { return std::nullopt; });
    perform_in_bulk(context, OutputFormat::table, backend,
                    {"POST", "/x", Value::object({{"all", true}}), {}});
    EXPECT_EQ(backend.asked, one.asked);
    EXPECT_EQ(out.str(), one.out);
    EXPECT_EQ(context.exit_code, one.code) << err.str();
  }
}

}  // namespace
}  // namespace stepwell::daemon
