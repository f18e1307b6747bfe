// The arguments of steps for people (`call: decision`, `form`, `upload`, `email`): what they must
// be, both as they are written and once their expressions are evaluated; and what a form's fields
// take. docs/definitions.md, "Steps for people", describes them.
// Pure functions, callable from any thread.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/value.h"
#include "config/definition.h"

namespace stepwell::config {

std::string_view person_kind_name(PersonStepBody::Kind kind);  // what `call` says
std::optional<PersonStepBody::Kind> person_kind(std::string_view name);
// What `with` may hold.
std::vector<std::string_view> person_arguments(PersonStepBody::Kind kind);

struct ArgumentFault {
  std::vector<std::string> way;  // from the arguments to the value: names, and places in lists
  std::string what;
  std::string hint;      // goes on behind it
  bool at_name = false;  // of a member: its name is meant, not its value
  bool warning = false;

  std::string pointer() const;  // RFC 6901
};

// `open`: the values that are not known yet, since they are expressions; empty: all are known.
std::vector<ArgumentFault> person_argument_faults(PersonStepBody::Kind kind, const Value& arguments,
                                                  const std::function<bool(const Value&)>& open);

// After so long, or at that time. Errors: validation/`duration-invalid`, `time-invalid`.
using Due = std::variant<Milliseconds, WallTime>;
Result<Due> parse_due(const Value& due);

// Who is named by `assignee`: one or several users; empty for null.
std::vector<std::string> assignees_of(const Value& assignee);

// Is the media type one that `accept` (a text or a list of them; null: all) names? "image/*" names
// all images (RFC 9110 §12.5.1); parameters do not count.
bool accepts_media_type(const Value& accept, std::string_view media_type);
// `maxSize` in bytes: a whole number or a text such as 10MiB; nothing where it is neither.
std::optional<std::uint64_t> parse_max_size(const Value& size);

// Why a field of a form does not take the value (not null); empty where it does. Of a file only
// that it is a text is looked at. Errors: expression/`expression-budget` where a pattern takes too
// long.
Result<std::string> field_value_fault(const Value& field, const Value& value);

}  // namespace stepwell::config
