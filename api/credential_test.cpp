#include "api/credential_test.h"

#include <chrono>
#include <utility>

#include "http/url.h"

namespace stepwell::api {

namespace {

constexpr Milliseconds kTimeLimit{30'000};
constexpr Bytes kAnswerLimit{1024ULL * 1024};

std::string first_origin(const auth::Credential& credential) {
  for (const auth::OriginPattern& origin : credential.origins) {
    // A mail server is tried out by a mail.
    if (std::string text = origin.text();
        text.starts_with("http") && text.find('*') == std::string::npos)
      return text + "/";
  }
  return {};
}

Problem without_url(const std::string& name) {
  return client_error(400, "url-invalid",
                      "credential " + name +
                          " has only patterns or mail servers among its allowed origins; give a "
                          "\"url\" to test it at");
}

}  // namespace

class CredentialTest::Exchange final : public http::Exchange {
 public:
  explicit Exchange(std::shared_ptr<CredentialTest> test) : test_(std::move(test)) {}
  void complete(http::Outcome outcome) override { test_->completed(std::move(outcome)); }

 private:
  const std::shared_ptr<CredentialTest> test_;
};

void CredentialTest::begin(const std::string& url) {
  request_.url = url.empty() ? first_origin(credential_) : url;
  if (request_.url.empty()) return responder_.answer(without_url(credential_.name));
  const auto parsed = http::parse_url(request_.url);
  if (!parsed) return responder_.answer(parsed.error());
  target_ = parsed->origin;
  request_.limits.response_body = kAnswerLimit;
  request_.timeouts.total = Deadline::after(clock_, kTimeLimit);
  request_.repeatable = true;
  began_ = clock_.steady_now();
  go();
}

void CredentialTest::go() {
  if (const Status clean = gate_.check_content(request_); !clean)
    return responder_.answer(clean.error());
  const std::string space = credential_.namespaces.empty() ? "" : credential_.namespaces.front();
  Result<auth::Grant> grant = gate_.authorize({credential_.name, target_, space, &request_},
                                              [test = shared_from_this()](const Status& status) {
                                                if (status) return test->go();
                                                test->responder_.answer(status.error());
                                              });
  if (!grant) return responder_.answer(grant.error());
  if (grant->pending()) return;
  auto exchange = std::make_unique<Exchange>(shared_from_this());
  exchange->request = request_;
  exchange->request.guard = grant->guard;
  exchange->request.pool = grant->pool;
  grant_ = std::move(*grant);
  reactor_.submit(std::move(exchange));
}

void CredentialTest::completed(http::Outcome outcome) {
  Value report = Value::object({{"credential", credential_.name},
                                {"version", grant_->version},
                                {"method", request_.method},
                                {"url", request_.url}});
  if (outcome.response) {
    const int status = outcome.response->status;
    gate_.note_upstream_result(*grant_, status);
    report.set("accepted", status != 401 && status != 403 && status != 407);
    report.set("status", status);
  } else {
    report.set("accepted", false);
    report.set("problem", outcome.response.error().to_value());
  }
  answer(std::move(report));
  grant_.reset();
}

void CredentialTest::answer(Value report) const {
  const auto took = std::chrono::duration_cast<Milliseconds>(clock_.steady_now() - began_).count();
  report.set("milliseconds", static_cast<std::int64_t>(took));
  responder_.answer(json_response(200, report));
}

}  // namespace stepwell::api
