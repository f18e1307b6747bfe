// Every redirect from every kind of origin to every other, at each status, under every kind of
// credential: what arrived where, and how, is held against a rule that is worked out here from the
// standard and docs/security.md, apart from the product.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <iostream>
#include <map>
#include <set>

#include "tests/steps/matrix_kinds.h"
#include "tests/steps/world.h"

namespace stepwell::steps::test {
namespace {

constexpr std::size_t kAtOnce = 48;
constexpr std::size_t kShown = 20;  // of what went wrong
constexpr std::size_t kFrom = 4;
constexpr std::size_t kTo = 13;
constexpr std::array<int, 5> kStatuses{301, 302, 303, 307, 308};

struct RedirectCell {
  const Login* login;
  std::string name;  // of the stored credential
  const Front* from;
  const Front* to;
  int status;
  std::string method;
  bool follow;

  const Kind& kind() const { return login->kind(); }
  bool same_origin() const { return from->origin() == to->origin(); }
  bool with_body() const { return method == "POST" || method == "PUT" || method == "PATCH"; }
  std::string text() const {
    return kind().name + ", " + method + " " + from->label() + " " + from->origin() + " -> " +
           std::to_string(status) + " " + to->label() + " " + to->origin() +
           (follow ? "" : ", not followed");
  }
};

struct Expected {
  std::string end;  // "completed", or the problem's code
  bool arrives = false;
  std::string method;  // at the target
  bool body = false;
  bool shown_at_start = false;
  bool shown_at_target = false;
};

Expected expected(const RedirectCell& cell) {
  Expected out;
  const bool certificate = cell.kind().is(auth::CredentialKind::client_certificate);
  const bool any = cell.kind().by != Kind::By::nothing;
  out.shown_at_start = any && (!certificate || cell.from->https());  // http has no handshake
  out.shown_at_target = out.shown_at_start && cell.same_origin();
  const bool down = cell.from->https() && !cell.to->https();
  out.arrives = cell.follow && !down;
  // RFC 9110 §15.4.2 to §15.4.9.
  const bool to_get =
      cell.status == 303 ? cell.method != "HEAD" : cell.status < 303 && cell.method == "POST";
  out.method = to_get ? "GET" : cell.method;
  out.body = cell.with_body() && !to_get;
  out.end = !cell.follow ? "http-status" : down ? "redirect-refused" : "completed";
  // Whose challenge is not answered has the last word.
  if (out.arrives && cell.kind().is(auth::CredentialKind::digest) && !cell.same_origin())
    out.end = "rejected-by-upstream";
  return out;
}

// Nothing else has a place in a request to an origin that the author did not name.
bool is_harmless(std::string_view header) {
  static const std::set<std::string_view> kHarmless{
      "host",        "user-agent",      "accept",       "accept-encoding",
      "traceparent", "idempotency-key", "content-type", "content-length"};
  return kHarmless.contains(header);
}

class RedirectMatrix : public testing::Test {
 protected:
  RedirectMatrix() : witness_([this](const Seen& seen) { return answer(seen); }) {}

  void SetUp() override {
    ASSERT_TRUE(witness_.running()) << witness_.failure();
    int number = 0;
    for (const Kind& kind : all_kinds()) {
      logins_.push_back(
          // Of two digits, so that no value is the beginning of another.
          std::make_unique<Login>(kind, "tag" + std::to_string(10 + number), certificates_));
      if (kind.by == Kind::By::stored) {
        const auto added = world_.authority->credentials().add(
            kAna, logins_.back()->stored("cred-" + std::to_string(number), witness_));
        ASSERT_TRUE(added) << kind.name << ": " << added.error().detail;
      }
      ++number;
    }
    ASSERT_TRUE(certificates_.ok());
  }

  void fill() {
    for (std::size_t kind = 0; kind < logins_.size(); ++kind) {
      std::vector<std::string> methods{"GET", "POST"};
      if (logins_[kind]->kind().by == Kind::By::nothing)
        methods = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"};
      for (std::size_t from = 0; from < kFrom; ++from)
        for (const Front& to : witness_.fronts())
          for (const int status : kStatuses)
            for (const std::string& method : methods)
              for (const bool follow : {true, false}) {
                // What is not followed is an answer like any other: one method will do.
                if (!follow && method != "GET") continue;
                cells_.push_back({logins_[kind].get(), "cred-" + std::to_string(kind),
                                  &witness_.fronts()[from], &to, status, method, follow});
              }
    }
    seen_.resize(cells_.size());
  }

  static std::size_t number_of(const Seen& seen) {
    return std::stoul(seen.target.substr(seen.target.rfind('/') + 1));
  }

  std::string answer(const Seen& seen) {
    const RedirectCell& cell = cells_[number_of(seen)];
    if (cell.kind().is(auth::CredentialKind::digest) &&
        !seen.header("authorization").starts_with("Digest "))
      return digest_challenge();
    if (!seen.target.starts_with("/start/")) return reply(200);
    const std::string where = cell.to->origin() + "/there/" + std::to_string(number_of(seen));
    return reply(cell.status, "Location: " + where + "\r\n", "");
  }

