// Plays one scenario: knows every phrase of the kit and the few of our own, and what the servers of
// the scenario answer. One for each scenario, on its test's thread.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/value.h"
#include "tests/conformance/gherkin.h"
#include "tests/conformance/stage.h"

namespace stepwell::conformance {

// What is wrong; empty where nothing is.
using Verdict = std::string;

// The captures of a pattern, in which {} stands for any text; nothing where the text is another
// one.
std::optional<std::vector<std::string>> match_phrase(std::string_view pattern,
                                                     std::string_view text);

// Every member and element that is expected is there. In expected texts <any> stands for anything
// but null, <absent> for null or nothing, <contains X> for a text with X in it.
Verdict judge_part(const Value& expected, const Value& actual, const std::string& where = "");

// Answers that a scenario gives to requests, and the requests that came.
class Script {
 public:
  explicit Script(std::function<Milliseconds()> elapsed, std::string certificate)
      : elapsed_(std::move(elapsed)), certificate_(std::move(certificate)) {}
  // One answer after the other, the last one for all that follow.
  Verdict add(const std::string& method, const std::string& url, const Value& answers);
  test::PlayedAnswer answer(const test::PlayedRequest& request);
  Value requests() const;  // {method, url, headers, body, at, certificate} each

 private:
  struct Rule {
    std::vector<Value> answers;
    std::size_t next = 0;
    std::int64_t count = 0;
  };
  Value describe(const test::PlayedRequest& request) const;

  const std::function<Milliseconds()> elapsed_;
  const std::string certificate_;
  mutable std::mutex mutex_;
  std::map<std::string, Rule> rules_;  // guarded by mutex_; by "METHOD URL"
  Value requests_ = Value::array();    // guarded by mutex_
};

class Play {
 public:
  // `node` is the stage where it is a node, else null.
  Play(Stage& stage, NodeStage* node, Hosts& hosts);
  // Empty where the phrase holds or was done.
  Verdict perform(const Phrase& phrase);
  test::PlayedAnswer answer(const test::PlayedRequest& request) { return script_.answer(request); }
  bool judged() const { return judged_; }  // has any Then been looked at?

 private:
  using Captures = std::vector<std::string>;
  using Act = Verdict (Play::*)(const Captures&, const Phrase&);
  struct Known {
    const char* pattern;
    Act act;
    bool judges;
  };
  static const std::vector<Known>& known();

  Verdict take_definition(const Captures& words, const Phrase& phrase);
  Verdict take_input(const Captures& words, const Phrase& phrase);
  Verdict take_workflow(const Captures& words, const Phrase& phrase);
  Verdict take_credential(const Captures& words, const Phrase& phrase);
  Verdict take_answers(const Captures& words, const Phrase& phrase);
  Verdict take_statuses(const Captures& words, const Phrase& phrase);
  Verdict take_time(const Captures& words, const Phrase& phrase);
  Verdict take_chance(const Captures& words, const Phrase& phrase);
  Verdict take_endless(const Captures& words, const Phrase& phrase);
  Verdict take_option(const Captures& words, const Phrase& phrase);
  Verdict watch_events(const Captures& words, const Phrase& phrase);
  Verdict execute(const Captures& words, const Phrase& phrase);
  Verdict start(const Captures& words, const Phrase& phrase);
  Verdict schedule(const Captures& words, const Phrase& phrase);
  Verdict move_clock(const Captures& words, const Phrase& phrase);
  Verdict send_event(const Captures& words, const Phrase& phrase);
  Verdict send_event_of(const Captures& words, const Phrase& phrase);
  Verdict change_credential(const Captures& words, const Phrase& phrase);
  Verdict rotate_credential(const Captures& words, const Phrase& phrase);
  Verdict release(const Captures& words, const Phrase& phrase);
  Verdict stop(const Captures& words, const Phrase& phrase);
  Verdict completes(const Captures& words, const Phrase& phrase);
  Verdict completes_with(const Captures& words, const Phrase& phrase);
  Verdict faults(const Captures& words, const Phrase& phrase);
  Verdict faults_with(const Captures& words, const Phrase& phrase);
  Verdict faults_by_type(const Captures& words, const Phrase& phrase);
  Verdict faults_by_reason(const Captures& words, const Phrase& phrase);
  Verdict runs_on(const Captures& words, const Phrase& phrase);
  Verdict stopped(const Captures& words, const Phrase& phrase);
  Verdict refused(const Captures& words, const Phrase& phrase);
  Verdict has_properties(const Captures& words, const Phrase& phrase);
  Verdict has_value(const Captures& words, const Phrase& phrase);
  Verdict has_items(const Captures& words, const Phrase& phrase);
  Verdict runs_first(const Captures& words, const Phrase& phrase);
  Verdict runs_last(const Captures& words, const Phrase& phrase);
  Verdict runs_after(const Captures& words, const Phrase& phrase);
  Verdict runs_times(const Captures& words, const Phrase& phrase);
  Verdict is_traced(const Captures& words, const Phrase& phrase);
  Verdict requests_are(const Captures& words, const Phrase& phrase);
  Verdict requests_at(const Captures& words, const Phrase& phrase);
  Verdict request_count(const Captures& words, const Phrase& phrase);
  Verdict took(const Captures& words, const Phrase& phrase);
  Verdict events_are(const Captures& words, const Phrase& phrase);
  Verdict nowhere(const Captures& words, const Phrase& phrase);

  std::vector<std::string> started() const;
  Verdict ended_as(const std::string& status) const;

  Stage& stage_;
  NodeStage* node_;
  Hosts& hosts_;
  Script script_;
  std::string definition_;
  Value input_ = Value::object();
  int events_sent_ = 0;
  bool judged_ = false;
};

}  // namespace stepwell::conformance
