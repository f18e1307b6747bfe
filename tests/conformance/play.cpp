#include "tests/conformance/play.h"

#include <algorithm>
#include <utility>

#include "base/json.h"
#include "config/faults.h"
#include "config/yaml_node.h"

namespace stepwell::conformance {

namespace {

constexpr std::string_view kErrors = "https://open-workflow-specification.org/spec/1.0.0/errors/";

Result<Value> value_of(const std::string& document) {
  config::FaultList found("document");
  const config::NodePtr node = config::parse_yaml(document, found, true);
  if (found.has_errors()) {
    std::string all;
    for (const config::Fault& fault : found.take()) all += fault.text() + '\n';
    return fail(make_problem(ErrorKind::validation, "document-invalid", all));
  }
  return node != nullptr ? node->value : Value();
}

const Value& at_path(const Value& value, std::string_view path) {
  const std::size_t dot = path.find('.');
  const Value& member = value.get(path.substr(0, dot));
  return dot == std::string_view::npos ? member : at_path(member, path.substr(dot + 1));
}

// "'a', 'b.c'" without the quotes.
std::vector<std::string> quoted_words(std::string_view text) {
  std::vector<std::string> words;
  for (std::size_t at = text.find('\''); at != std::string_view::npos; at = text.find('\'', at)) {
    const std::size_t end = text.find('\'', at + 1);
    words.emplace_back(text.substr(at + 1, end - at - 1));
    if (end == std::string_view::npos) break;
    at = end + 1;
  }
  return words;
}

std::optional<Milliseconds> duration_of(const std::string& text) {
  const auto duration = config::parse_iso_duration(text);
  if (!duration) return std::nullopt;
  return *duration;
}

std::vector<std::string> strings_of(const Value& list) {
  std::vector<std::string> out;
  for (const Value& each : list.elements()) out.emplace_back(each.as_string());
  return out;
}

std::string text_of(const Value& value) {
  return value.is_string() ? std::string(value.as_string()) : std::string();
}

}  // namespace

std::optional<std::vector<std::string>> match_phrase(std::string_view pattern,
                                                     std::string_view text) {
  std::vector<std::string> captures;
  while (true) {
    const std::size_t hole = pattern.find("{}");
    const std::string_view literal = pattern.substr(0, hole);
    if (!text.starts_with(literal)) return std::nullopt;
    text.remove_prefix(literal.size());
    if (hole == std::string_view::npos) {
      if (!text.empty()) return std::nullopt;
      return captures;
    }
    pattern.remove_prefix(hole + 2);
    const std::string_view next = pattern.substr(0, pattern.find("{}"));
    const std::size_t end = next.empty() ? text.size() : text.find(next);
    if (end == std::string_view::npos) return std::nullopt;
    captures.emplace_back(text.substr(0, end));
    text.remove_prefix(end);
  }
}

const std::vector<Play::Known>& Play::known() {
  static const std::vector<Known> kKnown{
      // The kit's.
      {"a workflow with definition:", &Play::take_definition, false},
      {"given the workflow input is:", &Play::take_input, false},
      {"the workflow is executed", &Play::execute, false},
      {"the workflow should complete", &Play::completes, true},
      {"the workflow should complete with output:", &Play::completes_with, true},
      {"the workflow should fault", &Play::faults, true},
      {"the workflow should fault with error:", &Play::faults_with, true},
      {"the workflow output should have properties {}", &Play::has_properties, true},
      {"the workflow output should have a '{}' property with value:", &Play::has_value, true},
      {"the workflow output should have a '{}' property containing {} items", &Play::has_items,
       true},
      {"{} should run first", &Play::runs_first, true},
      {"{} should run last", &Play::runs_last, true},
      {"{} should run after {}", &Play::runs_after, true},
      // Ours: what there is.
      {"the workflow input is:", &Play::take_input, false},
      {"another workflow with definition:", &Play::take_workflow, false},
      {"a credential '{}' of kind '{}' with:", &Play::take_credential, false},
      {"{} {} answers:", &Play::take_answers, false},
      {"{} {} answers {}", &Play::take_statuses, false},
      {"the time is {}", &Play::take_time, false},
      {"chance gives the {}", &Play::take_chance, false},
      {"the task {} does not end by itself", &Play::take_endless, false},
      {"the setting {} is {}", &Play::take_option, false},
      {"the events are watched", &Play::watch_events, false},
      // Ours: what happens.
      {"the workflow is started", &Play::start, false},
      {"the workflow is scheduled", &Play::schedule, false},
      {"the clock moves {}", &Play::move_clock, false},
      {"the event arrives:", &Play::send_event, false},
      {"an event of type '{}' arrives with data {}", &Play::send_event_of, false},
      {"the credential '{}' is rotated to '{}'", &Play::rotate_credential, false},
      {"the credential '{}' is {}", &Play::change_credential, false},
      {"the requests that wait are answered {}", &Play::release, false},
      {"the workflow is stopped", &Play::stop, false},
      // Ours: what is then.
      {"the workflow should fault with error type '{}' and status {}", &Play::faults_by_type, true},
      {"the workflow should fault with reason '{}'", &Play::faults_by_reason, true},
      {"the workflow should still be running", &Play::runs_on, true},
      {"the workflow should have been stopped", &Play::stopped, true},
      {"the workflow should be refused with '{}'", &Play::refused, true},
      {"{} should run {} times", &Play::runs_times, true},
      {"the requests that were sent should be:", &Play::requests_are, true},
      {"requests should have been sent at {}", &Play::requests_at, true},
      {"{} requests should have been sent", &Play::request_count, true},
      {"it should have taken {}", &Play::took, true},
      {"the events that were sent should include:", &Play::events_are, true},
      {"'{}' should be seen nowhere", &Play::nowhere, true},
      {"{} should have been {}", &Play::is_traced, true}};
  return kKnown;
}

Play::Play(Stage& stage, NodeStage* node, Hosts& hosts)
    : stage_(stage),
      node_(node),
      hosts_(hosts),
      script_([node] { return node != nullptr ? node->elapsed() : Milliseconds(0); },
              hosts.certificate_text()) {}

Verdict Play::perform(const Phrase& phrase) {
  for (const Known& each : known()) {
    const auto captures = match_phrase(each.pattern, phrase.text);
    if (!captures) continue;
    if ((std::string_view(each.pattern).back() == ':') != phrase.has_document) continue;
    judged_ = judged_ || each.judges;
    return (this->*each.act)(*captures, phrase);
  }
  return "nobody knows the step: " + phrase.text;
}

// --- What there is. ---

Verdict Play::take_definition(const Captures&, const Phrase& phrase) {
  definition_ = phrase.document;
  return {};
}

Verdict Play::take_input(const Captures&, const Phrase& phrase) {
  auto input = value_of(phrase.document);
  if (!input) return input.error().detail;
  input_ = std::move(*input);
  return {};
}

Verdict Play::take_workflow(const Captures&, const Phrase& phrase) {
  node_->add_workflow(phrase.document);
  return {};
}

Verdict Play::take_credential(const Captures& words, const Phrase& phrase) {
  const auto given = value_of(phrase.document);
  if (!given) return given.error().detail;
  const auto kind = auth::parse_credential_kind(words[1]);
  if (!kind) return "there is no kind " + words[1];
  auth::NewCredential credential;
  credential.name = words[0];
  credential.kind = *kind;
  credential.origins = strings_of(given->get("origins"));
  credential.namespaces = strings_of(given->get("namespaces"));
  credential.prefix = text_of(given->get("prefix"));
  credential.header = text_of(given->get("header"));
  credential.settings = given->get("settings");
  credential.value.username = text_of(given->get("username"));
  credential.value.secret = Secret(text_of(given->get("secret")));
  if (given->get("onRevoke") == Value("abort")) credential.on_revoke = auth::OnRevoke::abort;
  for (const Value::Member& more : given->get("more").members())
    credential.value.more.emplace(std::string(more.name()), Secret(text_of(more.value)));
  if (credential.kind == auth::CredentialKind::client_certificate) {
    credential.value.secret = Secret(hosts_.key_text());
    credential.value.more.emplace("certificate", Secret(hosts_.certificate_text()));
  }
  if (given->contains("expiresAt")) {
    const auto expiry = parse_time(text_of(given->get("expiresAt")));
    if (!expiry) return expiry.error().detail;
    credential.expires_at = *expiry;
  }
  const Status added = node_->add_credential(std::move(credential));
  return added ? "" : added.error().detail;
}

Verdict Play::take_answers(const Captures& words, const Phrase& phrase) {
  const auto answers = value_of(phrase.document);
  if (!answers) return answers.error().detail;
  return script_.add(words[0], words[1], *answers);
}

// "503, 503, 200"
Verdict Play::take_statuses(const Captures& words, const Phrase&) {
  const auto statuses = value_of("[" + words[2] + "]");
  if (!statuses) return statuses.error().detail;
  return script_.add(words[0], words[1], *statuses);
}

Verdict Play::take_time(const Captures& words, const Phrase&) {
  const auto time = parse_time(words[0]);
  if (!time) return time.error().detail;
  node_->set_time(*time);
  return {};
}

Verdict Play::take_chance(const Captures& words, const Phrase&) {
  if (words[0] != "least" && words[0] != "most") return "chance gives the least or the most";
  node_->set_chance(words[0] == "least" ? 0 : 255);
  return {};
}

Verdict Play::take_endless(const Captures& words, const Phrase&) {
  node_->set_endless(words[0]);
  return {};
}

Verdict Play::take_option(const Captures& words, const Phrase&) {
  const auto value = value_of(words[1]);
  if (!value) return value.error().detail;
  node_->set_option(words[0], *value);
  return {};
}

Verdict Play::watch_events(const Captures&, const Phrase&) {
  node_->watch_events();
  return {};
}

// --- What happens. ---

Verdict Play::execute(const Captures&, const Phrase&) {
  stage_.execute(definition_, input_);
  return {};
}

Verdict Play::start(const Captures&, const Phrase&) {
  node_->start(definition_, input_);
  return {};
}

Verdict Play::schedule(const Captures&, const Phrase&) {
  node_->schedule(definition_);
  return {};
}

Verdict Play::move_clock(const Captures& words, const Phrase&) {
  const auto by = duration_of(words[0]);
  if (!by) return "no duration: " + words[0];
  node_->advance(*by);
  return {};
}

Verdict Play::send_event(const Captures&, const Phrase& phrase) {
  auto event = value_of(phrase.document);
  if (!event) return event.error().detail;
  ++events_sent_;
  if (!event->contains("specversion")) event->set("specversion", "1.0");
  if (!event->contains("id")) event->set("id", "event-" + std::to_string(events_sent_));
  if (!event->contains("source")) event->set("source", "/scenario");
  node_->publish(*event);
  return {};
}

Verdict Play::send_event_of(const Captures& words, const Phrase&) {
  Phrase whole;
  whole.document = "type: " + words[0] + "\ndata: " + words[1] + "\n";
  return send_event({}, whole);
}

Verdict Play::change_credential(const Captures& words, const Phrase&) {
  const Status changed = node_->change_credential(words[0], words[1]);
  node_->settle();
  return changed ? "" : changed.error().detail;
}

Verdict Play::rotate_credential(const Captures& words, const Phrase&) {
  const Status changed = node_->rotate_credential(words[0], words[1]);
  return changed ? "" : changed.error().detail;
}

Verdict Play::release(const Captures& words, const Phrase&) {
  hosts_.release({std::stoi(words[0]), {{"Content-Type", "application/json"}}, "{}"});
  return node_->settle() ? "" : "it does not come to rest";
}

Verdict Play::stop(const Captures&, const Phrase&) {
  node_->stop();
  return {};
}

// --- What is then. ---

Verdict Play::ended_as(const std::string& status) const {
  const Outcome& outcome = stage_.outcome();
  if (outcome.status == status) return {};
  return "it is " + outcome.status + " instead of " + status + ": " + outcome.faults +
         to_json(outcome.problem.is_null() ? outcome.output : outcome.problem);
}

Verdict Play::completes(const Captures&, const Phrase&) { return ended_as("completed"); }

Verdict Play::completes_with(const Captures&, const Phrase& phrase) {
  if (Verdict wrong = ended_as("completed"); !wrong.empty()) return wrong;
  const auto expected = value_of(phrase.document);
  if (!expected) return expected.error().detail;
  const Value& output = stage_.outcome().output;
  if (*expected == output) return {};
  return "the output is " + to_json(output) + " instead of " + to_json(*expected);
}

Verdict Play::faults(const Captures&, const Phrase&) { return ended_as("faulted"); }

Verdict Play::faults_with(const Captures&, const Phrase& phrase) {
  if (Verdict wrong = ended_as("faulted"); !wrong.empty()) return wrong;
  const auto expected = value_of(phrase.document);
  if (!expected) return expected.error().detail;
  return judge_part(*expected, stage_.outcome().problem, "error");
}

Verdict Play::faults_by_type(const Captures& words, const Phrase&) {
  if (Verdict wrong = ended_as("faulted"); !wrong.empty()) return wrong;
  const Value expected =
      Value::object({{"type", std::string(kErrors) + words[0]}, {"status", std::stoi(words[1])}});
  return judge_part(expected, stage_.outcome().problem, "error");
}

Verdict Play::faults_by_reason(const Captures& words, const Phrase&) {
  if (Verdict wrong = ended_as("faulted"); !wrong.empty()) return wrong;
  return judge_part(Value::object({{"reason", words[0]}}), stage_.outcome().problem, "error");
}

Verdict Play::runs_on(const Captures&, const Phrase&) { return ended_as("running"); }
Verdict Play::stopped(const Captures&, const Phrase&) { return ended_as("stopped"); }

Verdict Play::refused(const Captures& words, const Phrase&) {
  if (Verdict wrong = ended_as("refused"); !wrong.empty()) return wrong;
  const std::string all = stage_.outcome().faults + to_json(stage_.outcome().problem);
  return all.find(words[0]) != std::string::npos ? "" : "it was refused otherwise: " + all;
}

Verdict Play::has_properties(const Captures& words, const Phrase&) {
  for (const std::string& path : quoted_words(words[0]))
    if (at_path(stage_.outcome().output, path).is_null())
      return "there is no '" + path + "' in " + to_json(stage_.outcome().output);
  return {};
}

Verdict Play::has_value(const Captures& words, const Phrase& phrase) {
  const auto expected = value_of(phrase.document);
  if (!expected) return expected.error().detail;
  const Value& actual = at_path(stage_.outcome().output, words[0]);
  return *expected == actual ? "" : "it is " + to_json(actual);
}

Verdict Play::has_items(const Captures& words, const Phrase&) {
  const Value& actual = at_path(stage_.outcome().output, words[0]);
  if (actual.is_array() && std::to_string(actual.size()) == words[1]) return {};
  return "it is " + to_json(actual);
}

std::vector<std::string> Play::started() const {
  std::vector<std::string> names;
  for (const TraceLine& line : stage_.outcome().trace)
    if (line.event == "started") names.push_back(line.name);
  return names;
}

Verdict Play::runs_first(const Captures& words, const Phrase&) {
  const auto names = started();
  return !names.empty() && names.front() == words[0] ? "" : "another task did";
}

Verdict Play::runs_last(const Captures& words, const Phrase&) {
  const auto names = started();
  return !names.empty() && names.back() == words[0] ? "" : "another task did";
}

Verdict Play::runs_after(const Captures& words, const Phrase&) {
  const auto names = started();
  const auto first = std::find(names.begin(), names.end(), words[1]);
  const auto second = std::find(names.begin(), names.end(), words[0]);
  return second != names.end() && first < second ? "" : "it did not";
}

Verdict Play::runs_times(const Captures& words, const Phrase&) {
  const auto names = started();
  const auto count = std::count(names.begin(), names.end(), words[0]);
  return std::to_string(count) == words[1] ? "" : "it ran " + std::to_string(count) + " times";
}

// "X should have been skipped", "… cancelled", …
Verdict Play::is_traced(const Captures& words, const Phrase&) {
  for (const TraceLine& line : stage_.outcome().trace)
    if (line.name == words[0] && line.event == words[1]) return {};
  return "it was not";
}

Verdict Play::requests_are(const Captures&, const Phrase& phrase) {
  const auto expected = value_of(phrase.document);
  if (!expected) return expected.error().detail;
  return judge_part(*expected, script_.requests(), "requests");
}

// "PT0S, PT1S"
Verdict Play::requests_at(const Captures& words, const Phrase&) {
  Value actual = Value::array();
  for (const Value& request : script_.requests().elements()) actual.push_back(request.get("at"));
  const auto expected = value_of("[" + words[0] + "]");
  if (!expected) return expected.error().detail;
  Value times = Value::array();
  for (const Value& each : expected->elements()) {
    const auto time = duration_of(std::string(each.as_string()));
    if (!time) return "no duration: " + to_json(each);
    times.push_back(time->count());
  }
  return times == actual ? "" : "they were sent at " + to_json(actual) + " ms";
}

Verdict Play::request_count(const Captures& words, const Phrase&) {
  const std::string count = std::to_string(script_.requests().size());
  return count == words[0] ? "" : "there were " + count + ": " + to_json(script_.requests());
}

Verdict Play::took(const Captures& words, const Phrase&) {
  const auto expected = duration_of(words[0]);
  if (!expected) return "no duration: " + words[0];
  const Milliseconds actual = node_->elapsed();
  return actual == *expected ? "" : "it took " + std::to_string(actual.count()) + " ms";
}

// In this order, with others between.
Verdict Play::events_are(const Captures&, const Phrase& phrase) {
  const auto expected = value_of(phrase.document);
  if (!expected) return expected.error().detail;
  const std::vector<Value> events = node_->events();
  auto from = events.begin();
  for (const Value& each : expected->elements()) {
    from = std::find_if(from, events.end(),
                        [&each](const Value& event) { return judge_part(each, event).empty(); });
    if (from == events.end()) {
      std::string all;
      for (const Value& event : events) all += to_json(event) + '\n';
      return "there is no " + to_json(each) + " in its turn among\n" + all;
    }
    ++from;
  }
  return {};
}

Verdict Play::nowhere(const Captures& words, const Phrase&) {
  const Outcome& outcome = stage_.outcome();
  std::string all = to_json(outcome.output) + to_json(outcome.problem) + outcome.faults;
  for (const Value& event : node_->events()) all += to_json(event);
  return all.find(words[0]) == std::string::npos ? "" : "it stands in " + all;
}

}  // namespace stepwell::conformance
