#include "http/classify.h"

#include <curl/curl.h>
#include <gtest/gtest.h>

namespace stepwell::http {
namespace {

TEST(Classify, TellsAClientCertificateThatTheServerRefusesFromABrokenHandshake) {
  struct Case {
    int code;
    const char* message;
    const char* expected;
    bool retryable;
  };
  const Case cases[] = {
      {CURLE_RECV_ERROR, "SSL routines::tlsv13 alert certificate required, errno 0", "tls", false},
      {CURLE_RECV_ERROR, "SSL routines::tlsv1 alert unknown ca, errno 0", "tls", false},
      {CURLE_RECV_ERROR, "SSL routines::tlsv1 alert internal error, errno 0", "reset", true},
      {CURLE_RECV_ERROR, "Recv failure: Connection reset by peer", "reset", true},
      {CURLE_SSL_CONNECT_ERROR, "SSL routines::sslv3 alert bad certificate", "tls", false},
      {CURLE_SSL_CONNECT_ERROR, "SSL routines::tlsv1 alert internal error", "tls", true},
      {CURLE_SSL_CLIENTCERT, "", "tls", false},
      {CURLE_SSL_CERTPROBLEM, "", "tls", false}};
  for (const Case& each : cases) {
    Failure failure;
    failure.curl_code = each.code;
    failure.message = each.message;
    failure.target = "example.com:443";
    failure.repeatable = true;
    failure.sent = each.code == CURLE_RECV_ERROR ? Sent::yes : Sent::no;
    const Problem problem = classify(failure);
    EXPECT_EQ(problem.code, each.expected) << each.message;
    EXPECT_EQ(problem.retryable, each.retryable) << each.message;
    EXPECT_EQ(problem.status, 500);
  }
}

}  // namespace
}  // namespace stepwell::http
