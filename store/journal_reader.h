// The journal's database as it is read: a connection of its own, so that nobody who reads holds up
// the writer. Owned by SqliteJournal; any thread that may block, one at a time.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/ports.h"
#include "store/database.h"

namespace stepwell::store {

// Which finished instances are not kept: those beyond any limit that is given.
struct Retention {
  std::string workflow{};                  // NAMESPACE/NAME; empty: of all workflows
  std::optional<WallTime> ended_before{};  // older ones go
  std::optional<std::uint64_t> keep{};     // only so many stay, those that ended last
};

class JournalReader {
 public:
  explicit JournalReader(Database database) : database_(std::move(database)) {}

  // As engine::Journal's. `each` is called with a lock held: it must not read.
  Status read_open(const engine::Journal::Reader& each);
  Result<std::vector<engine::Record>> read(InstanceId instance);
  Result<std::optional<engine::InstanceSummary>> summary(InstanceId instance);
  Result<std::vector<engine::InstanceSummary>> find(const engine::InstanceFilter& filter,
                                                    std::size_t most);
  Result<Value> definition(const std::string& digest);
  Result<std::vector<engine::Record>> undelivered();
  Result<std::vector<engine::Record>> schedules();
  Result<std::uint64_t> last_instance(std::uint64_t limit);

  // Ids of instances that are not kept, at most so many; those that ended first come first.
  Result<std::vector<std::int64_t>> beyond(const Retention& retention, std::size_t most);
  // Rows of `workflows` that no instance uses.
  Result<std::vector<std::int64_t>> unused_workflows();

 private:
  Status read_open_locked(const engine::Journal::Reader& each);
  Status read_rest(InstanceId instance, std::vector<engine::Record>& records);
  Result<std::vector<engine::Record>> shared(std::string_view sql, engine::Record::Kind kind);
  Result<std::vector<std::int64_t>> numbers(Statement statement);

  std::mutex mutex_;
  Database database_;  // guarded by mutex_
};

}  // namespace stepwell::store
