// `run: shell`, `script` and `container` through the engine, from the definition to the output.
#include "steps/process_step.h"

#include <algorithm>
#include <stdexcept>
#include <thread>

#include "auth/authority.h"
#include "auth/master_key.h"
#include "base/json.h"
#include "config/loader.h"
#include "engine/engine.h"
#include "engine/memory_journal.h"
#include "steps/reactor_timers.h"
#include "tests/steps/process_fixture.h"
#include "tests/support/memory_secret_store.h"
#include "tests/support/misbehaving_server.h"

namespace stepwell::steps::test {
namespace {

// Tells when a step has been started, which may then wait for its turn.
class Watched final : public engine::StepRunner {
 public:
  explicit Watched(engine::StepRunner& inner) : inner_(inner) {}
  std::shared_ptr<engine::RunningStep> start(engine::StepCall call,
                                             engine::StepTicket ticket) override {
    auto running = inner_.start(std::move(call), std::move(ticket));
    if (started) std::exchange(started, std::nullopt)->set_value();
    return running;
  }
  std::optional<std::promise<void>> started;

 private:
  engine::StepRunner& inner_;
};

class Processes : public testing::Test {
 protected:
  void SetUp() override {
    options.shell = options.script = options.container = true;
    options.programs.environment = {"PATH=/usr/bin:/bin", "LANG=C.UTF-8"};
    limits.directory = folder.path();
    limits.grace = Milliseconds(100);
  }

  std::future<engine::InstanceView> start(const std::string& run, const std::string& input = "{}") {
    open();
    const std::string text =
        "document: {dsl: '1.0.3', namespace: test, name: step, version: '1.0.0'" + metadata +
        "}\n"
        "do:\n  - it:\n      " +
        run + "\n";
    const auto loaded = config::load_definition(text, "test.yaml");
    if (!loaded.definition) throw std::runtime_error(loaded.faults.at(0).text());
    struct Observer final : engine::Observer {
      std::promise<engine::InstanceView> view;
      void on_end(const engine::InstanceView& end) override { view.set_value(end); }
    };
    auto observer = std::make_shared<Observer>();
    engine::StartRequest request;
    request.workflow = engine->prepare(loaded.definition);
    request.input = parse_json(input).value();
    request.observer = observer;
    request.key = key;
    auto admitted = std::make_shared<std::promise<InstanceId>>();
    started = admitted->get_future();
    engine->start(std::move(request),
                  [admitted](const Result<InstanceId>& id) { admitted->set_value(id.value()); });
    return observer->view.get_future();
  }
  void stop() { EXPECT_TRUE(engine->stop(started.get())); }
  void wait_until_none_runs() {
    const Gauge running = metrics.gauge("stepwell_processes_running",
                                        "Processes of run: tasks that run.", {{"kind", "shell"}});
    while (running.value() > 0) std::this_thread::yield();
  }
  engine::InstanceView view(const std::string& run, const std::string& input = "{}") {
    return start(run, input).get();
  }
  // The output as JSON, or the problem's code.
  std::string run(const std::string& run, const std::string& input = "{}") {
    const engine::InstanceView end = view(run, input);
    return end.problem ? end.problem->code : to_json(end.output);
  }

  std::future<InstanceId> started;  // of the start() before
  std::string key;                  // that instances run under
  std::string metadata;             // of the document
  Folder folder;
  ProcessRunnerOptions limits;
  ProcessStepOptions options;
  SystemClock clock;
  SystemEntropy entropy;
  Metrics metrics;
  stepwell::test::MemorySecretStore store;
  std::unique_ptr<auth::Authority> authority;
  std::unique_ptr<http::Reactor> reactor;
  std::unique_ptr<ReactorTimers> timers;
  std::unique_ptr<ProcessRunner> runner;
  std::unique_ptr<ProcessStep> step;
  std::unique_ptr<Watched> watched;
  engine::MemoryJournal journal;
  std::unique_ptr<engine::Engine> engine;

