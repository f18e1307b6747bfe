#include "api/change_feed.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "api/instance_view.h"
#include "base/json.h"

namespace stepwell::api {

namespace {

constexpr std::size_t kReadAtOnce = 64;
constexpr std::size_t kRoomForChange = std::size_t{16} * 1024;
constexpr std::size_t kEraBytes = 6;

struct Place {
  std::string era;
  std::uint64_t number = 0;
};

// "ERA-NUMBER"
Result<Place> read_place(const std::string& text) {
  Place place;
  const std::size_t dash = text.find('-');
  const char* const end = text.data() + text.size();
  const char* const digits = dash == std::string::npos ? end : text.data() + dash + 1;
  const auto [stopped_at, error] = std::from_chars(digits, end, place.number);
  if (error != std::errc() || stopped_at != end || dash != 2 * kEraBytes)
    return fail(client_error(400, "parameter-invalid",
                             "the last event's id must be one that an event of this stream had"));
  place.era = text.substr(0, dash);
  return place;
}

}  // namespace

// One client's way through the changes. Used by its connection alone.
class ChangeFeed::Reader {
 public:
  Reader(std::shared_ptr<ChangeFeed> feed, engine::InstanceFilter filter)
      : feed_(std::move(feed)), filter_(std::move(filter)) {}
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  // Before the stream is given away: where it begins, and what it is told first.
  void begin(std::string era, std::uint64_t place, const char* first) {
    era_ = std::move(era);
    place_ = place;
    first_ = first;
  }

  void fill(EventStream& stream) {
    if (const char* const first = std::exchange(first_, nullptr)) tell_place(stream, first);
    Changes changes;
    for (;;) {
      changes.clear();
      if (feed_->read(place_, changes)) tell_place(stream, "gap");
      if (changes.empty() && feed_->rest(place_, this, stream.weak_from_this())) return;
      for (const auto& change : changes) {
        if (!has_room(stream, *change)) return;
        place_ = change->number;
        if (picks(*change)) push(stream, *change);
      }
    }
  }

  const std::shared_ptr<ChangeFeed>& feed() const { return feed_; }

 private:
  void tell_place(EventStream& stream, const char* name) const {
    stream.push({era_ + "-" + std::to_string(place_), name, "{}"});
  }
  void push(EventStream& stream, const Change& change) const {
    const char* const name = change.what == engine::InstanceChange::status ? "status" : "changed";
    const std::string data = feed_->around_.redactor.mask(change.text);
    stream.push({era_ + "-" + std::to_string(change.number), name, data});
  }
  // One that is too large for any room is sent alone.
  static bool has_room(const EventStream& stream, const Change& change) {
    const std::size_t room = stream.room();
    const std::size_t wanted = std::max(kRoomForChange, 2 * change.text.size());
    return room > std::min(wanted, EventStream::kMostWaiting - 1);
  }
  bool picks(const Change& change) const {
    const engine::InstanceView& view = change.view;
    const engine::InstanceFacts facts{view.id,    view.status,   view.started, view.updated,
                                      view.ended, &change.label, view.parent,  view.key};
    return engine::picks(filter_, facts) && engine::picks_workflow(filter_, view.workflow);
  }

  const std::shared_ptr<ChangeFeed> feed_;
  const engine::InstanceFilter filter_;
  std::string era_;
  std::uint64_t place_ = 0;      // the last change that it has looked at
  const char* first_ = nullptr;  // an event that only tells the place
};

Result<std::shared_ptr<EventStream>> ChangeFeed::open(const engine::InstanceFilter& filter,
                                                      const std::optional<std::string>& after) {
  std::optional<Place> known;
  if (after && !after->empty()) {
    Result<Place> place = read_place(*after);
    if (!place) return fail(std::move(place.error()));
    known = *std::move(place);
  }
  const auto reader = std::make_shared<Reader>(shared_from_this(), filter);
  auto stream = std::make_shared<EventStream>([reader](EventStream& to) { reader->fill(to); },
                                              [reader] { reader->feed()->leave(reader.get()); });
  const std::scoped_lock lock(mutex_);
  ++readers_;
  if (!std::exchange(following_, true)) {
    era_ = around_.entropy.hex(kEraBytes);
    around_.engine.follow(shared_from_this());
  }
  const std::uint64_t first = changes_.empty() ? last_ + 1 : changes_.front()->number;
  const bool there =
      known && known->era == era_ && known->number + 1 >= first && known->number <= last_;
  reader->begin(era_, there ? known->number : last_, there ? nullptr : known ? "gap" : "begin");
  return stream;
}

void ChangeFeed::on_change(const engine::InstanceView& view, engine::InstanceChange what) {
  auto change = std::make_shared<Change>();
  change->what = what;
  change->text = to_json(summarize_instance(view));
  change->label = {view.name, view.tags, view.priority, view.deadline, false, {}};
  engine::InstanceView& kept = change->view;
  kept.id = view.id;
  kept.workflow = view.workflow;
  kept.key = view.key;
  kept.status = view.status;
  kept.started = view.started;
  kept.updated = view.updated;
  kept.ended = view.ended;
  kept.parent = view.parent;
  std::unordered_map<const Reader*, std::weak_ptr<EventStream>> woken;
  {
    const std::scoped_lock lock(mutex_);
    if (!following_) return;
    change->number = ++last_;
    bytes_ += change->text.size();
    changes_.push_back(std::move(change));
    forget_first();
    woken.swap(resting_);
  }
  for (const auto& [reader, weak] : woken)
    if (const auto stream = weak.lock()) stream->poke();
}

// With the lock held.
void ChangeFeed::forget_first() {
  while (changes_.size() > most_ || (bytes_ > kMostBytes && changes_.size() > 1)) {
    bytes_ -= changes_.front()->text.size();
    changes_.pop_front();
  }
}

bool ChangeFeed::read(std::uint64_t& place, Changes& into) const {
  const std::scoped_lock lock(mutex_);
  if (changes_.empty()) return false;
  const std::uint64_t first = changes_.front()->number;
  const bool missed = place + 1 < first;
  if (missed) place = first - 1;
  for (std::size_t at = place + 1 - first; at < changes_.size() && into.size() < kReadAtOnce; ++at)
    into.push_back(changes_[at]);
  return missed;
}

bool ChangeFeed::rest(std::uint64_t place, const Reader* reader,
                      const std::weak_ptr<EventStream>& stream) {
  const std::scoped_lock lock(mutex_);
  if (last_ > place) return false;
  resting_[reader] = stream;
  return true;
}

void ChangeFeed::leave(const Reader* reader) {
  {
    const std::scoped_lock lock(mutex_);
    resting_.erase(reader);
    if (--readers_ > 0) return;
    idle_since_ = around_.clock.steady_now();
  }
  around_.reactor.run_at(around_.clock.steady_now() + kFollowOn, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->end_if_idle();
  });
}

void ChangeFeed::end_if_idle() {
  const std::scoped_lock lock(mutex_);
  if (readers_ > 0 || !following_) return;
  if (around_.clock.steady_now() - idle_since_ < kFollowOn) return;  // another timer comes
  following_ = false;
  around_.engine.unfollow(this);
  changes_.clear();
  bytes_ = 0;
}

}  // namespace stepwell::api
