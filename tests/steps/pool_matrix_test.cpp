// Who shares a connection with whom: for each kind of credential and each version of HTTP, two
// credentials, a twin with the same values, a later version, and calls without any, all at one
// origin, told apart by the server's numbers of connections and TLS sessions.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <iostream>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "tests/steps/matrix_kinds.h"
#include "tests/steps/world.h"

namespace stepwell::steps::test {
namespace {

constexpr int kBurst = 6;
constexpr std::chrono::seconds kPatience{30};

// Somebody who calls, as the path of the requests says.
struct Party {
  std::string name;
  const Login* login;  // nullptr: without a credential
};

// Holds one answer back until it is told to let it go.
class Turnstile {
 public:
  void pass() {
    std::unique_lock lock(mutex_);
    held_ = true;
    changed_.notify_all();
    changed_.wait_for(lock, kPatience, [this] { return std::exchange(open_, false); });
  }
  bool wait_until_held() {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kPatience, [this] { return std::exchange(held_, false); });
  }
  void release() {
    const std::scoped_lock lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool held_ = false;  // guarded by mutex_
  bool open_ = false;  // guarded by mutex_
};

class PoolMatrix : public testing::Test {
 protected:
  PoolMatrix() : witness_([this](const Seen& seen) { return answer(seen); }) {}
  void SetUp() override { ASSERT_TRUE(witness_.running()) << witness_.failure(); }

  std::string answer(const Seen& seen) {
    const bool challenge = digest_ && seen.target.find("/none") == std::string::npos &&
                           !seen.header("authorization").starts_with("Digest ");
    if (challenge) return digest_challenge();
    if (seen.target.starts_with("/held/")) gate_.pass();
    return reply(200);
  }

  http::test::ClientCertificates certificates_;
  std::atomic<bool> digest_{false};
  Turnstile gate_;
  Witness witness_;
  std::size_t cells_ = 0;
  std::size_t requests_ = 0;
  std::size_t connections_ = 0;
  std::size_t shared_ = 0;
  std::size_t resumed_ = 0;
};

// One cell: a kind at an origin, in a world of its own.
class Cell {
 public:
  Cell(Witness& witness, const Front& front, const Kind& kind)
      : witness_(witness), front_(front), kind_(kind) {}

  World& world() { return world_; }
  const std::map<std::string, std::set<std::string>>& connections() const { return connections_; }
  std::size_t requests() const { return requests_; }
  std::size_t resumed() const { return resumed_; }
  std::string text() const { return kind_.name + " by " + front_.label(); }

  void add(const Party& party) {
    if (kind_.by != Kind::By::stored || party.login == nullptr) return;
    const auto added =
        world_.authority->credentials().add(kAna, party.login->stored(party.name, witness_));
    ASSERT_TRUE(added) << text() << ": " << added.error().detail;
  }

  std::future<engine::InstanceView> start(const Party& party, const std::string& folder) {
    const std::string url = front_.origin() + folder + party.name;
    if (party.login != nullptr)
      return world_.start(party.login->call("get", url, witness_, "", party.name));
    return world_.start("do: [{get: {call: http, with: {method: get, endpoint: '" + url +
                        "'}, metadata: {stepwell: {tls: {caFile: '" + witness_.ca_file() +
                        "'}}}}}]\n");
  }

  // So many calls of each party at once; all have to succeed.
  void call(const std::vector<Party>& parties, const std::string& folder, int each = 1) {
    std::vector<std::future<engine::InstanceView>> ends;
    for (int i = 0; i < each; ++i)
      for (const Party& party : parties) ends.push_back(start(party, folder));
    for (auto& end : ends) {
      const auto view = end.get();
      EXPECT_EQ(view.status, engine::InstanceStatus::completed)
          << text() << ": " << view.problem->one_line();
    }
    take(parties);
  }

  // One after the other.
  void call_in_turn(const std::vector<Party>& parties, const std::string& folder) {
    for (const Party& party : parties) call({party}, folder);
  }

