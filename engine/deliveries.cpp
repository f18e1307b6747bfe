#include "engine/deliveries.h"

#include <algorithm>

#include "base/json.h"

namespace stepwell::engine {

namespace {

std::string_view type_of(const Value& event) {
  const Value& type = event.get("type");
  return type.is_string() ? type.as_string() : std::string_view();
}

}  // namespace

Deliveries::Deliveries(EventBus& bus, Journal& journal, const Clock& clock, std::uint64_t first_id)
    : bus_(bus),
      journal_(journal),
      clock_(clock),
      shared_(std::make_shared<Shared>(journal)),
      next_id_(first_id) {}

Deliveries::Name Deliveries::name_of(const Value& source, const Value& id) {
  return {to_json(source), to_json(id)};
}

Record Deliveries::record_of(Record::Kind kind, std::uint64_t id) const {
  Record record{};
  record.kind = kind;
  record.time = clock_.now();
  record.id = id;
  return record;
}

// When the last who holds it lets go of it, the journal forgets the event.
Delivery Deliveries::delivery(std::uint64_t id) const {
  Record delivered = record_of(Record::Kind::delivered, id);
  const auto all_have_it = [shared = shared_, delivered](const void* /*nothing*/) {
    if (!shared->stopped.load(std::memory_order_acquire))
      shared->journal.append(delivered, nullptr);
  };
  return {static_cast<const void*>(this), all_have_it};
}

Record Deliveries::published(const Value& event, EventBus::From from, std::uint64_t id) const {
  Record record = record_of(Record::Kind::published, id);
  record.random = from == EventBus::From::inside ? 1 : 0;
  record.payload = event;
  return record;
}

Delivery Deliveries::announce(const Value& event, EventBus::From from) {
  if (!bus_.listened_for(type_of(event))) return nullptr;
  const std::uint64_t id = next_id_.fetch_add(1);
  journal_.append(published(event, from, id), nullptr);
  return delivery(id);
}

// The record stands before those of whoever gets the event, so that these cannot be durable alone.
void Deliveries::publish(const Value& event, EventBus::From from,
                         const std::function<void(Status)>& done) {
  if (!bus_.listened_for(type_of(event))) {
    bus_.publish(event, from);
    if (done) done({});
    return;
  }
  const std::uint64_t id = next_id_.fetch_add(1);
  const auto refused = std::make_shared<std::atomic<bool>>(false);
  const auto kept = journal_.append(published(event, from, id), [refused, done](Status status) {
    if (!status) refused->store(true);
    if (done) done(std::move(status));
  });
  if (refused->load()) return;
  bus_.publish(event, from, delivery(id));
  if (kept == Journal::Durability::now && done) done({});
}

Status Deliveries::recover() {
  Result<std::vector<Record>> undelivered = journal_.undelivered();
  if (!undelivered) return fail(std::move(undelivered.error()));
  undelivered_ = std::move(*undelivered);
  for (const Record& record : undelivered_) {
    next_id_.store(std::max(next_id_.load(), record.id + 1));
    in_doubt_.insert(name_of(record.payload.get("source"), record.payload.get("id")));
  }
  return {};
}

void Deliveries::add_emitted(const Value& event) {
  if (in_doubt_.insert(name_of(event.get("source"), event.get("id"))).second)
    emitted_.push_back(event);
}

void Deliveries::publish_again() {
  for (const Record& record : std::exchange(undelivered_, {})) {
    bus_.publish(record.payload,
                 record.random == 1 ? EventBus::From::inside : EventBus::From::outside,
                 delivery(record.id));
  }
  for (const Value& event : std::exchange(emitted_, {}))
    send(event, EventBus::From::inside, announce(event, EventBus::From::inside));
}

}  // namespace stepwell::engine
