// Keys and credentials that do not work, or will not for long, and who needs them.

#include <algorithm>
#include <map>
#include <set>

#include "daemon/doctor_findings.h"

namespace stepwell::daemon {

namespace {

using Grade = Finding::Level;

constexpr std::chrono::hours kSoon{30L * 24};

std::string text_of(const Value& object, std::string_view member) {
  const Value& value = object.get(member);
  return value.is_string() ? std::string(value.as_string()) : std::string();
}

// "expires in 3 days, at 2026-…"; empty where it does not expire soon.
std::string expiry_text(const Value& object, WallTime now) {
  const Result<WallTime> at = parse_time(text_of(object, "expiresAt"));
  if (!at || *at - now > kSoon) return "";
  const auto days = std::chrono::duration_cast<std::chrono::hours>(*at - now).count() / 24;
  const std::string when = days < 1    ? "within a day"
                           : days == 1 ? "in 1 day"
                                       : "in " + std::to_string(days) + " days";
  return "expires " + when + ", at " + format_time(*at);
}

Finding warning(const char* check, std::string detail, std::string remedy) {
  return {check, Grade::warning, std::move(detail), std::move(remedy)};
}

std::string label_of(const Value& key) {
  return "the key " + text_of(key, "id") + " (" + text_of(key, "name") + ", of " +
         text_of(key, "user") + ")";
}

std::set<std::string> admins(const Value& users) {
  std::set<std::string> names;
  for (const Value& user : users.elements())
    if (text_of(user, "role") == "admin" && user.get("active") == Value(true))
      names.insert(text_of(user, "name"));
  return names;
}

void judge_key(const Value& key, WallTime now, Findings& findings) {
  const std::string state = text_of(key, "state");
  const std::string command = "stepwell keys set-expiry " + text_of(key, "id") + " --expires TIME";
  if (state == "expired")
    findings.push_back(
        warning("keys", label_of(key) + " expired at " + text_of(key, "expiresAt"),
                command + ", or delete it: stepwell keys delete " + text_of(key, "id")));
  else if (const std::string expiry = expiry_text(key, now); state == "active" && !expiry.empty())
    findings.push_back(warning("keys", label_of(key) + " " + expiry, command));
}

// Who needs a credential: the first place, and how many more there are.
struct Need {
  std::string first;
  std::size_t more = 0;
  std::set<std::string> namespaces;

  std::string text() const {
    return first + (more > 0 ? " and " + std::to_string(more) + " more" : "");
  }
};
using Needs = std::map<std::string, Need>;  // by credential

Needs needs_of(const std::vector<CredentialReference>& references) {
  Needs needs;
  for (const CredentialReference& reference : references) {
    Need& need = needs[reference.credential];
    need.namespaces.insert(reference.workflow_namespace);
    if (need.first.empty())
      need.first = reference.place;
    else
      ++need.more;
  }
  return needs;
}

std::string state_remedy(const std::string& name, const std::string& state) {
  const std::string command = "stepwell credentials ";
  if (state == "expired")
    return command + "set-expiry " + name + " --expires TIME, or rotate it if the other side let " +
           "it expire, too";
  if (state == "disabled") return command + "enable " + name;
  if (state == "rejected") return command + "rotate " + name + " --value-file FILE";
  return "store another one and name that; or free the name with: " + command + "delete " + name;
}

void judge_namespaces(const Value& credential, const Need& need, Findings& findings) {
  const auto allowed = credential.get("namespaces").elements();
  if (allowed.empty()) return;
  for (const std::string& wanted : need.namespaces) {
    if (std::find(allowed.begin(), allowed.end(), Value(wanted)) != allowed.end()) continue;
    findings.push_back(warning("credentials",
                               "workflows of the namespace " + wanted +
                                   " may not use the credential " + text_of(credential, "name") +
                                   ", which " + need.text() + " refers to",
                               "stepwell credentials change " + text_of(credential, "name") +
                                   " --namespace …, with all that may"));
  }
}

void judge_credential(const Value& credential, const Need* need, WallTime now, Findings& findings) {
  const std::string name = text_of(credential, "name");
  const std::string state = text_of(credential, "state");
  const std::string needed = need != nullptr ? "; " + need->text() + " refers to it" : "";
  if (state == "active") {
    if (const std::string expiry = expiry_text(credential, now); !expiry.empty())
      findings.push_back(warning("credentials", "the credential " + name + " " + expiry + needed,
                                 state_remedy(name, "expired")));
  } else if (state != "revoked" || need != nullptr) {
    findings.push_back(warning("credentials", "the credential " + name + " is " + state + needed,
                               state_remedy(name, state)));
  }
  if (need != nullptr) judge_namespaces(credential, *need, findings);
}

}  // namespace

Findings judge_keys(const Facts& facts) {
  Findings findings;
  const std::set<std::string> masters = admins(facts.database.users);
  std::string endless;
  for (const Value& key : facts.database.keys.elements()) {
    judge_key(key, facts.now, findings);
    const bool unlimited = text_of(key, "state") == "active" && key.get("expiresAt").is_null() &&
                           key.get("scopes").empty() && masters.count(text_of(key, "user")) > 0;
    if (!unlimited) continue;
    endless += (endless.empty() ? "" : ", ") + text_of(key, "id");
  }
  // A new site has one such key: a note, no warning.
  if (!endless.empty())
    findings.push_back({"keys", Grade::ok, "admins' keys that never expire: " + endless,
                        "stepwell keys set-expiry ID --expires TIME, if that is not meant"});
  return findings;
}

Findings judge_credentials(const Facts& facts) {
  Findings findings;
  const Value& items = facts.database.credentials;
  if (!items.is_array()) return findings;
  const Needs needs = needs_of(facts.definitions.references);
  std::set<std::string> known;
  for (const Value& credential : items.elements()) {
    const auto need = needs.find(text_of(credential, "name"));
    known.insert(text_of(credential, "name"));
    judge_credential(credential, need == needs.end() ? nullptr : &need->second, facts.now,
                     findings);
  }
  for (const auto& [name, need] : needs) {
    if (known.count(name) > 0) continue;
    findings.push_back({"credentials", Grade::error,
                        need.text() + " refers to the credential " + name +
                            ", which does not exist: that step will fail",
                        "stepwell credentials add " + name + " …, or mend the definition"});
  }
  return findings;
}

Findings judge_definitions(const Facts& facts) {
  Findings findings;
  const DefinitionFacts& definitions = facts.definitions;
  for (const std::string& fault : definitions.faults)
    findings.push_back({"definitions", Grade::error, fault,
                        "mend it; every fault: stepwell validate " + definitions.folder});
  return findings;
}

}  // namespace stepwell::daemon
