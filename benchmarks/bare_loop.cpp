#include "benchmarks/bare_loop.h"

#include <curl/curl.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace stepwell::bench {

namespace {

using SteadyClock = std::chrono::steady_clock;

class BareLoop {
 public:
  BareLoop(const BareRequest& request, std::size_t total, std::size_t parallel)
      : request_(request), left_(total), multi_(curl_multi_init()), poller_(epoll_create1(0)) {
    curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &BareLoop::on_socket);
    curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
    curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &BareLoop::on_timer);
    curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
    curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, static_cast<long>(parallel + 16));
    if (!request.header.empty()) headers_ = curl_slist_append(headers_, request.header.c_str());
    if (!request.body.empty())
      headers_ = curl_slist_append(headers_, "Content-Type: application/json");
    for (std::size_t i = 0; i < parallel; ++i) handles_.push_back(make_handle());
  }
  BareLoop(const BareLoop&) = delete;
  BareLoop& operator=(const BareLoop&) = delete;
  ~BareLoop() {
    for (CURL* handle : handles_) curl_easy_cleanup(handle);
    curl_multi_cleanup(multi_);
    curl_slist_free_all(headers_);
    close(poller_);
  }

  double run() {
    const std::size_t total = left_;
    const auto begin = SteadyClock::now();
    for (CURL* handle : handles_) start(handle);
    std::array<epoll_event, 64> events{};
    while (open_ > 0) {
      const int count =
          epoll_wait(poller_, events.data(), static_cast<int>(events.size()), wait_time());
      int running = 0;
      for (int i = 0; i < count; ++i) {
        const epoll_event& event = events[static_cast<std::size_t>(i)];
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
    const std::chrono::duration<double> took = SteadyClock::now() - begin;
    return static_cast<double>(total) / took.count();
  }

 private:
  static std::size_t on_body(char* /*data*/, std::size_t size, std::size_t count, void* /*user*/) {
    return size * count;
  }

  static int on_socket(CURL* /*handle*/, curl_socket_t fd, int what, void* user, void* known) {
    auto* loop = static_cast<BareLoop*>(user);
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
    static_cast<BareLoop*>(user)->due_ =
        milliseconds < 0 ? SteadyClock::time_point::max()
                         : SteadyClock::now() + std::chrono::milliseconds(milliseconds);
    return 0;
  }

  CURL* make_handle() {
    CURL* handle = curl_easy_init();
    curl_easy_setopt(handle, CURLOPT_URL, request_.url.c_str());
    curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, &BareLoop::on_body);
    curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
    if (headers_ != nullptr) curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers_);
    if (!request_.body.empty()) {
      curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE, static_cast<long>(request_.body.size()));
      curl_easy_setopt(handle, CURLOPT_POSTFIELDS, request_.body.c_str());
    }
    return handle;
  }

  void start(CURL* handle) {
    if (left_ == 0) return;
    --left_;
    ++open_;
    curl_multi_add_handle(multi_, handle);
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
      curl_multi_remove_handle(multi_, handle);
      --open_;
      start(handle);
    }
  }

  int wait_time() const {
    if (due_ == SteadyClock::time_point::max()) return 1000;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(due_ - SteadyClock::now());
    return left.count() < 0 ? 0 : static_cast<int>(left.count());
  }

  const BareRequest request_;
  std::size_t left_;
  std::size_t open_ = 0;
  CURLM* multi_;
  int poller_;
  curl_slist* headers_ = nullptr;
  std::vector<CURL*> handles_;
  SteadyClock::time_point due_ = SteadyClock::time_point::max();
};

}  // namespace

double bare_requests_per_second(const BareRequest& request, std::size_t total,
                                std::size_t parallel) {
  curl_global_init(CURL_GLOBAL_DEFAULT);
  return BareLoop(request, total, parallel).run();
}

}  // namespace stepwell::bench
