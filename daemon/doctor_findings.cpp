#include "daemon/doctor_findings.h"

#include <array>
#include <chrono>
#include <utility>

namespace stepwell::daemon {

namespace {

using Grade = Finding::Level;

constexpr std::chrono::seconds kClockMayBeBehind{5};
// A block of locked memory is 64 KiB, of six sizes; what a credential holds is some KiB at most.
constexpr std::uint64_t kLockedAtLeast = 1UL << 20U;
constexpr std::uint64_t kLockedForCredential = 4UL << 10U;
constexpr std::uint64_t kFilesAtLeast = 4096;
// Below it a burst of instances may fill the disk before somebody looks.
constexpr std::uint64_t kFreeAtLeast = 512UL << 20U;

struct Remedy {
  std::string_view about;  // a problem's
  std::string_view words;
};

constexpr std::array<Remedy, 17> kRemedies = {{
    {"store-damaged",
     "keep a copy of the data directory for an investigation, then restore it from a backup"},
    {"audit-broken",
     "keep a copy of the data directory for an investigation, then restore it from a backup"},
    {"store-newer", "run the release that wrote it, or restore a backup from before"},
    {"store-older", "make a new site with: stepwell init DIR"},
    {"store-unusable", "mend the file's path, owner or mode"},
    {"data-directory-unusable", "mend the directory's path, owner or mode"},
    {"data-directory-locked", "ask again when that process has ended"},
    {"disk-full", "make room on the disk of the data directory"},
    {"master-key-wrong", "set masterKey to the key that belongs to this data directory"},
    {"master-key-missing", "put the key back where masterKey says; a new one opens nothing"},
    {"master-key-mode", "chmod 0600 on the file"},
    {"master-key-unreadable", "mend the file's owner or mode"},
    {"master-key-invalid", "put the key back where masterKey says; a new one opens nothing"},
    {"master-key-command-failed", "run the command of masterKey.command by hand, and mend it"},
    {"daemon-unreachable", "see the daemon's log; stepwell serve starts one"},
    {"key-unknown", "set STEPWELL_API_KEY to an active key of an admin"},
    {"settings-invalid", "mend each line, then: stepwell check-config"},
}};

std::string remedy_of(const Problem& problem) {
  for (const Remedy& remedy : kRemedies)
    if (remedy.about == problem.code) return std::string(remedy.words);
  return "see docs/errors/" + problem.code + ".md";
}

Finding fault(std::string check, const Problem& problem) {
  return {std::move(check), Grade::error, problem.detail + " (" + problem.code + ")",
          remedy_of(problem)};
}

std::string duration_text(Milliseconds span) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(span).count();
  if (seconds < 120) return std::to_string(seconds) + " s";
  if (seconds < 7200) return std::to_string(seconds / 60) + " min";
  return std::to_string(seconds / 3600) + " h " + std::to_string(seconds / 60 % 60) + " min";
}

std::string mebibytes(std::uint64_t bytes) {
  return std::to_string((bytes + (1UL << 20U) - 1) >> 20U) + " MiB";
}

std::string kibibytes(std::uint64_t bytes) { return std::to_string(bytes >> 10U) + " KiB"; }

void add(Findings& all, Findings some, const char* check, std::string well) {
  bool found = false;
  for (Finding& finding : some) {
    found = found || finding.level != Grade::ok;
    all.push_back(std::move(finding));
  }
  if (!found && !well.empty()) all.push_back({check, Grade::ok, std::move(well)});
}

std::string counted(std::size_t number, const char* what) {
  return std::to_string(number) + " " + what + (number == 1 ? "" : "s");
}

// Of the lists, where they are known.
std::string list_text(const Value& items, const char* what, const char* well) {
  return items.is_array() ? counted(items.size(), what) + well : std::string();
}

std::string database_text(const DatabaseFacts& database) {
  if (!database.left_out.empty()) return "";
  const std::string how = database.holder.kind == Holder::Kind::daemon
                              ? "the daemon at " + database.holder.address + " answers"
                              : "opened; structure, master key, seal and tombstones fit";
  return how + (database.audit_intact ? "; the audit log is whole" : "");
}

std::string journal_text(const JournalFacts& journal) {
  if (!journal.left_out.empty()) return "";
  std::string text = journal.there ? "whole; format " + std::to_string(journal.version) + ", " +
                                         mebibytes(journal.bytes)
                                   : "there is none yet; the daemon makes it";
  if (journal.free_bytes) text += "; " + mebibytes(*journal.free_bytes) + " are free on its disk";
  return text;
}

std::string clock_text(const Facts& facts) {
  std::string text = facts.synchronised ? "synchronised" : "whether it is synchronised is not told";
  return text + (facts.database.clock_mark ? "; not behind the mark in the store"
                                           : "; the mark in the store was not looked at");
}

Finding left_out(std::string check, const std::string& what, const std::string& why) {
  return {std::move(check), Grade::warning, what + " left out: " + why, "mend that, and ask again"};
}

std::string listen_text(const Facts& facts) {
  const bool served = facts.database.holder.kind == Holder::Kind::daemon;
  return facts.listen.address + (served ? " is where a daemon serves" : " can be listened on");
}

}  // namespace

