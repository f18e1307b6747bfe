#include "engine/person_step.h"

#include <algorithm>
#include <array>
#include <utility>

#include "config/faults.h"
#include "config/person_step.h"
#include "engine/recovery.h"

namespace stepwell::engine {

namespace {

using config::quoted;

Problem output_invalid(std::string_view field, const std::string& why) {
  return client_error(400, "step-output-invalid",
                      field.empty() ? "the output does not fit the step: " + why
                                    : quoted(field) + " does not fit the step: " + why)
      .with("field", field);
}

Problem change_invalid(const std::string& field, const std::string& why) {
  return client_error(400, "step-change-invalid", field + ": " + why).with("field", field);
}

bool is_number_of(std::string_view named, StepId id) { return named == std::to_string(id.number); }

bool names_task(std::string_view named, const config::Task& task) {
  return named == task.reference || named == task.name;
}

// Errors where a member is there that nobody asked for.
Status only(const Value& object, std::initializer_list<std::string_view> known) {
  if (!object.is_object()) return fail(output_invalid("", "it must be an object"));
  for (const Value::Member& member : object.members())
    if (std::find(known.begin(), known.end(), member.name()) == known.end())
      return fail(output_invalid(
          member.name(), "it is not asked for; expected " +
                             config::quoted_list(std::span(known.begin(), known.size()), "or")));
  return {};
}

// One answer to one step.
class OutputCheck {
 public:
  OutputCheck(const OpenStep& step, const StepAnswer& answer, WallTime now)
      : arguments_(step.arguments), answer_(answer), now_(now) {}

  Result<StepOutput> run(PersonKind kind) {
    Status good;
    if (kind == PersonKind::decision)
      good = decision();
    else if (kind == PersonKind::form)
      good = form();
    else if (kind == PersonKind::upload)
      good = upload();
    else
      good = email();
    if (!good) return fail(std::move(good.error()));
    return std::move(out_);
  }

 private:
  void sign() {
    out_.result.set("completedBy", answer_.by.user);
    out_.result.set("completedTime", format_time(now_));
  }

  Status decision() {
    const Value& output = answer_.value;
    if (Status known = only(output, {"decision", "comment"}); !known) return known;
    const Value& decision = output.get("decision");
    const auto options = arguments_.get("options").elements();
    if (!decision.is_string() ||
        std::find(options.begin(), options.end(), decision) == options.end()) {
      std::vector<std::string_view> offered;
      for (const Value& option : options)
        if (option.is_string()) offered.push_back(option.as_string());
      return fail(output_invalid(
          "decision", (decision.is_string() ? quoted(decision.as_string()) + " is not offered"
                                            : std::string("a text is expected")) +
                          "; expected " + config::quoted_list(offered, "or")));
    }
    const Value& comment = output.get("comment");
    if (!comment.is_null() && !comment.is_string())
      return fail(output_invalid("comment", "a text is expected"));
    out_.result = Value::object({{"decision", decision}});
    if (!comment.is_null()) out_.result.set("comment", comment);
    sign();
    return {};
  }

  Status form() {
    const Value& output = answer_.value;
    if (!output.is_object()) return fail(output_invalid("", "it must be an object"));
    const auto fields = arguments_.get("fields").elements();
    for (const Value::Member& member : output.members()) {
      const bool known = std::any_of(fields.begin(), fields.end(), [&](const Value& field) {
        return field.get("name") == member.key;
      });
      if (!known) return fail(output_invalid(member.name(), "the form has no such field"));
    }
    out_.result = Value::object();
    for (const Value& field : fields)
      if (Status good = fill(field, output); !good) return good;
    return {};
  }

  Status fill(const Value& field, const Value& output) {
    const std::string_view name = field.get("name").as_string();
    const Value* given = output.find(name);
    Value value = given != nullptr && !given->is_null() ? *given : field.get("default");
    const bool nothing =
        value.is_null() || ((value.is_string() || value.is_array()) && value.empty());
    if (nothing && field.get("required").truthy())
      return fail(output_invalid(name, "the field is required"));
    if (value.is_null()) return {};
    const Value& kind = field.get("kind");
    if (kind == Value("file"))
      return add_file(field, name, value,
                      [&](Value file) { out_.result.set(name, std::move(file)); });
    const Result<std::string> why = config::field_value_fault(field, value);
    if (!why) return fail(output_invalid(name, why.error().detail));
    if (!why->empty()) return fail(output_invalid(name, *why));
    const bool unlisted = kind == Value("user") && field.get("options").is_null();
    if (unlisted && answer_.known_user && !answer_.known_user(value.as_string()))
      return fail(output_invalid(name, "there is no user " + quoted(value.as_string())));
    out_.result.set(name, std::move(value));
    return {};
  }

