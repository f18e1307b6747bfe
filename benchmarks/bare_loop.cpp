#include "benchmarks/bare_loop.h"

#include <curl/curl.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <utility>

#include "benchmarks/cpu_time.h"
#include "benchmarks/pace.h"

namespace stepwell::bench {

namespace {

using SteadyClock = std::chrono::steady_clock;

}  // namespace

class BareLoop::Impl {
 public:
  Impl(BareRequest request, std::size_t parallel)
      : request_(std::move(request)), multi_(curl_multi_init()), poller_(epoll_create1(0)) {
    curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &Impl::on_socket);
    curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
    curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &Impl::on_timer);
    curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
    curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, static_cast<long>(parallel + 16));
    for (const std::string& line : request_.headers)
      headers_ = curl_slist_append(headers_, line.c_str());
    if (!request_.body.empty())
      headers_ = curl_slist_append(headers_, "Content-Type: application/json");
    for (std::size_t i = 0; i < parallel; ++i) idle_.push_back(make_handle());
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() {
    for (const auto& one : all_) curl_easy_cleanup(one.handle);
    curl_multi_cleanup(multi_);
    curl_slist_free_all(headers_);
    close(poller_);
  }

  BareResult run(std::size_t total) {
    left_ = total;
    const double cpu = thread_cpu();
    const auto begin = SteadyClock::now();
    while (left_ > 0 && !idle_.empty()) start({});
    while (open_ > 0) turn();
    const std::chrono::duration<double> took = SteadyClock::now() - begin;
    return {took.count(), thread_cpu() - cpu, total};
  }

  std::vector<double> run_paced(std::size_t total, double rate) {
    latencies_.clear();
    const Pace pace(rate);
    pace_ = &pace;
    started_ = 0;
    total_ = total;
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = pace.descriptor();
    epoll_ctl(poller_, EPOLL_CTL_ADD, pace.descriptor(), &event);
    while (started_ < total || open_ > 0) turn();
    epoll_ctl(poller_, EPOLL_CTL_DEL, pace.descriptor(), nullptr);
    pace_ = nullptr;
    return std::move(latencies_);
  }

 private:
  struct One {
    CURL* handle = nullptr;
    Pace::Moment moment;
  };

  static std::size_t on_body(char* /*data*/, std::size_t size, std::size_t count, void* /*user*/) {
    return size * count;
  }

  static int on_socket(CURL* /*handle*/, curl_socket_t fd, int what, void* user, void* known) {
    auto* loop = static_cast<Impl*>(user);
    if (what == CURL_POLL_REMOVE) {
      epoll_ctl(loop->poller_, EPOLL_CTL_DEL, fd, nullptr);
      return 0;
    }
    epoll_event event{};
    event.data.fd = fd;
    event.events =
        ((what & CURL_POLL_IN) != 0 ? EPOLLIN : 0U) | ((what & CURL_POLL_OUT) != 0 ? EPOLLOUT : 0U);
    epoll_ctl(loop->poller_, known != nullptr ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event);
    curl_multi_assign(loop->multi_, fd, loop);
    return 0;
  }

  static int on_timer(CURLM* /*multi*/, long milliseconds, void* user) {
    static_cast<Impl*>(user)->due_ =
        milliseconds < 0 ? SteadyClock::time_point::max()
                         : SteadyClock::now() + std::chrono::milliseconds(milliseconds);
    return 0;
  }

  One* make_handle() {
    CURL* handle = curl_easy_init();
    One& one = all_.emplace_back(One{handle, {}});
    curl_easy_setopt(handle, CURLOPT_PRIVATE, &one);
    curl_easy_setopt(handle, CURLOPT_URL, request_.url.c_str());
    curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, &Impl::on_body);
    curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
    if (headers_ != nullptr) curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers_);
    if (!request_.body.empty()) {
      curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE, static_cast<long>(request_.body.size()));
      curl_easy_setopt(handle, CURLOPT_POSTFIELDS, request_.body.c_str());
    }
    return &one;
  }

  void start(Pace::Moment moment) {
    if (idle_.empty()) idle_.push_back(make_handle());
    One* one = idle_.back();
    idle_.pop_back();
    one->moment = moment;
    if (pace_ == nullptr) --left_;
    ++open_;
    curl_multi_add_handle(multi_, one->handle);
  }

  void start_due() {
    for (std::size_t count = pace_->wait(); count > 0 && started_ < total_; --count)
      start(pace_->moment(started_++));
  }

  void turn() {
    std::array<epoll_event, 64> events{};
    const int count =
        epoll_wait(poller_, events.data(), static_cast<int>(events.size()), wait_time());
    int running = 0;
    for (int i = 0; i < count; ++i) {
      const epoll_event& event = events[static_cast<std::size_t>(i)];
      if (pace_ != nullptr && event.data.fd == pace_->descriptor()) {
        start_due();
        continue;
      }
      const int what = ((event.events & EPOLLIN) != 0 ? CURL_CSELECT_IN : 0) |
                       ((event.events & EPOLLOUT) != 0 ? CURL_CSELECT_OUT : 0);
      curl_multi_socket_action(multi_, event.data.fd, what, &running);
      collect();
    }
    if (due_ <= SteadyClock::now()) {
      due_ = SteadyClock::time_point::max();
      curl_multi_socket_action(multi_, CURL_SOCKET_TIMEOUT, 0, &running);
      collect();
    }
  }

  void collect() {
    int queued = 0;
    while (CURLMsg* message = curl_multi_info_read(multi_, &queued)) {
      if (message->data.result != CURLE_OK) {
        std::fprintf(stderr, "the yardstick failed: %s\n",
                     curl_easy_strerror(message->data.result));
        std::exit(1);
      }
      CURL* handle = message->easy_handle;
      char* one = nullptr;
      curl_easy_getinfo(handle, CURLINFO_PRIVATE, &one);
      curl_multi_remove_handle(multi_, handle);
      --open_;
      ended(reinterpret_cast<One*>(one));
    }
  }

  void ended(One* one) {
    idle_.push_back(one);
    if (pace_ != nullptr) {
      const std::chrono::duration<double, std::milli> took = SteadyClock::now() - one->moment;
      latencies_.push_back(took.count());
    } else if (left_ > 0) {
      start({});
    }
  }

  int wait_time() const {
    if (due_ == SteadyClock::time_point::max()) return 1000;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(due_ - SteadyClock::now());
    return left.count() < 0 ? 0 : static_cast<int>(left.count());
  }

  const BareRequest request_;
  CURLM* multi_;
  int poller_;
  curl_slist* headers_ = nullptr;
  std::deque<One> all_;
  std::vector<One*> idle_;
  std::size_t open_ = 0;
  std::size_t left_ = 0;  // to be started, where there is no pace
  const Pace* pace_ = nullptr;
  std::size_t started_ = 0;  // at that pace
  std::size_t total_ = 0;
  std::vector<double> latencies_;
  SteadyClock::time_point due_ = SteadyClock::time_point::max();
};

std::vector<std::string> engine_headers() {
  return {"User-Agent: stepwell", "Accept-Encoding: gzip, br, zstd",
          "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"};
}

BareLoop::BareLoop(BareRequest request, std::size_t parallel) {
  curl_global_init(CURL_GLOBAL_DEFAULT);
  impl_ = std::make_unique<Impl>(std::move(request), parallel);
}
BareLoop::~BareLoop() = default;
BareResult BareLoop::run(std::size_t total) { return impl_->run(total); }
std::vector<double> BareLoop::run_paced(std::size_t total, double rate) {
  return impl_->run_paced(total, rate);
}

}  // namespace stepwell::bench
