#include "config/person_step.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "base/ascii.h"
#include "config/byte_size.h"
#include "config/faults.h"
#include "config/kind_words.h"
#include "config/template.h"
#include "expression/pattern.h"

namespace stepwell::config {

namespace {

using Kind = PersonStepBody::Kind;

constexpr std::array<std::string_view, 4> kPersonKinds{"decision", "form", "upload", "email"};
constexpr std::array<std::string_view, 7> kFieldKinds{"text",  "number", "date", "checklist",
                                                      "radio", "user",   "file"};
constexpr std::size_t kMostOptions = 1000;
constexpr std::size_t kMostFields = 200;
constexpr std::size_t kLongestFieldName = 255;

// What fields of a kind may have besides what all may.
std::vector<std::string_view> field_members(std::string_view kind) {
  std::vector<std::string_view> known{"name", "label", "kind", "required"};
  const auto add = [&](std::initializer_list<std::string_view> more) {
    known.insert(known.end(), more);
  };
  if (kind != "file") add({"default"});
  if (kind == "text") add({"min", "max", "pattern"});
  if (kind == "number" || kind == "date") add({"min", "max"});
  if (kind == "checklist") add({"options", "min", "max"});
  if (kind == "radio" || kind == "user") add({"options"});
  if (kind == "file") add({"accept", "maxSize"});
  return known;
}

bool is_media_type(std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto good = [](std::string_view part) {
    return !part.empty() && std::all_of(part.begin(), part.end(), [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
             std::string_view("!#$&-^_.+").find(c) != std::string_view::npos;
    });
  };
  if (slash == std::string_view::npos || !good(text.substr(0, slash))) return text == "*/*";
  return text.substr(slash + 1) == "*" || good(text.substr(slash + 1));
}

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(), is_ascii_control);
}

// As far as that can be told here: something on both sides of an "@".
bool is_address(std::string_view text) {
  if (has_control(text)) return false;
  // Several, or a name with a comma: the step reads them.
  if (text.find(',') != std::string_view::npos) return text.find('@') != std::string_view::npos;
  const std::size_t open = text.rfind('<');
  if (open != std::string_view::npos && text.ends_with('>'))
    text = text.substr(open + 1, text.size() - open - 2);
  const std::size_t at = text.rfind('@');
  return at != std::string_view::npos && at > 0 && at + 1 < text.size() &&
         text.find_first_of(" ,;<>") == std::string_view::npos;
}

bool is_date(const Value& value) {
  return value.is_string() && value.size() == 10 && parse_time(value.as_string()).has_value();
}

// Looks at a step's arguments, one member after the other.
class PersonCheck {
 public:
  explicit PersonCheck(const std::function<bool(const Value&)>& open) : open_(open) {}

  std::vector<ArgumentFault> run(Kind kind, const Value& arguments) {
    if (!arguments.is_object()) {
      expected("a mapping", arguments);
      return std::move(faults_);
    }
    const std::vector<std::string_view> known = person_arguments(kind);
    unknown_members(arguments, known);
    if (kind == Kind::email) {
      email(arguments);
    } else {
      member(arguments, "prompt", kind != Kind::form, [this](const Value& it) { text(it); });
      member(arguments, "title", false, [this](const Value& it) { text(it); });
    }
    if (kind == Kind::decision)
      member(arguments, "options", true, [this](const Value& it) { options(it); });
    if (kind == Kind::form)
      member(arguments, "fields", true, [this](const Value& it) { fields(it); });
    if (kind == Kind::upload) {
      files(arguments);
      member(arguments, "multiple", false, [this](const Value& it) { flag(it); });
    }
    member(arguments, "assignee", false,
           [this](const Value& it) { texts(it, "the name of a user"); });
    member(arguments, "due", false, [this](const Value& it) { due(it); });
    return std::move(faults_);
  }

 private:
  bool is_open(const Value& value) const { return open_ && open_(value); }

