#include "daemon/api_client.h"

#include <algorithm>
#include <future>
#include <utility>
#include <vector>

#include "base/json.h"

namespace stepwell::daemon {

namespace {

constexpr Milliseconds kConnectTime{5'000};
constexpr std::uint64_t kLongestDownload = 1ULL << 40U;

// A daemon that listens on every address is reached on loopback.
std::string reachable(const std::string& address) {
  if (address.starts_with("0.0.0.0:")) return "127.0.0.1" + address.substr(7);
  if (address.starts_with("[::]:")) return "[::1]" + address.substr(4);
  return address;
}

Problem needs_daemon() {
  return make_problem(ErrorKind::validation, "not-offline",
                      "this needs a running daemon; leave --offline out");
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

Status Backend::download(const std::string& /*target*/,
                         const std::vector<http::Header>& /*headers*/, const TakePiece& /*take*/) {
  return fail(needs_daemon());
}

Result<Value> Backend::upload(const std::string& /*target*/, const std::string& /*media_type*/,
                              const std::shared_ptr<http::BodySource>& /*body*/) {
  return fail(needs_daemon());
}

Server server_at(const std::string& address, bool tls, const std::string& ca_file) {
  std::string origin = address;
  while (origin.ends_with('/')) origin.pop_back();
  if (origin.find("://") == std::string::npos)
    origin = (tls ? "https://" : "http://") + reachable(origin);
  Server server;
  server.origin = std::move(origin);
  server.ca_file = ca_file;
  return server;
}

class ApiClient::KeyHeader final : public http::SendGuard {
 public:
  KeyHeader(const Secret& key, std::shared_ptr<const http::TlsIdentity> identity)
      : identity_(std::move(identity)) {
    std::string line = "Authorization: Api-Key " + std::string(key.reveal());
    lines_.push_back(Secret::take(std::move(line)));
  }
  const std::vector<Secret>& secret_headers() const override { return lines_; }
  const http::TlsIdentity* identity() const override { return identity_.get(); }
  Status acquire() override { return {}; }
  void written() noexcept override {}

 private:
  const std::shared_ptr<const http::TlsIdentity> identity_;
  std::vector<Secret> lines_;
};

// What came of it lives on behind the call itself, which the reactor owns.
class ApiClient::Call final : public http::Exchange {
 public:
  struct Fate {
    std::promise<http::Outcome> outcome;
    Status taken;  // what the taker of pieces said; the reactor's thread writes it
  };

  void complete(http::Outcome outcome) override { fate->outcome.set_value(std::move(outcome)); }
  bool take_body(int status, std::string_view piece) override {
    if (!take || status >= 300) return false;
    if (!fate->taken) return true;
    fate->taken = take(piece);
    if (!fate->taken) give_up();
    return true;
  }

  const std::shared_ptr<Fate> fate = std::make_shared<Fate>();
  TakePiece take;                 // empty: the body is kept
  std::function<void()> give_up;  // called once where `take` fails
};

ApiClient::ApiClient(Server server, const Secret& key)
    : server_(std::move(server)), key_header_(std::make_shared<KeyHeader>(key, server_.identity)) {
  http::ReactorOptions options;
  options.egress = open_rules();
  options.ca_file = server_.ca_file;
  reactor_ = std::make_unique<http::Reactor>(std::move(options), clock_, metrics_, Log::null());
}

ApiClient::~ApiClient() = default;

std::unique_ptr<ApiClient::Call> ApiClient::prepare(const std::string& method,
                                                    const std::string& target) const {
  auto call = std::make_unique<Call>();
  http::Request& request = call->request;
  request.method = method;
  request.url = server_.origin + target;
  request.timeouts.connect = std::min(kConnectTime, server_.patience);
  request.timeouts.first_byte = server_.patience;
  request.timeouts.total = Deadline::after(clock_, server_.patience);
  request.pool = "api";
  request.guard = key_header_;
  return call;
}

Result<http::Response> ApiClient::send(std::unique_ptr<Call> call) {
  const std::shared_ptr<Call::Fate> fate = call->fate;
  // Where a piece is refused, its transfer is ended by a task of its own on the reactor's thread,
  // which may run before submit() has said how the transfer is named.
  const auto name = std::make_shared<std::promise<http::TransferId>>();
  const std::shared_future<http::TransferId> named = name->get_future().share();
  call->give_up = [this, named] {
    reactor_->run_at(clock_.steady_now(), [this, named] { reactor_->cancel(named.get()); });
  };
  std::future<http::Outcome> ended = fate->outcome.get_future();
  name->set_value(reactor_->submit(std::move(call)));
  http::Outcome outcome = ended.get();
  if (!fate->taken) return fail(fate->taken.error());
  if (!outcome.response) {
    Problem problem = make_problem(
        ErrorKind::communication, "daemon-unreachable",
        "cannot reach the daemon at " + server_.origin + ": " + outcome.response.error().detail);
    problem.cause = std::make_shared<const Problem>(outcome.response.error());
    return fail(std::move(problem));
  }
  http::Response& response = *outcome.response;
  if (response.status >= 400) return fail(problem_of_answer(response.status, response.body));
  return std::move(response);
}

namespace {

Result<Value> json_of(const Result<http::Response>& response) {
  if (!response) return fail(response.error());
  if (response->body.empty()) return Value();
  return parse_json(response->body);
}

}  // namespace

Result<Value> ApiClient::call(const std::string& method, const std::string& target,
                              const Value& body) {
  std::unique_ptr<Call> call = prepare(method, target);
  if (!body.is_null()) {
    call->request.headers.push_back({"Content-Type", "application/json"});
    call->request.body = to_json(body);
  }
  if (!once_.empty()) call->request.headers.push_back({"Idempotency-Key", once_});
  return json_of(send(std::move(call)));
}

Status ApiClient::download(const std::string& target, const std::vector<http::Header>& headers,
                           const TakePiece& take) {
  std::unique_ptr<Call> call = prepare("GET", target);
  http::Request& request = call->request;
  request.headers = headers;
  request.timeouts.total = {};
  request.limits.response_body = Bytes{kLongestDownload};
  request.limits.low_speed = Bytes{0};  // events may be rare
  call->take = take;
  const Result<http::Response> response = send(std::move(call));
  if (!response) return fail(response.error());
  return {};
}

Result<Value> ApiClient::upload(const std::string& target, const std::string& media_type,
                                const std::shared_ptr<http::BodySource>& body) {
  std::unique_ptr<Call> call = prepare("POST", target);
  call->request.headers.push_back({"Content-Type", media_type});
  call->request.source = body;
  call->request.timeouts.total = {};
  return json_of(send(std::move(call)));
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
