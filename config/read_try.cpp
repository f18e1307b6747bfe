// `try`, its retry policies, and `raise`.
#include <algorithm>
#include <array>
#include <utility>

#include "config/read_tasks.h"

namespace stepwell::config {

namespace {

constexpr std::array<std::string_view, 7> kCatch{"errors", "as", "when", "exceptWhen",
                                                 "retry",  "do", "then"};
constexpr std::array<std::string_view, 6> kRetry{"when",    "exceptWhen", "delay",
                                                 "backoff", "limit",      "jitter"};
constexpr std::array<std::string_view, 3> kBackoff{"constant", "linear", "exponential"};
constexpr std::array<std::string_view, 5> kError{"type", "status", "title", "detail", "instance"};

const Site kRetrySite = body_site("retry");

void read_backoff(Reading& reading, const Place& place, RetryPolicy& policy) {
  static constexpr std::array<std::string_view, 1> kExponential{"maxDelay"};
  const Fields fields(reading, place, kBackoff);
  if (!fields.is_mapping()) return;
  std::size_t given = 0;
  for (std::size_t i = 0; i < kBackoff.size(); ++i) {
    const auto kind = fields.find(kBackoff[i]);
    if (!kind) continue;
    ++given;
    policy.backoff = static_cast<RetryPolicy::Backoff>(i);
    const bool exponential = policy.backoff == RetryPolicy::Backoff::exponential;
    const std::span<const std::string_view> known =
        exponential ? std::span<const std::string_view>(kExponential)
                    : std::span<const std::string_view>();
    if (!exponential) {
      if (expect_mapping(reading, *kind) && !kind->node().members.empty())
        reading.error(*kind, "expected an empty mapping `{}`");
      continue;
    }
    const Fields members(reading, *kind, known);
    if (const auto most = members.find("maxDelay"))
      policy.max_delay = read_duration(reading, *most, kRetrySite).value_or(policy.max_delay);
  }
  if (given != 1)
    reading.error(place, "expected one of " + quoted_list(kBackoff, "or") +
                             (given == 0 ? "" : ", found several"));
}

void read_limit(Reading& reading, const Place& place, RetryPolicy& policy) {
  static constexpr std::array<std::string_view, 2> kLimit{"attempt", "duration"};
  static constexpr std::array<std::string_view, 2> kAttempt{"count", "duration"};
  const Fields fields(reading, place, kLimit);
  if (const auto duration = fields.find("duration"))
    policy.total_duration = read_duration(reading, *duration, kRetrySite);
  const auto attempt = fields.find("attempt");
  if (!attempt) return;
  const Fields members(reading, *attempt, kAttempt);
  if (const auto count = members.find("count")) {
    const auto number = read_whole(reading, *count, 0, 1'000'000);
    if (number) policy.max_attempts = static_cast<std::uint32_t>(*number);
  }
  if (const auto duration = members.find("duration"))
    policy.attempt_duration = read_duration(reading, *duration, kRetrySite);
}

void read_jitter(Reading& reading, const Place& place, RetryPolicy& policy) {
  static constexpr std::array<std::string_view, 2> kJitter{"from", "to"};
  const Fields fields(reading, place, kJitter);
  if (const auto from = fields.require("from"))
    policy.jitter_from = read_duration(reading, *from, kRetrySite);
  if (const auto to = fields.require("to"))
    policy.jitter_to = read_duration(reading, *to, kRetrySite);
  const bool constant = policy.jitter_from && policy.jitter_to && !policy.jitter_from->expression &&
                        !policy.jitter_to->expression;
  if (constant && policy.jitter_from->constant > policy.jitter_to->constant)
    reading.error(place, "`from` is longer than `to`");
}

RetryPolicy read_retry_policy(Reading& reading, const Place& place) {
  RetryPolicy policy;
  const Fields fields(reading, place, kRetry);
  if (!fields.is_mapping()) return policy;
  if (const auto when = fields.find("when"))
    policy.when = read_expression(reading, *when, body_site("retry.when"));
  if (const auto except = fields.find("exceptWhen"))
    policy.except_when = read_expression(reading, *except, body_site("retry.exceptWhen"));
  if (const auto delay = fields.find("delay"))
    policy.delay = read_duration(reading, *delay, kRetrySite).value_or(DurationTemplate());
  if (const auto backoff = fields.find("backoff")) read_backoff(reading, *backoff, policy);
  if (const auto limit = fields.find("limit")) read_limit(reading, *limit, policy);
  if (const auto jitter = fields.find("jitter")) read_jitter(reading, *jitter, policy);
  return policy;
}

// `errors.with`: the members that an error must have. Others than the standard's are allowed,
// since errors have more (reason, credential, …).
Template read_error_filter(Reading& reading, const Place& errors) {
  static constexpr std::array<std::string_view, 1> kErrors{"with"};
  const Fields fields(reading, errors, kErrors);
  const auto with = fields.find("with");
  if (!with || !expect_mapping(reading, *with)) return {};
  if (with->node().members.empty()) reading.error(*with, "expected at least one member");
  for (const YamlNode::Member& member : with->node().members) {
    const Place place(*with, member);
    const bool known = std::find(kError.begin(), kError.end(), member.key) != kError.end();
    const std::string hint = known ? "" : did_you_mean(member.key, kError);
    if (!hint.empty()) reading.warning(place, "errors have no " + quoted(member.key), hint);
    if (member.key == "status")
      (void)read_whole(reading, place, 100, 599);
    else if (known)
      (void)read_text(reading, place);
  }
  return read_template(reading, *with, body_site("catch.errors.with"));
}

void read_catch(Reading& reading, const Place& place, TryBody& body) {
  const Fields fields(reading, place, kCatch);
  if (!fields.is_mapping()) return;
  if (const auto errors = fields.find("errors"))
    body.errors_with = read_error_filter(reading, *errors);
  if (const auto as = fields.find("as")) {
    const std::string name = read_variable_name(reading, *as);
    if (!name.empty()) body.as = name;
  }
  if (const auto then = fields.find("then")) body.then = read_flow(reading, *then);
  const LocalVariable caught(reading, body.as);
  if (const auto when = fields.find("when"))
    body.when = read_expression(reading, *when, body_site("catch.when"));
  if (const auto except = fields.find("exceptWhen"))
    body.except_when = read_expression(reading, *except, body_site("catch.exceptWhen"));
  if (const auto retry = fields.find("retry")) body.retry = read_retry(reading, *retry);
  if (const auto handler = fields.find("do")) {
    body.has_handler = true;
    body.handler = read_task_list(reading, *handler);
  }
}

}  // namespace

TryBody read_try(Reading& reading, const Place& task) {
  TryBody body;
  const YamlNode::Member* handler = task.node().find("catch");
  const bool retried_before = reading.retried;
  if (handler != nullptr && handler->node->find("retry") != nullptr) reading.retried = true;
  body.tasks = read_task_list(reading, Place(task, *task.node().find("try")));
  reading.retried = retried_before;
  if (handler == nullptr)
    reading.error_at_key(task, "the keyword `catch` is missing beside `try`");
  else
    read_catch(reading, Place(task, *handler), body);
  return body;
}

std::optional<RetryPolicy> read_retry(Reading& reading, const Place& place) {
  if (place.node().kind == YamlNode::Kind::mapping) return read_retry_policy(reading, place);
  if (!place.node().value.is_string()) {
    reading.expected(place, "a mapping, or the name of one of `use.retries`");
    return std::nullopt;
  }
  UseTable& table = reading.use.retries;
  const YamlNode::Member* entry = reading.refer(place, table);
  if (entry == nullptr) return std::nullopt;
  return read_entry(reading, table, *entry,
                    [&](const Place& policy) { return read_retry_policy(reading, policy); });
}

Template read_error(Reading& reading, const Place& place) {
  const Fields fields(reading, place, kError);
  if (!fields.is_mapping()) return {};
  if (const auto type = fields.require("type")) check_uri_reference(reading, *type);
  if (const auto status = fields.require("status")) (void)read_whole(reading, *status, 100, 599);
  for (const std::string_view key : {"title", "detail", "instance"})
    if (const auto text = fields.find(key)) (void)read_text(reading, *text);
  return read_template(reading, place, body_site("raise.error"));
}

RaiseBody read_raise(Reading& reading, const Place& task) {
  static constexpr std::array<std::string_view, 1> kRaise{"error"};
  const Place raise(task, *task.node().find("raise"));
  const Fields fields(reading, raise, kRaise);
  const auto error = fields.require("error");
  if (!error) return {};
  if (error->node().kind == YamlNode::Kind::mapping) return {read_error(reading, *error)};
  if (!error->node().value.is_string()) {
    reading.expected(*error, "a mapping, or the name of one of `use.errors`");
    return {};
  }
  UseTable& table = reading.use.errors;
  const YamlNode::Member* entry = reading.refer(*error, table);
  if (entry == nullptr) return {};
  return {read_entry(reading, table, *entry,
                     [&](const Place& written) { return read_error(reading, written); })};
}

}  // namespace stepwell::config
