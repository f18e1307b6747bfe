#include "http/reactor.h"

#include <curl/curl.h>
#include <pthread.h>

#include <csignal>
#include <future>
#include <thread>

#include "http/classify.h"
#include "http/headers.h"
#include "http/loop.h"
#include "http/mail.h"
#include "http/mail_address.h"
#include "http/url.h"

namespace stepwell::http {
namespace {

constexpr std::chrono::milliseconds kAcknowledged{500};
constexpr std::chrono::milliseconds kAskAgain{2};

// libcurl's own set-up counts its users and is safe between threads (7.84 and later).
class CurlLibrary {
 public:
  CurlLibrary() { curl_global_init(CURL_GLOBAL_DEFAULT); }
  ~CurlLibrary() { curl_global_cleanup(); }
  CurlLibrary(const CurlLibrary&) = delete;
  CurlLibrary& operator=(const CurlLibrary&) = delete;
};

// Connections are shared within a pool only where TLS options and proxy are the same, too.
std::string pool_key(const Request& request) {
  if (request.mail) return request.pool + '\0' + "mail" + request.tls.ca_file;
  if (request.tls.ca_file.empty() && request.proxy.empty()) return request.pool;
  std::string key;
  for (const std::string* part : {&request.pool, &request.tls.ca_file, &request.proxy})
    key += std::to_string(part->size()) + ':' + *part;
  key += '\0';
  return key;
}

Status check_mail(Transfer& transfer) {
  const Mail& mail = *transfer.request().mail;
  auto url = parse_mail_url(transfer.request().url);
  if (!url) return fail(std::move(url.error()));
  if (!mail.content || mail.recipients.empty())
    return fail(mail_invalid("the mail has no content or nobody to go to"));
  transfer.origin = url->origin.text();
  transfer.pool_key = pool_key(transfer.request());
  return {};
}

// Checked on the caller's thread, so that the reactor's does nothing that others could.
Status check(Transfer& transfer, const EgressRules& egress) {
  if (transfer.request().mail) return check_mail(transfer);
  // Content has no meaning in a HEAD request (RFC 9110 §9.3.2), and libcurl would not send it.
  if (transfer.request().method == "HEAD") {
    transfer.exchange->request.body.reset();
    transfer.exchange->request.source.reset();
  }
  const Request& request = transfer.request();
  if (auto method = check_method(request.method); !method) return method;
  if (auto headers = check_headers(request.headers); !headers) return headers;
  auto url = parse_url(request.url);
  if (!url) return fail(std::move(url.error()));
  if (!request.proxy.empty()) {
    auto proxy = parse_url(request.proxy);
    if (!proxy) return fail(std::move(proxy.error()));
    if (auto allowed = egress.check_host(url->origin.host); !allowed) return allowed;
  }
  transfer.https = url->origin.scheme == "https";
  transfer.origin = url->origin.text();
  transfer.pool_key = pool_key(request);
  return {};
}

}  // namespace

class Reactor::Impl {
 public:
  Impl(ReactorOptions options, const Clock& clock, Metrics& metrics, Log& log)
      : clock_(clock), loop_(std::move(options), clock, metrics, log) {
    if (!loop_.usable())
      log.error("no epoll or event descriptor can be had; no request will be sent");
    // Signals are main's business, and SIGPIPE, which OpenSSL's writes can raise, is nobody's.
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    thread_ = std::thread([this] {
      pthread_setname_np(pthread_self(), "reactor");
      loop_.run();
    });
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }

  ~Impl() {
    loop_.post(Order(Call([this] { loop_.stop(); })));
    thread_.join();
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  TransferId submit(std::unique_ptr<Exchange> exchange) {
    const TransferId id{next_transfer_.fetch_add(1, std::memory_order_relaxed)};
    auto transfer = std::make_unique<Transfer>(id.number, std::move(exchange), clock_.steady_now());
    if (loop_.waiting() >= loop_.options().max_queued || !loop_.usable()) {
      refuse(*transfer, overloaded("too many requests are waiting to be sent"));
    } else if (Status checked = check(*transfer, loop_.options().egress); !checked) {
      refuse(*transfer, std::move(checked.error()));
    }
    loop_.post(std::move(transfer));
    return id;
  }

  void cancel(TransferId id) { loop_.post(Order(CancelTransfer{id.number})); }

  // Runs the call on the reactor's thread and waits for its end.
  void run_and_wait(const std::function<void()>& call) {
    if (std::this_thread::get_id() == thread_.get_id()) {
      call();
      return;
    }
    std::promise<void> done;
    loop_.post(Order(Call([&] {
      call();
      done.set_value();
    })));
    done.get_future().wait();
  }

  void abort_sending(const std::string& pool) {
    std::vector<int> unsent;
    run_and_wait([&] { unsent = loop_.abort_sending(pool); });
    // A healthy peer that has read a request may put its acknowledgement off, by less than 0.5 s
    // (RFC 9293 §3.8.6.3), and no new request can come meanwhile.
    const auto end = std::chrono::steady_clock::now() + kAcknowledged;
    const bool may_wait = std::this_thread::get_id() != thread_.get_id();
    while (may_wait && !unsent.empty() && std::chrono::steady_clock::now() < end) {
      std::this_thread::sleep_for(kAskAgain);
      run_and_wait([&] { loop_.keep_unsent(pool, unsent); });
    }
    if (unsent.empty()) return;
    run_and_wait([&] {
      loop_.keep_unsent(pool, unsent);  // whoever waits here may have come back late
      loop_.reset_unsent(pool, unsent);
    });
  }

  TimerId run_at(SteadyTime when, std::function<void()> task) {
    const TimerId id = next_timer_.fetch_add(1, std::memory_order_relaxed);
    loop_.post(Order(StartTimer{id, when, std::move(task)}));
    return id;
  }
  void cancel_timer(TimerId id) { loop_.post(Order(CancelTimer{id})); }

  Loop& loop() { return loop_; }

 private:
  static void refuse(Transfer& transfer, Problem problem) {
    transfer.refused = std::make_unique<Problem>(std::move(problem));
  }

  const CurlLibrary library_;
  const Clock& clock_;
  std::atomic<std::uint64_t> next_transfer_{1};
  std::atomic<TimerId> next_timer_{1};
  Loop loop_;
  std::thread thread_;
};

Reactor::Reactor(ReactorOptions options, const Clock& clock, Metrics& metrics, Log& log)
    : impl_(std::make_unique<Impl>(std::move(options), clock, metrics, log)) {}

Reactor::~Reactor() = default;

TransferId Reactor::submit(std::unique_ptr<Exchange> exchange) {
  return impl_->submit(std::move(exchange));
}

void Reactor::cancel(TransferId id) { impl_->cancel(id); }

void Reactor::abort_sending(const std::string& pool) { impl_->abort_sending(pool); }

void Reactor::abort_pool(const std::string& pool, const Problem& why) {
  impl_->run_and_wait([&] { impl_->loop().abort_pool(pool, why); });
}

void Reactor::drop_pool(const std::string& pool) {
  impl_->run_and_wait([&] { impl_->loop().drop_pool(pool); });
}

Reactor::TimerId Reactor::run_at(SteadyTime when, std::function<void()> task) {
  return impl_->run_at(when, std::move(task));
}

void Reactor::cancel_timer(TimerId id) { impl_->cancel_timer(id); }

}  // namespace stepwell::http