  // Judges what the witness saw since.
  void take(const std::vector<Party>& parties) {
    std::map<std::string, int> proved;
    for (const Seen& seen : witness_.take()) {
      const std::string name = seen.target.substr(seen.target.rfind('/') + 1);
      const auto party = std::find_if(parties.begin(), parties.end(),
                                      [&](const Party& one) { return one.name == name; });
      ASSERT_NE(party, parties.end()) << text() << ": " << name;
      EXPECT_EQ(seen.version, front_.version) << text();
      ++requests_;
      judge_credential(*party, seen);
      judge_session(name, seen);
      connections_[name].insert(seen.connection);
      ports_[name].insert(seen.client_port);
    }
  }

  // The ports of a party's connections that are established now.
  std::set<int> open_ports(const std::string& party) const {
    const auto found = ports_.find(party);
    return found == ports_.end() ? std::set<int>() : open_of(found->second);
  }

  bool closes(const std::set<int>& ports) const {
    const auto end = std::chrono::steady_clock::now() + kPatience;
    while (!open_of(ports).empty()) {
      if (std::chrono::steady_clock::now() > end) return false;
      std::this_thread::yield();
    }
    return true;
  }

  // From now on what comes under this name is somebody else: another version.
  void set_aside(const std::string& party) {
    const std::string before = party + " before";
    connections_[before] = std::exchange(connections_[party], {});
    ports_.erase(party);
  }

  std::size_t shared_connections() const {
    std::map<std::string, int> users;
    for (const auto& [party, all] : connections_)
      for (const std::string& connection : all) ++users[connection];
    return static_cast<std::size_t>(
        std::count_if(users.begin(), users.end(), [](const auto& one) { return one.second > 1; }));
  }

  // How many requests the witness saw since.
  std::size_t unexpected() { return witness_.take().size(); }

 private:
  std::set<int> open_of(const std::set<int>& ports) const {
    std::set<int> open = open_clients(front_.port);
    std::erase_if(open, [&ports](int port) { return !ports.contains(port); });
    return open;
  }

  void judge_credential(const Party& party, const Seen& seen) const {
    if (party.login == nullptr) {
      EXPECT_FALSE(seen.has("authorization") || seen.has("x-api-key") || !seen.subject.empty())
          << text() << ":\n"
          << seen.text;
      return;
    }
    const bool certificate = kind_.is(auth::CredentialKind::client_certificate);
    const bool asks = kind_.is(auth::CredentialKind::digest) && !seen.has("authorization");
    if ((certificate && !front_.https()) || asks) return;
    EXPECT_TRUE(party.login->carried_by(seen)) << text() << ", " << party.name << ":\n"
                                               << seen.text;
  }

  // A party's first connection has no session of its own to go on with.
  void judge_session(const std::string& name, const Seen& seen) {
    if (!seen.resumed) return;
    ++resumed_;
    EXPECT_FALSE(kind_.is(auth::CredentialKind::client_certificate) && name != "none") << text();
    const auto& known = connections_[name];
    const bool first = known.empty() || (known.size() == 1 && known.contains(seen.connection));
    EXPECT_FALSE(first) << text() << ": " << name << " goes on with somebody else's session";
  }

