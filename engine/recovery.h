// How what an instance was asked for, and what became of it, stands in the journal's records: the
// payloads of `admitted` and `started`, and what readers see of an instance that is in the journal
// alone. Pure. Internal to engine/.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "engine/state.h"

namespace stepwell::engine {

Value head_payload(const StartRequest& request, std::uint32_t level, const Started& started);

struct Asked {
  StartRequest request;  // without workflow and observer
  std::uint32_t level = 1;
  std::string digest;  // of the definition
};
Asked read_head(const Record& head);

// Of one that has ended, or that could not be brought back.
InstanceView view_of(const InstanceSummary& summary);

// To which a definition refers, as its record says.
Value names_of_credentials(const config::Definition& definition);

Label label_of(const StartRequest& request);
Label label_of(const InstanceSummary& summary);
// Of one that is open, from what Journal::read() gives.
InstanceSummary summary_of(const std::vector<Record>& records);
void show_label(const Label& label, InstanceView& view);
std::uint8_t progress_of(std::size_t done, std::size_t all);  // of 100
InstanceFacts facts_of(const InstanceView& view, const Label& label);

// Errors: validation/409 `instance-not-faulted` where they do not end so; `instance-not-retryable`
// where what failed would fail again.
Status check_retry(const std::vector<Record>& records);

// validation/409 `instance-ended`; runtime/503 `shutting-down`; validation/404 `instance-unknown`.
Problem has_ended(const InstanceView& view);
Problem not_recovered(const InstanceView& view);  // configuration/409 `definition-lost`
Problem not_open(const InstanceView& view);       // one of these two
Problem shutting_down();
Problem unknown_instance(InstanceId id);

}  // namespace stepwell::engine
