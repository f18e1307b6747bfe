#include "tests/support/trial_judge.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <random>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "tests/support/judged_connection.h"
#include "tests/support/test_certificate.h"

namespace stepwell::test {
namespace {

using SteadyClock = std::chrono::steady_clock;
using std::chrono::microseconds;

// Small, so that what a client writes piles up at its side.
constexpr int kReceiveBuffer = 32 * 1024;
constexpr std::size_t kPortion = 32UL * 1024;
constexpr std::size_t kBeforeStall = 64UL * 1024;
constexpr microseconds kMostPause{8'000};

// The watchers of epoll that are no connection.
constexpr std::uint64_t kListener = 0;
constexpr std::uint64_t kTimer = 1;
constexpr std::uint64_t kStop = 2;
constexpr std::uint64_t kFirstConnection = 3;

int choose_protocol(SSL* /*ssl*/, const unsigned char** out, unsigned char* out_size,
                    const unsigned char* offered, unsigned offered_size, void* wanted) {
  const auto& protocol = *static_cast<const std::string*>(wanted);
  unsigned char* chosen = nullptr;
  const int found = SSL_select_next_proto(
      &chosen, out_size, reinterpret_cast<const unsigned char*>(protocol.data()),
      static_cast<unsigned>(protocol.size()), offered, offered_size);
  *out = chosen;
  return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

int open_listener() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &kReceiveBuffer, sizeof kReceiveBuffer);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      listen(fd, SOMAXCONN) != 0)
    throw std::runtime_error("the judge cannot listen");
  return fd;
}

int port_of(int fd) {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.sin_port);
}

}  // namespace

