// Random sequences of everything that can happen to a credential, and to a key, against a small
// model of what the gate has to answer after each step.
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "tests/auth/house.h"

namespace stepwell::auth {
namespace {

using std::chrono::hours;

constexpr int kSequences = 2'000;
constexpr int kCalls = 30;
constexpr std::uint64_t kSeed = 20'261'122;

// The clock as expiries are judged by it: it never goes back.
class ModelClock {
 public:
  explicit ModelClock(const test::ManualClock& clock) : clock_(clock) { look(); }
  WallTime look() {
    const auto steady =
        std::chrono::duration_cast<Milliseconds>(clock_.steady_now().time_since_epoch());
    ahead_ = std::max(ahead_, clock_.now().time_since_epoch() - steady);
    return WallTime(steady + ahead_);
  }

 private:
  const test::ManualClock& clock_;
  Milliseconds ahead_ = Milliseconds::min();
};

// What becomes of one credential of one name.
struct CredentialModel {
  enum class State { none, active, disabled, rejected, revoked, deleted };
  State state = State::none;
  std::optional<WallTime> expires_at;
  int version = 0;
  int refusals = 0;
  bool probing = false;
  std::string token;

  std::string answer(WallTime now) const {
    switch (state) {
      case State::none:
        return "credential-unknown";
      case State::disabled:
        return "credential-disabled";
      case State::rejected:
        return "credential-rejected";
      case State::revoked:
        return "credential-revoked";
      case State::deleted:
        return "credential-deleted";
      case State::active:
        break;
    }
    if (expires_at && now >= *expires_at) return "credential-expired";
    return "granted " + std::to_string(version) + " " + token;
  }
  bool gone() const { return state == State::none || state == State::deleted; }
  // How a change to it is answered where it does not happen; else empty.
  std::string refusal() const {
    if (gone()) return "credential-unknown";
    return state == State::revoked ? "credential-final" : "";
  }
};

class CredentialRun {
 public:
  explicit CredentialRun(std::uint64_t seed) : dice_(seed), clock_(house_.clock) {}

  // False at the first difference; `story` is what led to it.
  bool go() {
    for (int i = 0; i < kCalls; ++i) {
      step();
      const WallTime now = look();
      if (!same("authorize", model_.answer(now), answer())) return false;
      if (held_ && !same("the held grant", held_answer(now), asked(*held_->guard))) return false;
      if (!held_ && throw_of(4) == 0) hold();
    }
    return agreed_;
  }
  std::string story() const { return story_; }

 private:
  using State = CredentialModel::State;

  // Both look, as the daemon does once a second.
  WallTime look() {
    EXPECT_EQ(house_.authority().expiry_clock().now(), clock_.look()) << story_;
    return clock_.look();
  }
  unsigned throw_of(unsigned sides) {
    return std::uniform_int_distribution<unsigned>(0, sides - 1)(dice_);
  }
  bool same(const char* what, const std::string& expected, const std::string& seen) {
    if (expected == seen) return true;
    story_ += std::string(" | ") + what + ": expected " + expected + ", seen " + seen;
    return agreed_ = false;
  }
  std::string answer() {
    const Result<Grant> grant = house_.gate().authorize(use_of("crm-key"));
    if (!grant) return grant.error().code;
    if (grant->pending()) return "pending";
    const std::string line = line_of(*grant);
    return "granted " + std::to_string(grant->version) + " " + line.substr(line.rfind(' ') + 1);
  }

  void hold() {
    Result<Grant> grant = house_.gate().authorize(use_of("crm-key"));
    if (!grant || grant->pending()) return;
    held_ = std::move(*grant);
    held_->turn.reset();
    overtaken_.clear();
    outlived_ = false;
  }
  // What the guard of an earlier grant says.
  std::string held_answer(WallTime now) const {
    if (outlived_) return "credential-deleted";
    if (!overtaken_.empty()) return overtaken_;
    const std::string answer = model_.answer(now);
    return answer.substr(0, answer.find(' '));
  }
  // The held grant's version is not the current one any more.
  void overtake(const char* code) {
    if (held_) overtaken_ = code;
  }