  std::future<engine::InstanceView> start(std::size_t number) {
    const RedirectCell& cell = cells_[number];
    std::string with;
    if (cell.with_body()) with += ", body: {payload: 1}";
    if (cell.follow) with += ", redirect: true";
    return world_.start(cell.login->call(cell.method,
                                         cell.from->origin() + "/start/" + std::to_string(number),
                                         witness_, with, cell.name));
  }

  void run() {
    std::vector<engine::InstanceView> views;
    for (std::size_t first = 0; first < cells_.size(); first += kAtOnce) {
      std::vector<std::future<engine::InstanceView>> ends;
      for (std::size_t i = first; i < std::min(first + kAtOnce, cells_.size()); ++i)
        ends.push_back(start(i));
      for (auto& end : ends) views.push_back(end.get());
    }
    for (Seen& seen : witness_.take()) seen_[number_of(seen)].push_back(std::move(seen));
    for (std::size_t i = 0; i < cells_.size(); ++i) judge(cells_[i], views[i], seen_[i]);
  }

  void judge(const RedirectCell& cell, const engine::InstanceView& view,
             const std::vector<Seen>& seen) {
    const Expected rule = expected(cell);
    const bool completed = view.status == engine::InstanceStatus::completed;
    const std::string end = completed ? "completed" : view.problem->code;
    if (end != rule.end)
      wrong(cell, "ended with " + end + (completed ? "" : ": " + view.problem->one_line()));
    std::vector<const Seen*> starts;
    std::vector<const Seen*> theres;
    for (const Seen& one : seen) {
      const bool at_start = one.target.starts_with("/start/");
      const Front& front = at_start ? *cell.from : *cell.to;
      (at_start ? starts : theres).push_back(&one);
      if (one.origin != front.origin() || one.port != front.port || one.version != front.version)
        wrong(cell, "arrived at " + one.origin + " by " + one.version);
      if (one.origin != cell.from->origin()) look_for_leaks(cell, one);
    }
    // A challenge makes two requests of one.
    const std::size_t most = cell.kind().is(auth::CredentialKind::digest) ? 2 : 1;
    if (starts.empty() || starts.size() > most) return wrong(cell, "did not start once");
    judge_request(cell, *starts.back(), cell.method, cell.with_body(), rule.shown_at_start);
    if (theres.empty() == rule.arrives || theres.size() > most)
      return wrong(cell, std::to_string(theres.size()) + " requests at the target");
    if (rule.arrives)
      judge_request(cell, *theres.back(), rule.method, rule.body, rule.shown_at_target);
  }

  void judge_request(const RedirectCell& cell, const Seen& seen, const std::string& method,
                     bool body, bool shown) {
    if (seen.method != method) wrong(cell, "came as " + seen.method);
    if (seen.body != (body ? R"({"payload":1})" : "")) wrong(cell, "came with '" + seen.body + "'");
    if (seen.has("content-type") != body) wrong(cell, "content-type without a body, or none");
    const bool once = method == "POST" || method == "PATCH";
    if (seen.has("idempotency-key") != once) wrong(cell, "idempotency-key misplaced");
    if (cell.login->carried_by(seen) != shown)
      wrong(cell, shown ? "no credential" : "a credential");
    if (shown) ++shown_;
    if (shown && !cell.login->traced_in(seen)) wrong(cell, "the judge is blind");
  }

  void look_for_leaks(const RedirectCell& cell, const Seen& seen) {
    ++foreign_;
    bool leak = cell.login->traced_in(seen);
    for (const http::Header& header : seen.headers) leak = leak || !is_harmless(header.name);
    if (!leak) return;
    ++leaks_;
    ++leaks_of_[cell.kind().name];
    wrong(cell, "LEAK:\n" + seen.text);
  }

  void wrong(const RedirectCell& cell, const std::string& what) {
    if (++wrong_ <= kShown) ADD_FAILURE() << cell.text() << ": " << what;
  }

  std::vector<RedirectCell> cells_;
  std::vector<std::vector<Seen>> seen_;  // by cell
  http::test::ClientCertificates certificates_;
  Witness witness_;
  std::vector<std::unique_ptr<Login>> logins_;
  World world_;
  std::size_t shown_ = 0;
  std::size_t foreign_ = 0;
  std::size_t leaks_ = 0;
  std::size_t wrong_ = 0;
  std::map<std::string, std::size_t> leaks_of_;
};

TEST_F(RedirectMatrix, TheCredentialGoesToItsOwnOriginOnly) {
  fill();
  // Kinds but one with two methods, and the one with all, and each once more, not followed.
  const std::size_t kinds = all_kinds().size();
  ASSERT_EQ(cells_.size(), ((kinds - 1) * 3 + 7) * kFrom * kTo * kStatuses.size());
  run();
  for (const auto& [kind, count] : leaks_of_) std::cout << count << " leaks of " << kind << "\n";
  std::cout << cells_.size() << " cells, " << shown_ << " requests with their credential, "
            << foreign_ << " requests at other origins, " << leaks_ << " leaks\n";
  RecordProperty("cells", static_cast<int>(cells_.size()));
  RecordProperty("leaks", static_cast<int>(leaks_));
  EXPECT_EQ(leaks_, 0U);
  EXPECT_EQ(wrong_, 0U);
}

}  // namespace
}  // namespace stepwell::steps::test
