// What people do to an instance's steps that wait for them.
#include <algorithm>
#include <utility>

#include "config/person_step.h"
#include "engine/instance.h"
#include "engine/person_step.h"
#include "engine/recovery.h"

namespace stepwell::engine {

namespace {

// Its name may mean another one by now: that of the next round, say.
Result<OpenStep> still_open(const Program& program, const State& state, StepId id,
                            const std::string& named) {
  for (OpenStep& step : open_steps_of(program, state))
    if (step.id == id) return std::move(step);
  return fail(step_completed(named));
}

}  // namespace

bool Instance::person(std::shared_ptr<const StepAnswer> answer, bool change,
                      const std::function<void(Status)>& done) {
  const std::string named = answer->step;
  if (post(PersonMail{std::move(answer), change, {}, {}, {}, false, done})) return true;
  if (left()) return false;
  done(fail(too_late_for(named)));
  return true;
}

// It takes nothing any more.
Problem Instance::too_late_for(const std::string& named) const {
  if (!ended(status())) return shutting_down();
  const InstanceView last = view();
  const std::scoped_lock lock(work_mutex_);
  return was_completed(*request_.workflow->program, state_, named) ? step_completed(named)
                                                                   : has_ended(last);
}

void Instance::handle_person(PersonMail mail) {
  if (mail.prepared) --preparing_;
  const auto refuse = [&](Problem problem) {
    replies_.emplace_back(
        [done = std::move(mail.done), problem = std::move(problem)] { done(fail(problem)); });
  };
  if (!mail.good) return refuse(std::move(mail.good.error()));
  if (ended_in_journal_) return refuse(has_ended(view()));
  const Program& program = *request_.workflow->program;
  Result<OpenStep> step = mail.step ? still_open(program, state_, *mail.step, mail.answer->step)
                                    : find_open_step(program, state_, mail.answer->step);
  if (!step) return refuse(std::move(step.error()));
  mail.step = step->id;
  if (Status may = may_complete(*step, mail.answer->by); !may)
    return refuse(std::move(may.error()));
  Record record = record_of(Record::Kind::step_finished);
  record.id = step->id.number;
  Event event{record.time, StopRequested{}};
  std::vector<std::string> files;
  if (mail.change) {
    Result<StepPatch> checked = check_change(*step, *mail.answer);
    if (!checked) return refuse(std::move(checked.error()));
    files = std::move(checked->files);
    record.kind = Record::Kind::step_changed;
    record.payload = Value::object({{"patch", std::move(checked->patch)}});
    event.what = StepChanged{step->id, record.payload};
  } else {
    Result<StepOutput> checked = check_output(*step, *mail.answer, record.time);
    if (!checked) return refuse(std::move(checked.error()));
    files = std::move(checked->files);
    if (checked->release) {
      record.kind = Record::Kind::step_changed;
      record.payload = Value::object({{"release", std::move(checked->result)}});
      event.what = StepChanged{step->id, record.payload};
    } else {
      record.payload = payload_of(checked->result, {});
      event.what = StepFinished{step->id, std::move(checked->result), {}, 0};
    }
  }
  const bool there = std::all_of(files.begin(), files.end(), [&](const std::string& file) {
    return std::find(mail.files.begin(), mail.files.end(), file) != mail.files.end();
  });
  if (!there || (!mail.prepared && mail.answer->prepare))
    return prepare(std::move(mail), std::move(files));
  if (record.kind == Record::Kind::step_finished)
    surroundings_.step_metrics.ended(step_kind(step->kind), true);
  requested_ = std::move(mail.done);
  transition(std::move(event), std::move(record));
}

// It comes round once more after that: somebody else may have been faster.
void Instance::prepare(PersonMail mail, std::vector<std::string> files) {
  const StepAnswer::Prepare how = mail.answer->prepare;
  if (!how) {
    replies_.emplace_back([done = std::move(mail.done)] {
      done(fail(client_error(400, "step-output-invalid", "no files are taken here")));
    });
    return;
  }
  mail.files = files;
  mail.prepared = true;
  ++preparing_;
  const auto back = std::make_shared<PersonMail>(std::move(mail));
  how({id_, *back->step, std::move(files)}, [self = shared_from_this(), back](Status good) {
    back->good = std::move(good);
    const auto done = back->done;
    const auto answer = back->answer;  // the mail goes, taken or not
    if (!self->post(std::move(*back))) done(fail(self->too_late_for(answer->step)));
  });
}

// Where nobody is there who could do something.
void Instance::refuse_people() {
  for (const Frame& frame : state_.frames) {
    if (!frame.parked) continue;
    const config::Task& task = *request_.workflow->program->task(frame.task).task;
    const auto kind = std::get<config::PersonStepBody>(task.body).kind;
    post(Event{surroundings_.clock.now(),
               StepFinished{frame.parked->step,
                            fail(make_problem(
                                ErrorKind::configuration, "step-unavailable",
                                "`call: " + std::string(to_string(kind)) +
                                    "` waits for a person, and nobody can complete it here; start "
                                    "the workflow in a daemon (stepwell serve)")),
                            {},
                            0}});
  }
}

bool Instance::is_parked(StepId step) const {
  return std::any_of(state_.frames.begin(), state_.frames.end(), [step](const Frame& frame) {
    return frame.parked && frame.parked->step == step;
  });
}

// Who comes second hears that the step is completed, also where the instance has ended with it.
std::vector<std::function<void()>> Instance::too_late(std::list<Mail>& unread) const {
  std::vector<std::function<void()>> tell;
  for (auto mail = unread.begin(); mail != unread.end();) {
    const auto* person = std::get_if<PersonMail>(&*mail);
    if (person == nullptr ||
        !was_completed(*request_.workflow->program, state_, person->answer->step)) {
      ++mail;
      continue;
    }
    tell.emplace_back(
        [done = person->done, step = person->answer->step] { done(fail(step_completed(step))); });
    mail = unread.erase(mail);
  }
  return tell;
}

void Instance::show() {
  publish();
  note_open_steps();
}

void Instance::note_open_steps() {
  if (!std::exchange(open_changed_, false)) return;
  std::vector<OpenStepIndex::Entry> entries;
  {
    const std::scoped_lock lock(view_mutex_);
    for (const OpenStep& step : published_.open)
      entries.push_back(
          {step.id, step.kind, step.due, config::assignees_of(step.arguments.get("assignee"))});
  }
  surroundings_.open_steps.set(id_, request_.workflow->program->definition().id(),
                               std::move(entries));
}

std::vector<OpenStep> Instance::open_steps() const {
  const std::scoped_lock lock(view_mutex_);
  return published_.open;
}

}  // namespace stepwell::engine
