// Steps that wait for people, as clients complete, change and find them.
#include "api/people.h"

#include <gtest/gtest.h>

#include <memory>
#include <thread>
#include <vector>

#include "api/errand.h"
#include "tests/api/office.h"

namespace stepwell::api::test {
namespace {

constexpr const char* kApprove =
    "do:\n"
    "- approve: {call: decision, with: {prompt: 'ok?', options: [approve, reject], assignee: vic, "
    "due: P1D}}\n";
constexpr const char* kForm =
    "do:\n"
    "- ask: {call: form, with: {title: T, fields: [{name: reason, kind: text, required: true}, "
    "{name: clerk, kind: user}]}}\n";
constexpr const char* kMail =
    "do:\n"
    "- mail: {call: email, with: {to: a@b.c, subject: s, body: b, hold: true, authentication: "
    "{basic: {username: u, password: '${ \"hush\" }'}}}}\n";

class PeopleDesk : public testing::Test {
 protected:
  PeopleDesk() {
    office.add_workflow("approve", kApprove);
    office.add_workflow("form", kForm);
    office.add_workflow("mail", kMail);
  }
  ~PeopleDesk() override { office.engine->refuse_new(); }

  std::string start(const std::string& workflow) {
    const Answer created = office.call("olga", "POST", "/api/v1/instances",
                                       R"({"workflow":"test/)" + workflow + R"("})");
    EXPECT_EQ(created.status, 201) << created.body;
    const std::string id = to_json(created.json().get("id"));
    while (show(id).get("openSteps").empty()) std::this_thread::yield();
    return id;
  }
  Value show(const std::string& id) {
    return office.call("vic", "GET", "/api/v1/instances/" + id).json();
  }
  Answer complete(const std::string& id, const std::string& step, const std::string& output,
                  std::string_view user = "olga") {
    return office.call(user, "POST", "/api/v1/instances/" + id + "/complete-step",
                       R"({"step": ")" + step + R"(", "output": )" + output + "}");
  }
  Answer patch(const std::string& id, const std::string& step, const std::string& body,
               std::string_view user = "olga") {
    return office.call(user, "PATCH", "/api/v1/instances/" + id + "/steps/" + step, body);
  }
  Value tasks(const std::string& query, std::string_view user = "vic") {
    const Answer answer = office.call(user, "GET", "/api/v1/tasks" + query);
    EXPECT_EQ(answer.status, 200) << query << answer.body;
    return answer.json();
  }
  std::vector<std::string> audited() {
    std::vector<std::string> lines;
    const Value log = office.call("ana", "GET", "/api/v1/audit").json();
    for (const Value& record : log.get("items").elements()) {
      const std::string_view action = record.get("action").as_string();
      if (action.starts_with("step."))
        lines.push_back(std::string(action) + " " + std::string(record.get("user").as_string()) +
                        " " + std::string(record.get("result").as_string()));
    }
    std::sort(lines.begin(), lines.end());
    return lines;
  }

