#include "base/problem.h"

#include <gtest/gtest.h>

#include "base/json.h"

namespace stepwell {
namespace {

TEST(Problem, BecomesAnRfc9457ObjectAndComesBack) {
  Problem problem = make_problem(ErrorKind::authentication, "credential-revoked", "it was revoked")
                        .with("credential", "crm")
                        .with("sent", "no");
  problem.where = "/do/0/call";
  EXPECT_EQ(to_json(problem.to_value()),
            R"({"type":"https://open-workflow-specification.org/spec/1.0.0/errors/authentication",)"
            R"("status":401,"title":"Authentication error","detail":"it was revoked",)"
            R"("instance":"/do/0/call","reason":"credential-revoked","retryable":false,)"
            R"("credential":"crm","sent":"no"})");
  EXPECT_EQ(to_json(Problem::from_value(problem.to_value()).to_value()),
            to_json(problem.to_value()));
}

TEST(Problem, KeepsWhetherOnlyANamedRetryMayRepeatIt) {
  Problem problem = make_problem(ErrorKind::communication, "http-status", "404");
  problem.retryable = true;
  problem.retry_if_named = true;
  EXPECT_TRUE(Problem::from_value(problem.to_value()).retry_if_named);
}

}  // namespace
}  // namespace stepwell
