// The servers of a scenario, and comparing values by part.
#include "base/encoding.h"
#include "base/json.h"
#include "tests/conformance/play.h"
#include "tests/http/digest_server.h"

namespace stepwell::conformance {

namespace {

bool marked(std::string_view text, std::string_view mark, std::string_view& inside) {
  if (!text.starts_with(mark) || !text.ends_with(">")) return false;
  inside = text.substr(mark.size(), text.size() - mark.size() - 1);
  return true;
}

std::string_view before_query(std::string_view url) { return url.substr(0, url.find('?')); }

// A login by Digest: the challenge, until the client has proved the password.
std::optional<test::PlayedAnswer> challenge(const Value& login,
                                            const test::PlayedRequest& request) {
  const http::test::Challenge asked;
  const std::string text =
      request.method + " " + request.path + (request.query.empty() ? "" : "?" + request.query) +
      " HTTP/1.1\r\nAuthorization: " + request.header("authorization") + "\r\n\r\n";
  if (http::test::proves(text, asked, std::string(login.get("username").as_string()),
                         std::string(login.get("password").as_string())))
    return std::nullopt;
  return test::PlayedAnswer{401,
                            {{"WWW-Authenticate", "Digest realm=\"house\", nonce=\"" + asked.nonce +
                                                      "\", algorithm=MD5, qop=\"auth\""}},
                            "who are you?"};
}

test::PlayedAnswer made(const Value& said) {
  test::PlayedAnswer answer;
  if (const auto status = said.get("status").as_integer())
    answer.status = static_cast<int>(*status);
  if (const Value* json = said.find("json")) {
    answer.headers.emplace_back("Content-Type", "application/json");
    answer.body = to_json(*json);
  } else if (said.contains("text")) {
    answer.headers.emplace_back("Content-Type", "text/plain; charset=utf-8");
    answer.body = said.get("text").as_string();
  }
  if (said.contains("base64")) {  // bytes as they are, with a Content-Type of the scenario's own
    const std::string_view digits = said.get("base64").as_string();
    constexpr std::string_view kAlphabet =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::uint32_t bits = 0;
    int count = 0;
    for (const char digit : digits) {
      const std::size_t value = kAlphabet.find(digit);
      if (value == std::string_view::npos) break;
      bits = (bits << 6U) | static_cast<std::uint32_t>(value);
      count += 6;
      if (count < 8) continue;
      count -= 8;
      answer.body += static_cast<char>((bits >> static_cast<unsigned>(count)) & 255U);
    }
  }
  for (const Value::Member& field : said.get("headers").members())
    answer.headers.emplace_back(
        std::string(field.name()),
        field.value.is_string() ? std::string(field.value.as_string()) : to_json(field.value));
  if (said.get("never").truthy()) answer.ending = test::PlayedAnswer::Ending::never;
  if (said.get("close").truthy()) answer.ending = test::PlayedAnswer::Ending::close;
  return answer;
}

}  // namespace

Verdict judge_part(const Value& expected, const Value& actual, const std::string& where) {
  const std::string place = where.empty() ? "it" : where;
  if (expected.is_string()) {
    const std::string_view text = expected.as_string();
    std::string_view inside;
    if (text == "<any>") return actual.is_null() ? place + " is missing" : "";
    if (text == "<absent>") return actual.is_null() ? "" : place + " is there: " + to_json(actual);
    if (marked(text, "<contains ", inside)) {
      const std::string all =
          actual.is_string() ? std::string(actual.as_string()) : to_json(actual);
      return all.find(inside) != std::string::npos
                 ? ""
                 : place + " is " + to_json(actual) + " without " + std::string(inside);
    }
  }
  if (expected.is_object() && actual.is_object()) {
    for (const Value::Member& member : expected.members()) {
      std::string inner = where;
      inner.append(".").append(member.name());
      if (Verdict wrong = judge_part(member.value, actual.get(member.name()), inner);
          !wrong.empty())
        return wrong;
    }
    return {};
  }
  if (expected.is_array() && actual.is_array() && expected.size() == actual.size()) {
    for (std::size_t i = 0; i < expected.size(); ++i)
      if (Verdict wrong =
              judge_part(expected.at(i), actual.at(i), where + "[" + std::to_string(i) + "]");
          !wrong.empty())
        return wrong;
    return {};
  }
  if (expected == actual) return {};
  return place + " is " + to_json(actual) + " instead of " + to_json(expected);
}

Verdict Script::add(const std::string& method, const std::string& url, const Value& answers) {
  const std::scoped_lock lock(mutex_);
  Rule& rule = rules_[method + " " + url];
  if (answers.is_array()) {
    for (const Value& each : answers.elements()) rule.answers.push_back(each);
  } else {
    rule.answers.push_back(answers);
  }
  return rule.answers.empty() ? "no answers for " + url : "";
}

Value Script::describe(const test::PlayedRequest& request) const {
  Value headers = Value::object();
  for (const auto& [name, value] : request.headers) headers.set(name, value);
  Value described = Value::object({{"method", request.method},
                                   {"url", request.url()},
                                   {"headers", headers},
                                   {"at", elapsed_().count()}});
  auto json = parse_json(request.body);
  described.set("body", json ? *json : Value(request.body));
  described.set("text", request.body);
  if (!request.client_certificate.empty())
    described.set("certificate", request.client_certificate == certificate_ ? "ours" : "another");
  return described;
}

test::PlayedAnswer Script::answer(const test::PlayedRequest& request) {
  const Value described = describe(request);
  const std::scoped_lock lock(mutex_);
  requests_.push_back(described);
  const std::string url = request.url();
  auto rule = rules_.find(request.method + " " + url);
  if (rule == rules_.end())
    rule = rules_.find(request.method + " " + std::string(before_query(url)));
  if (rule == rules_.end()) return {404, {}, "no such page"};
  Rule& found = rule->second;
  const Value said = found.answers[found.next];
  if (said.contains("digest")) {
    if (auto asked = challenge(said.get("digest"), request)) return *asked;
  }
  if (found.next + 1 < found.answers.size()) ++found.next;
  if (!said.is_number()) return made(said);
  test::PlayedAnswer short_one =
      made(Value::object({{"json", Value::object({{"call", ++found.count}})}}));
  short_one.status = static_cast<int>(said.as_double());
  return short_one;
}

Value Script::requests() const {
  const std::scoped_lock lock(mutex_);
  return requests_;
}

}  // namespace stepwell::conformance
