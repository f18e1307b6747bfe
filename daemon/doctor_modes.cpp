// Who may read and write the files of a site.

#include <array>
#include <cstdio>

#include "daemon/doctor_findings.h"

namespace stepwell::daemon {

namespace {

using Grade = Finding::Level;
using Role = PathFact::Role;

constexpr unsigned kGroupWrites = 020;
constexpr unsigned kOthersWrite = 002;
constexpr unsigned kNotOwner = 077;
constexpr unsigned kSticky = 01000;

std::string octal(unsigned mode) {
  std::array<char, 16> digits{};
  std::snprintf(digits.data(), digits.size(), "%04o", mode & 07777U);
  return digits.data();
}

Finding wrong_mode(const PathFact& path, unsigned right, std::string why) {
  return {"modes", Grade::error,
          path.path + " has mode " + octal(path.mode) + ": " + std::move(why),
          "chmod " + octal(right) + " " + path.path, Mend{Mend::What::mode, path.path, right}};
}

// For what nobody but its owner may touch, and the owner must be able to use.
void judge_private(const PathFact& path, unsigned right, unsigned needed, Findings& findings) {
  if ((path.mode & kNotOwner) != 0)
    findings.push_back(wrong_mode(path, right, "others than its owner have access"));
  else if ((path.mode & needed) != needed)
    findings.push_back(wrong_mode(path, right, "its owner has too little access"));
}

// Who can write definitions can send credentials to their origins; a group of authors may be meant.
void judge_definition(const PathFact& path, Findings& findings) {
  if ((path.mode & kOthersWrite) != 0)
    findings.push_back(wrong_mode(path, path.mode & ~kOthersWrite, "everybody can change it"));
  else if ((path.mode & kGroupWrites) != 0)
    findings.push_back({"modes", Grade::warning,
                        path.path + " has mode " + octal(path.mode) + ": its group can change it",
                        "chmod g-w " + path.path + ", unless all of the group are authors"});
}

void judge_settings(const PathFact& path, Findings& findings) {
  const unsigned writers = kGroupWrites | kOthersWrite;
  if ((path.mode & writers) != 0)
    findings.push_back(wrong_mode(path, path.mode & ~writers, "others can change the settings"));
}

void judge_key_folder(const PathFact& path, Findings& findings) {
  if ((path.mode & (kGroupWrites | kOthersWrite)) == 0 || (path.mode & kSticky) != 0) return;
  // Not mended: the folder may be there for more than the key.
  findings.push_back({"modes", Grade::warning,
                      path.path + " has mode " + octal(path.mode) +
                          ": others could put another master key in the place of this one",
                      "chmod go-w " + path.path});
}

const char* name_of(Role role) {
  switch (role) {
    case Role::settings:
      return "the settings file ";
    case Role::definitions:
      return "the definitions folder ";
    case Role::data:
      return "the data directory ";
    default:
      return "";
  }
}

// A missing key is the master key's own finding.
void judge_presence(const PathFact& path, Findings& findings) {
  const bool folder = path.role == Role::data || path.role == Role::definitions;
  if (folder && path.kind != PathFact::Kind::folder) {
    const std::string what = path.kind == PathFact::Kind::missing ? " is missing" : " is no folder";
    findings.push_back({"modes", Grade::error, name_of(path.role) + path.path + what,
                        path.role == Role::data
                            ? "put it back, or make a new site with: stepwell init DIR"
                            : "mkdir " + path.path});
  } else if (path.role == Role::data_entry && path.kind == PathFact::Kind::other) {
    findings.push_back({"modes", Grade::warning,
                        path.path + " is neither a file nor a folder, and none of Stepwell's",
                        "move it out of the data directory"});
  }
}

void judge_mode(const PathFact& path, Findings& findings) {
  switch (path.role) {
    case Role::settings:
      return judge_settings(path, findings);
    case Role::definitions:
    case Role::definition:
      return judge_definition(path, findings);
    case Role::data:
      return judge_private(path, 0700, 0700, findings);
    case Role::data_entry:
      if (path.kind == PathFact::Kind::folder) return judge_private(path, 0700, 0700, findings);
      return judge_private(path, 0600, 0600, findings);
    case Role::master_key:
      return judge_private(path, 0600, 0400, findings);
    case Role::master_key_folder:
      return judge_key_folder(path, findings);
  }
}

void judge_owner(const PathFact& path, unsigned owner, Findings& findings) {
  if (path.owner == owner) return;
  const std::string whose = path.path + " belongs to user " + std::to_string(path.owner) + ", not ";
  const bool ours =
      path.role == Role::data_entry || path.role == Role::master_key || path.role == Role::data;
  if (ours)
    findings.push_back({"modes", Grade::error,
                        whose + "to the data directory's owner " + std::to_string(owner),
                        "chown " + std::to_string(owner) + " " + path.path});
  else if (path.owner != 0)
    findings.push_back({"modes", Grade::warning,
                        whose + "to root or the data directory's owner " + std::to_string(owner) +
                            ", and can be changed by that user",
                        "chown " + std::to_string(owner) + " " + path.path});
}

// Whose site it is.
unsigned owner_of(const Facts& facts) {
  for (const PathFact& path : facts.paths)
    if (path.role == Role::data && path.kind == PathFact::Kind::folder) return path.owner;
  return facts.user;
}

}  // namespace

Findings judge_modes(const Facts& facts) {
  Findings findings;
  const unsigned owner = owner_of(facts);
  if (owner != facts.user)
    findings.push_back({"modes", Grade::error,
                        "the data directory belongs to user " + std::to_string(owner) +
                            ", and this is user " + std::to_string(facts.user),
                        "run this, and the daemon, as its owner: sudo -u '#" +
                            std::to_string(owner) + "' stepwell doctor"});
  for (const PathFact& path : facts.paths) {
    judge_presence(path, findings);
    if (path.kind != PathFact::Kind::file && path.kind != PathFact::Kind::folder) continue;
    judge_mode(path, findings);
    judge_owner(path, owner, findings);
  }
  return findings;
}

}  // namespace stepwell::daemon