  void fault(std::string what, std::string hint = {}) {
    faults_.push_back({way_, std::move(what), std::move(hint)});
  }
  void expected(const std::string& what, const Value& value) {
    const bool quotes = what.starts_with("text") && (value.is_number() || value.is_bool());
    fault("expected " + what + ", found " + std::string(kind_words(value)),
          quotes ? "; write it in quotes" : "");
  }

  // Looks at what stands there, if that is known already.
  template <class Check>
  void at(std::string name, const Value& value, Check check) {
    if (is_open(value)) return;
    way_.push_back(std::move(name));
    check(value);
    way_.pop_back();
  }
  template <class Check>
  void member(const Value& object, std::string_view name, bool required, Check check) {
    const Value* value = object.find(name);
    if (value != nullptr) return at(std::string(name), *value, check);
    if (required) fault("the keyword " + quoted(name) + " is missing");
  }

  void unknown_members(const Value& object, const std::vector<std::string_view>& known) {
    for (const Value::Member& each : object.members()) {
      if (std::find(known.begin(), known.end(), each.name()) != known.end()) continue;
      way_.emplace_back(each.name());
      std::string hint = did_you_mean(each.name(), known);
      if (hint.empty()) hint = "; expected " + quoted_list(known, "or");
      fault("unknown keyword " + quoted(each.name()), std::move(hint));
      faults_.back().at_name = true;
      way_.pop_back();
    }
  }

  bool text(const Value& value) {
    if (value.is_string() && !value.empty()) return true;
    expected("text", value);
    return false;
  }
  void flag(const Value& value) {
    if (!value.is_bool()) expected("true or false", value);
  }
  // One or a list of several; each is a text that is not empty.
  void texts(const Value& value, const std::string& what) {
    texts(value, what, [this](const Value& each) { (void)text(each); });
  }
  template <class Check>
  void texts(const Value& value, const std::string& what, Check check) {
    if (value.is_string()) return check(value);
    if (!value.is_array() || value.empty()) return expected(what + " or a list of them", value);
    each(value, check);
  }
  template <class Check>
  void each(const Value& list, Check check) {
    for (std::size_t i = 0; i < list.size(); ++i) at(std::to_string(i), list.at(i), check);
  }

  void options(const Value& value) {
    if (!value.is_array() || value.empty()) return expected("a list of texts", value);
    if (value.size() > kMostOptions)
      return fault("more than " + std::to_string(kMostOptions) + " options");
    std::set<std::string_view> seen;
    each(value, [&](const Value& option) {
      if (text(option) && !seen.insert(option.as_string()).second)
        fault("a second option " + quoted(option.as_string()));
    });
  }

  void due(const Value& value) {
    if (parse_due(value)) return;
    if (!value.is_string() && !value.is_object())
      return expected("a duration or a date and time", value);
    fault(value.is_string() ? quoted(value.as_string()) + " is neither a duration nor a time"
                            : std::string("this is no duration"),
          "; expected P2D, {days: 2} or 2027-01-31T12:00:00Z");
  }

  // What an upload, and a field for a file, say of files.
  void files(const Value& object) {
    member(object, "accept", false, [this](const Value& it) {
      texts(it, "a media type", [this](const Value& type) {
        if (text(type) && !is_media_type(type.as_string()))
          fault(quoted(type.as_string()) + " is no media type",
                "; expected application/pdf or image/*");
      });
    });
    member(object, "maxSize", false, [this](const Value& it) {
      const std::optional<std::uint64_t> size = parse_max_size(it);
      if (!size || *size == 0)
        fault("expected a number of bytes", "; write a whole number, or 10MiB or 512KiB");
    });
  }

  void fields(const Value& value) {
    if (!value.is_array() || value.empty()) return expected("a list of fields", value);
    if (value.size() > kMostFields)
      return fault("more than " + std::to_string(kMostFields) + " fields");
    std::set<std::string, std::less<>> names;
    each(value, [&](const Value& it) { field(it, names); });
  }

