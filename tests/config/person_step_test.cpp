// What authors see of mistakes in steps for people, and what the fields of forms take.
#include "config/person_step.h"

#include <gtest/gtest.h>

#include "base/json.h"
#include "tests/config/definitions.h"

namespace stepwell::config {
namespace {

using Kind = PersonStepBody::Kind;

Value json(std::string_view text) { return parse_json(text).value(); }

const PersonStepBody& body_of(const Loaded& loaded) {
  return std::get<PersonStepBody>(loaded.definition->tasks.at(0).body);
}

Loaded load_step(std::string_view task) {
  Loaded loaded =
      load_definition(definition_text("do:\n  - t: " + std::string(task) + "\n"), "f.yaml");
  for (const Fault& fault : loaded.faults) ADD_FAILURE() << fault.text();
  return loaded;
}

TEST(PersonSteps, AreReadWithTheirArguments) {
  const Loaded decision = load_step(
      "{call: decision, with: {prompt: ok?, options: [approve, reject], assignee: ana, due: P2D}}");
  EXPECT_EQ(body_of(decision).kind, Kind::decision);
  EXPECT_EQ(to_json(body_of(decision).arguments.constant()),
            R"({"prompt":"ok?","options":["approve","reject"],"assignee":"ana","due":"P2D"})");
  const Loaded email = load_step(
      "{call: email, with: {to: [a@b.c], subject: s, body: '${ .text }', authentication: {use: "
      "mail}}}");
  EXPECT_EQ(body_of(email).kind, Kind::email);
  EXPECT_FALSE(body_of(email).arguments.is_constant());
  EXPECT_EQ(body_of(email).authentication->credential, "mail");
  EXPECT_EQ(email.definition->credentials.at(0).first, "mail");
}

TEST(PersonSteps, GiveWayToAFunctionOfTheSameName) {
  const Loaded loaded = load_definition(
      definition_text("use: {functions: {decision: {set: {x: 1}}}}\ndo: [{t: {call: decision}}]\n"),
      "f.yaml");
  ASSERT_TRUE(loaded.definition);
  EXPECT_TRUE(std::holds_alternative<FunctionCallBody>(loaded.definition->tasks.at(0).body));
}

TEST(PersonSteps, MayHaveExpressionsEverywhere) {
  for (const char* task :
       {"{call: decision, with: {prompt: '${ .a }', options: '${ .b }', assignee: '${ .c }', due: "
        "'${ .d }'}}",
        "{call: decision, with: {prompt: a, options: ['${ .b }', '${ .b }'], assignee: ['${ .c "
        "}']}}",
        "{call: form, with: {title: a, fields: '${ .fields }'}}",
        "{call: form, with: {fields: [{name: a, kind: '${ .kind }', odd: 1}]}}",
        "{call: form, with: {fields: [{name: a, kind: radio, options: '${ .all }', default: b}]}}",
        "{call: upload, with: {prompt: a, accept: '${ .a }', maxSize: '${ .m }', multiple: '${ .x "
        "}'}}",
        "{call: email, with: {to: '${ .a }', subject: '${ .b }', html: '${ .c }', hold: '${ .d }', "
        "assignee: ana}}"})
    (void)load_step(task);
}

TEST(PersonStepFaults, OfDecisions) {
  expect_faults(
      task_faults,
      {{"{call: decision}",
        "f.yaml:7:9: error: the keyword `with` is missing beside `call` (at /do/0/t/call)\n"},
       {"{call: decision, with: []}",
        "f.yaml:7:31: error: expected a mapping, found an empty list (at /do/0/t/with)\n"},
       {"{call: decision, with: {}}",
        "f.yaml:7:31: error: the keyword `options` is missing (at /do/0/t/with)\n"
        "f.yaml:7:31: error: the keyword `prompt` is missing (at /do/0/t/with)\n"},
       {"{call: decision, with: {prompt: a, option: [b]}}",
        "f.yaml:7:31: error: the keyword `options` is missing (at /do/0/t/with)\n"
        "f.yaml:7:43: error: unknown keyword `option`, did you mean `options`? (at "
        "/do/0/t/with/option)\n"},
       {"{call: decision, with: {prompt: 5, options: []}}",
        "f.yaml:7:40: error: expected text, found a number; write it in quotes (at "
        "/do/0/t/with/prompt)\n"
        "f.yaml:7:52: error: expected a list of texts, found an empty list (at "
        "/do/0/t/with/options)\n"},
       {"{call: decision, with: {prompt: a, options: [b, 1, b]}}",
        "f.yaml:7:56: error: expected text, found a number; write it in quotes (at "
        "/do/0/t/with/options/1)\n"
        "f.yaml:7:59: error: a second option `b` (at /do/0/t/with/options/2)\n"},
       {"{call: decision, with: {prompt: a, options: [b], assignee: [], due: soon}}",
        "f.yaml:7:67: error: expected the name of a user or a list of them, found an empty list "
        "(at /do/0/t/with/assignee)\n"
        "f.yaml:7:76: error: `soon` is neither a duration nor a time; expected P2D, {days: 2} or "
        "2027-01-31T12:00:00Z (at /do/0/t/with/due)\n"},
       {"{call: decision, with: {prompt: a, options: [b], due: {months: 1}}}",
        "f.yaml:7:62: error: this is no duration; expected P2D, {days: 2} or 2027-01-31T12:00:00Z "
        "(at /do/0/t/with/due)\n"},
       {"{call: decison, with: {prompt: a, options: [b]}}",
        "f.yaml:7:15: error: there is no function `decison`, did you mean `decision`? (at "
        "/do/0/t/call)\n"}});
}

TEST(PersonStepFaults, OfForms) {
  expect_faults(
      task_faults,
      {{"{call: form, with: {fields: []}}",
        "f.yaml:7:36: error: expected a list of fields, found an empty list (at "
        "/do/0/t/with/fields)\n"},
       {"{call: form, with: {fields: [{name: a, kind: txt}]}}",
        "f.yaml:7:53: error: there is no kind of field `txt`, did you mean `text`? (at "
        "/do/0/t/with/fields/0/kind)\n"},
       {"{call: form, with: {fields: [{kind: text, option: [b]}, 5]}}",
        "f.yaml:7:37: error: the keyword `name` is missing (at /do/0/t/with/fields/0)\n"
        "f.yaml:7:50: error: unknown keyword `option`; expected `name`, `label`, `kind`, "
        "`required`, `default`, `min`, `max` or `pattern` (at /do/0/t/with/fields/0/option)\n"
        "f.yaml:7:64: error: expected a mapping, found a number (at /do/0/t/with/fields/1)\n"},
       {"{call: form, with: {fields: [{name: a, kind: text}, {name: a, kind: radio}]}}",
        "f.yaml:7:60: error: the keyword `options` is missing (at /do/0/t/with/fields/1)\n"
        "f.yaml:7:67: error: a second field with the name `a` (at /do/0/t/with/fields/1/name)\n"},
       {"{call: form, with: {fields: [{name: a, kind: number, min: 5, max: 1}]}}",
        "f.yaml:7:37: error: `min` is above `max` (at /do/0/t/with/fields/0)\n"},
       {"{call: form, with: {fields: [{name: a, kind: text, pattern: '('}]}}",
        "f.yaml:7:68: error: this is no regular expression: end pattern with unmatched "
        "parenthesis (at /do/0/t/with/fields/0/pattern)\n"},
       {"{call: form, with: {fields: [{name: a, kind: date, min: tomorrow}]}}",
        "f.yaml:7:64: error: expected a date such as 2027-01-31, found text (at "
        "/do/0/t/with/fields/0/min)\n"},
       {"{call: form, with: {fields: [{name: a, kind: radio, options: [b], default: c}]}}",
        "f.yaml:7:83: error: the field does not take this: `c` is not offered (at "
        "/do/0/t/with/fields/0/default)\n"}});
}

TEST(PersonStepFaults, OfUploadsAndEmails) {
  expect_faults(
      task_faults,
      {{"{call: upload, with: {prompt: a, accept: pdf, maxSize: much, multiple: yes}}",
        "f.yaml:7:49: error: `pdf` is no media type; expected application/pdf or image/* (at "
        "/do/0/t/with/accept)\n"
        "f.yaml:7:63: error: expected a number of bytes; write a whole number, or 10MiB or 512KiB "
        "(at /do/0/t/with/maxSize)\n"
        "f.yaml:7:79: error: expected true or false, found text (at /do/0/t/with/multiple)\n"},
       {"{call: email, with: {}}",
        "f.yaml:7:28: error: the keyword `body` is missing; `html` may stand beside it or in its "
        "place (at /do/0/t/with)\n"
        "f.yaml:7:28: error: the keyword `subject` is missing (at /do/0/t/with)\n"
        "f.yaml:7:28: error: the keyword `to` is missing (at /do/0/t/with)\n"},
       {"{call: email, with: {to: ana, subject: s, body: b}}",
        "f.yaml:7:33: error: `ana` is no email address; expected ana@example.com or Ana "
        "<ana@example.com> (at /do/0/t/with/to)\n"},
       {"{call: email, with: {to: a@b.c, subject: \"a\\nBcc: x@y.z\", body: b}}",
        "f.yaml:7:49: error: a subject is one line without control characters (at "
        "/do/0/t/with/subject)\n"},
       {"{call: email, with: {to: a@b.c, subject: s, body: b, assignee: ana}}",
        "f.yaml:7:71: warning: it has no effect without `hold: true`: nobody is waited for (at "
        "/do/0/t/with/assignee)\n"}});
}

TEST(FormFields, TakeWhatFitsThem) {
  struct Case {
    const char* field;
    const char* value;
    const char* why;
  };
  for (const Case& c : std::vector<Case>{
           {R"({"kind": "text"})", R"("a")", ""},
           {R"({"kind": "text"})", "5", "a text is expected"},
           {R"({"kind": "text", "min": 2})", R"("ä")", "the least is 2 characters"},
           {R"({"kind": "text", "max": 2})", R"("äöü")", "the most is 2 characters"},
           {R"({"kind": "text", "pattern": "^[0-9]+$"})", R"("12")", ""},
           {R"({"kind": "text", "pattern": "^[0-9]+$"})", R"("1a")",
            "it does not match `^[0-9]+$`"},
           {R"({"kind": "number", "min": 1, "max": 2.5})", "2.5", ""},
           {R"({"kind": "number", "min": 1, "max": 2.5})", "0", "the least is 1"},
           {R"({"kind": "number", "min": 1, "max": 2.5})", "3", "the most is 2.5"},
           {R"({"kind": "number"})", R"("3")", "a number is expected"},
           {R"({"kind": "date", "min": "2027-01-01"})", R"("2027-01-31")", ""},
           {R"({"kind": "date", "min": "2027-01-01"})", R"("2026-12-31")",
            "the least is 2027-01-01"},
           {R"({"kind": "date"})", R"("2027-02-30")", "a date such as 2027-01-31 is expected"},
           {R"({"kind": "date"})", R"("2027-01-31T00:00:00Z")",
            "a date such as 2027-01-31 is expected"},
           {R"({"kind": "checklist", "options": ["a", "b"]})", R"(["b", "a"])", ""},
           {R"({"kind": "checklist", "options": ["a", "b"]})", R"(["c"])", "`c` is not offered"},
           {R"({"kind": "checklist", "options": ["a", "b"]})", R"(["a", "a"])", "`a` stands twice"},
           {R"({"kind": "checklist", "options": ["a", "b"], "min": 1})", "[]", "the least is 1"},
           {R"({"kind": "checklist", "options": ["a"]})", R"("a")",
            "a list of options is expected"},
           {R"({"kind": "radio", "options": ["a"]})", R"("a")", ""},
           {R"({"kind": "radio", "options": ["a"]})", R"("b")", "`b` is not offered"},
           {R"({"kind": "user", "options": ["ana"]})", R"("bob")", "`bob` is not offered"},
           {R"({"kind": "user"})", R"("bob")", ""},
           {R"({"kind": "user"})", "1", "a text is expected"}}) {
    const Result<std::string> why = field_value_fault(json(c.field), json(c.value));
    ASSERT_TRUE(why);
    EXPECT_EQ(*why, c.why) << c.field << c.value;
  }
}

TEST(MediaTypes, AreAcceptedByTypeAndByRange) {
  EXPECT_TRUE(accepts_media_type({}, "text/plain"));
  EXPECT_TRUE(accepts_media_type("image/*", "image/png"));
  EXPECT_TRUE(accepts_media_type("Application/PDF", "application/pdf; charset=x"));
  EXPECT_TRUE(accepts_media_type(json(R"(["a/b", "*/*"])"), "c/d"));
  EXPECT_FALSE(accepts_media_type("image/*", "imagex/png"));
  EXPECT_FALSE(accepts_media_type("image/*", "image"));
  EXPECT_FALSE(accepts_media_type("image/png", "image/jpeg"));
}

TEST(DueDates, AreDurationsOrTimes) {
  EXPECT_EQ(std::get<Milliseconds>(*parse_due("PT90S")), std::chrono::seconds(90));
  EXPECT_EQ(std::get<Milliseconds>(*parse_due(json(R"({"days": 2})"))), std::chrono::hours(48));
  EXPECT_EQ(std::get<WallTime>(*parse_due("1970-01-01T00:00:01Z")),
            WallTime(std::chrono::seconds(1)));
  EXPECT_FALSE(parse_due("soon"));
  EXPECT_FALSE(parse_due(5));
}

}  // namespace
}  // namespace stepwell::config
