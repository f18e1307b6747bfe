// The address that a request is about to go to is judged for every send, whoever opened the
// connection: here one is made past the check that sockets are opened with.
#include <curl/curl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include "http/lane.h"
#include "http/pool.h"
#include "tests/http/fixture.h"
#include "tests/support/misbehaving_server.h"

namespace stepwell::http::test {
namespace {

using stepwell::test::MisbehavingServer;
using stepwell::test::ok_answer;

class Ended final : public LaneListener {
 public:
  void transfer_ended(Transfer& transfer, int curl_code) override {
    code = curl_code;
    ended = true;
    transfer.handle->home().lane().remove(*transfer.handle);
  }
  void answered_early(std::uint64_t /*id*/) override {}
  void mail_moves(Transfer& /*transfer*/) override {}
  bool ended = false;
  int code = -1;
};

// What the loop does, for one transfer on one lane.
class OneTransfer {
 public:
  OneTransfer(EgressRules rules, const std::string& url)
      : surroundings_(with(std::move(rules))), lane_(surroundings_, ended_, 1) {
    auto exchange = std::make_unique<Call>([](const Outcome&) {});
    exchange->request = get(url);
    exchange->request.guard = guard;
    transfer_ = std::make_unique<Transfer>(1, std::move(exchange), surroundings_.now);
    pool_ = std::make_unique<Pool>(surroundings_, transfer_->request());
    place_ = &pool_->place([this](std::size_t /*index*/) -> Lane& { return lane_; });
    handle_ = place_->take();
    transfer_->handle = handle_;
    EXPECT_TRUE(handle_->prepare(*transfer_, false));
  }
  OneTransfer(const OneTransfer&) = delete;
  OneTransfer& operator=(const OneTransfer&) = delete;
  ~OneTransfer() { place_->put_back(*handle_); }

  void open_sockets_unasked() {
    curl_easy_setopt(handle_->easy(), CURLOPT_OPENSOCKETFUNCTION, &OneTransfer::open);
  }

  const Transfer& run() {
    EXPECT_TRUE(lane_.add(*handle_));
    while (!ended_.ended) {
      surroundings_.now = clock_.steady_now();
      if (lane_.due() && *lane_.due() <= surroundings_.now) lane_.act_on_time();
      if (ended_.ended) break;
      for (const Poller::Event& event : surroundings_.poller.wait(std::chrono::milliseconds(1)))
        event.lane->act_on(event);
    }
    return *transfer_;
  }
  int curl_code() const { return ended_.code; }

  const std::shared_ptr<RecordingGuard> guard = std::make_shared<RecordingGuard>();

 private:
  static ReactorOptions with(EgressRules rules) {
    ReactorOptions options;
    options.egress = std::move(rules);
    return options;
  }
  static curl_socket_t open(void* /*self*/, curlsocktype /*purpose*/, curl_sockaddr* address) {
    return ::socket(address->family, address->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK,
                    address->protocol);
  }

  SystemClock clock_;
  Surroundings surroundings_;
  Ended ended_;
  Lane lane_;
  std::unique_ptr<Transfer> transfer_;
  std::unique_ptr<Pool> pool_;
  PoolLane* place_ = nullptr;
  Handle* handle_ = nullptr;
};

TEST(Peer, IsRefusedBeforeTheSendWhereNobodyAskedBeforeTheConnection) {
  MisbehavingServer server(MisbehavingServer::always(ok_answer("x")));
  OneTransfer one(EgressRules(), server.url());
  one.open_sockets_unasked();
  const Transfer& transfer = one.run();
  EXPECT_EQ(one.curl_code(), CURLE_ABORTED_BY_CALLBACK);
  ASSERT_NE(transfer.stopped, nullptr);
  EXPECT_EQ(transfer.stopped->code, "egress-denied");
  EXPECT_EQ(transfer.stopped->status, 403);
  EXPECT_EQ(transfer.sends, 0);
  EXPECT_EQ(one.guard->asked, 0);
  for (const std::string& wire : server.received()) EXPECT_EQ(wire, "");
}

TEST(Peer, ThatIsAllowedIsSentTo) {
  MisbehavingServer server(MisbehavingServer::always(ok_answer("x")));
  OneTransfer one(open_to_loopback().egress, server.url());
  one.open_sockets_unasked();
  const Transfer& transfer = one.run();
  EXPECT_EQ(one.curl_code(), CURLE_OK);
  EXPECT_EQ(transfer.stopped, nullptr);
  EXPECT_EQ(transfer.response.body, "x");
}

}  // namespace
}  // namespace stepwell::http::test
