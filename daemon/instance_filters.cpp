#include "daemon/instance_filters.h"

namespace stepwell::daemon {

namespace {

// What the filters are called in the API.
using FilterLists = std::array<std::pair<const char*, const std::vector<std::string>*>, 4>;
FilterLists lists_of(const InstanceFilters& filters) {
  return {{{"status", &filters.statuses},
           {"priority", &filters.priorities},
           {"tag", &filters.tags},
           {"runAs", &filters.run_as}}};
}

using FilterTexts = std::array<std::pair<const char*, const std::string*>, 17>;
FilterTexts texts_of(const InstanceFilters& filters) {
  return {{{"workflow", &filters.workflow},
           {"name", &filters.name},
           {"step", &filters.step},
           {"credential", &filters.credential},
           {"parent", &filters.parent},
           {"startedAfter", &filters.started.after},
           {"startedBefore", &filters.started.before},
           {"completedAfter", &filters.completed.after},
           {"completedBefore", &filters.completed.before},
           {"stoppedAfter", &filters.stopped.after},
           {"stoppedBefore", &filters.stopped.before},
           {"endedAfter", &filters.ended.after},
           {"endedBefore", &filters.ended.before},
           {"lastUpdatedAfter", &filters.updated.after},
           {"lastUpdatedBefore", &filters.updated.before},
           {"deadlineAfter", &filters.deadline.after},
           {"deadlineBefore", &filters.deadline.before}}};
}

void add_times(Command command, const std::string& name, InstanceFilters::Times& times,
               const std::string& what) {
  command.text("--" + name + "-after", times.after, what + " then or later").kind("TIME");
  command.text("--" + name + "-before", times.before, what + " before then").kind("TIME");
}

}  // namespace

Query InstanceFilters::query() const {
  Query query;
  for (const auto& [called, texts] : lists_of(*this)) query.add(called, *texts);
  for (const auto& [called, text] : texts_of(*this)) query.add(called, *text);
  query.flag("open", open).flag("overdue", overdue);
  return query;
}

void InstanceFilters::set(Value& body) const {
  for (const auto& [called, texts] : lists_of(*this)) {
    if (texts->size() == 1) body.set(called, texts->front());
    if (texts->size() > 1) body.set(called, text_array(*texts));
  }
  for (const auto& [called, text] : texts_of(*this)) set_if_given(body, called, *text);
  if (open) body.set("open", true);
  if (overdue) body.set("overdue", true);
}

void add_lasting_filters(Command command, InstanceFilters& filters) {
  command
      .text("--workflow", filters.workflow,
            "Of this workflow: NAMESPACE/NAME, or NAMESPACE/NAME:VERSION")
      .kind("WORKFLOW");
  command.texts("--status", filters.statuses, "May be repeated")
      .kind("pending|running|waiting|suspended|completed|faulted|stopped");
  command.text("--name,--instance-name", filters.name, "Part of the name").kind("TEXT");
  command.texts("--priority", filters.priorities, "May be repeated").kind("regular|H|V");
  command.texts("--tag", filters.tags, "With any of these; may be repeated").kind("TAG");
  command
      .texts("--run-as", filters.run_as,
             "That run under this API key, or one of this user's; may be repeated")
      .kind("KEY");
  command.text("--parent", filters.parent, "That this instance has started").kind("INSTANCE");
}

void add_instance_filters(Command command, InstanceFilters& filters) {
  add_lasting_filters(command, filters);
  command.text("--step", filters.step, "That are at a step of this name");
  command.text("--credential", filters.credential, "Whose workflow uses it").kind("CREDENTIAL");
  command.text("--started-after,--since", filters.started.after, "Started then or later")
      .kind("TIME");
  command.text("--started-before,--until", filters.started.before, "Started before then")
      .kind("TIME");
  add_times(command, "completed", filters.completed, "Completed");
  add_times(command, "stopped", filters.stopped, "Stopped");
  add_times(command, "ended", filters.ended, "Ended, in whatever way,");
  command
      .text("--last-updated-after,--updated-after", filters.updated.after,
            "Last changed then or later")
      .kind("TIME");
  command
      .text("--last-updated-before,--updated-before", filters.updated.before,
            "Last changed before then")
      .kind("TIME");
  add_times(command, "deadline", filters.deadline, "With a deadline");
  command.flag("--open", filters.open, "That have not ended");
  command.flag("--overdue", filters.overdue, "Whose deadline has passed");
}

}  // namespace stepwell::daemon