  Witness& witness_;
  const Front& front_;
  const Kind& kind_;
  World world_;
  std::map<std::string, std::set<std::string>> connections_;  // by party
  std::map<std::string, std::set<int>> ports_;                // by party
  std::size_t requests_ = 0;
  std::size_t resumed_ = 0;
};

// While a request of the old version waits for its answer, on a connection that HTTP/2 would share.
void rotate(Cell& cell, const Party& party, const Login& later, const std::vector<Party>& others,
            Turnstile& gate) {
  auto held = cell.start(party, "/held/");
  ASSERT_TRUE(gate.wait_until_held()) << cell.text();
  cell.take({party});
  const std::set<int> before = cell.open_ports(party.name);
  EXPECT_FALSE(before.empty()) << cell.text();
  std::map<std::string, std::set<int>> kept;
  for (const Party& other : others) kept[other.name] = cell.open_ports(other.name);
  ASSERT_TRUE(cell.world().authority->credentials().rotate(kAna, party.name,
                                                           {later.value(), {}, false, {}}));
  cell.set_aside(party.name);
  const Party renewed{party.name, &later};
  for (int i = 0; i < 2; ++i) cell.call({renewed}, "/pool/");
  EXPECT_EQ(cell.connections().at(party.name).size(), 1U) << cell.text();
  gate.release();
  EXPECT_EQ(held.get().status, engine::InstanceStatus::completed) << cell.text();
  EXPECT_TRUE(cell.closes(before)) << cell.text() << ": the old version's connections stay";
  for (const Party& other : others)
    EXPECT_EQ(cell.open_ports(other.name), kept[other.name]) << cell.text() << ": " << other.name;
}

void revoke(Cell& cell, const Party& party, const std::vector<Party>& others) {
  const std::set<int> before = cell.open_ports(party.name);
  EXPECT_FALSE(before.empty()) << cell.text();
  ASSERT_TRUE(cell.world().authority->credentials().revoke(kAna, party.name));
  EXPECT_TRUE(cell.closes(before)) << cell.text() << ": a revoked one's connections stay";
  for (const Party& other : others)
    EXPECT_FALSE(cell.open_ports(other.name).empty()) << cell.text() << ": " << other.name;
  const auto view = cell.start(party, "/pool/").get();
  ASSERT_EQ(view.status, engine::InstanceStatus::faulted) << cell.text();
  EXPECT_EQ(view.problem->code, "credential-revoked");
  EXPECT_EQ(cell.unexpected(), 0U) << cell.text();
}

TEST_F(PoolMatrix, NoConnectionAndNoSessionHasTwoOwners) {
  std::map<std::string, std::size_t> resumed;  // by HTTP version
  for (const Kind& kind : all_kinds()) {
    if (kind.by == Kind::By::nothing || kind.by == Kind::By::header) continue;
    const bool stored = kind.by == Kind::By::stored;
    digest_ = kind.is(auth::CredentialKind::digest);
    const Login one(kind, "alpha", certificates_);
    const Login two(kind, "beta", certificates_);
    const Login later(kind, "gamma", certificates_);
    ASSERT_TRUE(certificates_.ok());
    std::vector<Party> parties{{"first", &one}, {"second", &two}, {"none", nullptr}};
    if (stored) parties.push_back({"twin", &one});  // of the first, by another name
    for (std::size_t front = 0; front < 3; ++front) {
      Cell cell(witness_, witness_.fronts()[front], kind);
      for (const Party& party : parties) ASSERT_NO_FATAL_FAILURE(cell.add(party));
      for (int round = 0; round < 2; ++round) cell.call_in_turn(parties, "/pool/");
      for (const Party& party : parties)
        EXPECT_EQ(cell.connections().at(party.name).size(), 1U)
            << cell.text() << ": " << party.name << " does not use its own connection again";
      for (int round = 0; round < 2; ++round) cell.call_in_turn(parties, "/once/");
      cell.call(parties, "/pool/", kBurst);
      if (stored) {
        const Party& second = parties[1];
        rotate(cell, parties[0], later, {second, parties[2], parties[3]}, gate_);
        revoke(cell, second, {parties[0], parties[2], parties[3]});
      }
      EXPECT_EQ(cell.shared_connections(), 0U) << cell.text();
      ++cells_;
      requests_ += cell.requests();
      shared_ += cell.shared_connections();
      resumed[witness_.fronts()[front].label()] += cell.resumed();
      for (const auto& [party, all] : cell.connections()) connections_ += all.size();
    }
  }
  std::cout << cells_ << " cells, " << requests_ << " requests on " << connections_
            << " connections, " << shared_
            << " shared; sessions gone on with by their owners: " << resumed["https/1.1"] << "\n";
  RecordProperty("cells", static_cast<int>(cells_));
  RecordProperty("shared", static_cast<int>(shared_));
  EXPECT_EQ(cells_, 10U * 3);
  EXPECT_GT(resumed["https/1.1"], 0U) << "the judge has never seen a session that was resumed";
}

}  // namespace
}  // namespace stepwell::steps::test