std::string_view to_string(Finding::Level level) noexcept {
  constexpr std::array<std::string_view, 3> kNames{"ok", "warning", "error"};
  return kNames.at(static_cast<std::size_t>(level));
}

Findings judge_master_key(const MasterKeyFacts& key) {
  Findings findings;
  if (key.inside_data)
    findings.push_back({"master-key", Grade::error,
                        "the master key " + key.file +
                            " lies in the data directory: whoever has a backup of that directory "
                            "has the key to it",
                        "move it elsewhere, and set masterKey.file to its new place"});
  if (key.out_of_sight)
    findings.push_back({"master-key", Grade::warning,
                        "the master key is a systemd credential, which this command is not given; "
                        "it was left out",
                        "run this within the unit, e.g. as its ExecStartPre="});
  // Wrong modes are found, and mended, beside those of other files.
  else if (key.fault && !(key.fault->code == "master-key-mode" && !key.file.empty()))
    findings.push_back(fault("master-key", *key.fault));
  if (!key.left_by_rotation.empty())
    findings.push_back({"master-key", Grade::warning,
                        key.left_by_rotation + " is left of a rotation that was cut off",
                        "end it with: stepwell master-key rotate"});
  return findings;
}

Findings judge_database(const DatabaseFacts& database) {
  Findings findings;
  if (!database.left_out.empty())
    findings.push_back(
        left_out("database", "database, audit log, keys and credentials were", database.left_out));
  if (database.stones_to_restore > 0)
    findings.push_back(
        {"tombstones", Grade::error,
         "the tombstone file lacks " + counted(database.stones_to_restore, "revocation") +
             " that the database has: it was cut or lost",
         "find out why, then restore it from a backup, or have them written back with: stepwell "
         "doctor --fix",
         Mend{Mend::What::tombstones, "", 0}});
  if (database.stones_ahead > 0)
    findings.push_back({"tombstones", Grade::warning,
                        "the database is older than " +
                            counted(database.stones_ahead, "revocation") +
                            " in the tombstone file, as after a restored backup; they "
                            "stay in force, and any start takes them over",
                        "see whether keys and credentials are as they should be"});
  for (const Problem& problem : database.faults) {
    const bool refused = problem.status == 401 || problem.status == 403;
    // That the tombstones do not fit has been said.
    if (database.stones_to_restore > 0 && problem.code == "store-damaged") continue;
    if (database.holder.kind == Holder::Kind::daemon && refused)
      findings.push_back({"database", Grade::warning,
                          "the daemon refused an answer, and a check was left out: " +
                              problem.detail + " (" + problem.code + ")",
                          "set STEPWELL_API_KEY to an active key of an admin"});
    else
      findings.push_back(fault("database", problem));
  }
  return findings;
}

Findings judge_journal(const JournalFacts& journal) {
  Findings findings;
  if (!journal.left_out.empty())
    findings.push_back(left_out("journal", "the journal of instances was", journal.left_out));
  if (journal.fault) findings.push_back(fault("journal", *journal.fault));
  if (journal.free_bytes && *journal.free_bytes < kFreeAtLeast)
    findings.push_back({"journal", Grade::warning,
                        "only " + mebibytes(*journal.free_bytes) +
                            " are free on the disk of the data directory; where it is full, no "
                            "instance is admitted and none goes on",
                        "make room, or keep fewer finished instances: instances.retention, "
                        "instances.retentionAge"});
  return findings;
}

Findings judge_files(const FileFacts& files) {
  Findings findings;
  if (!files.left_out.empty())
    findings.push_back(left_out("files", "the files that were handed in were", files.left_out));
  if (files.fault) findings.push_back(fault("files", *files.fault));
  if (!files.without_content.empty())
    findings.push_back({"files", Grade::error,
                        "of " + counted(files.without_content.size(), "file") +
                            " the content is lost or cut, the first one is " +
                            files.without_content.front(),
                        "restore a backup, or delete them: DELETE /api/v1/files/ID"});
  return findings;
}

