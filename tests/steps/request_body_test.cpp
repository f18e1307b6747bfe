// What goes over the wire for each kind of body, and what is refused.
#include "steps/request_body.h"

#include <gtest/gtest.h>

#include "base/json.h"
#include "steps/http_request.h"
#include "steps/media_type.h"

namespace stepwell::steps {
namespace {

struct BodyCase {
  const char* type;  // the author's header Content-Type; empty: none
  const char* body;  // JSON
  const char* bytes;
  const char* sent_type;  // nullptr: the author's
};

TEST(EncodeBody, GoesByTheContentType) {
  const BodyCase table[] = {
      {"", R"({"a":1})", R"({"a":1})", "application/json"},
      {"", "[1,2]", "[1,2]", "application/json"},
      {"", "7", "7", "application/json"},
      {"", R"("hi")", "hi", "text/plain; charset=utf-8"},
      {"", R"({"base64":"aGk="})", R"({"base64":"aGk="})", "application/json"},
      {"Application/JSON", R"({"base64":"aGk="})", R"({"base64":"aGk="})", nullptr},
      {"application/merge-patch+json", R"({"a":null})", R"({"a":null})", nullptr},
      {"application/json", R"("{\"a\":1}")", R"({"a":1})", nullptr},
      {"application/json", "true", "true", nullptr},
      {"Application/X-WWW-Form-Urlencoded; charset=utf-8",
       R"({"a":"x y&=","b":[1,true],"n":null,"ä":"ö"})", "a=x%20y%26%3D&b=1&b=true&%C3%A4=%C3%B6",
       nullptr},
      {"application/x-www-form-urlencoded", R"("a=1")", "a=1", nullptr},
      {"text/plain", "12", "12", nullptr},
      {"text/plain; charset=ISO-8859-1", R"("sch\u00f6n")", "sch\xf6n", nullptr},
      {"text/csv; charset=\"windows-1252\"", R"("\u20ac")", "\x80", nullptr},
      {"text/plain; charset=utf-16le", R"("hi")", "h\0i\0", nullptr},
      {"application/xml", R"("<a/>")", "<a/>", nullptr},
      {"image/png", R"({"base64":"iVBO\nRw"})", "\x89PNG", nullptr},
      {"application/octet-stream", R"("as it is")", "as it is", nullptr},
      {"application/octet-stream; charset=binary", R"("as it is")", "as it is", nullptr},
      {"application/x-ndjson", R"([{"a":1},2])", "{\"a\":1}\n2\n", nullptr},
      {"application/vnd.acme", R"({"a":1})", R"({"a":1})", nullptr},
  };
  for (const BodyCase& expected : table) {
    const auto body = encode_body(parse_json(expected.body).value(), expected.type, "b");
    ASSERT_TRUE(body) << expected.type << body.error().detail;
    const bool wide = std::string_view(expected.type).ends_with("utf-16le");
    EXPECT_EQ(body->bytes, wide ? std::string("h\0i\0", 4) : expected.bytes) << expected.type;
    EXPECT_EQ(body->content_type,
              expected.sent_type == nullptr ? expected.type : expected.sent_type);
  }
}

TEST(EncodeBody, WritesFormsOfPartsAndFiles) {
  const auto body = encode_body(
      parse_json(R"({"name":"Ada","tags":["x",2],"none":null,)"
                 R"("photo":{"filename":"a\"b\r\n.png","contentType":"image/png","base64":"aGk="},)"
                 R"("notes":{"filename":"n.txt","content":"plain"},"meta":{"content":{"k":1}}})")
          .value(),
      "multipart/form-data", "sep");
  ASSERT_TRUE(body) << body.error().detail;
  EXPECT_EQ(body->content_type, "multipart/form-data; boundary=sep");
  EXPECT_EQ(body->bytes,
            "--sep\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\nAda\r\n"
            "--sep\r\nContent-Disposition: form-data; name=\"tags\"\r\n\r\nx\r\n"
            "--sep\r\nContent-Disposition: form-data; name=\"tags\"\r\n\r\n2\r\n"
            "--sep\r\nContent-Disposition: form-data; name=\"photo\"; "
            "filename=\"a%22b%0D%0A.png\"\r\nContent-Type: image/png\r\n\r\nhi\r\n"
            "--sep\r\nContent-Disposition: form-data; name=\"notes\"; filename=\"n.txt\"\r\n"
            "Content-Type: text/plain; charset=utf-8\r\n\r\nplain\r\n"
            "--sep\r\nContent-Disposition: form-data; name=\"meta\"\r\n"
            "Content-Type: application/json\r\n\r\n{\"k\":1}\r\n"
            "--sep--\r\n");
}

// Whoever writes a part could else end it and add others.
TEST(EncodeBody, ABoundaryNeverOccursInAPart) {
  const Value body = parse_json(R"({"a":"x\r\n--sep\r\ny","b":"--sep.1"})").value();
  const auto chosen = encode_body(body, "multipart/form-data", "sep");
  ASSERT_FALSE(chosen);
  EXPECT_EQ(chosen.error().code, "body-invalid");
  const auto given = encode_body(body, "multipart/form-data; boundary=\"sep\"", "other");
  ASSERT_FALSE(given);
  EXPECT_EQ(given.error().code, "body-invalid");
  const auto kept =
      encode_body(parse_json(R"({"a":1})").value(), "multipart/form-data; boundary=mine", "other");
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->content_type, "multipart/form-data; boundary=mine");
  EXPECT_TRUE(kept->bytes.starts_with("--mine\r\n"));
}

