// The judge of the trials must see what it is there to see: requests and parts of them that are
// sent after its fence, over each protocol; and must not take anything else for one.
#include "tests/support/trial_judge.h"

#include <gtest/gtest.h>

#include <set>

#include "tests/http/fixture.h"
#include "tests/integration/trial_settings.h"

namespace stepwell::integration {
namespace {

using http::test::Client;
using http::test::RecordingGuard;
using http::test::result_of;
using stepwell::test::JudgeProtocol;
using stepwell::test::JudgeScript;
using stepwell::test::Reading;
using stepwell::test::TrialJudge;

class Judging : public testing::TestWithParam<JudgeProtocol> {
 protected:
  Judging() : judge_(GetParam()) {
    http::ReactorOptions options = http::test::open_to_loopback();
    options.ca_file = judge_.ca_file();
    client_ = std::make_unique<Client>(std::move(options));
    begin(Reading::at_once);
  }

  void begin(Reading reading) {
    JudgeScript script;
    script.key = "canary-0123456789";
    script.reading = reading;
    judge_.begin(script);
  }
  http::Request with_key(http::Request request) const {
    request.guard = std::make_shared<RecordingGuard>(
        std::vector<std::string>{"Authorization: Bearer canary-0123456789"});
    return request;
  }
  http::Request get() const { return with_key(http::test::get(judge_.origin() + "/ok")); }
  stepwell::test::Verdict verdict_at_the_end() {
    client_.reset();
    EXPECT_TRUE(judge_.wait_until_closed(kPatience));
    return judge_.verdict();
  }

  TrialJudge judge_;
  std::unique_ptr<Client> client_;
};

TEST_P(Judging, WhatCameBeforeTheFenceIsNotLateNorAreGoodbyes) {
  for (int i = 0; i < 3; ++i) ASSERT_EQ(result_of(client_->call(get())), "ok");
  judge_.fence();
  const auto verdict = verdict_at_the_end();
  EXPECT_EQ(verdict.before, 3U);
  EXPECT_EQ(verdict.late_requests, 0U);
  EXPECT_EQ(verdict.late_bytes, 0U);
}

TEST_P(Judging, ARequestAfterTheFenceIsLate) {
  for (const bool reused : {false, true}) {
    begin(Reading::at_once);
    if (reused) {
      ASSERT_EQ(result_of(client_->call(get())), "ok");
    }
    judge_.fence();
    ASSERT_EQ(result_of(client_->call(get())), "ok");
    EXPECT_EQ(judge_.verdict().before, reused ? 1U : 0U);
    EXPECT_EQ(judge_.verdict().late_requests, 1U);
    EXPECT_GT(judge_.verdict().late_bytes, 20U);
  }
}

TEST_P(Judging, TheRestOfARequestIsLateThoughItBeganBefore) {
  begin(Reading::stalled);
  auto outcome = client_->start(
      with_key(http::test::post(judge_.origin() + "/ok", std::string(4'000'000, 'x'))));
  ASSERT_TRUE(judge_.wait_for_requests(1, kPatience));
  judge_.fence();
  EXPECT_EQ(result_of(outcome.get()), "ok");
  const auto verdict = verdict_at_the_end();
  EXPECT_EQ(verdict.before, 1U);
  EXPECT_EQ(verdict.late_requests, 0U);
  // All but what fits into the buffer of a socket that nobody reads.
  EXPECT_GT(verdict.late_bytes, 3'000'000U);
}

TEST_P(Judging, ARequestThatIsGivenUpIsSeenAsUnfinished) {
  begin(Reading::stalled);
  auto outcome = client_->start(
      with_key(http::test::post(judge_.origin() + "/ok", std::string(4'000'000, 'x'))));
  ASSERT_TRUE(judge_.wait_for_requests(1, kPatience));
  client_->reactor->abort_sending("");
  EXPECT_NE(result_of(outcome.get()), "ok");
  judge_.fence();
  const auto verdict = verdict_at_the_end();
  EXPECT_EQ(verdict.unfinished, 1U);
  EXPECT_EQ(verdict.late_bytes, 0U);
}

TEST_P(Judging, AnswersAsThePathSays) {
  const auto redirect =
      client_->call(http::test::get(judge_.origin() + "/redirect/307/redirect/302/ok"));
  ASSERT_EQ(result_of(redirect), "ok");
  EXPECT_EQ(redirect.response->status, 307);
  EXPECT_EQ(*redirect.response->header("location"), "/redirect/302/ok");
  EXPECT_EQ(redirect.response->http_version, GetParam() == JudgeProtocol::http2_tls ? 20 : 11);
  EXPECT_EQ(judge_.verdict().before, 0U) << "it carries no key";
  std::set<int> statuses;
  for (int i = 0; i < 40; ++i)
    statuses.insert(client_->call(http::test::get(judge_.origin() + "/flaky")).response->status);
  EXPECT_EQ(statuses, (std::set<int>{200, 503}));
}

INSTANTIATE_TEST_SUITE_P(Protocols, Judging,
                         testing::Values(JudgeProtocol::http1, JudgeProtocol::http1_tls,
                                         JudgeProtocol::http2_tls));

}  // namespace
}  // namespace stepwell::integration