  // `rules`: accept and maxSize. The file is its id, or what the API shows of it.
  template <class Put>
  Status add_file(const Value& rules, std::string_view field, const Value& value, Put put) {
    std::optional<std::string> id = file_id(value);
    if (!id && value.is_string()) id = std::string(value.as_string());
    if (!id) return fail(output_invalid(field, "the id of a file is expected"));
    const auto known = answer_.files.find(*id);
    if (known == answer_.files.end())
      return fail(output_invalid(field, "there is no file " + quoted(*id)));
    const FileInfo& info = known->second;
    if (!config::accepts_media_type(rules.get("accept"), info.media_type))
      return fail(output_invalid(
          field, "a file of the type " + quoted(info.media_type) + " is not accepted here"));
    const auto most = config::parse_max_size(rules.get("maxSize"));
    if (most && info.size > *most)
      return fail(output_invalid(field, "the file has " + std::to_string(info.size) +
                                            " bytes; the most is " + std::to_string(*most)));
    put(file_value(info));
    out_.files.push_back(*id);
    return {};
  }

  Status upload() {
    const Value& output = answer_.value;
    const bool several = arguments_.get("multiple").truthy();
    if (Status known = several ? only(output, {"files"}) : only(output, {"file"}); !known)
      return known;
    if (!several) {
      if (output.get("file").is_null()) return fail(output_invalid("file", "it is required"));
      return add_file(arguments_, "file", output.get("file"),
                      [this](Value file) { out_.result.set("file", std::move(file)); });
    }
    const Value& files = output.get("files");
    if (!files.is_array() || files.empty())
      return fail(output_invalid("files", "a list of ids of files is expected"));
    Value list = Value::array();
    for (const Value& file : files.elements())
      if (Status added = add_file(arguments_, "files", file,
                                  [&](Value each) { list.push_back(std::move(each)); });
          !added)
        return added;
    out_.result.set("files", std::move(list));
    return {};
  }

  Status email() {
    const Value& output = answer_.value;
    if (Status known = only(output, {"send"}); !known) return known;
    const Value& send = output.get("send");
    if (!send.is_null() && !send.is_bool())
      return fail(output_invalid("send", "true or false is expected"));
    out_.release = send.is_null() || send.as_bool();
    out_.result = Value::object();
    if (!out_.release) out_.result.set("sent", false);
    sign();
    return {};
  }

