#include "tests/engine/random_flow.h"

#include <array>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/value.h"

namespace stepwell::engine::test {

namespace {

using Texts = std::vector<std::string_view>;

class FlowMaker {
 public:
  explicit FlowMaker(std::uint64_t seed) : dice_(seed) {}

  Value flow() {
    Value out = Value::object();
    Value use = Value::object();
    functions_ = dice_.below(3);
    if (functions_ > 0) use.set("functions", functions());
    if (dice_.one_in(3)) use.set("extensions", extensions());
    if (!use.empty()) out.set("use", std::move(use));
    callable_ = functions_;
    room_ = 4 + dice_.below(14);
    out.set("do", guarded(list(0)));
    if (dice_.one_in(10)) out.set("timeout", Value::object({{"after", duration()}}));
    if (dice_.one_in(8)) out.set("output", Value::object({{"as", expression()}}));
    if (dice_.one_in(8)) out.set("input", Value::object({{"from", expression()}}));
    return out;
  }

 private:
  // Most errors are caught, so that flows live longer.
  Value guarded(Value tasks) {
    if (dice_.one_in(4)) return tasks;
    Value handler = Value::object({{"do", list(1)}});
    if (dice_.one_in(2)) handler.set("retry", retry());
    Value attempt = Value::object({{"try", std::move(tasks)}, {"catch", std::move(handler)}});
    Value out = Value::array({Value::object({{"guard", std::move(attempt)}})});
    if (dice_.one_in(2)) out.push_back(Value::object({{"last", call()}}));
    return out;
  }

  // A function may call those before it: none calls itself.
  Value functions() {
    Value out = Value::object();
    for (callable_ = 0; callable_ < functions_; ++callable_) {
      room_ = 2;
      out.set("f" + std::to_string(callable_), task({}, 2));
    }
    return out;
  }

  Value extensions() {
    static const Texts kTargets{"all",   "call", "composite", "emit", "for",
                                "raise", "set",  "switch",    "try",  "wait"};
    Value out = Value::array();
    callable_ = 0;
    for (std::size_t i = 0; i <= dice_.below(2); ++i) {
      Value one = Value::object({{"extend", dice_.of(kTargets)}});
      room_ = 2;
      if (dice_.one_in(3)) one.set("when", condition());
      if (!dice_.one_in(4)) one.set("before", list(2));
      if (!dice_.one_in(4)) one.set("after", list(2));
      out.push_back(Value::object({{"x" + std::to_string(i), std::move(one)}}));
    }
    return out;
  }

  Value list(int depth) {
    const std::size_t count = 1 + dice_.below(depth == 0 ? 5 : 3);
    std::vector<std::string> names;
    for (std::size_t i = 0; i < count; ++i) names.push_back("t" + std::to_string(++names_));
    Value out = Value::array();
    for (std::size_t i = 0; i < count; ++i) {
      Texts targets{"continue", "exit"};
      if (dice_.one_in(8)) targets.emplace_back("end");
      // Forward only: there is an end.
      for (std::size_t later = i + 1; later < count; ++later) targets.emplace_back(names[later]);
      out.push_back(Value::object({{names[i], task(targets, depth)}}));
    }
    return out;
  }

  Value task(const Texts& targets, int depth) {
    if (room_ > 0) --room_;
    Value out = body(targets, depth);
    if (dice_.one_in(7)) out.set("if", condition());
    if (dice_.one_in(8)) out.set("input", Value::object({{"from", expression()}}));
    if (dice_.one_in(8)) out.set("output", Value::object({{"as", expression()}}));
    if (dice_.one_in(8)) out.set("export", Value::object({{"as", expression()}}));
    if (dice_.one_in(7)) out.set("timeout", Value::object({{"after", duration()}}));
    if (dice_.one_in(7) && !targets.empty()) out.set("then", dice_.of(targets));
    return out;
  }