  void step() {
    switch (throw_of(12)) {
      case 0:
        return add();
      case 1:
        return rotate();
      case 2:
        return enable();
      case 3:
        return disable();
      case 4:
        return set_expiry();
      case 5:
        return refused(3);
      case 6:
        return refused(1);
      case 7:
        return accepted();
      case 8:
        // Rarely, or most of every sequence would be spent at the end.
        return throw_of(3) == 0 ? end(throw_of(2) == 0) : set_clock();
      case 9:
        return set_clock();
      case 10:
        return describe_anew();
      default:
        return throw_of(2) == 0 ? reopen() : maintain();
    }
  }
  void told(const char* call, const std::string& expected, const std::string& seen) {
    story_ += std::string(", ") + call;
    same(call, expected, seen);
  }

  std::optional<WallTime> some_moment() {
    const WallTime now = clock_.look();
    switch (throw_of(4)) {
      case 0:
        return std::nullopt;
      case 1:
        return now;
      case 2:
        return now + hours(1);
      default:
        return now + hours(30);
    }
  }

  void add() {
    NewCredential credential = bearer("crm-key", next_token());
    credential.expires_at = some_moment();
    const std::optional<WallTime> expires_at = credential.expires_at;
    const bool free = model_.gone();
    told("add", free ? "granted" : "credential-exists",
         code_of(house_.credentials().add(kAna, std::move(credential))));
    if (!free) return;
    outlived_ = held_.has_value();
    model_ = {State::active, expires_at, 1, 0, false, token_};
  }
  void rotate() {
    Rotation rotation = rotation_to(next_token());
    rotation.change_expiry = throw_of(2) == 0;
    if (rotation.change_expiry) rotation.expires_at = some_moment();
    const bool moved = rotation.change_expiry;
    const std::optional<WallTime> expires_at = rotation.expires_at;
    const std::string refusal = model_.refusal();
    told("rotate", refusal.empty() ? "granted" : refusal,
         code_of(house_.credentials().rotate(kAna, "crm-key", std::move(rotation))));
    if (!refusal.empty()) return;
    overtake("credential-rotated");
    model_.probing = model_.state == State::rejected;
    if (model_.probing) model_.state = State::active;
    if (moved) model_.expires_at = expires_at;
    ++model_.version;
    model_.refusals = 0;
    model_.token = token_;
  }
  void enable() {
    const std::string refusal = model_.refusal();
    told("enable", refusal.empty() ? "granted" : refusal,
         code_of(house_.credentials().enable(kAna, "crm-key")));
    if (!refusal.empty() || model_.state == State::active) return;
    model_.probing = model_.state == State::rejected;
    model_.state = State::active;
    model_.refusals = 0;
  }
  void disable() {
    const std::string refusal = model_.refusal();
    told("disable", refusal.empty() ? "granted" : refusal,
         code_of(house_.credentials().disable(kAna, "crm-key")));
    if (!refusal.empty()) return;
    model_.state = State::disabled;
    model_.probing = false;
  }
  void set_expiry() {
    const std::optional<WallTime> at = some_moment();
    const std::string refusal = model_.refusal();
    told("set_expiry", refusal.empty() ? "granted" : refusal,
         code_of(house_.credentials().set_expiry(kAna, "crm-key", at)));
    if (refusal.empty()) model_.expires_at = at;
  }
  void describe_anew() {
    CredentialChange wanted;
    wanted.description = "new";
    const std::string refusal = model_.refusal();
    told("change", refusal.empty() ? "granted" : refusal,
         code_of(house_.credentials().change(kAna, "crm-key", wanted)));
  }
  void refused(int times) {
    const Result<Grant> grant = house_.gate().authorize(use_of("crm-key"));
    if (!grant || grant->pending()) return;
    story_ += times == 1 ? ", 401" : ", three 401";
    for (int i = 0; i < times; ++i) house_.gate().note_upstream_result(*grant, 401);
    model_.refusals += times;
    if (model_.refusals < 3 && !model_.probing) return;
    model_.state = State::rejected;
    model_.probing = false;
  }
  void accepted() {
    const Result<Grant> grant = house_.gate().authorize(use_of("crm-key"));
    if (!grant || grant->pending()) return;
    story_ += ", 200";
    house_.gate().note_upstream_result(*grant, 200);
    model_.refusals = 0;
    model_.probing = false;
  }
  void end(bool remove) {
    const std::string expected = model_.gone() ? "credential-unknown" : "granted";
    told(remove ? "delete" : "revoke", expected,
         code_of(remove ? house_.credentials().remove(kAna, "crm-key")
                        : house_.credentials().revoke(kAna, "crm-key")));
    if (model_.gone()) return;
    model_.state = remove ? State::deleted : State::revoked;
    // Whatever version was in some hand ends with it.
    overtaken_.clear();
  }
  void set_clock() {
    const hours steps[] = {hours(-24), hours(-1), hours(1), hours(24)};
    const hours by = steps[throw_of(4)];
    const bool pass = throw_of(2) == 0 && by > hours(0);
    story_ += pass ? ", time passes " : ", clock set ";
    story_ += std::to_string(by.count()) + " h";
    if (pass)
      house_.clock.advance(by);
    else
      house_.clock.set_wall(house_.clock.now() + by);
  }
  void maintain() {
    story_ += ", maintain";
    house_.authority().maintain();
  }
  void reopen() {
    story_ += ", reopen";
    held_.reset();
    overtaken_.clear();
    outlived_ = false;
    house_.clock.advance(Milliseconds(61'000));  // the mark is written
    clock_.look();
    house_.authority().maintain();
    house_.reopen();
    model_.refusals = 0;
    model_.probing = false;
  }
  std::string next_token() { return token_ = "token-number-" + std::to_string(++tokens_); }

  std::mt19937_64 dice_;
  House house_;
  ModelClock clock_;
  CredentialModel model_;
  std::optional<Grant> held_;
  std::string overtaken_;
  bool outlived_ = false;  // the held grant is of a credential that had the name before
  std::string token_;
  int tokens_ = 0;
  std::string story_;
  bool agreed_ = true;
};

TEST(CredentialModel, IsWhatTheGateAnswersAfterEveryStep) {
  for (int i = 0; i < kSequences; ++i) {
    const std::uint64_t seed = kSeed + static_cast<std::uint64_t>(i);
    CredentialRun run(seed);
    ASSERT_TRUE(run.go()) << "seed " << seed << run.story();
  }
}

// The same for a key and its user.
class KeyRun {
 public:
  explicit KeyRun(std::uint64_t seed) : dice_(seed), clock_(house_.clock) {
    EXPECT_TRUE(house_.users().create({"init", ""}, "ana", Role::admin));
    EXPECT_TRUE(house_.users().create(kAna, "deploy", Role::operator_));
    Result<IssuedKey> issued = house_.keys().create(kAna, {"ci", "deploy"});
    EXPECT_TRUE(issued);
    id_ = issued->key.id;
    text_ = std::string(issued->secret.reveal());
  }

  bool go() {
    for (int i = 0; i < kCalls; ++i) {
      step();
      const std::string expected = answer(look());
      const std::string verified = code_of(house_.keys().verify("Api-Key " + text_));
      const std::string checked = code_of(house_.keys().check(id_));
      const std::string stands = code_of(house_.keys().stands(id_));
      // Who presents a deleted key learns nothing; who runs under it learns that it ended.
      if (verified != (state_ == KeyState::deleted ? "key-unknown" : expected) ||
          checked != expected || stands != expected) {
        story_ += " | expected " + expected + ", seen " + verified + ", " + checked + ", " + stands;
        return false;
      }
    }
    return true;
  }
  std::string story() const { return story_; }

 private:
  // Both look, as the daemon does once a second.
  WallTime look() {
    EXPECT_EQ(house_.authority().expiry_clock().now(), clock_.look()) << story_;
    return clock_.look();
  }
  unsigned throw_of(unsigned sides) {
    return std::uniform_int_distribution<unsigned>(0, sides - 1)(dice_);
  }
  std::string answer(WallTime now) const {
    if (state_ != KeyState::active) return "key-revoked";
    if (expires_at_ && now >= *expires_at_) return "key-expired";
    return user_ == "deploy" && !deploy_active_ ? "user-deactivated" : "granted";
  }
  std::string change_answer() const {
    if (state_ == KeyState::deleted) return "key-unknown";
    return state_ == KeyState::revoked ? "key-final" : "granted";
  }
  void told(const char* call, const std::string& expected, const std::string& seen) {
    story_ += std::string(", ") + call;
    EXPECT_EQ(seen, expected) << story_;
  }

  void step() {
    switch (throw_of(9)) {
      case 0:
      case 1: {
        const WallTime now = clock_.look();
        const std::optional<WallTime> moments[] = {std::nullopt, now, now + hours(1),
                                                   now + hours(30)};
        const std::optional<WallTime> at = moments[throw_of(4)];
        told("set_expiry", change_answer(), code_of(house_.keys().set_expiry(kAna, id_, at)));
        if (state_ == KeyState::active) expires_at_ = at;
        return;
      }
      case 2: {
        const char* to = throw_of(2) == 0 ? "deploy" : "ana";
        const bool deactivated = to == std::string_view("deploy") && !deploy_active_;
        const std::string first = change_answer();
        told("assign", first == "granted" && deactivated ? "user-unknown" : first,
             code_of(house_.keys().assign(kAna, id_, to)));
        if (state_ == KeyState::active && !deactivated) user_ = to;
        return;
      }
      case 3:
        deploy_active_ = !deploy_active_;
        story_ += deploy_active_ ? ", activate" : ", deactivate";
        EXPECT_TRUE(deploy_active_ ? house_.users().activate(kAna, "deploy")
                                   : house_.users().deactivate(kAna, "deploy"));
        return;
      case 4:
        if (throw_of(4) == 0) return end(throw_of(2) == 0);
        [[fallthrough]];
      case 5:
      case 6: {
        const hours steps[] = {hours(-24), hours(-1), hours(1), hours(24)};
        const hours by = steps[throw_of(4)];
        story_ += ", clock set " + std::to_string(by.count()) + " h";
        house_.clock.set_wall(house_.clock.now() + by);
        return;
      }
      case 7:
        story_ += ", time passes 1 h";
        house_.clock.advance(hours(1));
        return;
      default:
        story_ += ", reopen";
        house_.clock.advance(Milliseconds(61'000));
        clock_.look();
        house_.authority().maintain();
        house_.reopen();
    }
  }
  void end(bool remove) {
    const std::string expected = state_ == KeyState::deleted ? "key-unknown" : "granted";
    told(remove ? "delete" : "revoke", expected,
         code_of(remove ? house_.keys().remove(kAna, id_) : house_.keys().revoke(kAna, id_)));
    if (state_ == KeyState::deleted) return;
    state_ = remove ? KeyState::deleted : KeyState::revoked;
  }

  std::mt19937_64 dice_;
  House house_;
  ModelClock clock_;
  std::string id_;
  std::string text_;
  KeyState state_ = KeyState::active;
  std::optional<WallTime> expires_at_;
  std::string user_ = "deploy";
  bool deploy_active_ = true;
  std::string story_;
};

TEST(KeyModel, IsWhatVerifyAndCheckAnswerAfterEveryStep) {
  for (int i = 0; i < kSequences; ++i) {
    const std::uint64_t seed = kSeed + static_cast<std::uint64_t>(i);
    KeyRun run(seed);
    ASSERT_TRUE(run.go()) << "seed " << seed << run.story();
    ASSERT_FALSE(testing::Test::HasFailure()) << "seed " << seed << run.story();
  }
}

}  // namespace
}  // namespace stepwell::auth