  const Value& arguments_;
  const StepAnswer& answer_;
  const WallTime now_;
  StepOutput out_;
};

// What a change may hold, by kind.
std::vector<std::string_view> changeable(PersonKind kind) {
  switch (kind) {
    case PersonKind::form:
      return {"title", "prompt", "fields", "assignee", "due"};
    case PersonKind::email:
      return {"to",   "cc",   "bcc",         "replyTo",  "subject",
              "body", "html", "attachments", "assignee", "due"};
    default:
      return {"title", "prompt", "assignee", "due"};
  }
}

Status check_members(const Value& patch, const std::vector<std::string_view>& known,
                     const std::string& way) {
  if (!patch.is_object())
    return fail(change_invalid(way.empty() ? "/" : way, "expected an object"));
  for (const Value::Member& member : patch.members())
    if (std::find(known.begin(), known.end(), member.name()) == known.end())
      return fail(
          change_invalid(way + "/" + std::string(member.name()),
                         "it cannot be changed; expected " + config::quoted_list(known, "or")));
  return {};
}

Status check_fields(const Value& fields, const Value& patch) {
  if (!patch.is_object())
    return fail(change_invalid("/fields", "expected an object of fields by their names"));
  for (const Value::Member& member : patch.members()) {
    const std::string way = "/fields/" + std::string(member.name());
    const auto all = fields.elements();
    const auto field = std::find_if(
        all.begin(), all.end(), [&](const Value& each) { return each.get("name") == member.key; });
    if (field == all.end()) return fail(change_invalid(way, "the form has no such field"));
    if (Status good = check_members(member.value, {"label", "options", "default", "required"}, way);
        !good)
      return good;
  }
  return {};
}

// Those that name files become what a file is in an instance's data.
Status take_attachments(const StepAnswer& answer, StepPatch& out) {
  const Value* given = out.patch.find("attachments");
  if (given == nullptr || given->is_null()) return {};
  Value list = Value::array();
  const Value one = given->is_array() ? *given : Value::array({*given});
  for (const Value& each : one.elements()) {
    std::optional<std::string> id = file_id(each);
    if (!id && each.is_string()) id = std::string(each.as_string());
    if (!id) {
      list.push_back(each);
      continue;
    }
    const auto known = answer.files.find(*id);
    if (known == answer.files.end())
      return fail(change_invalid("/attachments", "there is no file " + quoted(*id)));
    out.files.push_back(*id);
    list.push_back(file_value(known->second));
  }
  out.patch.set("attachments", std::move(list));
  return {};
}

}  // namespace

Value merge_patch(Value target, const Value& patch) {
  if (!patch.is_object()) return patch;
  if (!target.is_object()) target = Value::object();
  for (const Value::Member& member : patch.members()) {
    if (member.value.is_null())
      target.erase(member.name());
    else
      target.set(member.name(), merge_patch(target.get(member.name()), member.value));
  }
  return target;
}

Value apply_change(Value arguments, const Value& patch) {
  Value rest = patch;
  const Value& by_name = patch.get("fields");
  if (by_name.is_object()) {
    rest.erase("fields");
    Value fields = Value::array();
    for (const Value& field : arguments.get("fields").elements()) {
      const Value& name = field.get("name");
      const Value* change = name.is_string() ? by_name.find(name.as_string()) : nullptr;
      fields.push_back(change == nullptr ? field : merge_patch(field, *change));
    }
    arguments.set("fields", std::move(fields));
  }
  return merge_patch(std::move(arguments), rest);
}

Problem step_completed(std::string_view named) {
  return client_error(409, "step-completed", "the step " + quoted(named) + " is completed already");
}

bool was_completed(const Program& program, const State& state, std::string_view named) {
  const auto& done = state.completed_by_people;
  return std::any_of(done.begin(), done.end(), [&](TaskNumber number) {
    return names_task(named, *program.task(number).task);
  });
}

Result<OpenStep> find_open_step(const Program& program, const State& state,
                                std::string_view named) {
  std::vector<OpenStep> open = open_steps_of(program, state);
  std::vector<OpenStep> meant;
  for (OpenStep& step : open)
    if (named == step.reference || named == step.task || is_number_of(named, step.id))
      meant.push_back(std::move(step));
  if (meant.size() == 1) return std::move(meant.front());
  if (meant.size() > 1) {
    Value references = Value::array();
    bool same = true;
    for (const OpenStep& step : meant) {
      same = same && step.reference == meant.front().reference;
      references.push_back(step.reference);
    }
    Value ids = Value::array();
    for (const OpenStep& step : meant) ids.push_back(std::to_string(step.id.number));
    return fail(client_error(409, "step-ambiguous",
                             std::to_string(meant.size()) + " open steps are meant by " +
                                 quoted(named) + "; name one by its " + (same ? "id" : "reference"))
                    .with("references", std::move(references))
                    .with("ids", std::move(ids)));
  }
  // While it is suspended an instance keeps what a person decided, and the frame with it.
  const bool kept = std::any_of(state.frames.begin(), state.frames.end(), [&](const Frame& frame) {
    return frame.parked && is_decided(state, frame.parked->step) &&
           (names_task(named, *program.task(frame.task).task) ||
            is_number_of(named, frame.parked->step));
  });
  if (kept || was_completed(program, state, named)) return fail(step_completed(named));
  for (TaskNumber number = 0; number < program.tasks(); ++number) {
    const config::Task& task = *program.task(number).task;
    if (!names_task(named, task)) continue;
    const bool people = std::holds_alternative<config::PersonStepBody>(task.body);
    return fail(client_error(409, "step-not-active",
                             people ? "the step " + quoted(named) + " does not wait for anybody now"
                                    : "the step " + quoted(named) +
                                          " waits for nobody: it is no "
                                          "decision, form, upload or held email"));
  }
  return fail(client_error(404, "step-unknown", "the workflow has no step " + quoted(named)));
}

Status may_complete(const OpenStep& step, const Completer& by) {
  const std::vector<std::string> users = config::assignees_of(step.arguments.get("assignee"));
  const bool own = std::find(users.begin(), users.end(), by.user) != users.end();
  if (own || (users.empty() ? by.nobodys : by.everyones)) return {};
  std::string names;
  for (const std::string& user : users) names += (names.empty() ? "" : ", ") + quoted(user);
  return fail(make_problem(
      ErrorKind::authorization, "step-not-yours",
      users.empty() ? "the step " + quoted(step.task) +
                          " is assigned to nobody, and your key lacks the permission complete-steps"
                    : "the step " + quoted(step.task) + " is assigned to " + names +
                          "; only they, an operator or an admin may do this"));
}

Result<StepOutput> check_output(const OpenStep& step, const StepAnswer& answer, WallTime now) {
  return OutputCheck(step, answer, now).run(step.kind);
}

Result<StepPatch> check_change(const OpenStep& step, const StepAnswer& answer) {
  StepPatch out{answer.value, {}};
  if (Status good = check_members(out.patch, changeable(step.kind), ""); !good)
    return fail(std::move(good.error()));
  if (const Value* fields = out.patch.find("fields"); fields != nullptr)
    if (Status good = check_fields(step.arguments.get("fields"), *fields); !good)
      return fail(std::move(good.error()));
  if (Status taken = take_attachments(answer, out); !taken) return fail(std::move(taken.error()));
  const Value changed = apply_change(step.arguments, out.patch);
  for (const config::ArgumentFault& fault : config::person_argument_faults(step.kind, changed, {}))
    if (!fault.warning)
      return fail(
          change_invalid(fault.pointer().empty() ? "/" : fault.pointer(), fault.what + fault.hint));
  return out;
}

}  // namespace stepwell::engine