  Value body(const Texts& targets, int depth) {
    const bool deep = room_ > 0 && depth < 5;
    switch (dice_.below(deep ? 17 : 9)) {
      case 0:
        return Value::object(
            {{"set", Value::object({{"n", "${ try (.n + 1) catch 0 }"}, {"s", expression()}})}});
      case 1:
      case 2:
        return call();
      case 3:
        return Value::object({{"wait", duration()}});
      case 4:
        return depth > 1 || dice_.one_in(3) ? raise() : call();
      case 5:
        return emit();
      case 6:
        return listen(depth, deep);
      case 7:
        return choice(targets);
      case 8:
        return function_call();
      case 9:
      case 10:
        return Value::object({{"do", list(depth + 1)}});
      case 11:
        return loop(depth);
      case 12:
      case 13:
        return fork(depth);
      default:
        return attempt(targets, depth);
    }
  }

  Value call() {
    static const Texts kMethods{"get", "get", "post", "delete"};
    Value out = Value::object(
        {{"call", "http"},
         {"with", Value::object({{"method", dice_.of(kMethods)}, {"endpoint", "http://h/a"}})}});
    if (dice_.one_in(6))
      out.set("metadata", Value::object({{"stepwell", Value::object({{"idempotent", true}})}}));
    return out;
  }

  Value function_call() {
    if (callable_ == 0) return call();
    Value out = Value::object({{"call", "f" + std::to_string(dice_.below(callable_))}});
    if (dice_.one_in(2)) out.set("with", Value::object({{"a", expression()}}));
    return out;
  }

  Value raise() {
    return Value::object(
        {{"raise",
          Value::object({{"error", Value::object({{"type", "https://e.test/raised"},
                                                  {"status", dice_.one_in(2) ? 400 : 503}})}})}});
  }

  Value event_type() {
    static const Texts kTypes{"a", "b", "c"};
    return dice_.of(kTypes);
  }

  Value emit() {
    Value event = Value::object({{"type", event_type()}, {"data", expression()}});
    return Value::object(
        {{"emit", Value::object({{"event", Value::object({{"with", std::move(event)}})}})}});
  }

  Value filter() {
    Value out = Value::object({{"with", Value::object({{"type", event_type()}})}});
    if (dice_.one_in(4))
      out.set("correlate", Value::object({{"k", Value::object({{"from", ".data.k"}})}}));
    return out;
  }

  Value filters() {
    Value out = Value::array();
    for (std::size_t i = 0; i <= dice_.below(3); ++i) out.push_back(filter());
    return out;
  }

  Value strategy() {
    switch (dice_.below(4)) {
      case 0:
        return Value::object({{"one", filter()}});
      case 1:
        return Value::object({{"all", filters()}});
      default: {
        Value out = Value::object({{"any", dice_.one_in(5) ? Value::array() : filters()}});
        if (dice_.one_in(3))
          out.set("until", "length >= 2");
        else if (dice_.one_in(3))
          out.set("until", Value::object({{"one", filter()}}));
        return out;
      }
    }
  }

  Value listen(int depth, bool deep) {
    static const Texts kReads{"data", "envelope", "raw"};
    Value out = Value::object(
        {{"listen", Value::object({{"to", strategy()}, {"read", dice_.of(kReads)}})}});
    if (!dice_.one_in(3)) return out;
    Value rounds = Value::object();
    if (deep && !dice_.one_in(4)) rounds.set("do", list(depth + 1));
    if (dice_.one_in(4)) rounds.set("output", Value::object({{"as", expression()}}));
    if (dice_.one_in(4)) rounds.set("export", Value::object({{"as", expression()}}));
    out.set("foreach", std::move(rounds));
    return out;
  }