TEST(EncodeBody, RefusesWhatCannotBeWritten) {
  const std::vector<std::pair<std::string, std::string>> table{
      {"application/x-www-form-urlencoded", R"({"a":{"b":1}})"},
      {"text/plain", R"({"a":1})"},
      {"application/xml", "[1]"},
      {"image/png", R"({"base64":"not base64!"})"},
      {"image/png", R"({"base64":"aGk","x":1})"},
      {"image/png", R"({"base64":"a"})"},
      {"image/png", R"({"base64":7})"},
      {"text/plain; charset=iso-8859-1", R"("\u20ac")"},
      {"text/plain; charset=iso-2022-cn-ext", R"("x")"},
      {"multipart/form-data", R"({"a":[["x"]]})"},
      {"multipart/form-data", R"({"a":{"filename":"x"}})"},
      {"multipart/form-data", R"({"a":{"content":"x","base64":""}})"},
      {"multipart/form-data", R"({"a":{"content":"x","name":"y"}})"},
      {"multipart/form-data", R"({"a":{"content":"x","contentType":"a\r\nX: b"}})"},
      {"multipart/form-data; boundary=\"a\tb\"", R"({"a":1})"},
      {"multipart/mixed", R"({"a":1})"}};
  for (const auto& [type, text] : table) {
    const auto body = encode_body(parse_json(text).value(), type, "b");
    ASSERT_FALSE(body) << type << text;
    EXPECT_EQ(body.error().code, "body-invalid") << type << text;
    EXPECT_EQ(body.error().status, 400);
  }
}

TEST(BuildRequest, SendsNoBodyWhereTheMethodHasNone) {
  for (const char* method : {"head", "trace"}) {
    const Value with = Value::object({{"method", method}, {"uri", "http://h/"}, {"body", "x"}});
    const auto request = build_request(with, false);
    ASSERT_FALSE(request) << method;
    EXPECT_EQ(request.error().code, "body-invalid");
  }
  const Value get = Value::object({{"method", "get"}, {"uri", "http://h/"}, {"body", "x"}});
  EXPECT_EQ(build_request(get, false).value().body, "x");
}

TEST(BuildRequest, TakesAContentTypeInAnyCaseAndKeepsIt) {
  const auto request = build_request(
      parse_json(R"({"method":"post","uri":"http://h/","body":{"a":1},)"
                 R"("headers":{"content-TYPE":"application/vnd.acme+json","X":3,"Y":true}})")
          .value(),
      false);
  ASSERT_TRUE(request);
  ASSERT_EQ(request->headers.size(), 3U);
  EXPECT_EQ(request->headers[0].name, "content-TYPE");
  EXPECT_EQ(request->headers[0].value, "application/vnd.acme+json");
  EXPECT_EQ(request->headers[1].value, "3");
  EXPECT_EQ(request->headers[2].value, "true");
}

TEST(MediaType, IsReadWithItsParameters) {
  const MediaType type =
      parse_media_type(" Text/HTML ; a=\"x;y\\\"z\" ; Charset = ignored ;charset=\"UTF-8\"");
  EXPECT_EQ(type.name, "text/html");
  EXPECT_EQ(type.charset, "ignored");
  EXPECT_EQ(parse_media_type("multipart/form-data;boundary=\"a b\"").boundary, "a b");
  EXPECT_EQ(parse_media_type("").name, "");
  EXPECT_EQ(parse_media_type(";;;charset").charset, "");
  EXPECT_TRUE(parse_media_type("application/atom+xml").is_text());
  EXPECT_TRUE(parse_media_type("application/foo; charset=utf-8").is_text());
  EXPECT_TRUE(parse_media_type("image/svg+xml; charset=utf-8").is_text());
  EXPECT_FALSE(parse_media_type("image/png").is_text());
}

}  // namespace
}  // namespace stepwell::steps