Findings judge_clock(const Facts& facts) {
  Findings findings;
  if (const auto& mark = facts.database.clock_mark;
      mark && *mark - facts.now > std::chrono::milliseconds(kClockMayBeBehind))
    findings.push_back(
        {"clock", Grade::warning,
         "the clock is " + duration_text(*mark - facts.now) +
             " behind the latest time that was "
             "ever seen here, " +
             format_time(*mark) + "; expiries are judged by that time",
         "set the clock; if it was ahead before, keys and credentials expire too early until it "
         "has caught up: move their expiry with set-expiry"});
  if (facts.synchronised && !*facts.synchronised)
    findings.push_back({"clock", Grade::warning,
                        "the clock is not synchronised: keys may expire early or late",
                        "run an NTP service, e.g. timedatectl set-ntp true"});
  return findings;
}

Findings judge_listen(const Facts& facts) {
  const ListenFacts& listen = facts.listen;
  if (!listen.valid)
    return {{"port", Grade::error, "http.listen: \"" + listen.address + "\" is no ADDRESS:PORT",
             "write e.g. 127.0.0.1:8080"}};
  Findings findings;
  const bool served = facts.database.holder.kind == Holder::Kind::daemon;
  if (!listen.loopback)
    findings.push_back({"port", served ? Grade::warning : Grade::error,
                        listen.address +
                            " can be reached from other machines, and keys would travel over it "
                            "unencrypted",
                        "listen on a loopback address behind a TLS proxy, or, where the network is "
                        "trusted, serve with --allow-plaintext"});
  if (!listen.refused.empty())
    findings.push_back({"port", Grade::error,
                        "cannot listen on " + listen.address + ": " + listen.refused,
                        "stop what listens there, or choose another port in http.listen"});
  return findings;
}

Findings judge_limits(const Facts& facts) {
  Findings findings;
  const LimitFacts& limits = facts.limits;
  const std::uint64_t needed =
      kLockedAtLeast + kLockedForCredential * facts.database.credentials.size();
  if (limits.locked_memory && *limits.locked_memory < needed)
    findings.push_back({"limits", Grade::warning,
                        "only " + kibibytes(*limits.locked_memory) +
                            " of memory may be locked, and some " + kibibytes(needed) +
                            " are needed: secrets may be swapped to disk",
                        "LimitMEMLOCK= in the unit, ulimit -l in a shell; or no swap"});
  if (limits.open_files && *limits.open_files < kFilesAtLeast)
    findings.push_back({"limits", Grade::warning,
                        "only " + std::to_string(*limits.open_files) +
                            " files may be open, and each request in flight needs one",
                        "LimitNOFILE=" + std::to_string(16 * kFilesAtLeast) +
                            " in the unit, ulimit -Hn in a shell"});
  return findings;
}

Findings judge(const Facts& facts) {
  Findings all;
  if (facts.settings_fault) {
    all.push_back(fault("settings", *facts.settings_fault));
    return all;
  }
  const DatabaseFacts& database = facts.database;
  all.push_back({"settings", Grade::ok, facts.settings_file + " has no faults"});
  add(all, judge_modes(facts), "modes",
      counted(facts.paths.size(), "path") + " with the right mode and owner");
  add(all, judge_master_key(facts.master_key), "master-key",
      facts.master_key.fault ? "" : "can be loaded");
  add(all, judge_database(database), "database", database_text(database));
  add(all, judge_journal(facts.journal), "journal", journal_text(facts.journal));
  add(all, judge_files(facts.files), "files",
      facts.files.left_out.empty() ? counted(facts.files.files, "file") + " that were handed in, " +
                                         mebibytes(facts.files.bytes)
                                   : "");
  add(all, judge_clock(facts), "clock", clock_text(facts));
  add(all, judge_keys(facts), "keys",
      list_text(database.keys, "key", "; none has expired, or does so within 30 days"));
  add(all, judge_credentials(facts), "credentials",
      list_text(database.credentials, "credential", "; all are in order for 30 days or more"));
  add(all, judge_definitions(facts), "definitions",
      counted(facts.definitions.files, "file") + " without a fault");
  add(all, judge_egress(facts.egress_allow, facts.egress_deny), "egress",
      "no network is opened that is closed by default");
  add(all, judge_listen(facts), "port", listen_text(facts));
  add(all, judge_limits(facts), "limits", "locked memory and open files suffice");
  return all;
}

}  // namespace stepwell::daemon
