#include "config/schema.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/json.h"
#include "config/schema_run.h"

namespace stepwell::config {

namespace detail {

namespace {

// At most `most` bytes, not within a character.
std::string cut(std::string_view text, std::size_t most) {
  if (text.size() <= most) return std::string(text);
  while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xC0U) == 0x80U) --most;
  return std::string(text.substr(0, most)) + "…";
}

}  // namespace

std::string DataPlace::pointer() const {
  constexpr std::size_t kLongestName = 80;
  constexpr std::size_t kMostParts = 20;
  std::vector<std::string> parts;
  std::size_t above = 0;
  for (const DataPlace* place = this; place->up != nullptr; place = place->up) {
    if (parts.size() < kMostParts)
      parts.push_back(place->element ? "/" + std::to_string(place->index)
                                     : pointer_below("", cut(place->name, kLongestName)));
    else
      ++above;
  }
  std::string out = above == 0 ? "" : "…";
  for (auto part = parts.rbegin(); part != parts.rend(); ++part) out += *part;
  return out;
}

std::string described(const Value& value) {
  const auto counted = [](std::size_t count, const std::string& what) {
    return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
  };
  switch (value.kind()) {
    case Value::Kind::null:
      return "null";
    case Value::Kind::boolean:
      return "true or false";
    case Value::Kind::number:
      return "a number";
    case Value::Kind::string: {
      const std::string_view text = value.as_string();
      const auto length = std::count_if(text.begin(), text.end(), [](char byte) {
        return (static_cast<unsigned char>(byte) & 0xC0U) != 0x80U;
      });
      return "text of " + counted(static_cast<std::size_t>(length), "character");
    }
    case Value::Kind::array:
      return "a list of " + counted(value.size(), "element");
    default:
      return "an object of " + counted(value.size(), "member");
  }
}

std::string shown(const Value& value) {
  return "`" + (value.weight() > 1000 ? described(value) : cut(to_json(value), 60)) + "`";
}

std::string type_names(unsigned types) {
  struct Name {
    unsigned bits;
    std::string_view name;
  };
  static constexpr std::array<Name, 7> kNames{{{kObjectType, "an object"},
                                               {kArrayType, "a list"},
                                               {kStringType, "text"},
                                               {kNumberType, "a number"},
                                               {kIntegerType, "a whole number"},
                                               {kBooleanType, "true or false"},
                                               {kNullType, "null"}}};
  std::vector<std::string_view> names;
  for (const Name& name : kNames)
    if ((types & name.bits) != 0 && !(name.bits == kIntegerType && (types & kNumberType) != 0))
      names.push_back(name.name);
  std::string out;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) out += i + 1 == names.size() ? " or " : ", ";
    out += names[i];
  }
  return out;
}

namespace {

// References that lead back to themselves without going down into the data would never end.
bool ends(const SchemaProgram& program, const CheckedSchema& checked,
          std::vector<SchemaFault>& faults) {
  using Kind = SchemaRule::Kind;
  enum class State : std::uint8_t { fresh, open, done };
  struct Step {
    NodeNumber node;
    std::size_t rule = 0;
    std::size_t schema = 0;
  };
  std::vector<State> states(program.nodes.size(), State::fresh);
  // The schemas that apply to the same data as the rule itself.
  const auto beside = [](const SchemaRule& rule) -> std::vector<NodeNumber> {
    switch (rule.kind) {
      case Kind::all_of:
      case Kind::any_of:
      case Kind::just_one_of:
      case Kind::none_of:
      case Kind::condition:
      case Kind::reference:
        return rule.schemas;
      case Kind::dependent_schema: {
        std::vector<NodeNumber> schemas;
        for (const Value::Member& member : rule.argument.members())
          schemas.push_back(static_cast<NodeNumber>(member.value.int64()));
        return schemas;
      }
      default:
        return {};
    }
  };
  for (NodeNumber start = 0; start < program.nodes.size(); ++start) {
    if (states[start] != State::fresh) continue;
    std::vector<Step> way{{start}};
    states[start] = State::open;
    while (!way.empty()) {
      Step& step = way.back();
      const auto& rules = program.nodes[step.node].rules;
      if (step.rule == rules.size()) {
        states[step.node] = State::done;
        way.pop_back();
        continue;
      }
      const std::vector<NodeNumber> next = beside(rules[step.rule]);
      if (step.schema == next.size()) {
        ++step.rule;
        step.schema = 0;
        continue;
      }
      const NodeNumber node = next[step.schema++];
      if (states[node] == State::fresh) {
        states[node] = State::open;
        way.push_back({node});
      } else if (states[node] == State::open) {
        // Of the references on the way round, the last that stands in the document.
        std::string pointer;
        for (auto at = way.rbegin(); at != way.rend(); ++at) {
          const SchemaRule& taken = program.nodes[at->node].rules[at->rule];
          if (taken.kind != Kind::reference || taken.argument.is_null()) continue;
          pointer = checked.references[static_cast<std::size_t>(taken.argument.int64())];
          break;
        }
        faults.push_back({false, pointer,
                          "the reference leads back to itself without going down into the data, so "
                          "that it would never end"});
        return false;
      }
    }
  }
  return true;
}

}  // namespace

}  // namespace detail

std::shared_ptr<const Schema> Schema::compile(const Value& document,
                                              std::vector<SchemaFault>& faults) {
  const auto has_errors = [&] {
    return std::any_of(faults.begin(), faults.end(),
                       [](const SchemaFault& fault) { return !fault.warning; });
  };
  const detail::CheckedSchema checked = detail::check_schema(document, faults);
  if (has_errors()) return nullptr;
  auto program =
      std::make_shared<const detail::SchemaProgram>(detail::compile_schema(checked, faults));
  if (has_errors() || !detail::ends(*program, checked, faults)) return nullptr;
  return std::shared_ptr<const Schema>(new Schema(std::move(program)));
}

Status Schema::validate(const Value& data, std::string_view subject, std::chrono::milliseconds cpu,
                        expression::Cuts* cuts) const {
  constexpr std::chrono::milliseconds kUnlimited(1'000'000'000'000);
  const auto ended = [subject](const std::string& why) {
    return fail(make_problem(
        ErrorKind::validation, "schema-budget",
        "the check of " + std::string(subject) + " by its schema was ended: it " + why));
  };
  if (cuts != nullptr && cuts->begin()) return ended(std::string(detail::SchemaRun::kOutOfTime));
  const bool repeated = cuts != nullptr && cuts->replaying;
  detail::SchemaRun run(*program_, repeated ? kUnlimited : cpu);
  const bool good = run.check(program_->root, data, {});
  if (run.exceeded()) {
    if (cuts != nullptr && *run.exceeded() == detail::SchemaRun::kOutOfTime)
      cuts->end(expression::Limit::cpu);
    return ended(*run.exceeded());
  }
  if (good) return {};
  Value list = Value::array();
  for (const detail::Violation& violation : run.violations())
    list.push_back(Value::object({{"at", Value(violation.at)},
                                  {"expected", Value(violation.expected)},
                                  {"found", Value(violation.found)}}));
  const detail::Violation& first = run.violations().front();
  std::string detail = std::string(subject) + " is not as its schema says: ";
  if (!first.at.empty()) detail += "at " + first.at + " ";
  detail += "expected " + first.expected + ", found " + first.found;
  if (run.violation_count() > 1)
    detail += " (and " + std::to_string(run.violation_count() - 1) + " more)";
  return fail(make_problem(ErrorKind::validation, "schema-violation", std::move(detail))
                  .with("violations", std::move(list)));
}

}  // namespace stepwell::config
