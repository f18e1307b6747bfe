// Files over the wire: what clients hand in, see, download and delete.
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <thread>

#include "auth/cipher.h"
#include "base/encoding.h"
#include "tests/api/described.h"
#include "tests/api/office.h"

namespace stepwell::api::test {
namespace {

namespace fs = std::filesystem;

class FilesApi : public testing::Test {
 protected:
  Answer send(std::string_view user, std::string_view method, const std::string& target,
              const std::string& headers, const std::string& body = "") {
    Wire wire(office.address());
    std::string text = std::string(method) + " " + target + " HTTP/1.1\r\nHost: h\r\n";
    if (!user.empty()) text += "Authorization: Api-Key " + office.key(user) + "\r\n";
    text += headers;
    if (method == "POST" && headers.find("Transfer-Encoding") == std::string::npos)
      text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
    wire.send(text + "\r\n" + body);
    const Answer answer = wire.read(method == "HEAD");
    if (method != "HEAD") Described::of(office).check(method, target, answer);
    return answer;
  }
  Answer upload(std::string_view user, const std::string& body, const std::string& headers = "",
                const std::string& query = "") {
    return send(user, "POST", "/api/v1/files" + query, headers, body);
  }
  std::string id_of(const Answer& answer) {
    EXPECT_EQ(answer.status, 201) << answer.body;
    return std::string(answer.json().get("id").as_string());
  }
  std::size_t on_disk() {
    std::size_t count = 0;
    for (const auto& entry : fs::recursive_directory_iterator(office.directory / "files"))
      count += entry.is_regular_file() ? 1 : 0;
    return count;
  }
  // The newest record of the audit log with that action: "RESULT DETAIL".
  std::string noted(const std::string& action) {
    const Value log = office.call("ana", "GET", "/api/v1/audit?action=" + action).json();
    std::string text;
    for (const Value& record : log.get("items").elements())
      text = std::string(record.get("result").as_string()) + " " +
             std::string(record.get("detail").as_string());
    return text;
  }

