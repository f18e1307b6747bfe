#include "config/functions.h"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "config/read_tasks.h"

namespace stepwell::config {

namespace {

constexpr std::size_t kNone = SIZE_MAX;
constexpr std::size_t kDeepest = 64;  // functions that are under way one within the other

constexpr std::array<std::string_view, 6> kProtocols{"http",     "openapi", "grpc",
                                                     "asyncapi", "a2a",     "mcp"};
constexpr std::size_t kKnownProtocols = 2;  // the first of these; the others come later

bool is_part(std::string_view text, std::string_view more) {
  return !text.empty() && text.size() <= 255 && text != "." && text != ".." &&
         std::all_of(text.begin(), text.end(), [&](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '-' || c == '.' || more.find(c) != std::string_view::npos;
         });
}

bool is_uri(std::string_view name) {
  return name.starts_with("https://") || name.starts_with("http://") || name.starts_with("file:");
}

}  // namespace

void FunctionTable::index() {
  for (const auto& [name, member] : definition_.use.functions.entries) {
    const std::size_t number = add(name, name);
    functions_[number].entry = member;
    if (std::find(kProtocols.begin(), kProtocols.end(), name) != kProtocols.end())
      definition_.faults.warning(member->key_position,
                                 quoted("call: " + name) + " is the protocol, not this function",
                                 "/use/functions/" + name);
  }
}

std::size_t FunctionTable::add(std::string name, const std::string& key) {
  const std::size_t number = functions_.size();
  functions_.push_back({.name = std::move(name)});
  known_.emplace(key, number);
  return number;
}

std::shared_ptr<const TaskList> FunctionTable::refer(Reading& reading, const Place& call,
                                                     const std::string& name) {
  const std::size_t number = find(reading, call, name);
  if (number == kNone) return nullptr;
  functions_[number].called = true;
  if (reading.function != kNone)
    functions_[reading.function].calls.push_back({number, call.position(), call.reference(80)});
  // The definition alone holds functions, and a call does not: those that call each other would
  // hold each other, or take the stack when a long chain of them goes.
  return {std::shared_ptr<const void>(), functions_[number].tasks.get()};
}

std::size_t FunctionTable::find(Reading& reading, const Place& call, const std::string& name) {
  // A fetched function does not know the names of the workflow that calls it.
  const bool fetched = !reading.source_uri.empty();
  if (const auto own = definition_.use.functions.entries.find(name);
      !fetched && own != definition_.use.functions.entries.end())
    return known_.find(name)->second;
  if (is_uri(name)) {
    if (name.find_first_of("{}") != std::string::npos) {
      reading.error(call, "the URI of a function has neither expressions nor `{name}`");
      return kNone;
    }
    const bool good = name.starts_with("file:") || read_uri(reading, call, body_site("call"));
    return good ? find_elsewhere(reading, call, name, {name, std::nullopt}) : kNone;
  }
  if (name.find('@') != std::string::npos) return find_cataloged(reading, call, name);
  const std::span<const std::string_view> protocols(kProtocols.data(), kKnownProtocols);
  std::vector<std::string_view> names(protocols.begin(), protocols.end());
  for (const std::string_view people : {"decision", "form", "upload", "email"})
    names.push_back(people);
  if (!fetched)
    for (const std::string_view own : definition_.use.functions.names()) names.push_back(own);
  std::string hint = reading.faults.full() ? "" : did_you_mean(name, names);
  if (hint.empty())
    hint = "; expected " + quoted_list(protocols, "or") +
           ", one of `use.functions`, NAME:VERSION@CATALOG, or a function's URI";
  reading.error(call, "there is no function " + quoted(name), hint);
  return kNone;
}

std::size_t FunctionTable::find_cataloged(Reading& reading, const Place& call,
                                          const std::string& name) {
  const std::size_t at = name.rfind('@');
  const std::size_t colon = name.find(':');
  const std::string catalog = name.substr(at + 1);
  const bool good = colon < at && is_part(std::string_view(name).substr(0, colon), "_") &&
                    is_part(std::string_view(name).substr(colon + 1, at - colon - 1), "+");
  if (!good) {
    reading.error(call, quoted(name) + " is no function of a catalog",
                  "; expected NAME:VERSION@CATALOG, as in `log:1.0.0@global`");
    return kNone;
  }
  FixedEndpoint endpoint;
  UseTable& table = definition_.use.catalogs;
  if (const auto entry = table.entries.find(catalog); entry != table.entries.end()) {
    table.referenced.insert(catalog);
    const auto read = read_entry(definition_, table, *entry->second, [&](const Place& place) {
      return read_catalog(definition_, place);
    });
    if (!read) return kNone;
    endpoint = *read;
  } else if (catalog == "default" && !library_.default_catalog().empty()) {
    endpoint.uri = library_.default_catalog();
  } else if (catalog == "default" && library_.offline()) {
    endpoint.uri = catalog;  // wherever that is
  } else {
    std::string hint = did_you_mean(catalog, table.names());
    if (hint.empty() && catalog == "default") hint = "; the setting `catalog` says where it lies";
    reading.error(call, quoted(catalog) + " is none of `use.catalogs`", hint);
    return kNone;
  }
  while (endpoint.uri.ends_with('/')) endpoint.uri.pop_back();
  endpoint.uri += "/functions/" + name.substr(0, colon) + "/" +
                  name.substr(colon + 1, at - colon - 1) + "/function.yaml";
  return find_elsewhere(reading, call, name, endpoint);
}

std::size_t FunctionTable::find_elsewhere(Reading& reading, const Place& call,
                                          const std::string& name, const FixedEndpoint& endpoint) {
  FixedEndpoint raw = endpoint;
  raw.uri = raw_uri(endpoint.uri);
  const std::string key =
      raw.uri + "\n" + (raw.authentication ? raw.authentication->credential : "");
  if (const auto known = known_.find(key); known != known_.end()) return known->second;
  Library::Document* document = library_.open(
      reading, call, is_uri(name) ? "the function" : "the function " + quoted(name), raw);
  if (document == nullptr && !library_.offline()) return kNone;
  const std::size_t number = add(name, key);
  functions_[number].document = document;
  return number;
}

void FunctionTable::read_all() {
  // Reading one can add others behind it.
  for (std::size_t number = 0; number < functions_.size(); ++number) read(number);
  check_calls();
  for (const Function& function : functions_)
    if (function.called) definition_.definition.functions.push_back(function.tasks);
}

void FunctionTable::read(std::size_t number) {
  const std::string name = functions_[number].name;
  const std::shared_ptr<TaskList> tasks = functions_[number].tasks;
  if (const YamlNode::Member* entry = functions_[number].entry) {
    definition_.function = number;
    definition_.loner = "a function";
    tasks->push_back(read_entry(definition_, definition_.use.functions, *entry,
                                [&](const Place& place) { return read_task(definition_, place); }));
    definition_.function = kNone;
    return;
  }
  const Library::Document* document = functions_[number].document;
  if (document == nullptr) return;
  FaultList faults(document->uri);
  Reading reading{faults, document->text, definition_.definition, *document->root};
  reading.variables = standard_variables();
  reading.loose = definition_.loose;
  reading.source_uri = document->uri;
  reading.library = definition_.library;
  reading.functions = this;
  reading.extensions = definition_.extensions;
  reading.function = number;
  reading.loner = "a function";
  auto& credentials = definition_.definition.credentials;
  const std::size_t before = credentials.size();
  Task task = read_task(reading, Place(*document->root));
  definition_.sees_itself = definition_.sees_itself || reading.sees_itself;
  task.name = name.substr(0, is_uri(name) ? name.size() : name.find(':'));
  tasks->push_back(std::move(task));
  // Their places are in another file.
  for (std::size_t i = before; i < credentials.size(); ++i) credentials[i].second = {};
  definition_.faults.take_over(faults);
}

// What a function calls must come to an end: no function calls itself, be it through others, and
// they are not within each other too deeply. From those that call none upwards.
void FunctionTable::check_calls() {
  std::vector<std::vector<std::size_t>> callers(functions_.size());
  std::vector<std::size_t> open(functions_.size());
  std::vector<std::size_t> depth(functions_.size(), 0);  // 0: not known yet
  std::vector<std::size_t> ready;
  for (std::size_t i = 0; i < functions_.size(); ++i) {
    open[i] = functions_[i].calls.size();
    for (const Call& call : functions_[i].calls) callers[call.callee].push_back(i);
    if (open[i] == 0) ready.push_back(i);
  }
  while (!ready.empty()) {
    const std::size_t number = ready.back();
    ready.pop_back();
    depth[number] = 1;
    for (const Call& call : functions_[number].calls)
      depth[number] = std::max(depth[number], depth[call.callee] + 1);
    for (const std::size_t caller : callers[number])
      if (--open[caller] == 0) ready.push_back(caller);
    if (depth[number] != kDeepest + 1) continue;
    const Call& first = functions_[number].calls.front();
    definition_.faults.error(first.position,
                             "functions call each other more than " + std::to_string(kDeepest) +
                                 " deep below " + quoted(functions_[number].name),
                             first.reference);
  }
  std::vector<bool> told(functions_.size(), false);
  for (std::size_t i = 0; i < functions_.size(); ++i)
    if (depth[i] == 0 && !told[i]) report_cycle(i, depth, told);
}

// `from` calls itself, or one that does: among what is left each calls another one that is left.
void FunctionTable::report_cycle(std::size_t from, const std::vector<std::size_t>& depth,
                                 std::vector<bool>& told) {
  std::vector<std::size_t> way;
  std::vector<const Call*> calls;
  while (!told[from]) {
    told[from] = true;
    way.push_back(from);
    const std::vector<Call>& all = functions_[from].calls;
    const auto next = std::find_if(all.begin(), all.end(),
                                   [&](const Call& call) { return depth[call.callee] == 0; });
    calls.push_back(&*next);
    from = next->callee;
  }
  const auto first = std::find(way.begin(), way.end(), from);
  if (first == way.end()) return;  // leads to a cycle that was told before
  std::string text;
  for (auto each = first; each != way.end(); ++each) text += quoted(functions_[*each].name) + " → ";
  const Call& last = *calls.back();
  Function& caller = functions_[way.back()];
  FaultList fetched(caller.document != nullptr ? caller.document->uri : std::string());
  FaultList& faults = caller.document != nullptr ? fetched : definition_.faults;
  faults.error(last.position,
               "a function cannot call itself: " + text + quoted(functions_[*first].name),
               last.reference);
  if (caller.document != nullptr) definition_.faults.take_over(fetched);
}

}  // namespace stepwell::config