  void open() {
    if (engine) return;
    const Secret master = auth::random_master_key(entropy);
    authority = std::move(
        auth::Authority::open(master, {store, clock, entropy, metrics, Log::null()}).value());
    http::ReactorOptions transport;
    transport.egress = http::EgressRules({http::Network::parse("127.0.0.0/8").value()}, {});
    reactor = std::make_unique<http::Reactor>(transport, clock, metrics, Log::null());
    timers = std::make_unique<ReactorTimers>(*reactor);
    runner = std::make_unique<ProcessRunner>(limits, clock, metrics, Log::null());
    step = std::make_unique<ProcessStep>(
        ProcessStepSurroundings{
            *runner,
            authority->gate(),
            authority->redactor(),
            entropy,
            Log::null(),
            {*reactor, authority->gate(), authority->keys(), clock, entropy, nullptr}},
        options);
    watched = std::make_unique<Watched>(*step);
    engine =
        std::make_unique<engine::Engine>(engine::EngineOptions{2, 1000, 1000}, *watched, journal,
                                         *timers, clock, entropy, metrics, Log::null());
  }
  const auth::Actor ana{"ana", "test"};
  std::string new_key() {
    open();
    EXPECT_TRUE(authority->users().create(ana, "bob", auth::Role::operator_));
    return authority->keys().create(ana, {"bobs", "bob"}).value().key.id;
  }
  void store_secret(const std::string& secret) {
    open();
    auth::NewCredential credential;
    credential.name = "crm";
    credential.kind = auth::CredentialKind::bearer;
    credential.origins = {"https://crm.example.com"};
    credential.value.secret = Secret(secret);
    ASSERT_TRUE(authority->credentials().add(ana, std::move(credential)));
  }
};

TEST_F(Processes, TheShellGetsArgumentsEnvironmentAndInput) {
  EXPECT_EQ(run("run: {shell: {command: 'echo \"$0|$1|$2|$NAME|$(cat)\"', arguments: [a b, '${ "
                ".n }'], environment: {NAME: '${ .name }'}, stdin: '${ .list }'}}",
                R"({"n":5,"name":"Ada; exit 1","list":[1,"x"]})"),
            R"json("sh|a b|5|Ada; exit 1|[1,\"x\"]\n")json");
}

TEST_F(Processes, DataCannotBecomeACommand) {
  EXPECT_EQ(run("run: {shell: {command: 'printf %s \"$1\"', arguments: ['${ .text }']}}",
                R"({"text":"$(echo pwned) `id`; exit 1 \" ' -n"})"),
            R"json("$(echo pwned) `id`; exit 1 \" ' -n")json");
}

TEST_F(Processes, ReturnSaysWhatTheOutputIs) {
  const std::string shell = "run: {shell: {command: 'echo out; echo err >&2; exit ";
  EXPECT_EQ(run(shell + "0'}}"), R"("out\n")");
  EXPECT_EQ(run(shell + "0'}, return: stdout}"), R"("out\n")");
  EXPECT_EQ(run(shell + "0'}, return: stderr}"), R"("err\n")");
  EXPECT_EQ(run(shell + "0'}, return: none}"), "null");
  EXPECT_EQ(run(shell + "3'}, return: code}"), "3");
  EXPECT_EQ(run(shell + "3'}, return: all}"), R"({"code":3,"stdout":"out\n","stderr":"err\n"})");
}

TEST_F(Processes, AnExitCodeIsAnErrorWhereItIsNotAskedFor) {
  for (const char* result : {"stdout", "stderr", "none"}) {
    const auto end = view("run: {shell: {command: 'echo no such order >&2; exit 3'}, return: " +
                          std::string(result) + "}");
    ASSERT_TRUE(end.problem) << result;
    const Value problem = end.problem->to_value();
    EXPECT_EQ(problem.get("type"), Value(error_type_uri(ErrorKind::runtime)));
    EXPECT_EQ(problem.get("reason"), Value("process-failed"));
    EXPECT_EQ(problem.get("instance"), Value("/do/0/it"));
    EXPECT_EQ(problem.get("exitCode"), Value(3));
    EXPECT_EQ(problem.get("stderr"), Value("no such order\n"));
  }
}

TEST_F(Processes, WhatIsNoUtf8IsMended) {
  EXPECT_EQ(run("run: {shell: {command: 'printf \"a\\377b\"'}}"),
            "\"a\xEF\xBF\xBD"
            "b\"");
}

TEST_F(Processes, ValuesOfEveryKindAreTexts) {
  EXPECT_EQ(run("run: {shell: {command: 'echo $A $B ${C-unset} $D', environment: {A: true, B: 1.5, "
                "C: '${ null }', D: '${ {x: 1} }'}}}"),
            R"json("true 1.5 unset {\"x\":1}\n")json");
  EXPECT_EQ(run("run: {shell: {command: '${ \"-x\" }'}, return: code}"), "127");  // no option
  EXPECT_EQ(run("run: {shell: {command: 'echo', arguments: ['${ \"a\\u0000b\" }']}}"),
            "process-invalid");
}

TEST_F(Processes, ScriptsInPython) {
  if (!std::filesystem::exists(options.programs.python)) GTEST_SKIP() << "no python3";
  EXPECT_EQ(run("run: {script: {language: python, code: \"import os, sys\\nprint(sys.argv[1:], "
                "os.environ['A'], sys.stdin.read())\", arguments: [x, '${ .n }'], environment: {A: "
                "b}, stdin: hello}}",
                R"({"n":"it's"})"),
            R"json("['x', \"it's\"] b hello\n")json");
  const auto end = view("run: {script: {language: python, code: 'raise ValueError(7)'}}");
  ASSERT_TRUE(end.problem);
  EXPECT_NE(end.problem->to_value().get("stderr").as_string().find("ValueError: 7"),
            std::string::npos);
}

TEST_F(Processes, ScriptsInJavaScript) {
  if (!std::filesystem::exists(options.programs.node)) GTEST_SKIP() << "no node";
  for (const char* language : {"js", "javascript"})
    EXPECT_EQ(run("run: {script: {language: " + std::string(language) +
                  ", code: \"import { readFileSync } from 'node:fs';\\nconst [_, __, arg] = "
                  "process.argv;\\nconsole.log(arg, process.env.foo, readFileSync(0, 'utf8'))\", "
                  "arguments: [hello], environment: {foo: bar}, stdin: in}}"),
              R"("hello bar in\n")");
}

TEST_F(Processes, ScriptsThatLieElsewhereAreFetched) {
  if (!std::filesystem::exists(options.programs.python)) GTEST_SKIP() << "no python3";
  using stepwell::test::MisbehavingServer;
  MisbehavingServer server(MisbehavingServer::always(
      stepwell::test::ok_answer("import sys\nprint('fetched', sys.argv[1])\n")));
  const auto task = [&](const std::string& url) {
    return "run: {script: {language: python, source: {endpoint: '" + url + "'}, arguments: [x]}}";
  };
  EXPECT_EQ(run(task(server.url("/{name}.py")), R"({"name":"tool"})"), R"("fetched x\n")");
  EXPECT_TRUE(server.received().at(0).starts_with("GET /tool.py HTTP/1.1\r\n"));
  store_secret("import sys");
  EXPECT_EQ(run(task(server.url())), "secret-in-request");
  MisbehavingServer gone(
      MisbehavingServer::always("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"));
  const auto missing = view(task(gone.url()));
  ASSERT_TRUE(missing.problem);
  EXPECT_EQ(missing.problem->code, "http-status");
  EXPECT_EQ(missing.problem->status, 404);
}

TEST_F(Processes, OnlyAWholeAnswerIsAScript) {
  using stepwell::test::MisbehavingServer;
  for (const int status : {201, 204, 206, 300, 304}) {
    const bool empty = status == 204 || status == 304;
    MisbehavingServer server(MisbehavingServer::always(
        "HTTP/1.1 " + std::to_string(status) + " Odd\r\n" +
        (empty ? std::string("\r\n") : "Content-Length: 8\r\n\r\nprint(1)")));
    const auto end = view("run: {script: {language: python, source: {endpoint: '" +
                          server.url("/a?b=c") + "'}}}");
    ASSERT_TRUE(end.problem) << status;
    EXPECT_EQ(end.problem->code, "http-status") << status;
    EXPECT_EQ(end.problem->type, error_type_uri(ErrorKind::communication));
  }
}

TEST_F(Processes, RunOnlyWhileTheKeyStands) {
  const std::string task = "run: {shell: {command: 'echo ran'}}";
  const std::string first = key = new_key();
  EXPECT_EQ(run(task), R"("ran\n")");
  ASSERT_TRUE(authority->keys().revoke(ana, first));
  const auto end = view(task);
  ASSERT_TRUE(end.problem);
  EXPECT_EQ(end.problem->code, "key-revoked");
  EXPECT_EQ(end.problem->status, 401);
  // That of the definition counts before that of whoever started it.
  key = authority->keys().create(ana, {"other", "bob"}).value().key.id;
  EXPECT_EQ(run(task), R"("ran\n")");
  metadata = ", metadata: {stepwell: {runAs: " + first + "}}";
  EXPECT_EQ(run(task), "key-revoked");
}

TEST_F(Processes, AKeyThatEndsInTheQueueStartsNothing) {
  limits.most_processes = 1;
  const std::string fifo = folder.fifo("fifo");
  const std::string id = new_key();
  auto begun = watched->started.emplace().get_future();
  auto first = start("run: {shell: {command: 'read x < " + fifo + "; echo first'}}");
  begun.wait();  // who began it is not told of the next one
  while (metrics
             .gauge("stepwell_processes_running", "Processes of run: tasks that run.",
                    {{"kind", "shell"}})
             .value() == 0)
    std::this_thread::yield();
  key = id;
  auto queued = watched->started.emplace().get_future();
  auto second = start("run: {shell: {command: 'touch " + folder.file("ran") + "'}}");
  queued.wait();
  ASSERT_TRUE(authority->keys().revoke(ana, id));
  EXPECT_EQ(run("run: {shell: {command: 'true'}}"), "key-revoked");  // without waiting for its turn
  std::ofstream(fifo) << "go\n";
  EXPECT_EQ(to_json(first.get().output), R"("first\n")");
  EXPECT_EQ(second.get().problem->code, "key-revoked");
  EXPECT_FALSE(std::filesystem::exists(folder.file("ran")));
}

TEST_F(Processes, AKeyThatEndsDuringTheFetchStartsNothing) {
  using stepwell::test::MisbehavingServer;
  key = new_key();
  MisbehavingServer server([this](MisbehavingServer::Connection& connection) {
    connection.read_request();
    EXPECT_TRUE(authority->keys().revoke(ana, key));
    connection.send(stepwell::test::ok_answer("print(1)"));
  });
  EXPECT_EQ(run("run: {script: {language: python, source: {endpoint: '" + server.url() + "'}}}"),
            "key-revoked");
}

TEST_F(Processes, AFetchThatHangsEndsWithTheTask) {
  using stepwell::test::MisbehavingServer;
  MisbehavingServer server([](MisbehavingServer::Connection& connection) {
    connection.read_request();
    connection.read_request();  // nothing more comes
  });
  const auto end = view("run: {script: {language: python, source: {endpoint: '" + server.url() +
                        "'}}}\n      timeout: {after: {milliseconds: 100}}");
  EXPECT_EQ(end.problem->status, 408);
}

TEST_F(Processes, WhatIsNotAwaitedGoesOnWithTheTasksInput) {
  const std::string told = folder.fifo("told");
  const std::string go = folder.fifo("go");
  EXPECT_EQ(run("run: {await: false, shell: {command: 'line=$(cat " + go + "); echo \"$line\" > " +
                    told + "'}}",
                R"({"order":7})"),
            R"({"order":7})");
  std::ofstream(go) << "still there\n";
  EXPECT_EQ(line_of(told), "still there");
}

TEST_F(Processes, WhatIsNotAwaitedMustStart) {
  options.programs.shell = "/nowhere";
  EXPECT_EQ(run("run: {await: false, shell: {command: 'true'}}"), "process-start-failed");
}

TEST_F(Processes, ATaskTimeoutEndsTheProcess) {
  EXPECT_EQ(
      view("run: {shell: {command: 'exec sleep 1000'}}\n      timeout: {after: {milliseconds: "
           "50}}")
          .problem->status,
      408);
  wait_until_none_runs();
}

TEST_F(Processes, StoppingTheInstanceEndsTheProcess) {
  const std::string fifo = folder.fifo("told");
  auto end = start("run: {shell: {command: 'echo $$ > " + fifo + "; exec sleep 1000'}}");
  const std::string process = line_of(fifo);
  stop();
  EXPECT_EQ(end.get().status, engine::InstanceStatus::stopped);
  EXPECT_TRUE(ends(process));
}

TEST_F(Processes, TheSettingsLimitTheTime) {
  limits.timeout = Milliseconds(50);
  const auto late = view("run: {shell: {command: 'exec sleep 1000'}}");
  EXPECT_EQ(late.problem->code, "process-timeout");
  EXPECT_EQ(late.problem->status, 408);
}

TEST_F(Processes, TheSettingsLimitTheOutput) {
  limits.most_output = 1000_B;
  EXPECT_EQ(run("run: {shell: {command: 'head -c 1001 /dev/zero'}}"), "output-too-large");
  EXPECT_EQ(run("run: {shell: {command: 'head -c 1001 /dev/zero'}, return: code}"), "0");
}

TEST_F(Processes, OneThatEndsAtOnceIsNotMistakenForOneThatRuns) {
  for (int i = 0; i < 50; ++i) EXPECT_EQ(run("run: {shell: {command: ':'}, return: code}"), "0");
}

TEST_F(Processes, EachKindHasItsSwitch) {
  options.shell = options.script = options.container = false;
  const std::vector<std::string> tasks{"run: {shell: {command: 'true'}}",
                                       "run: {script: {language: python, code: 'pass'}}",
                                       "run: {container: {image: alpine}}"};
  for (const std::string& task : tasks) {
    const auto end = view(task);
    ASSERT_TRUE(end.problem) << task;
    EXPECT_EQ(end.problem->code, "step-unavailable");
    EXPECT_EQ(end.problem->type, error_type_uri(ErrorKind::configuration));
    EXPECT_FALSE(end.problem->retryable);
  }
}

TEST_F(Processes, StoredSecretsGoNeitherInNorOut) {
  store_secret("tok-0123456789");
  const std::string input = R"({"s":"x tok-0123456789"})";
  const std::vector<std::string> tasks{
      "run: {shell: {command: 'true', arguments: ['${ .s }']}}",
      "run: {shell: {command: 'true', environment: {A: '${ .s }'}}}",
      "run: {shell: {command: 'true', stdin: '${ .s }'}}",
      "run: {script: {language: python, code: 'print(\"tok-0123456789\")'}}"};
  for (const std::string& task : tasks) EXPECT_EQ(run(task, input), "secret-in-request") << task;
  folder.write("leak", "it is tok-0123456789\n");
  EXPECT_EQ(run("run: {shell: {command: 'cat " + folder.file("leak") + "'}}"), R"("it is ***\n")");
  const auto failed =
      view("run: {shell: {command: 'cat " + folder.file("leak") + " >&2; exit 1'}}");
  EXPECT_EQ(failed.problem->to_value().get("stderr"), Value("it is ***\n"));
}

TEST_F(Processes, ASecretAtTheExcerptsEdgeIsMaskedAsWell) {
  store_secret("tok-0123456789");
  // 2048 bytes are shown: the secret begins before them, or far before what is kept at all.
  for (const std::size_t after : {2040U, 2047U, 16U * 1024 + 2040U, 16U * 1024 + 2047U}) {
    folder.write("leak",
                 std::string(40'000, 'x') + "tok-0123456789" + std::string(after - 1, 'y') + "\n");
    const Value shown =
        view("run: {shell: {command: 'cat " + folder.file("leak") + " >&2; exit 1'}}")
            .problem->to_value()
            .get("stderr");
    EXPECT_EQ(shown.as_string().find_first_of("0123456789"), std::string::npos) << after;
    EXPECT_TRUE(shown.as_string().ends_with("yyy\n")) << after;
  }
}

TEST_F(Processes, MaskingLeavesNoPartOfASecretThatWasCut) {
  std::string secret = "tok-";
  while (secret.size() < 3000) secret += std::to_string(secret.size()) + "-";
  store_secret(secret);
  std::string leak = std::string(40'000, 'x');
  for (int i = 0; i < 8; ++i) leak += secret;
  folder.write("leak", leak + "end\n");
  const auto end = view("run: {shell: {command: 'cat " + folder.file("leak") + " >&2; exit 1'}}");
  ASSERT_EQ(end.problem->code, "process-failed");
  EXPECT_EQ(to_json(end.problem->to_value().get("stderr")).find_first_of("0123456789"),
            std::string::npos);
}

// There is no container engine where tests run: a program of the test's own takes its place, and
// writes down how it was called.
class Containers : public Processes {
 protected:
  void SetUp() override {
    Processes::SetUp();
    folder.write("docker",
                 "#!/bin/sh\n{ for word; do printf '%s\\n' \"$word\"; done; echo --; } >> " +
                     folder.file("calls") +
                     "\ncase $1 in run) ;; *) exit 0;; esac\n"
                     "case $* in *taken*) exit 125;; esac\n"
                     "echo abc123 > container-id\n"
                     "case $* in *home*) echo \"$HOME|$TMPDIR|$XDG_RUNTIME_DIR\";; esac\n" +
                     "case $* in *hang*) echo started > " + folder.file("fifo") +
                     "; exec sleep 1000;; esac\ncat\n",
                 true);
    options.programs.container = folder.file("docker");
  }
  // One call on each line, its words joined by blanks; names that were made are NAME.
  std::string calls() const {
    std::string text;
    for (char c : folder.read("calls")) text += c == '\n' ? ' ' : c;
    for (std::size_t at = 0; (at = text.find("step-", at)) != std::string::npos; at += 4)
      if (text.find(".test-it", at) == at + 37) text.replace(at, 45, "NAME");
    const std::string cidfile = " --cidfile container-id";
    for (std::size_t at = 0; (at = text.find(cidfile)) != std::string::npos;)
      text.erase(at, cidfile.size());
    return text;
  }
};

TEST_F(Containers, AnImageAlone) {
  EXPECT_EQ(run("run: {container: {image: 'ghcr.io/acme/tool:1.2'}}"), R"("")");
  EXPECT_EQ(calls(), "run --name NAME ghcr.io/acme/tool:1.2 -- ");
}

TEST_F(Containers, EverythingThatTheStandardGivesIt) {
  options.programs.container_options = {"--network=none"};
  options.programs.container_volumes = {folder.path()};
  EXPECT_EQ(
      run("run: {container: {image: alpine, name: '${ \"n-\\(.n)\" }', command: 'echo $1', "
          "arguments: ['${ .n }', '-x'], environment: {A: '${ .n }'}, stdin: '${ .n }', ports: "
          "{'8080': 80, '0.0.0.0:53': 53/udp}, volumes: {'" +
              folder.path() +
              "': '/data:ro', cache: /cache}, lifetime: {cleanup: always}, pullPolicy: "
              "ifNotPresent}}",
          R"({"n":7})"),
      R"("7")");
  EXPECT_EQ(calls(),
            "run --name n-7 --rm --interactive --pull missing --network=none --publish "
            "127.0.0.1:8080:80 --publish 0.0.0.0:53:53/udp --volume " +
                folder.path() +
                ":/data:ro --volume cache:/cache --env A=7 alpine sh -c -- echo $1 sh 7 -x -- ");
}

TEST_F(Containers, WithoutACommandTheArgumentsAreThoseOfTheImage) {
  EXPECT_EQ(run("run: {container: {image: alpine, arguments: [a], pullPolicy: never}}"), R"("")");
  EXPECT_EQ(calls(), "run --name NAME --pull never alpine a -- ");
}

TEST_F(Containers, AreRemovedAfterATimeWhereThatIsWanted) {
  run("run: {container: {image: alpine, name: mine, lifetime: {cleanup: eventually, after: "
      "{milliseconds: 1}}}}");
  while (!calls().ends_with("rm --force abc123 -- ")) std::this_thread::yield();
  EXPECT_EQ(calls(), "run --name mine alpine -- rm --force abc123 -- ");
}

TEST_F(Containers, OneThatWasNotMadeIsNotRemoved) {
  EXPECT_EQ(run("run: {container: {image: alpine, name: taken, lifetime: {cleanup: eventually, "
                "after: {milliseconds: 0}}}}"),
            "process-failed");
  // Its turn would have been before that of the next.
  EXPECT_EQ(run("run: {container: {image: alpine}}"), R"("")");
  EXPECT_EQ(calls(), "run --name taken alpine -- run --name NAME alpine -- ");
}

TEST_F(Containers, TheProgramKeepsItsHome) {
  options.programs.container_environment = {"HOME=/home/of-daemon", "XDG_RUNTIME_DIR=/run/user/7"};
  EXPECT_EQ(run("run: {container: {image: home}}"), R"("/home/of-daemon||/run/user/7\n")");
  EXPECT_EQ(calls(), "run --name NAME home -- ");
}

TEST_F(Containers, WhatTheSettingsNameCountsBeforeTheProgramsHome) {
  options.programs.container_environment = {"HOME=/home/of-daemon"};
  options.programs.environment.emplace_back("HOME=/elsewhere");
  EXPECT_EQ(run("run: {container: {image: home}}"), R"("/elsewhere||\n")");
}

TEST_F(Containers, AreEndedWithTheTask) {
  for (const auto& [lifetime, ending] :
       {std::pair{"", "kill abc123 -- "},
        std::pair{", lifetime: {cleanup: always}", "rm --force abc123 -- "}}) {
    std::filesystem::remove(folder.file("calls"));
    std::filesystem::remove(folder.file("fifo"));
    folder.fifo("fifo");
    auto end = start("run: {container: {image: hang, name: mine" + std::string(lifetime) + "}}");
    EXPECT_EQ(line_of(folder.file("fifo")), "started");
    stop();
    EXPECT_EQ(end.get().status, engine::InstanceStatus::stopped);
    while (!calls().ends_with(ending)) std::this_thread::yield();
  }
}

TEST_F(Containers, GetOnlyTheDirectoriesThatTheSettingsAllow) {
  const Folder other;
  std::filesystem::create_symlink(other.path(), folder.file("link"));
  std::filesystem::create_directory(folder.file("inner"));
  options.programs.container_volumes = {folder.path()};
  const auto with = [](const std::string& source) {
    return "run: {container: {image: alpine, volumes: {'" + source + "': /data}}}";
  };
  EXPECT_EQ(run(with(folder.file("inner"))), R"("")");
  EXPECT_EQ(run(with(folder.file("new"))), R"("")");
  std::filesystem::create_symlink(folder.file("inner"), folder.file("within"));
  std::filesystem::remove(folder.file("calls"));
  // What was looked at is what it gets.
  EXPECT_EQ(run(with(folder.file("within"))), R"("")");
  EXPECT_EQ(calls(), "run --name NAME --volume " + folder.file("inner") + ":/data alpine -- ");
  std::filesystem::create_directory(folder.file("a:b"));
  std::filesystem::create_symlink(folder.file("a:b"), folder.file("colon"));
  EXPECT_EQ(run(with(folder.file("colon"))), "process-invalid");
  for (const std::string& source : {std::string("/"), other.path(), folder.file("link"),
                                    folder.file("inner/../.."), folder.path() + "2"})
    EXPECT_EQ(run(with(source)), "volume-not-allowed") << source;
}

TEST_F(Containers, DataCannotBecomeAnOption) {
  const std::string input = R"({"image":"--privileged","name":"-v","port":"80 --privileged",
      "target":"/x:rw:/y"})";
  for (const char* part :
       {"image: '${ .image }'", "image: a, name: '${ .name }'",
        "image: a, ports: {'80': '${ .port }'}", "image: a, volumes: {v: '${ .target }'}"})
    EXPECT_EQ(run("run: {container: {" + std::string(part) + "}}", input), "process-invalid")
        << part;
}

}  // namespace
}  // namespace stepwell::steps::test