  void field(const Value& it, std::set<std::string, std::less<>>& names) {
    if (!it.is_object()) return expected("a mapping", it);
    member(it, "name", true, [&](const Value& name) {
      if (!text(name)) return;
      if (name.size() > kLongestFieldName) fault("a field's name has at most 255 bytes");
      if (!names.emplace(name.as_string()).second)
        fault("a second field with the name " + quoted(name.as_string()));
    });
    member(it, "label", false, [this](const Value& label) { text(label); });
    member(it, "required", false, [this](const Value& required) { flag(required); });
    const Value& kind = it.get("kind");
    if (is_open(kind)) return;
    member(it, "kind", true, [this](const Value& name) {
      if (!text(name)) return;
      const bool known =
          std::find(kFieldKinds.begin(), kFieldKinds.end(), name.as_string()) != kFieldKinds.end();
      if (known) return;
      std::string hint = did_you_mean(name.as_string(), kFieldKinds);
      if (hint.empty()) hint = "; expected " + quoted_list(kFieldKinds, "or");
      fault("there is no kind of field " + quoted(name.as_string()), std::move(hint));
    });
    if (!kind.is_string() ||
        std::find(kFieldKinds.begin(), kFieldKinds.end(), kind.as_string()) == kFieldKinds.end())
      return;
    const std::size_t before = faults_.size();
    unknown_members(it, field_members(kind.as_string()));
    by_kind(it, kind.as_string());
    if (faults_.size() == before) usual(it);
  }

  void by_kind(const Value& it, std::string_view kind) {
    const bool chosen = kind == "checklist" || kind == "radio";
    if (chosen || kind == "user")
      member(it, "options", chosen, [this](const Value& all) { options(all); });
    if (kind == "file") files(it);
    if (kind == "text")
      member(it, "pattern", false, [this](const Value& written) { pattern(written); });
    if (kind == "number" || kind == "date" || kind == "text" || kind == "checklist")
      limits(it, kind);
  }

  void pattern(const Value& value) {
    if (!text(value)) return;
    const auto compiled = expression::Pattern::compile(value.as_string());
    if (!compiled) fault("this is no regular expression: " + compiled.error().detail);
  }

  // Of a date dates, of a number numbers, else how many.
  void limits(const Value& it, std::string_view kind) {
    const std::size_t before = faults_.size();
    for (const char* name : {"min", "max"}) {
      member(it, name, false, [&](const Value& limit) {
        if (kind == "date") {
          if (!is_date(limit)) expected("a date such as 2027-01-31", limit);
        } else if (kind == "number") {
          if (!limit.is_number()) expected("a number", limit);
        } else if (!limit.is_number() || limit.as_integer().value_or(-1) < 0) {
          expected("a whole number from 0 on", limit);
        }
      });
    }
    const Value& least = it.get("min");
    const Value& most = it.get("max");
    const bool both = !least.is_null() && !most.is_null() && !is_open(least) && !is_open(most);
    if (both && faults_.size() == before && compare(least, most) > 0) fault("`min` is above `max`");
  }

  // Where all is known that it has to be like.
  void usual(const Value& it) {
    const Value* value = it.find("default");
    if (value == nullptr || value->is_null() || is_open(*value)) return;
    for (const char* name : {"options", "min", "max", "pattern"}) {
      const Value& part = it.get(name);
      const auto parts = part.elements();
      if (is_open(part) || std::any_of(parts.begin(), parts.end(),
                                       [this](const Value& each) { return is_open(each); }))
        return;
    }
    const auto items = value->elements();
    if (std::any_of(items.begin(), items.end(),
                    [this](const Value& each) { return is_open(each); }))
      return;
    const Result<std::string> why = field_value_fault(it, *value);
    if (!why || why->empty()) return;
    at("default", *value, [&](const Value&) { fault("the field does not take this: " + *why); });
  }

  void named_address(const Value& address) {
    unknown_members(address, {"name", "address"});
    member(address, "name", false, [this](const Value& it) { (void)text(it); });
    member(address, "address", true, [this](const Value& it) { (void)text(it); });
  }