  Value choice(const Texts& targets) {
    Value cases = Value::array();
    for (std::size_t i = 0; i <= dice_.below(3); ++i) {
      Value one = Value::object({{"then", targets.empty() ? "continue" : dice_.of(targets)}});
      if (i > 0 || dice_.one_in(3)) one.set("when", condition());
      cases.push_back(Value::object({{"c" + std::to_string(i), std::move(one)}}));
    }
    return Value::object({{"switch", std::move(cases)}});
  }

  Value loop(int depth) {
    static const Texts kCollections{"[]", "[1]", "[1, 2, 3]", "[range(5)]", "[.n?]", ".n? // []"};
    Value out = Value::object(
        {{"for", Value::object({{"in", dice_.of(kCollections)}})}, {"do", list(depth + 1)}});
    if (dice_.one_in(4)) out.set("while", "$index < 2");
    return out;
  }

  Value fork(int depth) {
    Value branches = Value::array();
    for (std::size_t i = 0; i < 1 + dice_.below(4); ++i)
      branches.push_back(
          Value::object({{"b" + std::to_string(++names_),
                          task({"continue", "continue", "exit", "end"}, depth + 1)}}));
    return Value::object({{"fork", Value::object({{"branches", std::move(branches)},
                                                  {"compete", dice_.one_in(2)}})}});
  }

  Value attempt(const Texts& targets, int depth) {
    Value handler = Value::object();
    if (dice_.one_in(4))
      handler.set("errors", Value::object({{"with", Value::object({{"status", 503}})}}));
    if (dice_.one_in(6)) handler.set("when", "$error.status != 400");
    if (dice_.one_in(6)) handler.set("exceptWhen", "$error.status == 408");
    if (!dice_.one_in(4)) handler.set("retry", retry());
    if (dice_.one_in(2)) handler.set("do", list(depth + 1));
    if (dice_.one_in(4) && !targets.empty()) handler.set("then", dice_.of(targets));
    return Value::object({{"try", list(depth + 1)}, {"catch", std::move(handler)}});
  }

  Value retry() {
    static const Texts kBackoffs{"constant", "linear", "exponential"};
    Value limit = Value::object(
        {{"attempt", Value::object({{"count", static_cast<int>(1 + dice_.below(4))}})}});
    if (dice_.one_in(4)) limit.set("duration", duration());
    if (dice_.one_in(3))
      limit.set("attempt", Value::object({{"count", 3}, {"duration", duration()}}));
    Value out = Value::object({{"delay", duration()}, {"limit", std::move(limit)}});
    if (dice_.one_in(2))
      out.set("backoff", Value::object({{dice_.of(kBackoffs), Value::object()}}));
    if (dice_.one_in(4)) out.set("jitter", Value::object({{"from", "PT0S"}, {"to", "PT2S"}}));
    if (dice_.one_in(6)) out.set("when", condition());
    return out;
  }

  Value duration() {
    static const Texts kDurations{"PT0S", "PT0.5S", "PT1S", "PT2S", "PT10S", "PT1H"};
    return dice_.of(kDurations);
  }

  Value condition() {
    static const Texts kConditions{"true",          "true",     "false",
                                   "$task != null", ".n? != 1", "$context == null"};
    return dice_.one_in(60) ? Value("error(\"no\")") : Value(dice_.of(kConditions));
  }

  Value expression() {
    static const Texts kExpressions{"${ . }", "${ {n: 1} }", "${ .n? }", "${ [., 1] | length }",
                                    "${ {n: 2, s: \"x\"} }"};
    return dice_.one_in(80) ? Value("${ error(\"no\") }") : Value(dice_.of(kExpressions));
  }

  Dice dice_;
  std::size_t room_ = 0;       // tasks that may still come
  std::size_t names_ = 0;      // that were given
  std::size_t functions_ = 0;  // f0, f1, …
  std::size_t callable_ = 0;   // of these
};

}  // namespace

std::string random_flow(std::uint64_t seed) { return to_json(FlowMaker(seed).flow()); }

}  // namespace stepwell::engine::test
