#include "config/template.h"

#include <gtest/gtest.h>

#include "base/json.h"

namespace stepwell::config {
namespace {

Expression compile(std::string_view source) {
  static const std::vector<std::string> names{"context", "input",    "output",  "secrets",
                                              "task",    "workflow", "runtime", "authorization"};
  auto program = expression::Program::compile(source, names);
  EXPECT_TRUE(program) << source;
  return {std::move(*program), {7, 9}};
}

class TemplateTest : public ::testing::Test {
 protected:
  std::string show(const Template& value) {
    const Result<Value> result = value.evaluate(scope());
    return result ? to_json(*result) : result.error().detail;
  }
  std::string show(const UriTemplate& value) {
    const Result<Value> result = value.evaluate(scope());
    return result ? std::string(result->as_string()) : result.error().detail;
  }
  std::string show(const DurationTemplate& value) {
    const Result<Milliseconds> result = value.evaluate(scope());
    return result ? std::to_string(result->count()) : result.error().detail;
  }
  Scope scope() { return {input_, variables_, {}}; }

  Value input_ = *parse_json(R"({"name":"Ana","n":3,"f":1.5,"yes":true,"none":null,"list":[1],
                                 "odd":"a b/ü?&=~","d":"PT2S","o":{"seconds":3},"neg":"-PT1S"})");
  std::vector<Value> variables_ = std::vector<Value>(kFirstLocal);
};

TEST_F(TemplateTest, ConstantsAreKeptAsTheyAre) {
  EXPECT_TRUE(Template().is_constant());
  EXPECT_TRUE(Template().constant().is_null());
  const Template list = Template::array({Template::constant(Value(1)), Template()});
  EXPECT_TRUE(list.is_constant());
  EXPECT_EQ(show(list), "[1,null]");
  const Template object = Template::object({{"a", Template::constant(Value("x"))}});
  EXPECT_TRUE(object.is_constant());
  EXPECT_EQ(show(object), R"({"a":"x"})");
}

TEST_F(TemplateTest, ExpressionsAreEvaluatedWhereverTheyStand) {
  const Template nested = Template::object(
      {{"z", Template::constant(Value(1))},
       {"a", Template::array({Template::expression(compile(".name")), Template()})}});
  EXPECT_FALSE(nested.is_constant());
  EXPECT_EQ(show(nested), R"({"z":1,"a":["Ana",null]})");
}

TEST_F(TemplateTest, AFailureNamesThePlaceInTheFile) {
  const Template failing = Template::object({{"a", Template::expression(compile(".name | .x"))}});
  const Result<Value> result = failing.evaluate(scope());
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().status, 400);
  EXPECT_NE(result.error().detail.find(" (line 7, column 9)"), std::string::npos)
      << result.error().detail;
  EXPECT_EQ(to_json(result.error().extensions), R"({"line":7,"column":9})");
}

TEST_F(TemplateTest, LooseTextStaysTextWhereItCannotBeEvaluated) {
  EXPECT_EQ(show(Template::loose(compile(".n"), ".n")), "3");
  EXPECT_EQ(show(Template::loose(compile(".name | .x"), ".name | .x")), R"(".name | .x")");
}

TEST_F(TemplateTest, KnowsWhichVariablesItUses) {
  const Template nested =
      Template::object({{"a", Template::array({Template::expression(compile("$context.x"))})},
                        {"b", Template::loose(compile("$task.name"), "$task.name")}});
  EXPECT_TRUE(nested.uses(kContext));
  EXPECT_TRUE(nested.uses(kTask));
  EXPECT_FALSE(nested.uses(kInput));
  EXPECT_FALSE(Template().uses(kContext));
}

TEST_F(TemplateTest, UriPartsArePercentEncoded) {
  const auto uri = [](const std::string& name) {
    return UriTemplate::literal("https://h/{" + name + "}?q");
  };
  EXPECT_EQ(show(uri("name")), "https://h/Ana?q");
  EXPECT_EQ(show(uri("odd")), "https://h/a%20b%2F%C3%BC%3F%26%3D~?q");
  EXPECT_EQ(show(uri("n")), "https://h/3?q");
  EXPECT_EQ(show(uri("f")), "https://h/1.5?q");
  EXPECT_EQ(show(uri("yes")), "https://h/true?q");
  EXPECT_EQ(show(uri("none")), "https://h/?q");
  EXPECT_EQ(show(uri("missing")), "https://h/?q");
  EXPECT_EQ(show(uri("list")),
            "{list} in the endpoint's URI is an array, which has no place in a URI");
}

TEST_F(TemplateTest, AUriWithoutPartsIsNotCopied) {
  const Value text("https://h/path?q");
  EXPECT_TRUE(UriTemplate::literal(text).evaluate(scope())->same(text));
  EXPECT_EQ(show(UriTemplate()), "");
}

TEST_F(TemplateTest, AUriExpressionGivesTheWholeUri) {
  EXPECT_EQ(show(UriTemplate::expression(compile("\"http://h/{name}\""))), "http://h/{name}");
  EXPECT_EQ(show(UriTemplate::expression(compile(".n"))),
            "the expression of the endpoint gave no text (line 7, column 9)");
}

TEST_F(TemplateTest, DurationsMayBeExpressions) {
  const auto duration = [](std::string_view source) {
    return DurationTemplate{Milliseconds(0), compile(source)};
  };
  EXPECT_EQ(show(DurationTemplate{Milliseconds(5), {}}), "5");
  EXPECT_EQ(show(duration(".d")), "2000");
  EXPECT_EQ(show(duration(".o")), "3000");
  EXPECT_EQ(show(duration(".neg")),
            "the expression at line 7, column 9 gave no duration: a duration cannot be negative: "
            "`-PT1S`");
  const Result<Milliseconds> bad = duration(".n").evaluate(scope());
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().code, "expression-failed");
  EXPECT_EQ(bad.error().status, 400);
}

}  // namespace
}  // namespace stepwell::config
