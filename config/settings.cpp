#include "config/settings.h"

#include <algorithm>
#include <array>
#include <utility>

#include "config/read_document.h"
#include "config/settings_keys.h"
#include "config/yaml_node.h"

namespace stepwell::config {

namespace {

const SettingKey* find_key(std::string_view name) {
  const auto keys = setting_keys();
  const auto found =
      std::find_if(keys.begin(), keys.end(), [&](const SettingKey& k) { return k.name == name; });
  return found == keys.end() ? nullptr : &*found;
}

// The next part of each key below `prefix` (which ends with a dot, or is empty).
std::vector<std::string_view> names_below(std::string_view prefix) {
  std::vector<std::string_view> names;
  for (const SettingKey& key : setting_keys()) {
    if (key.name.substr(0, prefix.size()) != prefix) continue;
    const std::string_view rest = key.name.substr(prefix.size());
    const std::string_view name = rest.substr(0, rest.find('.'));
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  }
  return names;
}

void read_group(const YamlNode& node, const std::string& prefix, Settings& settings,
                FaultList& faults) {
  if (node.value.is_null()) return;  // a group whose keys are all commented out
  if (node.kind != YamlNode::Kind::mapping) {
    faults.error(node.position,
                 "expected a mapping" +
                     (prefix.empty() ? std::string()
                                     : " below " + quoted(prefix.substr(0, prefix.size() - 1))));
    return;
  }
  const std::vector<std::string_view> names = names_below(prefix);
  for (const YamlNode::Member& member : node.members) {
    const std::string name = prefix + member.key;
    if (const SettingKey* key = find_key(name)) {
      const std::string fault = assign_setting(settings, *key, member.node->value);
      if (!fault.empty()) faults.error(member.node->position, quoted(name) + ": " + fault);
    } else if (std::find(names.begin(), names.end(), member.key) != names.end()) {
      read_group(*member.node, name + ".", settings, faults);
    } else {
      std::string hint = did_you_mean(member.key, names);
      if (hint.empty()) hint = "; expected " + quoted_list(names, "or");
      faults.error(member.key_position, "unknown setting " + quoted(name), {}, hint);
    }
  }
}

using MasterKeyMember = std::string Settings::*;
constexpr std::array<MasterKeyMember, 3> kMasterKeys{
    &Settings::master_key_file, &Settings::master_key_credential, &Settings::master_key_command};
constexpr std::string_view kOneMasterKey =
    "only one of `masterKey.file`, `masterKey.credential` and `masterKey.command` can be given; "
    "leave the others empty";

bool names_one_master_key_at_most(const Settings& settings) {
  return std::count_if(kMasterKeys.begin(), kMasterKeys.end(),
                       [&](MasterKeyMember member) { return !(settings.*member).empty(); }) <= 1;
}

// Lets the source that `layer` names take the place of an earlier layer's.
void adopt_master_key(Settings& settings, const Settings& layer) {
  const bool named = std::any_of(kMasterKeys.begin(), kMasterKeys.end(),
                                 [&](MasterKeyMember m) { return !(layer.*m).empty(); });
  for (const MasterKeyMember member : kMasterKeys) {
    if (named) settings.*member = layer.*member;
  }
}

// Settings that name no source of the master key, to see what one layer names.
Settings without_master_key() {
  Settings settings;
  settings.master_key_file.clear();
  return settings;
}

bool is_master_key(const SettingKey& key) {
  const auto* member = std::get_if<MasterKeyMember>(&key.target);
  return member != nullptr &&
         std::find(kMasterKeys.begin(), kMasterKeys.end(), *member) != kMasterKeys.end();
}

void resolve_paths(Settings& settings, const std::string& file) {
  const std::size_t slash = file.rfind('/');
  if (slash == std::string::npos) return;
  for (const SettingKey& key : setting_keys()) {
    const bool location = key.check == SettingKey::Check::location;
    if (key.check != SettingKey::Check::path && !location) continue;
    std::string& path = settings.*std::get<std::string Settings::*>(key.target);
    const bool uri = location && path.find(':') != std::string::npos;
    if (!uri && !path.empty() && path.front() != '/') path.insert(0, file, 0, slash + 1);
  }
}

Problem setting_invalid(std::string detail) {
  return make_problem(ErrorKind::configuration, "settings-invalid", std::move(detail));
}

}  // namespace

LoadedSettings load_settings(std::string_view text, const std::string& file) {
  FaultList faults(file);
  Settings settings = without_master_key();
  const NodePtr root = parse_yaml(text, faults, true);
  if (root) read_group(*root, "", settings, faults);
  if (!names_one_master_key_at_most(settings))
    faults.error(root->position, std::string(kOneMasterKey));
  Settings chosen;  // the default where the file names none
  adopt_master_key(chosen, settings);
  adopt_master_key(settings, chosen);
  if (faults.has_errors()) return {std::nullopt, faults.take()};
  resolve_paths(settings, file);
  return {std::move(settings), faults.take()};
}

LoadedSettings load_settings_file(const std::string& path) {
  const std::optional<std::string> text = read_file(path, YamlLimits().bytes + 1);
  if (text) return load_settings(*text, path);
  FaultList faults(path);
  faults.error({}, "the file cannot be read");
  return {std::nullopt, faults.take()};
}

Status apply_override(Settings& settings, std::string_view assignment) {
  const std::size_t equals = assignment.find('=');
  if (equals == std::string_view::npos)
    return fail(setting_invalid("expected KEY=VALUE, found " + quoted(assignment)));
  const std::string_view name = assignment.substr(0, equals);
  const SettingKey* key = find_key(name);
  if (key == nullptr) {
    std::vector<std::string_view> names;
    for (const SettingKey& known : setting_keys()) names.push_back(known.name);
    return fail(setting_invalid("unknown setting " + quoted(name) + did_you_mean(name, names)));
  }
  const Value value = override_value(*key, assignment.substr(equals + 1));
  Settings layer = without_master_key();
  const std::string fault = assign_setting(is_master_key(*key) ? layer : settings, *key, value);
  if (!fault.empty()) return fail(setting_invalid(quoted(name) + ": " + fault));
  adopt_master_key(settings, layer);
  return {};
}

std::string environment_name(std::string_view key) {
  std::string out = "STEPWELL_";
  for (const char c : key) {
    if (c == '.') {
      out += '_';
    } else if (c >= 'A' && c <= 'Z') {
      out += '_';
      out += c;
    } else {
      out += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    }
  }
  return out;
}

Status apply_environment(Settings& settings, const EnvironmentLookup& lookup) {
  Settings layer = without_master_key();
  for (const SettingKey& key : setting_keys()) {
    const std::string name = environment_name(key.name);
    const std::optional<std::string> text = lookup(name);
    if (!text) continue;
    std::string fault =
        assign_setting(is_master_key(key) ? layer : settings, key, override_value(key, *text));
    if (!fault.empty()) return fail(setting_invalid(fault.insert(0, name + ": ")));
  }
  if (!names_one_master_key_at_most(layer))
    return fail(setting_invalid("of the environment's settings, " + std::string(kOneMasterKey)));
  adopt_master_key(settings, layer);
  return {};
}

std::string settings_text(const Settings& settings) {
  std::string out =
      "# Settings of the Stepwell daemon. Every key stands here as it was set up, most at their\n"
      "# defaults. Each can also be given as an environment variable (http.listen is\n"
      "# STEPWELL_HTTP_LISTEN) or as a flag (--set http.listen=127.0.0.1:9090). Paths are "
      "relative\n"
      "# to this file.\n";
  std::vector<std::string_view> open;  // the groups that the line before stands in
  for (const SettingKey& key : setting_keys()) {
    std::vector<std::string_view> groups;
    std::string_view name = key.name;
    for (std::size_t dot = name.find('.'); dot != std::string_view::npos; dot = name.find('.')) {
      groups.push_back(name.substr(0, dot));
      name.remove_prefix(dot + 1);
    }
    const auto common = static_cast<std::size_t>(
        std::mismatch(open.begin(), open.end(), groups.begin(), groups.end()).first - open.begin());
    if (common == 0) out += "\n";
    for (std::size_t i = common; i < groups.size(); ++i)
      out += std::string(i * 2, ' ') + std::string(groups[i]) + ":\n";
    const std::string indentation(groups.size() * 2, ' ');
    out += indentation + "# " + std::string(key.about) + "\n";
    out += indentation + std::string(name) + ": " + setting_text(settings, key) + "\n";
    open = std::move(groups);
  }
  return out;
}

}  // namespace stepwell::config