class TrialJudge::Impl {
 public:
  explicit Impl(JudgeProtocol protocol)
      : protocol_(protocol),
        alpn_(protocol == JudgeProtocol::http2_tls ? "\x02h2" : "\x08http/1.1"),
        listener_(open_listener()),
        port_(port_of(listener_)),
        poller_(epoll_create1(EPOLL_CLOEXEC)),
        timer_(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)),
        stop_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
    if (protocol != JudgeProtocol::http1) {
      certificate_ = std::make_unique<TestCertificate>();
      context_.reset(SSL_CTX_new(TLS_server_method()));
      certificate_->install(context_.get());
      SSL_CTX_set_alpn_select_cb(context_.get(), choose_protocol, &alpn_);
    }
    watch(EPOLL_CTL_ADD, listener_, kListener, EPOLLIN);
    watch(EPOLL_CTL_ADD, timer_, kTimer, EPOLLIN);
    watch(EPOLL_CTL_ADD, stop_, kStop, EPOLLIN);
    thread_ = std::thread([this] { run(); });
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  ~Impl() {
    const std::uint64_t one = 1;
    (void)!write(stop_, &one, sizeof one);
    thread_.join();
    peers_.clear();
    for (const int fd : {listener_, poller_, timer_, stop_}) close(fd);
  }

  std::string origin() const {
    return (certificate_ ? "https://localhost:" : "http://127.0.0.1:") + std::to_string(port_);
  }
  const std::string& ca_file() const { return certificate_ ? certificate_->file() : none_; }

  void begin(JudgeScript script) {
    const std::scoped_lock lock(mutex_);
    script_ = std::move(script);
    random_.seed(script_.seed);
    verdict_ = {};
    verdict_.connections = peers_.size();
    fenced_ = false;
    for (auto& [id, peer] : peers_) peer->connection.erase_line();
  }

  void fence() {
    const std::scoped_lock lock(mutex_);
    // First those that can be had without another call, which takes time.
    for (auto& [id, peer] : peers_) peer->connection.draw_line();
    const std::uint64_t known = next_id_;
    accept_all();
    for (auto peer = peers_.lower_bound(known); peer != peers_.end(); ++peer)
      peer->second->connection.draw_line();
    fenced_ = true;
    for (auto& [id, peer] : peers_) resume(*peer);
  }

  bool wait_until_closed(std::chrono::milliseconds patience) {
    std::unique_lock lock(mutex_);
    accept_all();
    return closed_.wait_for(lock, patience, [this] { return peers_.empty(); });
  }

  bool wait_for_requests(std::uint64_t count, std::chrono::milliseconds patience) {
    std::unique_lock lock(mutex_);
    return came_.wait_for(lock, patience, [&] { return verdict_.before >= count; });
  }

  Verdict verdict() const {
    const std::scoped_lock lock(mutex_);
    return verdict_;
  }

 private:
  // A connection and what the judge wants of it.
  struct Peer final : SessionOwner {
    Peer(Impl& judge, std::uint64_t number, int fd)
        : impl(judge),
          id(number),
          connection(fd, judge.tls(),
                     judge.protocol_ == JudgeProtocol::http2_tls ? http2_session(*this)
                                                                 : http1_session(*this)) {}
    bool has_key(std::string_view text) const override {
      return !impl.script_.key.empty() && text.find(impl.script_.key) != std::string_view::npos;
    }
    void head_came(bool carries_key, bool late) override {
      if (!carries_key) return;
      ++(late ? impl.verdict_.late_requests : impl.verdict_.before);
      impl.came_.notify_all();
    }
    void late_bytes(std::uint64_t count) override { impl.verdict_.late_bytes += count; }
    void request_came(const JudgedRequest& request) override { impl.plan_answer(id, request); }

    Impl& impl;
    const std::uint64_t id;
    JudgedConnection connection;
    std::size_t read = 0;
    bool paused = false;
    bool writing = false;
  };
  // To be done at its time: an answer, or the end of a pause.
  struct Due {
    std::uint64_t peer;
    bool answers;
    int stream;
    JudgedAnswer answer;
  };
  struct FreeContext {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  };

  std::unique_ptr<TlsLayer> tls() const {
    return context_ ? std::make_unique<TlsLayer>(SSL_new(context_.get())) : nullptr;
  }

  void watch(int operation, int fd, std::uint64_t id, std::uint32_t events) const {
    epoll_event event{};
    event.events = events;
    event.data.u64 = id;
    epoll_ctl(poller_, operation, fd, &event);
  }

  void run() {
    std::array<epoll_event, 64> events{};
    while (true) {
      const int count = epoll_wait(poller_, events.data(), static_cast<int>(events.size()), -1);
      for (int i = 0; i < count; ++i) {
        // One at a time, so that a fence does not have to wait for all of them.
        const std::scoped_lock lock(mutex_);
        const std::uint64_t id = events[static_cast<std::size_t>(i)].data.u64;
        if (id == kStop) return;
        handle(id, events[static_cast<std::size_t>(i)].events);
      }
    }
  }

  void handle(std::uint64_t id, std::uint32_t events) {
    if (id == kListener) return accept_all();
    if (id == kTimer) return do_what_is_due();
    const auto peer = peers_.find(id);
    if (peer == peers_.end()) return;
    // Nothing more will come: what there is can be read.
    if ((events & (EPOLLHUP | EPOLLERR)) != 0) resume(*peer->second);
    receive(*peer->second);
  }

  void accept_all() {
    while (true) {
      const int fd = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd < 0) return;
      const int one = 1;
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
      const std::uint64_t id = next_id_++;
      auto peer = std::make_unique<Peer>(*this, id, fd);
      if (fenced_) peer->connection.all_is_late();
      watch(EPOLL_CTL_ADD, fd, id, EPOLLIN);
      peers_.emplace(id, std::move(peer));
      ++verdict_.connections;
    }
  }

  void receive(Peer& peer) {
    const bool slow = script_.reading != Reading::at_once && !fenced_;
    if (peer.paused) return flush(peer);
    const auto state = peer.connection.read(slow ? kPortion : SIZE_MAX);
    if (state == JudgedConnection::State::closed || state == JudgedConnection::State::reset) {
      end(peer, state);
      return;
    }
    if (slow && state == JudgedConnection::State::more) pause(peer);
    flush(peer);
  }

  void end(Peer& peer, JudgedConnection::State state) {
    verdict_.late_bytes += peer.connection.undecided();
    if (state == JudgedConnection::State::reset) ++verdict_.reset;
    verdict_.unfinished += peer.connection.unfinished();
    peers_.erase(peer.id);
    if (peers_.empty()) closed_.notify_all();
  }

  void pause(Peer& peer) {
    peer.read += kPortion;
    peer.paused = true;
    watch_peer(peer);
    if (script_.reading == Reading::stalled && peer.read >= kBeforeStall) return;
    plan(random_delay(kMostPause), {peer.id, false, 0, {}});
  }

  void resume(Peer& peer) {
    if (!peer.paused) return;
    peer.paused = false;
    watch_peer(peer);
  }

  void watch_peer(const Peer& peer) const {
    watch(EPOLL_CTL_MOD, peer.connection.fd(), peer.id,
          (peer.paused ? 0U : EPOLLIN) | (peer.writing ? EPOLLOUT : 0U));
  }

  void flush(Peer& peer) const {
    const bool all = peer.connection.flush();
    if (peer.writing == !all) return;
    peer.writing = !all;
    watch_peer(peer);
  }

  void plan_answer(std::uint64_t id, const JudgedRequest& request) {
    JudgedAnswer answer;
    constexpr std::string_view kRedirect = "/redirect/";
    if (request.path.starts_with("/flaky")) {
      answer.status = random_() % 2 == 0 ? 503 : 200;
    } else if (request.path.starts_with(kRedirect)) {
      answer.status = std::stoi(request.path.substr(kRedirect.size(), 3));
      answer.location = request.path.substr(kRedirect.size() + 3);
    }
    const bool at_once = random_() % 2 == 0;
    plan(at_once ? microseconds(0) : random_delay(script_.most_delay),
         {id, true, request.stream, std::move(answer)});
  }

  microseconds random_delay(microseconds most) {
    return microseconds(
        static_cast<std::int64_t>(random_() % (static_cast<std::uint64_t>(most.count()) + 1)));
  }

  void plan(microseconds delay, Due due) {
    due_.emplace(SteadyClock::now() + delay, std::move(due));
    set_timer();
  }

  void set_timer() const {
    itimerspec at{};
    if (!due_.empty()) {
      // At least one nanosecond: zero would stop the timer.
      const auto left = std::max<std::chrono::nanoseconds>(due_.begin()->first - SteadyClock::now(),
                                                           std::chrono::nanoseconds(1));
      at.it_value.tv_sec = left.count() / 1'000'000'000;
      at.it_value.tv_nsec = left.count() % 1'000'000'000;
    }
    timerfd_settime(timer_, 0, &at, nullptr);
  }

  void do_what_is_due() {
    std::uint64_t ignored = 0;
    (void)!read(timer_, &ignored, sizeof ignored);
    const auto now = SteadyClock::now();
    while (!due_.empty() && due_.begin()->first <= now) {
      const Due due = std::move(due_.begin()->second);
      due_.erase(due_.begin());
      const auto found = peers_.find(due.peer);
      if (found == peers_.end()) continue;
      Peer& peer = *found->second;
      if (due.answers) {
        peer.connection.answer(due.stream, due.answer);
        flush(peer);
      } else {
        resume(peer);
      }
    }
    set_timer();
  }

  const JudgeProtocol protocol_;
  std::string alpn_;
  const std::string none_;
  std::unique_ptr<TestCertificate> certificate_;
  std::unique_ptr<SSL_CTX, FreeContext> context_;
  const int listener_;
  const int port_;
  const int poller_;
  const int timer_;
  const int stop_;

  mutable std::mutex mutex_;  // guards all that follows
  std::condition_variable closed_;
  std::condition_variable came_;
  JudgeScript script_;
  std::mt19937_64 random_;
  bool fenced_ = false;
  Verdict verdict_;
  std::uint64_t next_id_ = kFirstConnection;
  std::map<std::uint64_t, std::unique_ptr<Peer>> peers_;  // numbers are never used twice
  std::multimap<SteadyClock::time_point, Due> due_;
  std::thread thread_;
};

TrialJudge::TrialJudge(JudgeProtocol protocol) : impl_(std::make_unique<Impl>(protocol)) {}
TrialJudge::~TrialJudge() = default;
std::string TrialJudge::origin() const { return impl_->origin(); }
const std::string& TrialJudge::ca_file() const { return impl_->ca_file(); }
void TrialJudge::begin(JudgeScript script) { impl_->begin(std::move(script)); }
void TrialJudge::fence() { impl_->fence(); }
bool TrialJudge::wait_until_closed(std::chrono::milliseconds patience) {
  return impl_->wait_until_closed(patience);
}
bool TrialJudge::wait_for_requests(std::uint64_t count, std::chrono::milliseconds patience) {
  return impl_->wait_for_requests(count, patience);
}
Verdict TrialJudge::verdict() const { return impl_->verdict(); }

}  // namespace stepwell::test
