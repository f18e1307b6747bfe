// What becomes of all instances as streams of events: each reader has a place among the last
// changes and no queue of its own, so that memory ends somewhere however slow he is. While nobody
// reads, and a moment longer, the engine is not asked.
// Made with its route, shared with the engine and the readers' streams; any thread, never blocks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "api/event_stream.h"
#include "auth/redactor.h"
#include "base/clock.h"
#include "base/entropy.h"
#include "engine/changes.h"
#include "http/reactor.h"

namespace stepwell::api {

class ChangeFeed final : public engine::ChangeListener,
                         public std::enable_shared_from_this<ChangeFeed> {
 public:
  // Kept of the last changes: whoever comes back later than that is told of a gap.
  static constexpr std::size_t kMostChanges = 10'000;
  static constexpr std::size_t kMostBytes = std::size_t{16} * 1024 * 1024;
  static constexpr std::chrono::seconds kFollowOn{60};  // behind the last reader

  // All references outlive it, and its streams.
  struct Surroundings {
    engine::Engine& engine;
    const auth::Redactor& redactor;
    const Clock& clock;
    Entropy& entropy;
    http::Reactor& reactor;
  };
  explicit ChangeFeed(const Surroundings& around, std::size_t most = kMostChanges)
      : around_(around), most_(most) {}

  // A stream of those that the filter picks (by what lasting_names() has): from now on, or behind
  // the event with that id; where that is not known any more, a gap is told. Errors: validation/400
  // `parameter-invalid` for what was never an id.
  Result<std::shared_ptr<EventStream>> open(const engine::InstanceFilter& filter,
                                            const std::optional<std::string>& after);

  void on_change(const engine::InstanceView& view, engine::InstanceChange what) override;

 private:
  class Reader;
  struct Change {
    std::uint64_t number = 0;
    engine::InstanceChange what = engine::InstanceChange::status;
    engine::InstanceView view;  // what filters look at
    engine::Label label;
    std::string text;  // JSON
  };
  using Changes = std::vector<std::shared_ptr<const Change>>;

  // Those behind a place, some of them; the place goes where they begin. True: some were missed.
  bool read(std::uint64_t& place, Changes& into) const;
  // Wakes the stream with the next change; false: there is one already.
  bool rest(std::uint64_t place, const Reader* reader, const std::weak_ptr<EventStream>& stream);
  void leave(const Reader* reader);
  void end_if_idle();
  void forget_first();
  std::string id_of(std::uint64_t number) const { return era_ + "-" + std::to_string(number); }

  const Surroundings around_;
  const std::size_t most_;
  mutable std::mutex mutex_;
  std::string era_;  // guarded by mutex_, as all that follows: ids of another one are not known
  std::deque<std::shared_ptr<const Change>> changes_;
  std::size_t bytes_ = 0;   // of their texts
  std::uint64_t last_ = 0;  // number
  std::size_t readers_ = 0;
  bool following_ = false;
  SteadyTime idle_since_{};
  std::unordered_map<const Reader*, std::weak_ptr<EventStream>> resting_;
};

}  // namespace stepwell::api
