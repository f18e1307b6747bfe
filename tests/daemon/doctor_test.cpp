// What `stepwell doctor` makes of facts, and that it sees them on a real site.
#include "daemon/doctor.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "base/json.h"
#include "daemon/doctor_look.h"
#include "daemon/init.h"
#include "daemon/site.h"
#include "store/database.h"
#include "store/lock.h"
#include "tests/api/office.h"
#include "tests/store/scratch_directory.h"
#include "tests/support/manual_clock.h"

namespace stepwell::daemon {
namespace {

namespace fs = std::filesystem;
using Level = Finding::Level;
using Role = PathFact::Role;
using Kind = PathFact::Kind;
using std::chrono::hours;

const WallTime kNow{Milliseconds(1'763'733'600'000)};

PathFact path(Role role, unsigned mode, Kind kind = Kind::file) {
  return {role, "here", kind, mode, 1000};
}

Value key(const std::string& id, const std::string& state, const Value& expires = {},
          const std::string& user = "deploy") {
  return Value::object({{"id", id},
                        {"name", "n"},
                        {"user", user},
                        {"state", state},
                        {"scopes", Value::array()},
                        {"expiresAt", expires}});
}

Value credential(const std::string& name, const std::string& state, const Value& expires = {}) {
  return Value::object(
      {{"name", name}, {"state", state}, {"namespaces", Value::array()}, {"expiresAt", expires}});
}

Value in(Milliseconds span) { return format_time(kNow + span); }

// A site where all is well.
Facts healthy() {
  Facts facts;
  facts.settings_file = "stepwell.yaml";
  facts.user = 1000;
  facts.now = kNow;
  facts.synchronised = true;
  facts.paths = {path(Role::settings, 0644),
                 path(Role::definitions, 0755, Kind::folder),
                 path(Role::definition, 0644),
                 path(Role::data, 0700, Kind::folder),
                 path(Role::data_entry, 0600),
                 path(Role::master_key, 0600),
                 path(Role::master_key_folder, 0700, Kind::folder)};
  facts.master_key.file = "secrets/master.key";
  facts.database.audit_intact = true;
  facts.database.clock_mark = kNow - hours(1);
  facts.database.keys = Value::array({key("sw_a", "active", in(hours(24L * 90)))});
  facts.database.credentials = Value::array({credential("crm", "active")});
  facts.database.users =
      Value::array({Value::object({{"name", "admin"}, {"role", "admin"}, {"active", true}}),
                    Value::object({{"name", "deploy"}, {"role", "operator"}, {"active", true}})});
  facts.journal = {true, "", {}, 1, 5'000, 900UL << 20U};
  facts.definitions = {"definitions", 1, {}, {{"crm", "sales", "definitions/a.yaml:7:3"}}};
  facts.listen.address = "127.0.0.1:8080";
  facts.limits.locked_memory = 8UL << 20U;
  facts.limits.open_files = 65'536;
  return facts;
}

Problem problem(const char* what, int status = 400) {
  Problem made = make_problem(ErrorKind::configuration, what, "it is said here");
  made.status = status;
  return made;
}

struct Case {
  const char* name;
  std::function<void(Facts&)> change;
  Level level;
  const char* check;
  const char* detail;  // a part of it
  const char* remedy;  // a part of it
};

std::vector<Case> mode_cases() {
  const auto mode = [](std::size_t index, unsigned to) {
    return [index, to](Facts& facts) { facts.paths.at(index).mode = to; };
  };
  return {
      {"settings writable by all", mode(0, 0646), Level::error, "modes", "0646", "chmod 0644 here"},
      {"settings writable by group", mode(0, 0664), Level::error, "modes", "change the settings",
       "chmod 0644 here"},
      {"definitions writable by all", mode(1, 0757), Level::error, "modes", "everybody",
       "chmod 0755 here"},
      {"definitions writable by group", mode(1, 0775), Level::warning, "modes", "its group",
       "g-w here"},
      {"definition writable by all", mode(2, 0666), Level::error, "modes", "everybody",
       "chmod 0664 here"},
      {"data readable", mode(3, 0750), Level::error, "modes", "others than its owner",
       "chmod 0700 here"},
      {"data of no use", mode(3, 0600), Level::error, "modes", "too little", "chmod 0700 here"},
      {"database readable", mode(4, 0640), Level::error, "modes", "0640", "chmod 0600 here"},
      {"database read-only", mode(4, 0400), Level::error, "modes", "too little", "chmod 0600"},
      {"key readable", mode(5, 0644), Level::error, "modes", "0644", "chmod 0600 here"},
      {"key folder writable", mode(6, 0777), Level::warning, "modes", "another master key",
       "chmod go-w here"},
      {"no data", [](Facts& f) { f.paths[3].kind = Kind::missing; }, Level::error, "modes",
       "the data directory here is missing", "stepwell init"},
      {"definitions are a file", [](Facts& f) { f.paths[1].kind = Kind::file; }, Level::error,
       "modes", "is no folder", "mkdir"},
      {"a socket in data", [](Facts& f) { f.paths[4].kind = Kind::other; }, Level::warning, "modes",
       "neither", "move it"},
      {"database of root", [](Facts& f) { f.paths[4].owner = 0; }, Level::error, "modes",
       "belongs to user 0", "chown 1000 here"},
      {"settings of another", [](Facts& f) { f.paths[0].owner = 1001; }, Level::warning, "modes",
       "belongs to user 1001", "chown"},
      {"another user asks", [](Facts& f) { f.user = 1001; }, Level::error, "modes",
       "this is user 1001", "sudo -u '#1000'"},
  };
}

std::vector<Case> store_cases() {
  return {
      {"key in data", [](Facts& f) { f.master_key.inside_data = true; }, Level::error, "master-key",
       "lies in the data directory", "masterKey.file"},
      {"no key", [](Facts& f) { f.master_key.fault = problem("master-key-missing"); }, Level::error,
       "master-key", "it is said here", "put the key back"},
      {"key of the unit", [](Facts& f) { f.master_key.out_of_sight = true; }, Level::warning,
       "master-key", "left out", "within the unit"},
      {"half a rotation", [](Facts& f) { f.master_key.left_by_rotation = "k.new"; }, Level::warning,
       "master-key", "k.new", "stepwell master-key rotate"},
      {"database left out", [](Facts& f) { f.database.left_out = "of the reason"; }, Level::warning,
       "database", "of the reason", "again"},
      {"damaged", [](Facts& f) { f.database.faults = {problem("store-damaged")}; }, Level::error,
       "database", "it is said here (store-damaged)", "restore it from a backup"},
      {"unheard of", [](Facts& f) { f.database.faults = {problem("new-thing")}; }, Level::error,
       "database", "it is said here", "docs/errors/new-thing.md"},
      {"forbidden by the daemon",
       [](Facts& f) {
         f.database.holder.kind = Holder::Kind::daemon;
         f.database.faults = {problem("permission-denied", 403)};
       },
       Level::warning, "database", "left out", "STEPWELL_API_KEY"},
      {"tombstones lost",
       [](Facts& f) {
         f.database.stones_to_restore = 2;
         f.database.faults = {problem("store-damaged")};
       },
       Level::error, "tombstones", "lacks 2 revocations", "doctor --fix"},
      {"old database", [](Facts& f) { f.database.stones_ahead = 3; }, Level::warning, "tombstones",
       "older than 3", "see whether"},
      {"journal left out", [](Facts& f) { f.journal.left_out = "of the reason"; }, Level::warning,
       "journal", "of the reason", "again"},
      {"journal damaged", [](Facts& f) { f.journal.fault = problem("store-damaged"); },
       Level::error, "journal", "it is said here (store-damaged)", "restore it from a backup"},
      {"little room", [](Facts& f) { f.journal.free_bytes = 7UL << 20U; }, Level::warning,
       "journal", "only 7 MiB are free", "make room"},
      {"files left out", [](Facts& f) { f.files.left_out = "of the reason"; }, Level::warning,
       "files", "of the reason", "again"},
      {"files damaged", [](Facts& f) { f.files.fault = problem("store-damaged"); }, Level::error,
       "files", "it is said here (store-damaged)", "restore it from a backup"},
      {"contents lost",
       [](Facts& f) {
         f.files.without_content = {"f_1", "f_2"};
       },
       Level::error, "files", "of 2 files the content is lost or cut, the first one is f_1",
       "restore a backup"},
      {"clock behind", [](Facts& f) { f.database.clock_mark = kNow + hours(25); }, Level::warning,
       "clock", "25 h 0 min behind", "set the clock"},
      {"clock just behind", [](Facts& f) { f.database.clock_mark = kNow + Milliseconds(5'001); },
       Level::warning, "clock", "5 s behind", "set the clock"},
      {"clock free", [](Facts& f) { f.synchronised = false; }, Level::warning, "clock",
       "not synchronised", "NTP"},
  };
}

std::vector<Case> key_cases() {
  const auto keys = [](const Value& one) {
    return [one](Facts& facts) { facts.database.keys = Value::array({one}); };
  };
  const auto credentials = [](const Value& one) {
    return [one](Facts& facts) { facts.database.credentials = Value::array({one}); };
  };
  return {
      {"key expired", keys(key("sw_b", "expired", in(-hours(1)))), Level::warning, "keys",
       "sw_b (n, of deploy) expired at", "set-expiry sw_b"},
      {"key expires", keys(key("sw_b", "active", in(hours(72)))), Level::warning, "keys",
       "expires in 3 days", "set-expiry sw_b"},
      {"key expires today", keys(key("sw_b", "active", in(hours(5)))), Level::warning, "keys",
       "expires within a day", "set-expiry sw_b"},
      {"admin's key", keys(key("sw_b", "active", {}, "admin")), Level::ok, "keys",
       "admins' keys that never expire: sw_b", "set-expiry"},
      {"credential expires", credentials(credential("crm", "active", in(hours(24L * 30)))),
       Level::warning, "credentials", "crm expires in 30 days", "set-expiry crm"},
      {"credential rejected", credentials(credential("crm", "rejected")), Level::warning,
       "credentials", "crm is rejected; definitions/a.yaml:7:3 refers to it", "rotate crm"},
      {"credential disabled", credentials(credential("crm", "disabled")), Level::warning,
       "credentials", "crm is disabled", "enable crm"},
      {"credential revoked", credentials(credential("crm", "revoked")), Level::warning,
       "credentials", "crm is revoked", "delete crm"},
      {"credential unknown", credentials(credential("other", "active")), Level::error,
       "credentials", "definitions/a.yaml:7:3 refers to the credential crm, which does not exist",
       "credentials add crm"},
      {"namespace shut out",
       [](Facts& f) {
         Value limited = credential("crm", "active");
         limited.set("namespaces", Value::array({"billing"}));
         f.database.credentials = Value::array({limited});
       },
       Level::warning, "credentials", "of the namespace sales may not", "--namespace"},
      {"faulty definition", [](Facts& f) { f.definitions.faults = {"b.yaml:1:1: error: x"}; },
       Level::error, "definitions", "b.yaml:1:1", "stepwell validate definitions"},
  };
}

std::vector<Case> machine_cases() {
  const auto allow = [](const char* network) {
    return [network](Facts& facts) { facts.egress_allow = {network}; };
  };
  const auto opens = [&allow](const char* network, const char* what) {
    return Case{network, allow(network), Level::warning, "egress", what, "narrow it"};
  };
  return {
      opens("127.0.0.0/8", "loopback"),
      opens("127.0.0.1", "loopback"),
      opens("::1/128", "loopback"),
      opens("::ffff:127.0.0.1", "loopback"),
      opens("169.254.169.254/32", "cloud metadata"),
      opens("fd00::/8", "cloud metadata addresses, private networks"),
      opens("10.1.0.0/16", "private"),
      opens("fc00::/7", "private"),
      opens("0.0.0.0/0", "every address"),
      opens("::/0", "every address"),
      opens("224.0.0.0/4", "closed otherwise"),
      {"no network", allow("10.0.0.0/99"), Level::error, "egress", "10.0.0.0/99", "settings"},
      {"plaintext",
       [](Facts& f) {
         f.listen.address = "0.0.0.0:80";
         f.listen.loopback = false;
       },
       Level::error, "port", "0.0.0.0:80 can be reached", "TLS proxy"},
      {"plaintext that is served",
       [](Facts& f) {
         f.listen.loopback = false;
         f.database.holder.kind = Holder::Kind::daemon;
       },
       Level::warning, "port", "can be reached", "TLS proxy"},
      {"port taken", [](Facts& f) { f.listen.refused = "Address already in use"; }, Level::error,
       "port", "Address already in use", "http.listen"},
      {"no address", [](Facts& f) { f.listen.valid = false; }, Level::error, "port",
       "no ADDRESS:PORT", "127.0.0.1:8080"},
      {"little lockable", [](Facts& f) { f.limits.locked_memory = 64UL << 10U; }, Level::warning,
       "limits", "only 64 KiB", "LimitMEMLOCK"},
      {"few files", [](Facts& f) { f.limits.open_files = 1024; }, Level::warning, "limits",
       "only 1024", "LimitNOFILE"},
  };
}

std::string text_of(const Findings& findings) {
  std::ostringstream text;
  print_findings(text, OutputFormat::table, findings);
  return text.str();
}

const Finding* find(const Findings& findings, const char* check, const std::string& detail) {
  const auto found = std::find_if(findings.begin(), findings.end(), [&](const Finding& finding) {
    return finding.check == check && finding.detail.find(detail) != std::string::npos;
  });
  return found == findings.end() ? nullptr : &*found;
}

void expect_findings(const std::vector<Case>& cases) {
  for (const Case& row : cases) {
    Facts facts = healthy();
    row.change(facts);
    const Findings findings = judge(facts);
    const Finding* finding = find(findings, row.check, row.detail);
    ASSERT_NE(finding, nullptr) << row.name << "\n" << text_of(findings);
    EXPECT_EQ(finding->level, row.level) << row.name;
    EXPECT_NE(finding->remedy.find(row.remedy), std::string::npos)
        << row.name << ": " << finding->remedy;
    // And nothing else is wrong.
    for (const Finding& other : findings)
      EXPECT_TRUE(&other == finding || other.level == Level::ok)
          << row.name << ": " << other.detail;
  }
}

TEST(DoctorFindings, AHealthySiteHasAnOkForEachCheck) {
  std::string checks;
  for (const Finding& finding : judge(healthy())) {
    EXPECT_EQ(finding.level, Level::ok) << finding.detail;
    EXPECT_EQ(finding.remedy, "");
    checks += finding.check + " ";
  }
  EXPECT_EQ(checks,
            "settings modes master-key database journal files clock keys credentials definitions "
            "egress port "
            "limits ");
}

TEST(DoctorFindings, ModesAndOwners) { expect_findings(mode_cases()); }
TEST(DoctorFindings, MasterKeyDatabaseAndClock) { expect_findings(store_cases()); }
TEST(DoctorFindings, KeysCredentialsAndDefinitions) { expect_findings(key_cases()); }
TEST(DoctorFindings, EgressPortAndLimits) { expect_findings(machine_cases()); }

TEST(DoctorFindings, WhatIsFarOffOrSaidElsewhereIsNoFinding) {
  const std::vector<std::pair<const char*, std::function<void(Facts&)>>> changes = {
      {"a clock 5 s behind", [](Facts& f) { f.database.clock_mark = kNow + Milliseconds(5'000); }},
      {"a key that expires in 31 days",
       [](Facts& f) {
         f.database.keys = Value::array({key("sw_b", "active", in(hours(24L * 31)))});
       }},
      {"a revoked key",
       [](Facts& f) { f.database.keys = Value::array({key("sw_b", "revoked", in(hours(1)))}); }},
      {"a revoked credential that nobody needs",
       [](Facts& f) { f.database.credentials.push_back(credential("old", "revoked")); }},
      {"a public network", [](Facts& f) { f.egress_allow = {"8.8.8.0/24"}; }},
      {"a network closed again",
       [](Facts& f) {
         f.egress_allow = {"10.0.0.0/8"};
         f.egress_deny = {"10.0.0.0/8"};
       }},
      {"a sticky folder of the key", [](Facts& f) { f.paths[6].mode = 01777; }},
      {"a settings file of root", [](Facts& f) { f.paths[0].owner = 0; }},
  };
  for (const auto& [name, change] : changes) {
    Facts facts = healthy();
    change(facts);
    for (const Finding& finding : judge(facts))
      EXPECT_EQ(finding.level, Level::ok) << name << ": " << finding.detail;
  }
}

TEST(DoctorFindings, NamesTheFirstPlaceThatNeedsACredential) {
  Facts facts = healthy();
  facts.definitions.references.push_back({"erp", "sales", "b.yaml:3:1"});
  facts.definitions.references.push_back({"erp", "sales", "c.yaml:4:1"});
  const Findings findings = judge(facts);
  EXPECT_NE(find(findings, "credentials", "b.yaml:3:1 and 1 more refers to the credential erp"),
            nullptr)
      << text_of(findings);
}

TEST(DoctorFindings, EndlessKeysAreNotedForAdminsAlone) {
  Facts facts = healthy();
  Value narrowed = key("sw_n", "active", {}, "admin");
  narrowed.set("scopes", Value::array({"view-instances"}));
  facts.database.keys =
      Value::array({key("sw_o", "active"), narrowed, key("sw_r", "revoked", {}, "admin")});
  EXPECT_EQ(find(judge(facts), "keys", "never expire"), nullptr);
}

TEST(DoctorFindings, OnlyTheSettingsAreNamedWhereTheyCannotBeRead) {
  Facts facts;
  facts.settings_fault = problem("settings-invalid");
  const Findings findings = judge(facts);
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].check, "settings");
  EXPECT_EQ(findings[0].level, Level::error);
}

TEST(DoctorFindings, OnlyModesAndTombstonesCanBeMended) {
  for (const auto& cases : {mode_cases(), store_cases(), key_cases(), machine_cases()}) {
    for (const Case& row : cases) {
      Facts facts = healthy();
      row.change(facts);
      for (const Finding& finding : judge(facts)) {
        if (!finding.mend) continue;
        EXPECT_EQ(finding.level, Level::error) << row.name;
        EXPECT_TRUE(finding.check == "modes" || finding.check == "tombstones") << row.name;
      }
    }
  }
}

TEST(DoctorOutput, IsALineEachWithTheRemedyBelow) {
  const Findings findings = {{"modes", Level::ok, "fine"},
                             {"master-key", Level::error, "first\nsecond", "do this"}};
  EXPECT_EQ(text_of(findings),
            "ok     modes       fine\n"
            "error  master-key  first\n"
            "                   second\n"
            "                   → do this\n");
  std::ostringstream json;
  print_findings(json, OutputFormat::json, findings);
  const Result<Value> value = parse_json(json.str());
  ASSERT_TRUE(value);
  EXPECT_EQ(value->get("errors"), Value(1));
  EXPECT_EQ(value->get("warnings"), Value(0));
  EXPECT_EQ(value->get("findings").at(1), Value::object({{"level", "error"},
                                                         {"check", "master-key"},
                                                         {"detail", "first\nsecond"},
                                                         {"remedy", "do this"}}));
}

TEST(DoctorLook, ReadsAddressesAsTheServerDoes) {
  struct Row {
    const char* address;
    bool valid;
    bool loopback;
  };
  const Row rows[] = {{"127.0.0.1:0", true, true},
                      {"127.8.8.8:80", true, true},
                      {"localhost:80", true, true},
                      {"[::1]:80", true, true},
                      {"0.0.0.0:80", true, false},
                      {"[::]:80", true, false},
                      {"10.0.0.1:80", true, false},
                      {"::1:80", false, true},
                      {"example:80", false, true},
                      {"127.0.0.1", false, true},
                      {"127.0.0.1:x", false, true},
                      {"[127.0.0.1]:80", false, true},
                      {"", false, true}};
  for (const Row& row : rows) {
    const ListenFacts facts = look_at_listen(row.address, false);
    EXPECT_EQ(facts.valid, row.valid) << row.address;
    EXPECT_EQ(facts.loopback, row.loopback) << row.address;
    EXPECT_EQ(facts.refused, "") << row.address;
  }
}

TEST(DoctorLook, SeesThatAPortIsTaken) {
  const api::test::Office office;
  EXPECT_EQ(look_at_listen(office.address(), true).refused, "Address already in use");
  EXPECT_EQ(look_at_listen("127.0.0.1:0", true).refused, "");
}

// A site as `stepwell init` leaves it, and the command on it.
class Doctor : public testing::Test {
 protected:
  Doctor() {
    const Result<Value> made = init_site(site);
    EXPECT_TRUE(made);
    if (made) api_key = std::string(made->get("key").as_string());
    environment["STEPWELL_HTTP_LISTEN"] = "127.0.0.1:0";
  }

  CommandContext context() {
    CommandContext made(in, out, err, [this](const std::string& name) {
      const auto found = environment.find(name);
      return found == environment.end() ? std::nullopt : std::optional<std::string>(found->second);
    });
    made.config_file = site + "/stepwell.yaml";
    return made;
  }
  // The exit code; the findings are in `answer`.
  int run(bool fix = false) {
    out.str("");
    CommandContext asked = context();
    if (clock)
      doctor(asked, {"json", fix}, *clock);
    else
      doctor(asked, {"json", fix});
    const Result<Value> value = parse_json(out.str());
    EXPECT_TRUE(value) << out.str();
    answer = value ? *value : Value();
    return asked.exit_code;
  }
  // As an offline command would.
  Value call(const char* method, const std::string& target, const Value& body = {}) {
    const Result<config::Settings> settings = read_settings(context());
    EXPECT_TRUE(settings);
    const auto backend = open_offline(*settings);
    EXPECT_TRUE(backend);
    if (!backend) return {};
    const Result<Value> made = (*backend)->call(method, target, body);
    EXPECT_TRUE(made) << (made ? "" : made.error().detail);
    return made ? *made : Value();
  }
  void add_credential(const char* name) {
    call("POST", "/api/v1/credentials",
         Value::object({{"name", name},
                        {"kind", "bearer"},
                        {"origins", Value::array({"https://a.example.com"})},
                        {"value", std::string("token-of-") + name}}));
  }
  std::string level_of(const char* check, const std::string& detail) const {
    for (const Value& finding : answer.get("findings").elements()) {
      const bool found = finding.get("check") == Value(check) &&
                         finding.get("detail").as_string().find(detail) != std::string::npos;
      if (found) return std::string(finding.get("level").as_string());
    }
    return "nothing in " + to_json(answer);
  }

  store::ScratchDirectory root;
  const std::string site = root / "site";
  std::string api_key;
  std::map<std::string, std::string> environment;
  std::unique_ptr<stepwell::test::ManualClock> clock;
  std::istringstream in;
  std::ostringstream out;
  std::ostringstream err;
  Value answer;
};

TEST_F(Doctor, FindsNoErrorOnANewSite) {
  EXPECT_EQ(run(), kDone) << out.str();
  EXPECT_EQ(answer.get("errors"), Value(0)) << out.str();
  EXPECT_EQ(level_of("modes", "right mode and owner"), "ok");
  EXPECT_EQ(level_of("database", "the audit log is whole"), "ok");
  EXPECT_EQ(level_of("keys", "admins' keys that never expire"), "ok");
  EXPECT_EQ(level_of("credentials", "0 credentials"), "ok");
}

TEST_F(Doctor, LeavesTheSiteAsItWas) {
  const auto listing = [this] {
    std::map<std::string, std::string> files;
    for (const auto& entry : fs::recursive_directory_iterator(site))
      if (entry.is_regular_file() && entry.path().filename() != "lock")
        files[entry.path().string()] = store::read_file(entry.path().string());
    return files;
  };
  ASSERT_EQ(run(), kDone);
  const auto before = listing();
  ASSERT_EQ(run(true), kDone);
  EXPECT_TRUE(listing() == before);
}

TEST_F(Doctor, MendsModesAndThenSeesTheRest) {
  const std::map<std::string, mode_t> wrong = {{"secrets/master.key", 0644},
                                               {"data", 0755},
                                               {"data/stepwell.db", 0664},
                                               {"stepwell.yaml", 0666}};
  for (const auto& [name, mode] : wrong) ASSERT_EQ(::chmod((site + "/" + name).c_str(), mode), 0);
  EXPECT_EQ(run(), kFailed);
  for (const auto& [name, mode] : wrong)
    EXPECT_EQ(level_of("modes", site + "/" + name + " has mode"), "error");
  EXPECT_EQ(level_of("database", "the master key cannot be loaded"), "warning");
  EXPECT_EQ(store::mode_of(site + "/data"), 0755U);

  EXPECT_EQ(run(true), kDone) << out.str();
  EXPECT_EQ(level_of("modes", "mended: " + site + "/data/stepwell.db"), "ok");
  EXPECT_EQ(level_of("database", "the audit log is whole"), "ok");
  EXPECT_EQ(store::mode_of(site + "/secrets/master.key"), 0600U);
  EXPECT_EQ(store::mode_of(site + "/data"), 0700U);
  EXPECT_EQ(store::mode_of(site + "/data/stepwell.db"), 0600U);
  EXPECT_EQ(store::mode_of(site + "/stepwell.yaml"), 0644U);
}

TEST_F(Doctor, SeesAMasterKeyInTheDataDirectory) {
  fs::rename(site + "/secrets/master.key", site + "/data/master.key");
  environment["STEPWELL_MASTER_KEY_FILE"] = site + "/data/master.key";
  EXPECT_EQ(run(), kFailed);
  EXPECT_EQ(level_of("master-key", "lies in the data directory"), "error");
}

TEST_F(Doctor, NamesTheDamageOfASwappedRow) {
  add_credential("one");
  add_credential("two");
  {
    Result<store::Database> database = store::Database::open(site + "/data/stepwell.db");
    ASSERT_TRUE(database);
    ASSERT_TRUE(database->execute(
        "UPDATE credential_values SET sealed = (SELECT sealed FROM credential_values AS other "
        "WHERE other.credential_id <> credential_values.credential_id "
        "AND other.field = credential_values.field)"));
  }
  EXPECT_EQ(run(), kFailed);
  EXPECT_EQ(level_of("database", "(store-damaged)"), "error");
  EXPECT_EQ(run(true), kFailed);
}

TEST_F(Doctor, MakesNothingWhereTheDatabaseIsGone) {
  for (const char* name : {"stepwell.db", "stepwell.db-wal", "stepwell.db-shm"})
    fs::remove(site + "/data/" + name);
  run(true);
  EXPECT_EQ(level_of("database", "there is no database"), "warning");
  EXPECT_FALSE(fs::exists(site + "/data/stepwell.db"));
  fs::remove_all(site + "/data");
  EXPECT_EQ(run(true), kFailed);
  EXPECT_EQ(level_of("modes", "the data directory " + site + "/data is missing"), "error");
  EXPECT_FALSE(fs::exists(site + "/data"));
}

TEST_F(Doctor, GivesALostTombstoneFileBack) {
  add_credential("one");
  add_credential("two");
  call("POST", "/api/v1/credentials/one/revoke");
  call("POST", "/api/v1/credentials/two/revoke");
  const std::string file = site + "/data/tombstones";
  const std::string whole = store::read_file(file);
  const std::string first = whole.substr(0, whole.find('\n') + 1);
  for (const std::string& left : {std::string(), first}) {
    store::write_file(file, left);
    EXPECT_EQ(run(), kFailed);
    EXPECT_EQ(level_of("tombstones", left.empty() ? "lacks 2" : "lacks 1"), "error");
    EXPECT_EQ(store::read_file(file), left);
    EXPECT_EQ(run(true), kDone) << out.str();
    EXPECT_EQ(store::read_file(file), whole);
  }
}

TEST_F(Doctor, DoesNotWriteBackTombstonesThatWereMadeUp) {
  add_credential("one");
  call("POST", "/api/v1/credentials/one/revoke");
  {
    Result<store::Database> database = store::Database::open(site + "/data/stepwell.db");
    ASSERT_TRUE(database);
    ASSERT_TRUE(database->execute("UPDATE tombstones SET by_whom = 'nobody'"));
  }
  store::write_file(site + "/data/tombstones", "");
  EXPECT_EQ(run(true), kFailed);
  EXPECT_EQ(level_of("database", "(store-damaged)"), "error");
  EXPECT_EQ(store::read_file(site + "/data/tombstones"), "");
}

TEST_F(Doctor, SaysThatTheDatabaseIsOlderThanRevocations) {
  add_credential("one");
  fs::copy_file(site + "/data/stepwell.db", root / "older.db");
  call("POST", "/api/v1/credentials/one/revoke");
  fs::copy_file(root / "older.db", site + "/data/stepwell.db",
                fs::copy_options::overwrite_existing);
  EXPECT_EQ(run(), kDone) << out.str();
  EXPECT_EQ(level_of("tombstones", "older than 1 revocation in"), "warning");
  EXPECT_EQ(call("GET", "/api/v1/credentials/one").get("state"), Value("revoked"));
}

TEST_F(Doctor, FollowsNoLinkInTheDataDirectory) {
  store::write_file(root / "elsewhere", "");
  ASSERT_EQ(::chmod((root / "elsewhere").c_str(), 0644), 0);
  fs::create_symlink(root / "elsewhere", site + "/data/link");
  EXPECT_EQ(run(true), kDone) << out.str();
  EXPECT_EQ(level_of("modes", "/data/link is neither a file nor a folder"), "warning");
  EXPECT_EQ(store::mode_of(root / "elsewhere"), 0644U);
}

TEST_F(Doctor, OpensNoDatabaseOfAnotherUser) {
  const Result<config::Settings> settings = read_settings(context());
  ASSERT_TRUE(settings);
  Facts facts;
  facts.user = 1001;
  facts.paths = {{Role::data, settings->data, Kind::folder, 0700, 1000}};
  const DatabaseFacts database = look_at_database(context(), *settings, facts);
  EXPECT_EQ(database.left_out, "the data directory belongs to another user");
  EXPECT_TRUE(database.keys.is_null());
}

TEST_F(Doctor, SaysByHowMuchTheClockIsBehind) {
  clock = std::make_unique<stepwell::test::ManualClock>(SystemClock().now() - hours(3) +
                                                        std::chrono::minutes(30));
  EXPECT_EQ(run(), kDone);
  EXPECT_EQ(level_of("clock", "the clock is 2 h "), "warning");
}

TEST_F(Doctor, SeesKeysNearTheirEndAndCredentialsThatAreMissing) {
  call("POST", "/api/v1/keys",
       Value::object({{"name", "ci"},
                      {"user", "admin"},
                      {"expiresAt", format_time(SystemClock().now() + hours(10 * 24 + 1))}}));
  add_credential("crm");
  call("POST", "/api/v1/credentials/crm/disable");
  store::write_file(site + "/definitions/sync.yaml", R"(
document: {dsl: '1.0.0', namespace: sales, name: sync, version: '1.0.0'}
do:
  - first:
      call: http
      with:
        method: get
        endpoint: {uri: 'https://a.example.com/', authentication: {use: crm}}
  - second:
      call: http
      with:
        method: get
        endpoint: {uri: 'https://a.example.com/', authentication: {use: erp}}
)");
  EXPECT_EQ(run(), kFailed);
  EXPECT_EQ(level_of("keys", "(ci, of admin) expires in 10 days"), "warning");
  EXPECT_EQ(level_of("credentials",
                     "the credential crm is disabled; " + site + "/definitions/sync.yaml:"),
            "warning");
  EXPECT_EQ(level_of("credentials", "refers to the credential erp, which does not exist"), "error");
  EXPECT_EQ(level_of("definitions", "1 file without"), "ok");
}

TEST_F(Doctor, ReadsEgressPortAndDefinitionsFromTheSettings) {
  environment["STEPWELL_EGRESS_ALLOW"] = "127.0.0.0/8,8.8.8.8/32";
  environment["STEPWELL_HTTP_LISTEN"] = "0.0.0.0:0";
  store::write_file(site + "/definitions/broken.yaml", "do: 7\n");
  EXPECT_EQ(run(), kFailed);
  EXPECT_EQ(level_of("egress", "127.0.0.0/8: steps can reach this machine"), "warning");
  EXPECT_EQ(level_of("port", "0.0.0.0:0 can be reached"), "error");
  EXPECT_EQ(level_of("definitions", "broken.yaml:1:"), "error");
}

TEST_F(Doctor, ExitsWith2WhereTheSettingsCannotBeRead) {
  store::write_file(site + "/stepwell.yaml", "colour: red\n");
  EXPECT_EQ(run(), kUsage);
  EXPECT_EQ(level_of("settings", "stepwell.yaml:1:1"), "error");
  fs::remove(site + "/stepwell.yaml");
  EXPECT_EQ(run(true), kUsage);
}

TEST_F(Doctor, LeavesOutWhatAnotherProcessHolds) {
  Result<store::LockFile> lock = store::LockFile::acquire(site + "/data");
  ASSERT_TRUE(lock);
  EXPECT_EQ(run(), kDone) << out.str();
  EXPECT_EQ(level_of("database", "serves no API (yet)"), "warning");
  // A daemon, but no key for it.
  ASSERT_TRUE(lock->publish("127.0.0.1:1"));
  EXPECT_EQ(run(), kDone) << out.str();
  EXPECT_EQ(level_of("database", "STEPWELL_API_KEY"), "warning");
  environment["STEPWELL_API_KEY"] = api_key;
  EXPECT_EQ(run(), kFailed);
  EXPECT_EQ(level_of("database", "(daemon-unreachable)"), "error");
}

TEST_F(Doctor, AsksTheDaemonThatRuns) {
  const api::test::Office office;
  Result<store::LockFile> lock = store::LockFile::acquire(site + "/data");
  ASSERT_TRUE(lock);
  ASSERT_TRUE(lock->publish(office.address()));
  environment["STEPWELL_API_KEY"] = office.key("ana");
  EXPECT_EQ(run(), kDone) << out.str();
  EXPECT_EQ(level_of("database",
                     "the daemon at " + office.address() + " answers; the audit log is whole"),
            "ok");
  EXPECT_EQ(level_of("keys", "admins' keys that never expire"), "ok");
  EXPECT_EQ(level_of("clock", "not looked at").substr(0, 7), "nothing");
  environment["STEPWELL_API_KEY"] = office.key("vic");
  EXPECT_EQ(run(), kDone) << out.str();
  EXPECT_EQ(level_of("database", "the daemon refused an answer"), "warning");
}

}  // namespace
}  // namespace stepwell::daemon
