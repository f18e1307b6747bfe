// The part of the look that goes through the store or a running daemon.

#include <algorithm>
#include <memory>
#include <utility>

#include "daemon/admin_call.h"
#include "daemon/doctor_look.h"
#include "daemon/doctor_store.h"
#include "daemon/site.h"
#include "store/lock.h"

namespace stepwell::daemon {

namespace {

using Role = PathFact::Role;
using Kind = PathFact::Kind;

Result<Holder> holder_of(const std::string& data) {
  const auto owner = store::LockFile::read_owner(data);
  if (!owner) return fail(owner.error());
  Holder holder;
  if (!*owner) return holder;
  holder.kind = (*owner)->address.empty() ? Holder::Kind::other_process : Holder::Kind::daemon;
  holder.pid = (*owner)->pid;
  holder.address = (*owner)->address;
  return holder;
}

// What the API says, offline and online alike.
void ask(Backend& backend, DatabaseFacts& facts) {
  const auto get = [&](const char* target) {
    Result<Value> answer = get_every_page(backend, target);
    if (answer) return *std::move(answer);
    // One that cannot be reached need not be told of four times.
    const bool told = std::any_of(
        facts.faults.begin(), facts.faults.end(),
        [&](const Problem& problem) { return problem.detail == answer.error().detail; });
    if (!told) facts.faults.push_back(std::move(answer).error());
    return Value();
  };
  facts.audit_intact = get("/api/v1/audit/verify").get("intact") == Value(true);
  facts.keys = get("/api/v1/keys").get("items");
  facts.credentials = get("/api/v1/credentials").get("items");
  facts.users = get("/api/v1/users").get("items");
}

void ask_daemon(const CommandContext& context, const config::Settings& settings,
                DatabaseFacts& facts) {
  facts.clock_mark = clock_mark_of(settings);
  Result<std::unique_ptr<Backend>> backend = open_backend(context, Connection());
  if (backend)
    ask(**backend, facts);
  else if (backend.error().code == "key-missing")
    facts.left_out = "a daemon runs, and " + backend.error().detail;
  else
    facts.faults.push_back(std::move(backend).error());
}

void open_database(const config::Settings& settings, DatabaseFacts& facts) {
  const Result<StoreFacts> store = look_into_store(settings);
  if (!store) {
    facts.faults.push_back(store.error());
    return;
  }
  facts.clock_mark = store->clock_mark;
  facts.stones_ahead = store->stones_ahead;
  facts.stones_to_restore = store->stones_to_restore;
  Result<std::unique_ptr<Backend>> backend = open_offline(settings);
  if (backend)
    ask(**backend, facts);
  else
    facts.faults.push_back(std::move(backend).error());
}

// Why the database must not be opened by us: nothing may come into being that was not there.
std::string hindrance(const config::Settings& settings, const Facts& facts) {
  const auto data = std::find_if(facts.paths.begin(), facts.paths.end(),
                                 [](const PathFact& path) { return path.role == Role::data; });
  if (data == facts.paths.end() || data->kind != Kind::folder)
    return "there is no data directory " + settings.data;
  if (data->owner != facts.user) return "the data directory belongs to another user";
  const std::string database = settings.data + "/stepwell.db";
  const bool there = std::any_of(facts.paths.begin(), facts.paths.end(), [&](const PathFact& path) {
    return path.path == database && path.kind != Kind::missing;
  });
  if (!there) return "there is no database " + database;
  if (facts.master_key.fault) return "the master key cannot be loaded";
  return "";
}

}  // namespace

DatabaseFacts look_at_database(const CommandContext& context, const config::Settings& settings,
                               const Facts& facts) {
  DatabaseFacts database;
  const Result<Holder> holder = holder_of(settings.data);
  if (!holder) {
    database.faults.push_back(holder.error());
    database.left_out = "who works on it cannot be seen";
    return database;
  }
  database.holder = *holder;
  switch (holder->kind) {
    case Holder::Kind::daemon:
      ask_daemon(context, settings, database);
      break;
    case Holder::Kind::other_process:
      database.left_out = "process " + std::to_string(holder->pid) + " works on " + settings.data +
                          " and serves no API (yet)";
      break;
    case Holder::Kind::nobody:
      database.left_out = hindrance(settings, facts);
      if (database.left_out.empty()) open_database(settings, database);
  }
  return database;
}

}  // namespace stepwell::daemon