  Office office;
};

TEST_F(PeopleDesk, AnInstanceShowsItsOpenSteps) {
  const std::string id = start("approve");
  const Value open = show(id).get("openSteps").at(0);
  EXPECT_EQ(open.get("step"), Value("approve"));
  EXPECT_EQ(open.get("reference"), Value("/do/0/approve"));
  EXPECT_EQ(open.get("kind"), Value("decision"));
  EXPECT_EQ(open.get("prompt"), Value("ok?"));
  EXPECT_EQ(to_json(open.get("options")), R"(["approve","reject"])");
  EXPECT_EQ(open.get("assignee"), Value("vic"));
  EXPECT_EQ(open.get("startedTime"), Value(format_time(office.clock.now())));
  EXPECT_EQ(open.get("due"), Value(format_time(office.clock.now() + std::chrono::hours(24))));
  EXPECT_EQ(open.get("overdue"), Value(false));
}

TEST_F(PeopleDesk, ADecisionIsTakenOnceAndOnlyAsOffered) {
  const std::string id = start("approve");
  const Answer odd = complete(id, "approve", R"({"decision": "maybe"})");
  EXPECT_EQ(odd.status, 400);
  EXPECT_EQ(odd.reason(), "step-output-invalid");
  EXPECT_EQ(odd.json().get("field"), Value("decision"));
  const Answer done = complete(id, "approve", R"({"decision": "approve"})");
  EXPECT_EQ(done.status, 200) << done.body;
  EXPECT_EQ(done.json().get("id"), show(id).get("id"));
  while (show(id).get("status") != Value("completed")) std::this_thread::yield();
  EXPECT_EQ(show(id).get("output").get("decision"), Value("approve"));
  EXPECT_EQ(show(id).get("output").get("completedBy"), Value("olga"));
  const Answer again = complete(id, "approve", R"({"decision": "reject"})");
  EXPECT_EQ(again.status, 409);
  EXPECT_EQ(again.reason(), "step-completed");
  EXPECT_EQ(audited(), (std::vector<std::string>{"step.complete olga done",
                                                 "step.complete olga step-completed",
                                                 "step.complete olga step-output-invalid"}));
}

TEST_F(PeopleDesk, AssigneesOperatorsAndAdminsMayCompleteAndNobodyElse) {
  EXPECT_EQ(complete(start("approve"), "approve", R"({"decision": "approve"})", "vic").status, 200);
  EXPECT_EQ(complete(start("approve"), "approve", R"({"decision": "approve"})", "ana").status, 200);
  const std::string unassigned = start("form");
  const Answer refused = complete(unassigned, "ask", R"({"reason": "r"})", "vic");
  EXPECT_EQ(refused.status, 403);
  EXPECT_EQ(refused.reason(), "step-not-yours");
  EXPECT_EQ(complete(unassigned, "ask", R"({"reason": "r"})", "").status, 401);
  EXPECT_EQ(patch(unassigned, "ask", R"({"assignee": "ana"})", "vic").reason(), "step-not-yours");
  EXPECT_EQ(patch(unassigned, "ask", R"({"assignee": "vic"})").status, 200);
  EXPECT_EQ(complete(unassigned, "ask", R"({"reason": "r"})", "vic").status, 200);
  const std::string others = start("approve");
  EXPECT_EQ(patch(others, "approve", R"({"assignee": "zoe"})").status, 200);
  EXPECT_EQ(complete(others, "approve", R"({"decision": "approve"})", "vic").reason(),
            "step-not-yours");
}

TEST(Completers, ANarrowedKeyCompletesNothing) {
  auth::Principal principal{"k", "vic", auth::Role::viewer, {}};
  EXPECT_FALSE(completer_of(principal)->everyones);
  EXPECT_FALSE(completer_of(principal)->nobodys);
  principal.role = auth::Role::operator_;
  EXPECT_TRUE(completer_of(principal)->everyones);
  principal.scopes = {auth::Permission::view_instances};
  EXPECT_EQ(completer_of(principal).error().code, "permission-denied");
  principal.scopes = {auth::Permission::view_instances, auth::Permission::complete_steps};
  EXPECT_TRUE(completer_of(principal)->nobodys);
}

TEST_F(PeopleDesk, RequestsAreReadStrictly) {
  const std::string id = start("form");
  const std::string path = "/api/v1/instances/" + id + "/complete-step";
  EXPECT_EQ(office.call("olga", "POST", path, R"({"step": "ask"})").reason(), "request-invalid");
  EXPECT_EQ(office.call("olga", "POST", path, R"({"output": {}})").reason(), "request-invalid");
  EXPECT_EQ(office.call("olga", "POST", path, R"({"step": "ask", "output": {}, "x": 1})").reason(),
            "request-invalid");
  EXPECT_EQ(complete(id, "odd", "{}").reason(), "step-unknown");
  EXPECT_EQ(complete("12", "ask", "{}").reason(), "instance-unknown");
  EXPECT_EQ(complete("x", "ask", "{}").reason(), "instance-unknown");
  EXPECT_EQ(patch(id, "ask", "[]").reason(), "request-invalid");
  EXPECT_EQ(patch(id, "ask", "{").reason(), "json-invalid");
  EXPECT_EQ(patch(id, "ask", R"({"reason": 1})").reason(), "step-change-invalid");
  EXPECT_EQ(complete(id, "ask", R"({"reason": "r", "clerk": "nobody"})").json().get("field"),
            Value("clerk"));
  Wire wire(office.address());
  wire.send("PATCH /api/v1/instances/" + id +
            "/steps/ask HTTP/1.1\r\nHost: h\r\nAuthorization: Api-Key " + office.key("olga") +
            "\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}");
  EXPECT_EQ(wire.read().status, 415);
}

TEST_F(PeopleDesk, AnEmailIsChangedAndLetGo) {
  const std::string id = start("mail");
  const Answer changed = patch(id, "mail", R"({"to": ["x@y.z"], "subject": "new"})");
  EXPECT_EQ(changed.status, 200) << changed.body;
  EXPECT_EQ(changed.json().get("openSteps").at(0).get("subject"), Value("new"));
  EXPECT_EQ(changed.body.find("hush"), std::string::npos);
  EXPECT_EQ(patch(id, "~1do~10~1mail", R"({"cc": "c@y.z"})").status, 200);
  EXPECT_EQ(complete(id, "/do/0/mail", "{}").status, 200);
  const auto step = office.steps.next();
  EXPECT_EQ(step.call.arguments.get("subject"), Value("new"));
  EXPECT_EQ(step.call.arguments.get("cc"), Value("c@y.z"));
  EXPECT_EQ(step.call.arguments.get("authentication").get("password"), Value("hush"));
  EXPECT_EQ(patch(id, "mail", R"({"subject": "late"})").reason(), "step-completed");
  step.ticket.finish(std::make_unique<stepwell::test::ReadyResult>(Value(1)));
}

TEST_F(PeopleDesk, TheWorkListHasFiltersAndPages) {
  const std::string first = start("approve");
  const std::string second = start("form");
  const std::string third = start("approve");
  EXPECT_EQ(tasks("").get("items").size(), 3U);
  EXPECT_EQ(tasks("?assignee=me").get("items").size(), 2U);
  EXPECT_EQ(tasks("?assignee=me", "olga").get("items").size(), 0U);
  EXPECT_EQ(tasks("?assignee=vic&kind=form").get("items").size(), 0U);
  EXPECT_EQ(tasks("?kind=form").get("items").at(0).get("instance"), show(second).get("id"));
  EXPECT_EQ(tasks("?workflow=test/form").get("items").size(), 1U);
  EXPECT_EQ(tasks("?overdue=true").get("items").size(), 0U);
  office.clock.advance(std::chrono::hours(25));
  EXPECT_EQ(tasks("?overdue=true").get("items").size(), 2U);
  const Value page = tasks("?limit=2");
  EXPECT_EQ(page.get("items").size(), 2U);
  const Value rest = tasks("?limit=2&cursor=" + std::string(page.get("next").as_string()));
  EXPECT_EQ(rest.get("items").size(), 1U);
  EXPECT_EQ(rest.get("items").at(0).get("instance"), show(third).get("id"));
  EXPECT_TRUE(rest.get("next").is_null());
  for (const char* query : {"?kind=odd", "?overdue=1", "?cursor=x", "?limit=0"})
    EXPECT_EQ(office.call("vic", "GET", std::string("/api/v1/tasks") + query).reason(),
              "parameter-invalid")
        << query;
  EXPECT_EQ(office.call("", "GET", "/api/v1/tasks").status, 401);
}

TEST_F(PeopleDesk, AFileThatIsHandedInGoesWithTheInstance) {
  office.add_workflow("papers",
                      "do: [{hand: {call: upload, with: {prompt: p, accept: text/plain}}}]\n");
  const auto upload = [&](std::string_view type) {
    Wire wire(office.address());
    wire.send("POST /api/v1/files?name=a.txt HTTP/1.1\r\nHost: h\r\nAuthorization: Api-Key " +
              office.key("olga") + "\r\nContent-Type: " + std::string(type) +
              "\r\nContent-Length: 2\r\n\r\nhi");
    const Answer answer = wire.read();
    EXPECT_EQ(answer.status, 201) << answer.body;
    return std::string(answer.json().get("id").as_string());
  };
  const auto output = [](const std::string& file) { return R"({"file": ")" + file + R"("})"; };
  const std::string file = upload("text/plain");
  const std::string id = start("papers");
  EXPECT_EQ(complete(id, "hand", output("f_0")).json().get("field"), Value("file"));
  EXPECT_EQ(complete(id, "hand", output(upload("image/png"))).reason(), "step-output-invalid");
  EXPECT_FALSE((*office.files->find(file))->instance);
  const Answer done = complete(id, "hand", output(file));
  EXPECT_EQ(done.status, 200) << done.body;
  EXPECT_EQ(to_json((*office.files->find(file))->instance->number), id);
  EXPECT_EQ(show(id).get("output").get("file").get("name"), Value("a.txt"));
  const std::string other = start("papers");
  EXPECT_EQ(complete(other, "hand", output(file)).reason(), "file-in-use");
  EXPECT_EQ(show(other).get("openSteps").size(), 1U);
}

TEST_F(PeopleDesk, ACompletionIsRepeatedByItsKey) {
  const auto send = [&](const std::string& id, const std::string& key, const std::string& body) {
    Wire wire(office.address());
    wire.send("POST /api/v1/instances/" + id +
              "/complete-step HTTP/1.1\r\nHost: h\r\nAuthorization: Api-Key " + office.key("olga") +
              "\r\nIdempotency-Key: " + key + "\r\nContent-Length: " + std::to_string(body.size()) +
              "\r\n\r\n" + body);
    return wire.read();
  };
  office.add_workflow("again",
                      "do: [{a: {call: decision, with: {prompt: p, options: [y, n]}}}, "
                      "{b: {call: decision, with: {prompt: p, options: [y]}, then: a}}]\n");
  const std::string yes = R"({"step": "a", "output": {"decision": "y"}})";
  const std::string id = start("again");
  EXPECT_EQ(send(id, "1", R"({"step": "a", "output": {"decision": "x"}})").reason(),
            "step-output-invalid");
  EXPECT_EQ(send(id, "1", yes).status, 200);  // what was refused may be sent again
  const Answer again = send(id, "1", yes);
  EXPECT_EQ(again.status, 200) << again.body;
  EXPECT_EQ(to_json(again.json().get("id")), id);
  EXPECT_EQ(send(id, "1", R"({"step": "a", "output": {"decision": "n"}})").reason(),
            "idempotency-key-reused");
  EXPECT_EQ(send(id, "2", yes).reason(), "step-completed");
  EXPECT_EQ(send(id, "2", yes).reason(), "step-completed");  // it never had an effect
  // The next round of the same step is another one.
  EXPECT_EQ(complete(id, "b", R"({"decision": "y"})").status, 200);
  ASSERT_EQ(show(id).get("openSteps").at(0).get("step"), Value("a"));
  EXPECT_EQ(send(id, "1", yes).status, 200);
  EXPECT_EQ(show(id).get("openSteps").at(0).get("step"), Value("a"));
  EXPECT_EQ(send(id, "3", yes).status, 200);
  EXPECT_EQ(show(id).get("openSteps").at(0).get("step"), Value("b"));
  // Another client's key is another one.
  EXPECT_EQ(complete(id, "a", R"({"decision": "y"})").reason(), "step-completed");
}

TEST_F(PeopleDesk, ACompletionThatCameTooLateLeavesItsFilesFree) {
  office.add_workflow("papers", "do: [{hand: {call: upload, with: {prompt: p}}}]\n");
  const auto hold = [&] {
    auto writer = office.files->create({}, 1_MiB);
    EXPECT_TRUE((*writer)->write("x"));
    return (*writer)->finish().value().id;
  };
  const std::string id = start("papers");
  std::vector<std::string> files;
  std::vector<std::unique_ptr<Wire>> wires;
  for (int i = 0; i < 4; ++i) {
    files.push_back(hold());
    wires.push_back(std::make_unique<Wire>(office.address()));
  }
  for (std::size_t i = 0; i < files.size(); ++i)
    wires[i]->send(
        office.text_of("olga", "POST", "/api/v1/instances/" + id + "/complete-step",
                       R"({"step": "hand", "output": {"file": ")" + files[i] + R"("}})"));
  std::size_t done = 0;
  for (std::size_t i = 0; i < files.size(); ++i) {
    const Answer answer = wires[i]->read();
    const bool won = answer.status == 200;
    if (won) ++done;
    EXPECT_TRUE(won || answer.reason() == "step-completed") << answer.body;
    EXPECT_EQ((*office.files->find(files[i]))->instance.has_value(), won) << i;
  }
  EXPECT_EQ(done, 1U);
}

// Nobody is told "later" of what cannot come about any more.
TEST(Errands, ThatNothingIsPreparedForInTimeAreRefused) {
  const auto errand = std::make_shared<Errand>();
  const auto prepare = errand->prepare();
  const auto nothing = [](const engine::StepAnswer::Preparation&) { return Status(); };
  const std::optional<Status> over = errand->wait(Milliseconds(1), nothing);
  ASSERT_TRUE(over && !*over);
  EXPECT_EQ(over->error().code, "overloaded");
  Status late;
  prepare({InstanceId{1}, engine::StepId{2}, {}}, [&](Status status) { late = std::move(status); });
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, "overloaded");
}

TEST(Errands, WhatIsPreparedMayComeAboutLater) {
  const auto errand = std::make_shared<Errand>();
  Status told = fail(make_problem(ErrorKind::runtime, "nobody", ""));
  errand->prepare()({InstanceId{1}, engine::StepId{2}, {}},
                    [&](Status status) { told = std::move(status); });
  const std::optional<Status> over =
      errand->wait(Milliseconds(1), [](const engine::StepAnswer::Preparation& what) {
        EXPECT_EQ(what.step.number, 2U);
        return Status();
      });
  EXPECT_TRUE(told);
  EXPECT_FALSE(over);
}

TEST(StepsInPaths, AreNamesIdsOrReferences) {
  EXPECT_EQ(step_of_path("approve"), "approve");
  EXPECT_EQ(step_of_path("17"), "17");
  EXPECT_EQ(step_of_path("~1do~10~1approve"), "/do/0/approve");
  EXPECT_EQ(step_of_path("~1do~10~1a~01b"), "/do/0/a~1b");
}

}  // namespace
}  // namespace stepwell::api::test
