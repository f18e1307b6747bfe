// From an operation and its parameters to the request.
#include <gtest/gtest.h>

#include <random>

#include "base/encoding.h"
#include "steps/openapi_style.h"
#include "tests/steps/openapi_shop.h"

namespace stepwell::steps::test {
namespace {

using Style = ParameterStyle;
using In = ParameterPlace;

struct StyleCase {
  Style style;
  bool explode;
  const char* value;
  const char* written;
};

std::string written(const StyleCase& each) {
  OpenApiParameter parameter;
  parameter.name = "color";
  parameter.style = each.style;
  parameter.explode = each.explode;
  const Value value = parse_json(each.value).value();
  if (each.style == Style::simple || each.style == Style::label || each.style == Style::matrix) {
    parameter.in = In::path;
    return simple_text(parameter, value).value();
  }
  parameter.in = In::query;
  std::string out;
  const EncodedPairs pairs = form_pairs(parameter, value).value();
  for (const auto& [name, text] : pairs) out += (out.empty() ? "" : "&") + name + "=" + text;
  return out;
}

// The facts of OpenAPI 3.1.1's table of styles, §4.8.12.4, and RFC 6570 §3.2.
TEST(OpenApiStyle, WritesWhatTheSpecificationsTableSays) {
  const char* const array = R"(["blue","black","brown"])";
  const char* const object = R"({"R":100,"G":200,"B":150})";
  const StyleCase cases[] = {
      {Style::matrix, false, R"("")", ";color"},
      {Style::matrix, false, R"("blue")", ";color=blue"},
      {Style::matrix, false, array, ";color=blue,black,brown"},
      {Style::matrix, true, array, ";color=blue;color=black;color=brown"},
      {Style::matrix, false, object, ";color=R,100,G,200,B,150"},
      {Style::matrix, true, object, ";R=100;G=200;B=150"},
      {Style::label, false, R"("")", "."},
      {Style::label, false, R"("blue")", ".blue"},
      {Style::label, false, array, ".blue,black,brown"},
      {Style::label, true, array, ".blue.black.brown"},
      {Style::label, false, object, ".R,100,G,200,B,150"},
      {Style::label, true, object, ".R=100.G=200.B=150"},
      {Style::simple, false, R"("blue")", "blue"},
      {Style::simple, false, array, "blue,black,brown"},
      {Style::simple, true, array, "blue,black,brown"},
      {Style::simple, false, object, "R,100,G,200,B,150"},
      {Style::simple, true, object, "R=100,G=200,B=150"},
      {Style::form, true, R"("")", "color="},
      {Style::form, true, R"("blue")", "color=blue"},
      {Style::form, false, array, "color=blue,black,brown"},
      {Style::form, true, array, "color=blue&color=black&color=brown"},
      {Style::form, false, object, "color=R,100,G,200,B,150"},
      {Style::form, true, object, "R=100&G=200&B=150"},
      {Style::space_delimited, false, array, "color=blue%20black%20brown"},
      {Style::space_delimited, false, object, "color=R%20100%20G%20200%20B%20150"},
      {Style::pipe_delimited, false, array, "color=blue%7Cblack%7Cbrown"},
      {Style::pipe_delimited, false, object, "color=R%7C100%7CG%7C200%7CB%7C150"},
      {Style::tab_delimited, false, array, "color=blue%09black%09brown"},
      {Style::deep_object, true, object, "color%5BR%5D=100&color%5BG%5D=200&color%5BB%5D=150"},
      {Style::deep_object, true, R"({"a":{"b":[1,2]}})",
       "color%5Ba%5D%5Bb%5D=1&color%5Ba%5D%5Bb%5D=2"},
      {Style::form, true, "[]", ""},
      {Style::form, true, "{}", ""},
      {Style::form, true, "true", "color=true"},
      {Style::form, true, "1.50", "color=1.50"},
      {Style::form, false, R"(["a,b","c d"])", "color=a%2Cb,c%20d"},
      {Style::simple, false, R"("a/b?c#d%")", "a%2Fb%3Fc%23d%25"},
  };
  for (const StyleCase& each : cases) EXPECT_EQ(written(each), each.written) << each.value;
}

TEST(OpenApiStyle, RefusesWhatNoStyleCanWrite) {
  OpenApiParameter parameter;
  parameter.name = "color";
  for (const char* value : {R"([["a"]])", R"({"a":{"b":1}})", "[null]"}) {
    const auto pairs = form_pairs(parameter, parse_json(value).value());
    ASSERT_FALSE(pairs) << value;
    EXPECT_EQ(pairs.error().code, "parameter-invalid");
  }
  std::string deep = "1";
  for (int i = 0; i < 40; ++i) deep = "{\"a\":" + deep + "}";
  parameter.style = Style::deep_object;
  EXPECT_FALSE(form_pairs(parameter, parse_json(deep).value()));
}

// What is encoded has no byte that a URI could mistake, and means the same as before.
TEST(OpenApiStyle, EncodingIsReversibleForEveryByte) {
  std::mt19937 random(7);
  const std::string plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~%";
  for (int round = 0; round < 2000; ++round) {
    std::string text;
    const auto length = random() % 12;
    for (unsigned i = 0; i < length; ++i) text += static_cast<char>(random() % 256);
    const std::string encoded = encode_component(text, false);
    EXPECT_EQ(encoded.find_first_not_of(plain), std::string::npos);
    EXPECT_EQ(percent_decode(encoded), text);
    const std::string kept = encode_component(text, true);
    EXPECT_EQ(kept.find_first_not_of(plain + ":/?#[]@!$&'()*+,;="), std::string::npos);
    EXPECT_EQ(percent_decode(kept), percent_decode(text));
    EXPECT_EQ(encode_component(kept, true), kept);
  }
}

TEST(OpenApiRequest, EachParameterGoesToItsPlace) {
  const auto shop = document(kShop);
  ASSERT_NE(shop, nullptr);
  const std::string at = "https://eu.shop.example/v1/items";
  struct Case {
    const char* operation;
    const char* parameters;
    std::string line;
  };
  const Case cases[] = {
      {"getItem", R"({"item": "a b/c", "trace": "x y"})",
       "GET " + at + R"(/a%20b%2Fc {"Accept":"application/json","trace":"x y"})"},
      {"getItem", R"({"item": 7, "trace": null})",
       "GET " + at + R"(/7 {"Accept":"application/json"})"},
      // A required one with a default takes it; an optional one is left to the server.
      {"listItems", "{}", "GET " + at + "?sort=price"},
      {"listItems",
       R"({"limit":5,"tag":["a","b&c"],"filter":{"x":1},"where":{"y":[1]},"raw":"a/b%20c","session":"s;t"})",
       "GET " + at +
           R"(?limit=5&tag=a&tag=b%26c&filter%5Bx%5D=1&sort=price&where=%7B%22y%22%3A%5B1%5D%7D&raw=a/b%20c {"Cookie":"session=s%3Bt"})"},
      // The body's members, or the body as a whole.
      {"addItem", R"({"name": "n", "price": 2})",
       "POST " + at + R"( {"Content-Type":"application/json"} {"name":"n","price":2})"},
      {"addItem", R"({"body": {"name": "n", "other": 1}})",
       "POST " + at + R"( {"Content-Type":"application/json"} {"name":"n","other":1})"},
      {"replaceItem", R"({"item": "i", "name": "n", "price": 2, "note": "t"})",
       "PUT " + at + R"(/i {"Content-Type":"application/json"} {"name":"n","price":2,"note":"t"})"},
      {"addItem", R"({"body": "text"})",
       "POST " + at + R"( {"Content-Type":"application/json"} "\"text\"")"},
      {"sendForm", R"({"a":"x y","list":[1,2],"meta":{"k":1},"deep":{"k":{"l":2}}})",
       "POST https://eu.shop.example/v1/form "
       R"({"Content-Type":"application/x-www-form-urlencoded"} )"
       R"("a=x%20y&list=1&list=2&meta=%7B%22k%22%3A1%7D&deep%5Bk%5D%5Bl%5D=2")"},
      {"sendFile", R"({"file": "bytes", "about": {"k": 1}})",
       "POST https://eu.shop.example/v1/files "
       R"({"Content-Type":"multipart/form-data"} )"
       R"({"file":{"filename":"file","content":"bytes"},"about":{"content":{"k":1}}})"},
      {"sendFile", R"({"file": {"filename": "a.bin", "base64": "AAE="}})",
       "POST https://eu.shop.example/v1/files "
       R"({"Content-Type":"multipart/form-data"} {"file":{"filename":"a.bin","base64":"AAE="}})"},
      {"sendText", R"({"body": "hello"})",
       R"(POST https://eu.shop.example/v1/text {"Content-Type":"text/plain"} "hello")"},
      // A server of its own, relative to the document.
      {"removeItem", R"({"item": "i"})", "DELETE https://docs.example/admin/items/i"},
  };
  for (const Case& each : cases)
    EXPECT_EQ(request_line(*shop, each.operation, each.parameters), each.line);
}

TEST(OpenApiRequest, SaysWhatIsMissingUnknownOrWrong) {
  const auto shop = document(kShop);
  ASSERT_NE(shop, nullptr);
  struct Case {
    const char* operation;
    const char* parameters;
    const char* line;
  };
  const Case cases[] = {
      {"getItem", "{}",
       "parameter-missing: the operation `getItem` needs `item` (in the path), which `parameters` "
       "does not give"},
      {"replaceItem", "{}",
       "parameter-missing: the operation `replaceItem` needs `item` (in the path), `name` (in the "
       "body) and `price` (in the body), which `parameters` does not give"},
      {"sendText", "{}",
       "parameter-missing: the operation `sendText` needs `body`, which `parameters` does not "
       "give"},
      {"getItem", R"({"item": 1, "tracee": 1})",
       "parameter-unknown: the operation `getItem` has no parameter `tracee`, did you mean "
       "`trace`?"},
      {"getItem", R"({"item": 1, "colour": 1})",
       "parameter-unknown: the operation `getItem` has no parameter `colour`; it has `item` and "
       "`trace`"},
      {"addItem", R"({"body": {}, "name": 1})",
       "parameter-invalid: `name` is a member of the body and stands beside `body`, which is the "
       "whole of it; give either"},
      {"getItem", R"({"item": ".."})",
       "parameter-invalid: a parameter makes a part of the path `.` or `..`, which leads "
       "elsewhere"},
      {"getItem", R"({"item": ""})",
       "parameter-invalid: the parameter `item` stands in the path and is empty"},
      {"getItems", "{}",
       "operation-unknown: the OpenAPI document has no operation with the operationId `getItems`, "
       "did you mean `getItem`?"},
      {"broken", "{}",
       "openapi-invalid: the OpenAPI document cannot be used: the reference "
       "`#/components/parameters/Nothing` leads nowhere (at get /broken)"},
      {"elsewhere", "{}",
       "openapi-invalid: the OpenAPI document cannot be used: it refers to another document by "
       "`other.yaml#/x`, which is not supported; bundle it into one (at get /elsewhere)"},
      {"twice", "{}",
       "openapi-invalid: the OpenAPI document cannot be used: several operations have the "
       "operationId `twice`"},
  };
  for (const Case& each : cases)
    EXPECT_EQ(request_line(*shop, each.operation, each.parameters), each.line);
}

}  // namespace
}  // namespace stepwell::steps::test
