#include "daemon/api_client.h"

#include <future>
#include <utility>
#include <vector>

#include "base/json.h"

namespace stepwell::daemon {

namespace {

// More than the longest `?wait=` of the API.
constexpr Milliseconds kAnswerTime{std::chrono::minutes(6)};
constexpr Milliseconds kConnectTime{5'000};

class Call final : public http::Exchange {
 public:
  void complete(http::Outcome outcome) override { outcome_.set_value(std::move(outcome)); }
  std::future<http::Outcome> outcome() { return outcome_.get_future(); }

 private:
  std::promise<http::Outcome> outcome_;
};

// A daemon that listens on every address is reached on loopback.
std::string reachable(const std::string& address) {
  if (address.starts_with("0.0.0.0:")) return "127.0.0.1" + address.substr(7);
  if (address.starts_with("[::]:")) return "[::1]" + address.substr(4);
  return address;
}

// The address is the operator's own choice, so every network is open to it.
http::EgressRules open_rules() {
  std::vector<http::Network> all;
  for (const char* text :
       {"0.0.0.0/0", "::/0", "127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16",
        "100.64.0.0/10", "169.254.0.0/16", "::1/128", "fc00::/7", "fe80::/10"}) {
    if (Result<http::Network> network = http::Network::parse(text)) all.push_back(*network);
  }
  return {std::move(all), {}};
}

}  // namespace

class ApiClient::KeyHeader final : public http::SendGuard {
 public:
  explicit KeyHeader(const Secret& key) {
    std::string line = "Authorization: Api-Key " + std::string(key.reveal());
    lines_.push_back(Secret::take(std::move(line)));
  }
  const std::vector<Secret>& secret_headers() const override { return lines_; }
  Status acquire() override { return {}; }
  void written() noexcept override {}

 private:
  std::vector<Secret> lines_;
};

ApiClient::ApiClient(const std::string& address, const Secret& key)
    : address_(reachable(address)), key_header_(std::make_shared<KeyHeader>(key)) {
  http::ReactorOptions options;
  options.egress = open_rules();
  reactor_ = std::make_unique<http::Reactor>(std::move(options), clock_, metrics_, Log::null());
}

ApiClient::~ApiClient() = default;

Result<Value> ApiClient::call(const std::string& method, const std::string& target,
                              const Value& body) {
  auto call = std::make_unique<Call>();
  http::Request& request = call->request;
  request.method = method;
  request.url = "http://" + address_ + target;
  if (!body.is_null()) {
    request.headers.push_back({"Content-Type", "application/json"});
    request.body = to_json(body);
  }
  request.timeouts.connect = kConnectTime;
  request.timeouts.first_byte = kAnswerTime;
  request.timeouts.total = Deadline::after(clock_, kAnswerTime);
  request.pool = "api";
  request.guard = key_header_;
  std::future<http::Outcome> future = call->outcome();
  reactor_->submit(std::move(call));
  const http::Outcome outcome = future.get();
  if (!outcome.response) {
    Problem problem = make_problem(
        ErrorKind::communication, "daemon-unreachable",
        "cannot reach the daemon at " + address_ + ": " + outcome.response.error().detail);
    problem.cause = std::make_shared<const Problem>(outcome.response.error());
    return fail(std::move(problem));
  }
  const http::Response& response = *outcome.response;
  if (response.status >= 400) return fail(problem_of_answer(response.status, response.body));
  if (response.body.empty()) return Value();
  return parse_json(response.body);
}

Problem problem_of_answer(int status, std::string_view body) {
  const Result<Value> value = parse_json(body);
  if (value && value->is_object() && value->get("type").is_string())
    return Problem::from_value(*value);
  Problem problem = make_problem(ErrorKind::communication, "answer-invalid",
                                 "the daemon answered with status " + std::to_string(status));
  problem.status = status;
  return problem;
}

}  // namespace stepwell::daemon
