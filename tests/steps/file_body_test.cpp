// Bodies with files in them: how they are put together, and read from the disk.
#include <gtest/gtest.h>

#include "base/json.h"
#include "steps/file_source.h"
#include "steps/http_request.h"
#include "steps/request_body.h"
#include "store/file_store.h"
#include "tests/store/scratch_directory.h"
#include "tests/support/fake_entropy.h"
#include "tests/support/manual_clock.h"

namespace stepwell::steps {
namespace {

class FileBody : public testing::Test {
 protected:
  FileBody()
      : files(store::FileStore::open(directory / ".", {}, {clock, entropy, metrics, Log::null()})
                  .value()) {}
  engine::FileInfo put(const std::string& content, const std::string& name,
                       const std::string& type) {
    engine::FileInfo info;
    info.name = name;
    info.media_type = type;
    auto writer = files->create(std::move(info), 1_MiB).value();
    EXPECT_TRUE(writer->write(content));
    return writer->finish().value();
  }
  static std::string all(http::BodySource& source, std::size_t most) {
    std::string text;
    std::string room(most, '\0');
    for (;;) {
      const Result<std::size_t> got = source.read(room.data(), room.size());
      EXPECT_TRUE(got);
      if (!got || *got == 0) return text;
      text.append(room, 0, *got);
    }
  }
  Result<http::Request> request(Value body, const std::string& type,
                                const std::string& method = "post") {
    Value arguments = Value::object({{"method", method}, {"uri", "http://h/"}});
    arguments.set("body", std::move(body));
    if (!type.empty()) arguments.set("headers", Value::object({{"content-type", type}}));
    return build_request(arguments, false, "sep", files.get());
  }

