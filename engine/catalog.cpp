#include "engine/catalog.h"

#include <algorithm>
#include <cctype>
#include <utility>

namespace stepwell::engine {

namespace {

std::string_view next_part(std::string_view& text, char separator) {
  const std::size_t at = text.find(separator);
  const std::string_view part = text.substr(0, at);
  text = at == std::string_view::npos ? std::string_view() : text.substr(at + 1);
  return part;
}

bool numeric(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(),
                                      [](unsigned char c) { return std::isdigit(c) != 0; });
}

int sign_of(int order) { return order < 0 ? -1 : (order > 0 ? 1 : 0); }

// Numbers by value, texts by their characters, numbers below texts.
int compare_identifiers(std::string_view a, std::string_view b) {
  if (numeric(a) && numeric(b)) {
    if (a.size() != b.size()) return a.size() < b.size() ? -1 : 1;
    return sign_of(a.compare(b));
  }
  if (numeric(a) != numeric(b)) return numeric(a) ? -1 : 1;
  return sign_of(a.compare(b));
}

int compare_lists(std::string_view a, std::string_view b) {
  while (!a.empty() && !b.empty())
    if (const int order = compare_identifiers(next_part(a, '.'), next_part(b, '.')); order != 0)
      return order;
  return a.empty() == b.empty() ? 0 : (a.empty() ? -1 : 1);
}

Problem refusal(int status, std::string code, std::string detail) {
  Problem problem = make_problem(ErrorKind::validation, std::move(code), std::move(detail));
  problem.status = status;
  return problem;
}

}  // namespace

int compare_versions(std::string_view a, std::string_view b) {
  a = a.substr(0, a.find('+'));  // build metadata does not count
  b = b.substr(0, b.find('+'));
  const std::string_view core_a = next_part(a, '-');
  const std::string_view core_b = next_part(b, '-');
  if (const int order = compare_lists(core_a, core_b); order != 0) return order;
  if (a.empty() != b.empty()) return a.empty() ? 1 : -1;  // a release is above its previews
  return compare_lists(a, b);
}

Status Catalog::replace(std::vector<Entry> entries) {
  auto fresh = std::make_shared<Table>();
  for (Entry& entry : entries) {
    const config::Definition& definition = *entry.definition;
    Versions& versions = (*fresh)[definition.namespace_ + "/" + definition.name];
    const auto [at, added] = versions.try_emplace(definition.version, entry);
    if (!added) {
      return fail(make_problem(ErrorKind::validation, "workflow-duplicate",
                               definition.id() + " stands in " + at->second.definition->file +
                                   " and again in " + definition.file +
                                   "; give one of them another version"));
    }
  }
  Webhooks webhooks;
  for (const auto& [name, versions] : *fresh)
    if (Status added = add_webhook(webhooks, versions.begin()->second); !added) return added;
  const std::scoped_lock lock(mutex_);
  table_ = std::move(fresh);
  webhooks_ = std::move(webhooks);
  return {};
}

Status Catalog::add_webhook(Webhooks& webhooks, const Entry& newest) {
  const config::Definition& definition = *newest.definition;
  if (!definition.webhook) return {};
  const auto [at, added] = webhooks.try_emplace(definition.webhook->path, newest);
  if (added) return {};
  return fail(make_problem(ErrorKind::validation, "webhook-duplicate",
                           "the webhook path " + definition.webhook->path + " belongs to " +
                               at->second.definition->id() + " in " + at->second.definition->file +
                               " and again to " + definition.id() + " in " + definition.file +
                               "; give one of them another path"));
}

std::optional<Catalog::Entry> Catalog::webhook(std::string_view path) const {
  const std::scoped_lock lock(mutex_);
  const auto found = webhooks_.find(path);
  if (found == webhooks_.end()) return std::nullopt;
  return found->second;
}

void Catalog::set_disabled(std::set<std::string> workflows) {
  const std::scoped_lock lock(mutex_);
  disabled_ = std::move(workflows);
}

bool Catalog::is_disabled(const std::string& workflow) const {
  const std::scoped_lock lock(mutex_);
  return disabled_.count(workflow) != 0;
}

Result<Catalog::Entry> Catalog::find_enabled(std::string_view name) const {
  Result<Entry> entry = find(name);
  if (!entry) return entry;
  const std::string workflow = entry->definition->namespace_ + "/" + entry->definition->name;
  if (!is_disabled(workflow)) return entry;
  return fail(refusal(409, "workflow-disabled",
                      "workflow " + workflow +
                          " is disabled and starts no instances; an operator enables it with "
                          "stepwell workflows enable " +
                          workflow));
}

std::vector<Catalog::Entry> Catalog::versions(std::string_view workflow) const {
  std::vector<Entry> entries;
  const auto current = table();
  const auto found = current->find(workflow);
  if (found == current->end()) return entries;
  for (const auto& [version, entry] : found->second) entries.push_back(entry);
  return entries;
}

std::shared_ptr<const Catalog::Table> Catalog::table() const {
  const std::scoped_lock lock(mutex_);
  return table_;
}

Result<Catalog::Entry> Catalog::find(std::string_view name) const {
  const std::size_t colon = name.find(':');
  const std::string_view path = name.substr(0, colon);
  if (path.empty() || std::count(path.begin(), path.end(), '/') != 1) {
    return fail(make_problem(ErrorKind::validation, "workflow-name-invalid",
                             "'" + std::string(name) +
                                 "' names no workflow; write NAMESPACE/NAME or "
                                 "NAMESPACE/NAME:VERSION"));
  }
  const auto current = table();
  const auto versions = current->find(path);
  if (versions == current->end()) {
    return fail(refusal(404, "workflow-unknown",
                        "there is no workflow " + std::string(path) +
                            "; stepwell validate shows why a file was not loaded"));
  }
  if (colon == std::string_view::npos) return versions->second.begin()->second;
  const auto found = versions->second.find(std::string(name.substr(colon + 1)));
  if (found != versions->second.end()) return found->second;
  std::string known;
  for (const auto& [version, entry] : versions->second)
    known += (known.empty() ? "" : ", ") + version;
  return fail(refusal(404, "workflow-unknown",
                      "workflow " + std::string(path) + " has no version " +
                          std::string(name.substr(colon + 1)) + "; it has " + known));
}

std::vector<Catalog::Entry> Catalog::list() const {
  std::vector<Entry> entries;
  for (const auto& [name, versions] : *table())
    for (const auto& [version, entry] : versions) entries.push_back(entry);
  return entries;
}

std::size_t Catalog::size() const {
  std::size_t count = 0;
  for (const auto& [name, versions] : *table()) count += versions.size();
  return count;
}

}  // namespace stepwell::engine