  Office office;
};

const std::string kForm = "Content-Type: multipart/form-data; boundary=b\r\n";

std::string part(const std::string& name, const std::string& filename, const std::string& content) {
  return "--b\r\nContent-Disposition: form-data; name=\"" + name + "\"; filename=\"" + filename +
         "\"\r\nContent-Type: text/plain\r\n\r\n" + content + "\r\n";
}

TEST_F(FilesApi, TakesOneFileAsItIsAndGivesItBack) {
  const Answer uploaded =
      upload("olga", "hello, world", "Content-Type: Text/Plain\r\n", "?name=dir%20a.txt");
  const std::string id = id_of(uploaded);
  EXPECT_EQ(uploaded.header("Location"), "/api/v1/files/" + id);
  const Value file = uploaded.json();
  EXPECT_EQ(file.get("name"), Value("dir a.txt"));
  EXPECT_EQ(file.get("mediaType"), Value("text/plain"));
  EXPECT_EQ(file.get("size"), Value(12));
  EXPECT_EQ(file.get("sha256"), Value(to_hex(auth::sha256("hello, world"))));
  EXPECT_EQ(file.get("user"), Value("olga"));
  EXPECT_TRUE(file.get("instance").is_null());
  EXPECT_EQ(office.call("olga", "GET", "/api/v1/files/" + id).json(), file);
  const Answer content = office.call("olga", "GET", "/api/v1/files/" + id + "/content");
  EXPECT_EQ(content.status, 200);
  EXPECT_EQ(content.body, "hello, world");
  EXPECT_EQ(content.header("Content-Type"), "text/plain");
  EXPECT_EQ(content.header("Content-Length"), "12");
  EXPECT_EQ(content.header("Content-Disposition"), "attachment; filename=\"dir a.txt\"");
  EXPECT_EQ(content.header("X-Content-Type-Options"), "nosniff");
  EXPECT_EQ(content.header("ETag"), "\"" + std::string(file.get("sha256").as_string()) + "\"");
  const Answer head = office.call("olga", "HEAD", "/api/v1/files/" + id + "/content");
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.header("Content-Length"), "12");
  EXPECT_EQ(noted("file.upload"),
            "done dir a.txt, 12 bytes, sha256 " + std::string(file.get("sha256").as_string()));
}

TEST_F(FilesApi, TakesSeveralFilesOfAForm) {
  const Answer one = upload("olga", part("any", "na\xc3\xafve.txt", "x") + "--b--\r\n", kForm);
  EXPECT_EQ(one.json().get("name"), Value("na\xc3\xafve.txt"));
  // A form's field for a file that was left empty is none.
  const Answer two =
      upload("olga",
             part("a", "../a", "1") + part("empty", "", "") + part("b", "b", "2") +
                 "--b\r\nContent-Disposition: form-data; name=note\r\n\r\n3\r\n--b--",
             kForm);
  ASSERT_EQ(two.status, 201) << two.body;
  const Value body = two.json();
  const Value& items = body.get("items");
  ASSERT_EQ(items.size(), 3U);
  EXPECT_EQ(items.at(0).get("name"), Value("a"));
  EXPECT_EQ(items.at(1).get("mediaType"), Value("text/plain"));
  EXPECT_EQ(items.at(2).get("name"), Value("note"));
  EXPECT_EQ(on_disk(), 4U);
}

TEST_F(FilesApi, TakesAFileWhoseLengthIsNotSaid) {
  const Answer uploaded = upload("olga", "5\r\nhello\r\n6\r\n, you!\r\n0\r\n\r\n",
                                 "Transfer-Encoding: chunked\r\nContent-Type: text/plain\r\n");
  EXPECT_EQ(uploaded.json().get("size"), Value(11));
  EXPECT_EQ(uploaded.json().get("name"), Value("file"));
}

TEST_F(FilesApi, KeepsAllFilesOfARequestOrNone) {
  struct Case {
    std::string body;
    int status;
    std::string reason;
  };
  const std::string large(1'048'577, 'x');
  for (const Case& each : std::vector<Case>{
           {part("a", "a", "1"), 400, "multipart-invalid"},
           {part("a", "a", "1") + "--bx\r\n", 400, "multipart-invalid"},
           {"--b--", 400, "multipart-invalid"},
           {part("a", "", "") + "--b--", 400, "multipart-invalid"},
           {part("a", "a", "1") + part("b", "b", large) + "--b--", 413, "body-too-large"},
           {part("a", "a", "1") + part("b", "b", "my " + office.key("ana") + "!") + "--b--", 403,
            "secret-in-request"}}) {
    const Answer refused = upload("olga", each.body, kForm);
    EXPECT_EQ(refused.status, each.status) << each.reason;
    EXPECT_EQ(refused.reason(), each.reason);
    EXPECT_EQ(on_disk(), 0U) << each.reason;
    EXPECT_EQ(noted("file.upload"), each.reason + " ");
  }
  EXPECT_EQ(upload("olga", "x", "Content-Type: multipart/form-data\r\n").reason(),
            "multipart-invalid");
  // What says that it is too long is not read at all.
  EXPECT_EQ(send("olga", "POST", "/api/v1/files",
                 "Content-Length: 999999999\r\nTransfer-Encoding: none\r\n")
                .status,
            400);
  EXPECT_EQ(office.call("olga", "GET", "/api/v1/files").json().get("items").size(), 0U);
}

// A secret may lie across the pieces in which the body comes.
TEST_F(FilesApi, LooksForSecretsInAllOfAFile) {
  const std::string key = office.key("vic");
  for (const std::size_t before : {std::size_t{0}, 65'530UL, 262'140UL, 300'000UL}) {
    const Answer refused = upload("olga", std::string(before, '.') + key + std::string(9, '.'));
    EXPECT_EQ(refused.reason(), "secret-in-request") << before;
  }
  EXPECT_EQ(on_disk(), 0U);
  EXPECT_EQ(
      upload("olga", "x", "", "?name=" + key + ".txt").json().get("name").as_string().find(key),
      std::string_view::npos);
}

// In other forms a secret is several times as long.
TEST_F(FilesApi, LooksForSecretsThatAreLongInAllOfAFile) {
  office.authority->redactor().add("test", 1, "", std::string(8'000, '%'));
  std::string encoded;
  for (int i = 0; i < 8'000; ++i) encoded += "%25";
  for (const std::size_t before : {std::size_t{262'144} - 18'000, std::size_t{262'144} - 100}) {
    const Answer refused = upload("olga", std::string(before, '.') + encoded + ".");
    ASSERT_EQ(refused.status, 403) << before;
    EXPECT_EQ(refused.reason(), "secret-in-request") << before;
  }
}

TEST_F(FilesApi, GivesTheSameFilesToTheSameRequest) {
  const std::string key = "Idempotency-Key: 1\r\n";
  const std::string body = part("a", "a", "1") + part("b", "b", "2") + "--b--";
  const Answer first = upload("olga", body, kForm + key);
  const Answer again = upload("olga", body, kForm + key);
  EXPECT_EQ(first.status, 201);
  EXPECT_EQ(again.json(), first.json());
  EXPECT_EQ(on_disk(), 2U);
  const Answer other = upload("olga", part("a", "a", "other") + "--b--", kForm + key);
  EXPECT_EQ(other.status, 422);
  EXPECT_EQ(other.reason(), "idempotency-key-reused");
  // Another client's key is another one.
  const Answer hers = upload("ana", body, kForm + key);
  EXPECT_NE(hers.json(), first.json());
}

TEST_F(FilesApi, GivesAPartOrNothingNew) {
  const std::string path = "/api/v1/files/" + id_of(upload("olga", "0123456789")) + "/content";
  const std::string tag = "\"" + to_hex(auth::sha256("0123456789")) + "\"";
  const Answer some = send("olga", "GET", path, "Range: bytes=2-5\r\n");
  EXPECT_EQ(some.status, 206);
  EXPECT_EQ(some.body, "2345");
  EXPECT_EQ(some.header("Content-Range"), "bytes 2-5/10");
  EXPECT_EQ(some.header("Content-Length"), "4");
  EXPECT_EQ(send("olga", "GET", path, "Range: bytes=2-5\r\nIf-Range: " + tag + "\r\n").status, 206);
  EXPECT_EQ(send("olga", "GET", path, "Range: bytes=2-5\r\nIf-Range: \"x\"\r\n").status, 200);
  EXPECT_EQ(send("olga", "GET", path, "Range: bytes=0-1,4-5\r\n").body, "0123456789");
  const Answer beyond = send("olga", "GET", path, "Range: bytes=10-\r\n");
  EXPECT_EQ(beyond.status, 416);
  EXPECT_EQ(beyond.header("Content-Range"), "bytes */10");
  const Answer same = send("olga", "GET", path, "If-None-Match: " + tag + "\r\n");
  EXPECT_EQ(same.status, 304);
  EXPECT_EQ(same.body, "");
  EXPECT_EQ(same.header("ETag"), tag);
  EXPECT_EQ(same.header("Content-Length"), "");
  EXPECT_EQ(same.header("Cache-Control"), "private, no-cache");
  EXPECT_EQ(send("olga", "GET", path, "If-None-Match: \"x\"\r\n").status, 200);
}

// RFC 9110 §13.1.1: a client that means another content neither gets nor deletes this one.
TEST_F(FilesApi, LeavesAloneWhatIfMatchDoesNotName) {
  const std::string path = "/api/v1/files/" + id_of(upload("olga", "0123456789"));
  const std::string tag = "\"" + to_hex(auth::sha256("0123456789")) + "\"";
  for (const std::string& other : {std::string("\"x\""), "W/" + tag, std::string()}) {
    const Answer refused = send("olga", "GET", path + "/content", "If-Match: " + other + "\r\n");
    ASSERT_EQ(refused.status, 412) << other;
    EXPECT_EQ(refused.reason(), "precondition-failed") << other;
    EXPECT_EQ(send("olga", "DELETE", path, "If-Match: " + other + "\r\n").status, 412) << other;
  }
  EXPECT_EQ(noted("file.delete"), "precondition-failed ");
  for (const std::string& same : {tag, "\"x\", " + tag, std::string("*")})
    EXPECT_EQ(send("olga", "GET", path + "/content", "If-Match: " + same + "\r\n").status, 200)
        << same;
  EXPECT_EQ(send("olga", "DELETE", path, "If-Match: " + tag + "\r\n").status, 204);
}

TEST_F(FilesApi, GivesALargeFilePieceByPiece) {
  std::string content;
  for (int i = 0; content.size() < 1'000'000; ++i) content += std::to_string(i) + ",";
  const std::string id = id_of(upload("olga", content));
  const Answer back = office.call("olga", "GET", "/api/v1/files/" + id + "/content");
  EXPECT_EQ(back.body.size(), content.size());
  EXPECT_TRUE(back.body == content);
}

TEST_F(FilesApi, ListsInPagesAndByInstance) {
  std::vector<std::string> ids;
  for (int i = 0; i < 5; ++i) ids.push_back(id_of(upload("olga", std::to_string(i))));
  ASSERT_TRUE(office.files->claim({ids[0], ids[1]}, InstanceId{7}));
  std::sort(ids.begin(), ids.end());
  std::vector<std::string> listed;
  std::string cursor;
  do {
    const Value page = office.call("olga", "GET", "/api/v1/files?limit=2" + cursor).json();
    EXPECT_LE(page.get("items").size(), 2U);
    for (const Value& item : page.get("items").elements())
      listed.emplace_back(item.get("id").as_string());
    cursor = page.contains("next") ? "&cursor=" + std::string(page.get("next").as_string())
                                   : std::string();
  } while (!cursor.empty());
  EXPECT_EQ(listed, ids);
  EXPECT_EQ(office.call("olga", "GET", "/api/v1/files?instance=7").json().get("items").size(), 2U);
  EXPECT_EQ(office.call("olga", "GET", "/api/v1/files?instance=x").reason(), "parameter-invalid");
  EXPECT_EQ(office.call("olga", "GET", "/api/v1/files?cursor=x").reason(), "parameter-invalid");
}

TEST_F(FilesApi, ShowsAFileToItsOwnerToOperatorsAndAdmins) {
  const std::string path = "/api/v1/files/" + id_of(upload("ana", "x"));
  for (const char* user : {"ana", "olga"}) {
    EXPECT_EQ(office.call(user, "GET", path).status, 200) << user;
    EXPECT_EQ(office.call(user, "GET", path + "/content").status, 200) << user;
    EXPECT_EQ(office.call(user, "GET", "/api/v1/files").json().get("items").size(), 1U) << user;
  }
  // To others it does not exist.
  EXPECT_EQ(office.call("vic", "GET", path).reason(), "file-unknown");
  EXPECT_EQ(office.call("vic", "GET", path + "/content").reason(), "file-unknown");
  EXPECT_EQ(office.call("vic", "GET", "/api/v1/files").json().get("items").size(), 0U);
  EXPECT_EQ(office.call("vic", "DELETE", path).reason(), "permission-denied");
  EXPECT_EQ(upload("vic", "x").reason(), "permission-denied");
  EXPECT_EQ(upload("", "x").status, 401);
  EXPECT_EQ(office.call("olga", "GET", "/api/v1/files/..%2f..%2fetc%2fpasswd/content").status, 400);
  EXPECT_EQ(office.call("olga", "GET", "/api/v1/files/f_x").reason(), "file-unknown");
  // Who has handed in a file and is no operator any more has it still.
  ASSERT_TRUE(office.authority->users().set_role({"test", "test"}, "olga", auth::Role::viewer));
  EXPECT_EQ(office.call("olga", "GET", path).reason(), "file-unknown");
}

// Between a deletion's look at a file and the deletion itself an instance may have taken it.
TEST_F(FilesApi, DeletesNothingThatHasChangedHands) {
  const std::string id = id_of(upload("olga", "a"));
  const engine::FileInfo before = (*office.files->find(id)).value();
  const auto claim = office.files->claim({id}, InstanceId{7});
  ASSERT_TRUE(claim);
  EXPECT_EQ(office.files->remove(before).error().code, "file-in-use");
  office.files->keep(*claim);
  EXPECT_EQ(office.files->remove(before).error().code, "file-in-use");
  const engine::FileInfo after = (*office.files->find(id)).value();
  EXPECT_TRUE(office.files->remove(after));
  EXPECT_FALSE(*office.files->find(id));
}

TEST_F(FilesApi, DeletesWhatNoOpenInstanceHolds) {
  office.add_workflow("asks",
                      "do: [{ask: {call: http, with: {method: get, endpoint: 'http://h'}}}]");
  const Answer started =
      office.call("olga", "POST", "/api/v1/instances", R"({"workflow": "test/asks"})");
  ASSERT_EQ(started.status, 201);
  const auto instance =
      InstanceId{static_cast<std::uint64_t>(started.json().get("id").as_integer().value())};
  const std::string free = id_of(upload("olga", "a"));
  const std::string held = id_of(upload("olga", "b"));
  const auto claim = office.files->claim({held}, instance);
  ASSERT_TRUE(claim);
  office.files->keep(*claim);
  EXPECT_EQ(office.call("olga", "DELETE", "/api/v1/files/" + free).status, 204);
  EXPECT_EQ(office.call("olga", "GET", "/api/v1/files/" + free).status, 404);
  EXPECT_EQ(office.call("olga", "DELETE", "/api/v1/files/" + free).reason(), "file-unknown");
  const Answer refused = office.call("olga", "DELETE", "/api/v1/files/" + held);
  EXPECT_EQ(refused.status, 409);
  EXPECT_EQ(refused.reason(), "file-in-use");
  EXPECT_EQ(on_disk(), 1U);
  ASSERT_EQ(
      office.call("olga", "POST", "/api/v1/instances/" + std::to_string(instance.number) + "/stop")
          .status,
      200);
  EXPECT_EQ(office.call("olga", "DELETE", "/api/v1/files/" + held).status, 204);
  EXPECT_EQ(on_disk(), 0U);
  EXPECT_EQ(noted("file.delete"), "done file");
}

// --- Files that starts name ---

class StartsWithFiles : public FilesApi {
 protected:
  StartsWithFiles() {
    office.add_workflow("takes", "do: [{hear: {listen: {to: {one: {with: {type: go}}}}}}]\n");
    office.add_workflow("strict",
                        "input: {schema: {document: {type: object, required: [n]}}}\n"
                        "do: [{a: {set: {b: 1}}}]\n");
  }
  static std::string body_of(const std::vector<std::string>& files,
                             const std::string& workflow = "takes") {
    std::string list;
    for (const std::string& file : files)
      list += std::string(list.empty() ? "" : ", ") + R"({"file": ")" + file + R"("})";
    return R"({"workflow": "test/)" + workflow + R"(", "input": {"papers": [)" + list + "]}}";
  }
  Answer start(const std::string& body, const std::string& headers = "",
               std::string_view user = "olga") {
    return send(user, "POST", "/api/v1/instances", headers, body);
  }
  // The instance that a file goes with, as its owner sees it; "null" for none.
  std::string holder(const std::string& file) {
    return to_json(office.call("ana", "GET", "/api/v1/files/" + file).json().get("instance"));
  }
};

TEST_F(StartsWithFiles, TakeThemBeforeTheyAreAdmitted) {
  const std::string file = id_of(upload("olga", "x"));
  office.journal.set_mode(stepwell::test::KeepingJournal::Mode::by_hand);
  Wire wire(office.address());
  wire.send(office.text_of("olga", "POST", "/api/v1/instances", body_of({file})));
  while (office.journal.waiting() == 0) std::this_thread::yield();
  // Its admission is not on the disk, and the file's claim is.
  EXPECT_TRUE(office.journal.kept().instances.empty());
  EXPECT_NE(holder(file), "null");
  EXPECT_EQ(office.call("olga", "DELETE", "/api/v1/files/" + file).reason(), "file-in-use");
  office.journal.set_mode(stepwell::test::KeepingJournal::Mode::at_once);
  const Answer started = wire.read();
  ASSERT_EQ(started.status, 201) << started.body;
  EXPECT_EQ(holder(file), to_json(started.json().get("id")));
}

TEST_F(StartsWithFiles, LeaveThemFreeWhereTheyAreRefused) {
  const std::string file = id_of(upload("olga", "x"));
  const std::string taken = id_of(upload("olga", "y"));
  const std::string foreign = id_of(upload("ana", "z"));
  ASSERT_EQ(start(body_of({taken})).status, 201);
  office.add_workflow("off", "do: [{a: {set: {b: 1}}}]\n");
  office.call("olga", "POST", "/api/v1/workflows/test/off/disable");
  const std::size_t open = office.engine->open_instances();
  struct Case {
    std::string body;
    std::string reason;
  };
  for (const Case& each :
       std::vector<Case>{{body_of({file}, "strict"), "schema-violation"},
                         {body_of({file}, "none"), "workflow-unknown"},
                         {body_of({file}, "off"), "workflow-disabled"},
                         {body_of({file, taken}), "file-in-use"},
                         {body_of({file, "f_00000000000000000000000000"}), "file-unknown"}}) {
    for (const char* once : {"", "Idempotency-Key: k\r\n"}) {
      EXPECT_EQ(start(each.body, once).reason(), each.reason);
      EXPECT_EQ(holder(file), "null") << each.reason;
    }
  }
  EXPECT_EQ(office.engine->open_instances(), open);
  EXPECT_EQ(start(body_of({foreign})).status, 201);  // operators see all files
  office.journal.refuse_admissions(unavailable("overloaded", "the disk is slow"));
  for (const char* once : {"", "Idempotency-Key: l\r\n"}) {
    EXPECT_EQ(start(body_of({file}), once).reason(), "overloaded");
    EXPECT_EQ(holder(file), "null");
  }
  office.journal.refuse_admissions(std::nullopt);
  EXPECT_EQ(start(body_of({file}), "Idempotency-Key: l\r\n").status, 201);
}

TEST_F(StartsWithFiles, OfTwoThatNameOneFileOneRuns) {
  for (int round = 0; round < 5; ++round) {
    const std::string file = id_of(upload("olga", "x" + std::to_string(round)));
    std::vector<std::unique_ptr<Wire>> wires;
    for (int i = 0; i < 6; ++i) wires.push_back(std::make_unique<Wire>(office.address()));
    const std::size_t before = office.engine->open_instances();
    for (const auto& wire : wires)
      wire->send(office.text_of("olga", "POST", "/api/v1/instances", body_of({file})));
    std::string winner;
    for (const auto& wire : wires) {
      const Answer answer = wire->read();
      if (answer.status == 201) {
        EXPECT_EQ(winner, "");
        winner = to_json(answer.json().get("id"));
      } else {
        EXPECT_EQ(answer.status, 409);
        EXPECT_EQ(answer.reason(), "file-in-use");
      }
    }
    EXPECT_EQ(holder(file), winner);
    EXPECT_EQ(office.engine->open_instances(), before + 1);
  }
}

TEST_F(StartsWithFiles, RepeatedByTheirKeyTakeThemOnce) {
  const std::string file = id_of(upload("olga", "x"));
  const std::string other = id_of(upload("olga", "y"));
  const std::string once = "Idempotency-Key: once\r\n";
  const Answer first = start(body_of({file}), once);
  ASSERT_EQ(first.status, 201) << first.body;
  EXPECT_EQ(start(body_of({file}), once).json().get("id"), first.json().get("id"));
  EXPECT_EQ(start(body_of({file})).reason(), "file-in-use");
  // Of another request nothing is taken, whether the first one is there already or on its way.
  EXPECT_EQ(start(body_of({other}), once).reason(), "idempotency-key-reused");
  EXPECT_EQ(holder(other), "null");
  EXPECT_EQ(holder(file), to_json(first.json().get("id")));
  const std::string third = id_of(upload("olga", "z"));
  const std::string soon = "Authorization: Api-Key " + office.key("olga") +
                           "\r\nIdempotency-Key: soon\r\nContent-Length: ";
  const auto text = [&](const std::string& body) {
    return "POST /api/v1/instances HTTP/1.1\r\nHost: h\r\n" + soon + std::to_string(body.size()) +
           "\r\n\r\n" + body;
  };
  Wire one(office.address());
  Wire two(office.address());
  one.send(text(body_of({other})));
  two.send(text(body_of({third})));
  const bool one_first = one.read().status == 201;
  EXPECT_EQ(two.read().status, one_first ? 422 : 201);
  EXPECT_EQ(holder(one_first ? third : other), "null");
  EXPECT_NE(holder(one_first ? other : third), "null");
}

TEST_F(StartsWithFiles, AreAlsoSchedulesThatAreTriggeredAndWebhooksWithAKey) {
  office.add_workflow("tick", "schedule: {every: PT1M}\ndo: [{a: {set: {b: 1}}}]\n");
  office.add_workflow("keyed", "do: [{a: {set: {b: 1}}}]\n", "{stepwell: {webhook: {path: k}}}");
  office.add_workflow("free", "do: [{a: {set: {b: 1}}}]\n",
                      "{stepwell: {webhook: {path: f, open: true}}}");
  office.schedules->replace(office.catalog.list());
  const std::string a = id_of(upload("olga", "a"));
  const std::string b = id_of(upload("olga", "b"));
  const auto named = [](const std::string& file) { return R"({"file": ")" + file + R"("})"; };
  const std::string trigger = "/api/v1/schedules/test/tick/trigger";
  const std::string once = "Idempotency-Key: t\r\n";
  const std::string input = R"({"input": )" + named(a) + "}";
  const Answer triggered = send("olga", "POST", trigger, once, input);
  ASSERT_EQ(triggered.status, 201) << triggered.body;
  EXPECT_EQ(holder(a), to_json(triggered.json().get("id")));
  EXPECT_EQ(send("olga", "POST", trigger, once, input).json(), triggered.json());
  EXPECT_EQ(send("olga", "POST", trigger, once).reason(), "idempotency-key-reused");
  EXPECT_EQ(send("olga", "POST", trigger, "", input).reason(), "file-in-use");
  const std::string json = "Content-Type: application/json\r\n";
  // Nobody has shown that he may have it.
  EXPECT_EQ(send("", "POST", "/api/v1/webhooks/f", json, named(b)).status, 202);
  EXPECT_EQ(holder(b), "null");
  const Answer called = send("olga", "POST", "/api/v1/webhooks/k", json, named(b));
  EXPECT_EQ(called.status, 202) << called.body;
  EXPECT_EQ(holder(b), to_json(called.json().get("id")));
  EXPECT_EQ(send("olga", "POST", "/api/v1/webhooks/k", json, named(b)).reason(), "file-in-use");
}

TEST_F(StartsWithFiles, OfATriggerTheAuditLogSaysWhatBecameOfIt) {
  office.add_workflow("tick", "schedule: {every: PT1M}\ndo: [{a: {set: {b: 1}}}]\n");
  office.schedules->replace(office.catalog.list());
  const std::string file = id_of(upload("olga", "a"));
  ASSERT_EQ(start(body_of({file})).status, 201);
  const std::string once = "Idempotency-Key: t\r\n";
  std::size_t seen = 0;
  // What the log has got since, and the answer: both the code, or done and nothing.
  const auto trigger = [&](const std::string& headers, const std::string& body,
                           const std::string& name = "test/tick") {
    const Answer answer =
        send("olga", "POST", "/api/v1/schedules/" + name + "/trigger", headers, body);
    const Value log = office.call("ana", "GET", "/api/v1/audit?action=schedule.trigger").json();
    std::string text;
    for (; seen < log.get("items").size(); ++seen) {
      const Value record = log.get("items").at(seen);
      EXPECT_EQ(record.get("target"), Value(name));
      EXPECT_EQ(record.get("user"), Value("olga"));
      text += std::string(record.get("result").as_string()) + " ";
    }
    return text + (answer.status == 201 ? "" : answer.reason());
  };
  const std::string input = R"({"input": {"file": ")" + file + R"("}})";
  for (const std::string& headers : {std::string(), once})
    EXPECT_EQ(trigger(headers, input), "begun file-in-use file-in-use");
  EXPECT_EQ(trigger(once, ""), "begun done ");
  EXPECT_EQ(trigger("", ""), "begun done ");
  EXPECT_EQ(trigger(once, ""), "begun done ");
  EXPECT_EQ(trigger(once, R"({"input": {"x": 1}})"),
            "begun idempotency-key-reused idempotency-key-reused");
  EXPECT_EQ(trigger("", "{"), "json-invalid json-invalid");
  EXPECT_EQ(trigger("", "", "test/none"), "schedule-unknown schedule-unknown");
  office.call("olga", "POST", "/api/v1/workflows/test/tick/disable");
  EXPECT_EQ(trigger("", ""), "workflow-disabled workflow-disabled");
  office.call("olga", "POST", "/api/v1/workflows/test/tick/enable");
  office.engine->refuse_new();
  EXPECT_EQ(trigger("", ""), "begun shutting-down shutting-down");
}

}  // namespace
}  // namespace stepwell::api::test