  const store::ScratchDirectory directory;
  stepwell::test::ManualClock clock;
  stepwell::test::FakeEntropy entropy;
  Metrics metrics;
  std::unique_ptr<store::FileStore> files;
};

TEST_F(FileBody, OfOneFileIsItsBytesWithItsType) {
  const engine::FileInfo info = put("%PDF", "a.pdf", "application/pdf");
  struct Case {
    std::string type;
    std::string sent;
  };
  for (const Case& each : std::vector<Case>{
           {"", "application/pdf"},
           {"image/png", "image/png"},
           {"application/x-www-form-urlencoded", "application/x-www-form-urlencoded"}}) {
    const auto built = request(engine::file_value(info), each.type);
    ASSERT_TRUE(built) << built.error().detail;
    EXPECT_FALSE(built->body);
    EXPECT_EQ(built->headers.back().value, each.sent);
    EXPECT_EQ(built->source->size(), 4U);
    EXPECT_EQ(built->source->sha256(), info.sha256);
    EXPECT_EQ(all(*built->source, 3), "%PDF");
  }
  // As JSON, what is known of it.
  const auto json = request(engine::file_value(info), "application/json");
  EXPECT_EQ(json->source, nullptr);
  EXPECT_EQ(json->body, to_json(engine::file_value(info)));
  // One without a byte needs no source.
  const auto empty = request(engine::file_value(put("", "empty", "text/plain")), "");
  EXPECT_EQ(empty->source, nullptr);
  EXPECT_EQ(empty->body, "");
}

TEST_F(FileBody, OfAFormHasAPartForEach) {
  const Value a = engine::file_value(put("first", "a\".txt", "text/plain"));
  const Value b = engine::file_value(put("", "b", ""));
  Value body = Value::object({{"note", "x"}, {"a", a}, {"more", Value::array({b, a})}});
  body.set("other",
           Value::object({{"filename", "c.csv"}, {"contentType", "text/csv"}, {"content", a}}));
  const auto built = request(body, "multipart/form-data");
  ASSERT_TRUE(built) << built.error().detail;
  const std::string expected =
      "--sep\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\nx\r\n"
      "--sep\r\nContent-Disposition: form-data; name=\"a\"; filename=\"a%22.txt\"\r\n"
      "Content-Type: text/plain\r\n\r\nfirst\r\n"
      "--sep\r\nContent-Disposition: form-data; name=\"more\"; filename=\"b\"\r\n"
      "Content-Type: application/octet-stream\r\n\r\n\r\n"
      "--sep\r\nContent-Disposition: form-data; name=\"more\"; filename=\"a%22.txt\"\r\n"
      "Content-Type: text/plain\r\n\r\nfirst\r\n"
      "--sep\r\nContent-Disposition: form-data; name=\"other\"; filename=\"c.csv\"\r\n"
      "Content-Type: text/csv\r\n\r\nfirst\r\n--sep--\r\n";
  EXPECT_EQ(built->headers.back().value, "multipart/form-data; boundary=sep");
  EXPECT_EQ(built->source->size(), expected.size());
  EXPECT_FALSE(built->source->sha256());
  for (const std::size_t most : {1UL, 7UL, 65'536UL}) {
    EXPECT_EQ(all(*built->source, most), expected) << most;
    ASSERT_TRUE(built->source->rewind());
  }
  // From the middle, too.
  std::string room(90, '\0');
  ASSERT_TRUE(built->source->read(room.data(), room.size()));
  ASSERT_TRUE(built->source->rewind());
  EXPECT_EQ(all(*built->source, 5), expected);
  // What stands in memory is looked through for secrets.
  EXPECT_NE(built->source->text().find("name=\"note\"\r\n\r\nx"), std::string_view::npos);
  // A file by itself is a form's one part.
  const auto alone = request(a, "multipart/form-data");
  EXPECT_TRUE(
      all(*alone->source, 4096)
          .starts_with(
              "--sep\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a%22.txt\"\r\n"));
}

// Whoever wrote a file may know an author's boundary, and could add parts.
TEST_F(FileBody, HasABoundaryThatNobodyKnows) {
  const Value a = engine::file_value(put("x\r\n--mine--\r\n", "a", ""));
  const auto refused = request(Value::object({{"a", a}}), "multipart/form-data; boundary=mine");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "body-invalid");
}

TEST_F(FileBody, FailsWhereAFileIsGone) {
  const engine::FileInfo info = put("x", "a", "");
  ASSERT_TRUE(files->remove(info));
  for (const std::string type : {"", "multipart/form-data"}) {
    const auto built = request(engine::file_value(info), type);
    ASSERT_FALSE(built);
    EXPECT_EQ(built.error().code, "file-unknown");
    EXPECT_EQ(built.error().status, 404);
    EXPECT_FALSE(built.error().retryable);
  }
  EXPECT_EQ(body_source(nullptr, {{"", info.id}}).error().code, "file-unknown");
  EXPECT_EQ(request(engine::file_value(put("x", "a", "")), "", "head").error().code,
            "body-invalid");
}

// It goes on being sent where it is removed meanwhile.
TEST_F(FileBody, IsReadToItsEndOnceItIsOpen) {
  const engine::FileInfo info = put("content", "a", "");
  const auto built = request(engine::file_value(info), "");
  ASSERT_TRUE(files->remove(info));
  EXPECT_EQ(all(*built->source, 3), "content");
}

TEST(FileValue, IsFoundWhereverItStands) {
  const std::string id = "f_0123456789abcdefghjkmnpqrs";
  EXPECT_EQ(engine::file_id(Value::object({{"file", id}})), id);
  for (const char* none : {"f_0123456789abcdefghjkmnpqr", "f_0123456789abcdefghjkmnpqrst",
                           "f_0123456789abcdefghjkmnpqrS", "f_0123456789abcdefghjkmnpq/.",
                           "g_0123456789abcdefghjkmnpqrs", ""})
    EXPECT_FALSE(engine::file_id(Value::object({{"file", none}}))) << none;
  EXPECT_FALSE(engine::file_id(Value(id)));
  EXPECT_FALSE(engine::file_id(Value::object({{"file", 7}})));
  const std::string other = "f_00000000000000000000000000";
  const Value file = Value::object({{"file", id}});
  EXPECT_EQ(engine::file_ids(Value::object(
                {{"a", Value::array({file, Value::object({{"b", file}, {"file", other}})})}})),
            (std::vector<std::string>{other, id}));
  EXPECT_TRUE(engine::file_ids(Value()).empty());
}

}  // namespace
}  // namespace stepwell::steps
