#include "daemon/completion_names.h"

#include <algorithm>
#include <array>
#include <ostream>

#include "base/ascii.h"
#include "base/json.h"
#include "daemon/site.h"

namespace stepwell::daemon {

namespace {

constexpr Milliseconds kPatience{2'000};

struct NameSource {
  const char* kind;
  const char* target;
  const char* member;
};
constexpr std::array<NameSource, 7> kNameSources{
    {{"WORKFLOW", "/api/v1/workflows", "name"},
     {"CREDENTIAL", "/api/v1/credentials", "name"},
     {"USER", "/api/v1/users", "name"},
     {"KEY", "/api/v1/keys", "id"},
     {"INSTANCE", "/api/v1/instances?ordering=-id", "id"},
     {"SCHEDULE", "/api/v1/schedules", "workflow"},
     {"HELD_FILE", "/api/v1/files", "id"}}};

const NameSource* source_of(const std::string& kind) {
  const auto found =
      std::find_if(kNameSources.begin(), kNameSources.end(),
                   [&kind](const NameSource& source) { return source.kind == kind; });
  return found == kNameSources.end() ? nullptr : found;
}

bool is_harmless(std::string_view name) {
  return !name.empty() && name.front() != '-' && std::all_of(name.begin(), name.end(), [](char c) {
    return is_ascii_digit(c) || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z') ||
           std::string_view("._/@-").find(c) != std::string_view::npos;
  });
}

}  // namespace

std::vector<std::string> completion_names(const std::string& kind, const Value& answer) {
  std::vector<std::string> names;
  const NameSource* source = source_of(kind);
  if (source == nullptr) return names;
  for (const Value& item : answer.get("items").elements()) {
    const Value& member = item.get(source->member);
    std::string name = member.is_string() ? std::string(member.as_string()) : to_json(member);
    if (const Value& space = item.get("namespace"); space.is_string() && kind == "WORKFLOW")
      name.insert(0, 1, '/').insert(0, space.as_string());
    if (is_harmless(name)) names.push_back(std::move(name));
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

void print_completion_names(CommandContext& context, const std::string& kind) {
  const NameSource* source = source_of(kind);
  if (source == nullptr) return;
  Connection connection;
  connection.server = context.environment("STEPWELL_SERVER").value_or("");
  connection.ca_file = context.environment("STEPWELL_CACERT").value_or("");
  connection.certificate_file = context.environment("STEPWELL_CERT").value_or("");
  connection.certificate_key_file = context.environment("STEPWELL_CERT_KEY").value_or("");
  connection.patience = kPatience;
  context.config_file = context.environment("STEPWELL_CONFIG").value_or(context.config_file);
  const Result<std::unique_ptr<Backend>> backend = open_backend(context, connection);
  if (!backend) return;
  const Result<Value> answer = (*backend)->call("GET", source->target, {});
  if (!answer) return;
  for (const std::string& name : completion_names(kind, *answer)) context.out << name << '\n';
}

}  // namespace stepwell::daemon
