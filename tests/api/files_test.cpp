// Files over the wire: what clients hand in, see, download and delete.
#include <gtest/gtest.h>

#include <filesystem>

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
  EXPECT_EQ(send("olga", "GET", path, "If-None-Match: \"x\"\r\n").status, 200);
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
  ASSERT_TRUE(office.files->attach({ids[0], ids[1]}, InstanceId{7}));
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
  ASSERT_TRUE(office.files->attach({held}, instance));
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

}  // namespace
}  // namespace stepwell::api::test