  void email(const Value& arguments) {
    const auto addresses = [this](const Value& it) {
      if (it.is_object()) return named_address(it);
      texts(it, "an address", [this](const Value& address) {
        if (address.is_object()) return named_address(address);
        if (text(address) && !is_address(address.as_string()))
          fault(quoted(address.as_string()) + " is no email address",
                "; expected ana@example.com or Ana <ana@example.com>");
      });
    };
    member(arguments, "to", true, addresses);
    for (const char* name : {"cc", "bcc", "replyTo"})
      member(arguments, name, false, [&](const Value& it) {
        if (!it.is_array() || !it.empty()) addresses(it);
      });
    member(arguments, "from", false, addresses);
    member(arguments, "server", false, [this](const Value& it) { text(it); });
    member(arguments, "subject", true, [this](const Value& it) {
      if (!it.is_string()) return expected("text", it);
      if (has_control(it.as_string())) fault("a subject is one line without control characters");
    });
    for (const char* name : {"body", "html"})
      member(arguments, name, false, [this](const Value& it) {
        if (!it.is_string() && !it.is_null()) expected("text", it);
      });
    if (!arguments.contains("body") && !arguments.contains("html"))
      fault("the keyword `body` is missing", "; `html` may stand beside it or in its place");
    member(arguments, "attachments", false, [this](const Value& it) {
      if (!it.is_array() && !it.is_object() && !it.is_string())
        expected("a file or a list of files", it);
    });
    member(arguments, "hold", false, [this](const Value& it) { flag(it); });
    member(arguments, "partial", false, [this](const Value& it) { flag(it); });
    const Value& hold = arguments.get("hold");
    if (is_open(hold) || hold.truthy()) return;
    for (const char* name : {"assignee", "due"}) {
      if (!arguments.contains(name)) continue;
      way_.emplace_back(name);
      fault("it has no effect without `hold: true`: nobody is waited for");
      faults_.back().warning = true;
      way_.pop_back();
    }
  }

  const std::function<bool(const Value&)>& open_;
  std::vector<std::string> way_;
  std::vector<ArgumentFault> faults_;
};

}  // namespace

std::string_view person_kind_name(PersonStepBody::Kind kind) {
  return kPersonKinds.at(static_cast<std::size_t>(kind));
}

std::optional<PersonStepBody::Kind> person_kind(std::string_view name) {
  for (std::size_t i = 0; i < kPersonKinds.size(); ++i)
    if (kPersonKinds.at(i) == name) return static_cast<Kind>(i);
  return std::nullopt;
}

std::vector<std::string_view> person_arguments(PersonStepBody::Kind kind) {
  switch (kind) {
    case Kind::decision:
      return {"title", "prompt", "options", "assignee", "due"};
    case Kind::form:
      return {"title", "prompt", "fields", "assignee", "due"};
    case Kind::upload:
      return {"title", "prompt", "accept", "maxSize", "multiple", "assignee", "due"};
    default:
      return {"server",      "from",    "to",       "cc",   "bcc",
              "replyTo",     "subject", "body",     "html", "hold",
              "attachments", "partial", "assignee", "due",  "authentication"};
  }
}

std::string ArgumentFault::pointer() const {
  std::string text;
  for (const std::string& part : way) {
    text += '/';
    for (const char c : part) text += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
  }
  return text;
}

std::vector<ArgumentFault> person_argument_faults(PersonStepBody::Kind kind, const Value& arguments,
                                                  const std::function<bool(const Value&)>& open) {
  return PersonCheck(open).run(kind, arguments);
}

Result<Due> parse_due(const Value& due) {
  if (due.is_object()) {
    const Result<Milliseconds> after = parse_duration_object(due);
    if (!after) return fail(after.error());
    return Due(*after);
  }
  const std::string_view text = due.is_string() ? due.as_string() : std::string_view();
  if (const Result<Milliseconds> after = parse_iso_duration(text)) return Due(*after);
  const Result<WallTime> at = parse_time(text);
  if (!at) return fail(at.error());
  return Due(*at);
}

}  // namespace stepwell::config
