// What `stepwell doctor` makes of the facts: findings, each with what to do about it.
// Pure functions, callable from any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/doctor_facts.h"

namespace stepwell::daemon {

// What --fix does about a finding, without losing anything.
struct Mend {
  enum class What : std::uint8_t { mode, tombstones };
  What what = What::mode;
  std::string path;
  unsigned mode = 0;
};

struct Finding {
  enum class Level : std::uint8_t { ok, warning, error };
  std::string check;  // "modes"
  Level level = Level::ok;
  std::string detail;
  std::string remedy = {};  // empty where nothing needs to be done
  std::optional<Mend> mend = {};
};
std::string_view to_string(Finding::Level level) noexcept;

using Findings = std::vector<Finding>;

// At least one finding a check, in a fixed order; only that of the settings where they are
// unreadable.
Findings judge(const Facts& facts);

// The checks one by one; nothing where all is well, but for notes at level ok.
Findings judge_modes(const Facts& facts);
Findings judge_master_key(const MasterKeyFacts& key);
Findings judge_database(const DatabaseFacts& database);
Findings judge_journal(const JournalFacts& journal);
Findings judge_files(const FileFacts& files);
Findings judge_clock(const Facts& facts);
Findings judge_keys(const Facts& facts);
Findings judge_credentials(const Facts& facts);
Findings judge_definitions(const Facts& facts);
Findings judge_egress(const std::vector<std::string>& allow, const std::vector<std::string>& deny);
Findings judge_listen(const Facts& facts);
Findings judge_limits(const Facts& facts);

}  // namespace stepwell::daemon
