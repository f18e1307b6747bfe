// What the transport's tests share: a reactor that may call loopback, a way to
// make one call and wait for its outcome, and a send guard that records what is
// asked of it.
#pragma once

#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "http/reactor.h"

namespace stepwell::http::test {

class Call final : public Exchange {
 public:
  explicit Call(std::function<void(Outcome)> done) : done_(std::move(done)) {}
  void complete(Outcome outcome) override { done_(std::move(outcome)); }

 private:
  std::function<void(Outcome)> done_;
};

inline ReactorOptions open_to_loopback() {
  ReactorOptions options;
  options.egress = EgressRules({*Network::parse("127.0.0.0/8"), *Network::parse("::1")}, {});
  return options;
}

class Client {
 public:
  explicit Client(ReactorOptions options = open_to_loopback())
      : reactor(std::make_unique<Reactor>(std::move(options), clock, metrics, Log::null())) {}

  // The future is ready when the request has been completed.
  std::future<Outcome> start(Request request, TransferId* id = nullptr) {
    auto promise = std::make_shared<std::promise<Outcome>>();
    auto future = promise->get_future();
    auto exchange = std::make_unique<Call>(
        [promise](Outcome outcome) { promise->set_value(std::move(outcome)); });
    exchange->request = std::move(request);
    const TransferId given = reactor->submit(std::move(exchange));
    if (id != nullptr) *id = given;
    return future;
  }
  Outcome call(Request request) { return start(std::move(request)).get(); }

  SystemClock clock;
  Metrics metrics;
  std::unique_ptr<Reactor> reactor;
};

inline Request get(std::string url) {
  Request request;
  request.url = std::move(url);
  request.repeatable = true;
  return request;
}

inline Request post(std::string url, std::string body) {
  Request request;
  request.method = "POST";
  request.url = std::move(url);
  request.body = std::move(body);
  return request;
}

// "ok", or the problem's code: what most tests want to know of an outcome.
inline std::string result_of(const Outcome& outcome) {
  return outcome.response ? "ok" : outcome.response.error().code;
}

inline std::string sent_member(const Outcome& outcome) {
  return std::string(outcome.response.error().extensions.get("sent").as_string());
}

class RecordingGuard final : public SendGuard {
 public:
  RecordingGuard() = default;
  explicit RecordingGuard(std::vector<std::string> lines) {
    for (std::string& line : lines) secrets_.push_back(Secret::take(std::move(line)));
  }
  const std::vector<Secret>& secret_headers() const override { return secrets_; }
  const TlsIdentity* identity() const override { return tls ? &*tls : nullptr; }
  const DigestLogin* digest() const override { return login ? &*login : nullptr; }
  Status acquire() override {
    if (on_acquire) on_acquire();
    ++asked;
    if (deny)
      return fail(make_problem(ErrorKind::authentication, "credential-revoked", "it was revoked"));
    ++granted;
    return {};
  }
  void written() noexcept override {
    ++given_back;
    if (on_written) on_written();
  }
  bool held() const { return granted > given_back; }

  std::atomic<bool> deny{false};
  std::atomic<int> asked{0};
  std::atomic<int> granted{0};
  std::atomic<int> given_back{0};
  std::function<void()> on_acquire;
  std::function<void()> on_written;
  std::optional<TlsIdentity> tls;
  std::optional<DigestLogin> login;

 private:
  std::vector<Secret> secrets_;
};

}  // namespace stepwell::http::test
