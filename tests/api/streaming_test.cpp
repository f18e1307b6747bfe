// Bodies that are taken and given piece by piece, and answers that last.
#include <gtest/gtest.h>

#include <atomic>
#include <deque>
#include <future>
#include <mutex>

#include "api/event_stream.h"
#include "api/server.h"
#include "tests/api/office.h"

namespace stepwell::api::test {
namespace {

// What became of an upload; outlives the server.
struct Uploaded {
  std::mutex mutex;
  std::string text;         // guarded by mutex
  std::size_t largest = 0;  // guarded by mutex
  std::atomic<int> made{0};
  std::atomic<int> finished{0};
  std::atomic<int> gone{0};
  std::size_t refuse_beyond = SIZE_MAX;
};

class Collector final : public BodyConsumer {
 public:
  explicit Collector(Uploaded& to) : to_(to) { ++to_.made; }
  ~Collector() override { ++to_.gone; }
  Status consume(std::string_view piece) override {
    const std::scoped_lock lock(to_.mutex);
    to_.text += piece;
    to_.largest = std::max(to_.largest, piece.size());
    if (to_.text.size() > to_.refuse_beyond)
      return fail(client_error(415, "content-invalid", "enough"));
    return {};
  }
  Result<Response> finish() override {
    ++to_.finished;
    return text_response(201, "taken\n", "text/plain");
  }

 private:
  Uploaded& to_;
};

class Repeated final : public BodySource {
 public:
  Repeated(std::size_t size, bool known, std::size_t fail_at = SIZE_MAX)
      : left_(size), size_(size), known_(known), fail_at_(fail_at) {}
  std::optional<std::uint64_t> size() const override {
    return known_ ? std::optional<std::uint64_t>(size_) : std::nullopt;
  }
  Result<std::string> next(std::size_t most) override {
    if (size_ - left_ >= fail_at_)
      return fail(make_problem(ErrorKind::runtime, "broken", "broken"));
    const std::size_t piece = std::min({most, left_, std::size_t{50'000}});
    left_ -= piece;
    return std::string(piece, 'x');
  }

 private:
  std::size_t left_;
  const std::size_t size_;
  const bool known_;
  const std::size_t fail_at_;
};

// Its second piece is there once the test says so.
class Held final : public BodySource {
 public:
  Held(std::promise<void>& asked, std::shared_future<void> go)
      : asked_(asked), go_(std::move(go)) {}
  std::optional<std::uint64_t> size() const override { return 5'000; }
  Result<std::string> next(std::size_t /*most*/) override {
    if (++pieces_ == 2) {
      asked_.set_value();
      go_.wait();
    }
    return std::string(1'000, static_cast<char>('0' + pieces_));
  }

 private:
  std::promise<void>& asked_;
  const std::shared_future<void> go_;
  int pieces_ = 0;
};

class Streaming : public ::testing::Test {
 protected:
  void serve(ServerOptions options = {}) {
    options.listen = "127.0.0.1:0";
    std::vector<Route> routes;
    Route upload{"POST", "/test/upload", Access::needs(auth::Permission::upload_files),
                 UploadHandler([this](Request& request) { return open(request); })};
    upload.query = {"refuse"};
    upload.max_body = 3_MiB;
    routes.push_back(std::move(upload));
    routes.push_back({"GET", "/test/source/{size}/{how}", Access::open(),
                      BlockingHandler([](Request& request) -> Result<Response> {
                        Response response;
                        response.content_type = "text/plain";
                        const std::string& how = request.parameters[1];
                        response.source = std::make_shared<Repeated>(
                            std::stoul(request.parameters[0]), how != "unknown",
                            how == "broken" ? 100'000 : SIZE_MAX);
                        return response;
                      })});
    routes.push_back({"GET", "/test/events", Access::needs(auth::Permission::view_instances),
                      AsyncHandler([this](const Request& /*request*/, const Responder& responder) {
                        const std::scoped_lock lock(mutex_);
                        auto stream = std::make_shared<EventStream>(
                            EventStream::Refill(), [this] { ++streams_gone_; }, most_);
                        streams_.push_back(stream);
                        responder.answer(event_stream_response(std::move(stream)));
                      })});
    routes.push_back({"GET", "/test/held", Access::needs(auth::Permission::view_instances),
                      BlockingHandler([this](Request&) -> Result<Response> {
                        Response response;
                        response.content_type = "text/plain";
                        response.source = std::make_shared<Held>(asked_, go_.get_future().share());
                        return response;
                      })});
    routes.push_back({"GET", "/test/late", Access::needs(auth::Permission::view_instances),
                      AsyncHandler([this](const Request& /*request*/, const Responder& responder) {
                        late_.set_value(responder);
                      })});
    server_ = Server::start(options, office_.services(), std::move(routes)).value();
  }

  Result<std::unique_ptr<BodyConsumer>> open(const Request& request) {
    if (request.query_value("refuse") != nullptr) return fail(client_error(409, "in-use", "no"));
    return std::make_unique<Collector>(uploaded_);
  }

  std::string head(std::string_view method, std::string_view target,
                   std::string_view more = "") const {
    return std::string(method) + ' ' + std::string(target) +
           " HTTP/1.1\r\nHost: h\r\nAuthorization: Api-Key " + office_.key("ana") + "\r\n" +
           std::string(more) + "\r\n";
  }
  std::shared_ptr<EventStream> stream() {
    const std::scoped_lock lock(mutex_);
    return streams_.empty() ? nullptr : streams_.back().lock();
  }
  const std::string& address() const { return server_->address(); }
  template <class Condition>
  static bool soon(Condition condition) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!condition()) {
      if (std::chrono::steady_clock::now() > end) return false;
      std::this_thread::yield();
    }
    return true;
  }

  std::string key_id() const {
    return office_.authority->keys().verify("Api-Key " + office_.key("ana"))->key_id;
  }
  Gauge gauge(const char* name) { return office_.metrics.gauge(name, ""); }

  Uploaded uploaded_;
  std::promise<void> asked_;
  std::promise<void> go_;
  std::promise<Responder> late_;
  std::mutex mutex_;
  std::deque<std::weak_ptr<EventStream>> streams_;
  std::atomic<int> streams_gone_{0};
  std::size_t most_ = EventStream::kMostWaiting;
  Office office_;
  std::unique_ptr<Server> server_;
};

TEST_F(Streaming, AnUploadIsTakenInPiecesAndTheConnectionGoesOn) {
  serve();
  std::string body(2'500'000, 'a');
  for (std::size_t i = 0; i < body.size(); i += 1000) body[i] = static_cast<char>('a' + i % 26);
  Wire wire(address());
  wire.send(head("POST", "/test/upload", "Content-Length: 2500000\r\n") + body);
  EXPECT_EQ(wire.read().status, 201);
  EXPECT_EQ(uploaded_.text, body);
  EXPECT_LE(uploaded_.largest, 65536U);
  uploaded_.text.clear();
  wire.send(head("POST", "/test/upload", "Transfer-Encoding: chunked\r\n") +
            "5\r\nhello\r\n7\r\n, world\r\n0\r\n\r\n");
  EXPECT_EQ(wire.read().status, 201);
  EXPECT_EQ(uploaded_.text, "hello, world");
  wire.send(head("POST", "/test/upload", "Content-Length: 0\r\n"));
  EXPECT_EQ(wire.read().status, 201);
  EXPECT_EQ(uploaded_.finished, 3);
  EXPECT_TRUE(soon([&] { return uploaded_.gone == 3; }));
}

TEST_F(Streaming, AnUploadIsInvitedOnceItMayCome) {
  serve();
  Wire wire(address());
  wire.send(head("POST", "/test/upload", "Content-Length: 2\r\nExpect: 100-continue\r\n"));
  EXPECT_EQ(wire.read().status, 100);
  wire.send("hi");
  EXPECT_EQ(wire.read().status, 201);
  Wire refused(address());
  refused.send(
      head("POST", "/test/upload?refuse=1", "Content-Length: 2\r\nExpect: 100-continue\r\n"));
  const Answer answer = refused.read();
  EXPECT_EQ(answer.status, 409);
  EXPECT_EQ(answer.header("Connection"), "close");
  EXPECT_TRUE(refused.closed());
}

TEST_F(Streaming, AnUploadIsRefusedBeforeItIsRead) {
  serve();
  struct Case {
    const char* name;
    std::string request;
    int status;
  };
  const std::string no_key = "POST /test/upload HTTP/1.1\r\nHost: h\r\n";
  const Case cases[] = {
      {"no key", no_key + "Content-Length: 9\r\n\r\n", 401},
      {"too large", head("POST", "/test/upload", "Content-Length: 3145729\r\n"), 413},
      {"unknown parameter", head("POST", "/test/upload?other=1", "Content-Length: 9\r\n"), 400},
      {"by its handler", head("POST", "/test/upload?refuse=1", "Content-Length: 9\r\n"), 409},
      {"other method", head("PUT", "/test/upload", "Content-Length: 0\r\n"), 405},
  };
  for (const Case& one : cases) {
    Wire wire(address());
    wire.send(one.request);
    EXPECT_EQ(wire.read().status, one.status) << one.name;
  }
  EXPECT_EQ(uploaded_.made, 0);
}

TEST_F(Streaming, AnUploadThatIsWrongHalfwayIsAnsweredAndGone) {
  serve();
  uploaded_.refuse_beyond = 100'000;
  Wire wire(address());
  wire.send(head("POST", "/test/upload", "Content-Length: 3000000\r\n") +
            std::string(200'000, 'a'));
  EXPECT_EQ(wire.read().status, 415);
  EXPECT_TRUE(wire.closed());
  Wire endless(address());
  endless.send(head("POST", "/test/upload", "Transfer-Encoding: chunked\r\n") +
               "5\r\nhello\r\n300000\r\n");
  const Answer too_large = endless.read();
  EXPECT_EQ(too_large.status, 413);
  EXPECT_NE(too_large.body.find("3145728"), std::string::npos) << too_large.body;
  EXPECT_TRUE(soon([&] { return uploaded_.gone == 2; }));
  EXPECT_EQ(uploaded_.finished, 0);
}

TEST_F(Streaming, AClientThatGoesAwayLeavesNothingOfItsUpload) {
  serve();
  {
    Wire wire(address());
    wire.send(head("POST", "/test/upload", "Content-Length: 200000\r\n") +
              std::string(100'000, 'a'));
    EXPECT_TRUE(soon([&] { return uploaded_.made == 1; }));
  }
  EXPECT_TRUE(soon([&] { return uploaded_.gone == 1; }));
  EXPECT_EQ(uploaded_.finished, 0);
}

TEST_F(Streaming, ASlowUploadIsCutOff) {
  ServerOptions options;
  options.read_timeout = Milliseconds(50);
  serve(options);
  // A client that is held up may be cut off before its upload has begun.
  do {
    Wire wire(address());
    wire.send(head("POST", "/test/upload", "Content-Length: 200000\r\n") + "a");
    ASSERT_TRUE(wire.closed());
  } while (uploaded_.made == 0);
  EXPECT_TRUE(soon([&] { return uploaded_.gone == 1; }));
}

TEST_F(Streaming, AKeyThatIsRevokedMeanwhileFinishesNoUpload) {
  serve();
  Wire wire(address());
  wire.send(head("POST", "/test/upload", "Content-Length: 4\r\nExpect: 100-continue\r\n"));
  EXPECT_EQ(wire.read().status, 100);
  const std::string key = office_.authority->keys().verify("Api-Key " + office_.key("ana"))->key_id;
  ASSERT_TRUE(office_.authority->keys().revoke({"test", "test"}, key));
  wire.send("late");
  EXPECT_EQ(wire.read().status, 401);
  EXPECT_EQ(uploaded_.finished, 0);
}

TEST_F(Streaming, AnAnswerIsGivenInPieces) {
  serve();
  Wire wire(address());
  wire.send("GET /test/source/300000/known HTTP/1.1\r\nHost: h\r\n\r\n");
  const Answer known = wire.read();
  EXPECT_EQ(known.header("Content-Length"), "300000");
  EXPECT_EQ(known.body, std::string(300'000, 'x'));
  wire.send("HEAD /test/source/300000/known HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(wire.read(true).header("Content-Length"), "300000");
  wire.send("GET /test/source/120000/unknown HTTP/1.1\r\nHost: h\r\n\r\n");
  const Answer chunked = wire.read();
  EXPECT_EQ(chunked.header("Transfer-Encoding"), "chunked");
  EXPECT_EQ(chunked.header("Content-Length"), "");
  EXPECT_EQ(wire.read_until("\r\n0\r\n\r\n"),
            "c350\r\n" + std::string(50'000, 'x') + "\r\nc350\r\n" + std::string(50'000, 'x') +
                "\r\n4e20\r\n" + std::string(20'000, 'x') + "\r\n0\r\n\r\n");
  wire.send("GET /test/source/10/unknown HTTP/1.0\r\n\r\n");
  EXPECT_EQ(wire.read().header("Transfer-Encoding"), "");
  EXPECT_EQ(wire.read_until("end"), "xxxxxxxxxx");
  EXPECT_TRUE(wire.closed());
}

TEST_F(Streaming, AnAnswerThatBreaksIsCut) {
  serve();
  Wire wire(address());
  wire.send("GET /test/source/300000/broken HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(wire.read().status, 0);
  EXPECT_LT(wire.read_until("end").size(), 300'000U);
}

TEST_F(Streaming, AReaderThatStandsStillIsCutOff) {
  ServerOptions options;
  options.write_timeout = Milliseconds(100);
  serve(options);
  Wire wire(address());
  const Gauge open = gauge("stepwell_api_open_connections");
  EXPECT_TRUE(soon([&] { return open.value() == 1; }));  // not later: then it may be over
  wire.send("GET /test/source/100000000/known HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_TRUE(wire.read_until("\r\n\r\n").starts_with("HTTP/1.1 200 "));
  EXPECT_TRUE(soon([&] { return open.value() == 0; }));
}

TEST_F(Streaming, EventsComeAsTheyArePushed) {
  serve();
  Wire wire(address());
  wire.send(head("GET", "/test/events"));
  const Answer begin = wire.read();
  EXPECT_EQ(begin.status, 200);
  EXPECT_EQ(begin.header("Content-Type"), "text/event-stream");
  EXPECT_NE(wire.read_until("\n\n").find("retry: 2000"), std::string::npos);
  const auto events = stream();
  ASSERT_TRUE(events);
  EXPECT_TRUE(events->push({"7", "step", "one\ntwo"}));
  EXPECT_NE(wire.read_until("\n\n").find("id: 7\nevent: step\ndata: one\ndata: two\n\n"),
            std::string::npos);
  EXPECT_TRUE(events->push({"", "", "last"}));
  events->close();
  EXPECT_NE(wire.read_until("0\r\n\r\n").find("data: last\n\n"), std::string::npos);
  EXPECT_TRUE(wire.closed());
  EXPECT_FALSE(events->push({"8", "step", "late"}));
  EXPECT_TRUE(soon([&] { return streams_gone_ == 1; }));
}

TEST_F(Streaming, AQuietStreamBeats) {
  ServerOptions options;
  options.heartbeat = Milliseconds(20);
  serve(options);
  Wire wire(address());
  wire.send(head("GET", "/test/events"));
  EXPECT_EQ(wire.read().status, 200);
  for (int i = 0; i < 3; ++i) EXPECT_NE(wire.read_until("\n:\n\n"), "");
}

TEST_F(Streaming, AClientThatGoesAwayIsNoticed) {
  serve();
  {
    Wire wire(address());
    wire.send(head("GET", "/test/events"));
    EXPECT_EQ(wire.read().status, 200);
  }
  EXPECT_TRUE(soon([&] { return streams_gone_ == 1; }));
}

TEST_F(Streaming, AClientThatIsTooSlowIsCut) {
  most_ = 20'000;
  serve();
  Wire wire(address());
  wire.send(head("GET", "/test/events"));
  EXPECT_EQ(wire.read().status, 200);
  const auto events = stream();
  ASSERT_TRUE(events);
  const std::string data(10'000, 'x');
  EXPECT_TRUE(soon([&] { return !events->push({"1", "step", data}); }));
  EXPECT_TRUE(soon([&] { return streams_gone_ == 1; }));
  EXPECT_EQ(office_.metrics.counter("stepwell_api_event_streams_cut_total", "").value(), 1);
}

TEST_F(Streaming, ARevokedKeySeesNoMoreEvents) {
  serve();
  Wire wire(address());
  wire.send(head("GET", "/test/events"));
  EXPECT_EQ(wire.read().status, 200);
  const auto events = stream();
  ASSERT_TRUE(events);
  const std::string key = office_.authority->keys().verify("Api-Key " + office_.key("ana"))->key_id;
  ASSERT_TRUE(office_.authority->keys().revoke({"test", "test"}, key));
  events->push({"1", "step", "secret"});
  EXPECT_EQ(wire.read_until("end").find("secret"), std::string::npos);
  EXPECT_TRUE(wire.closed());
}

TEST_F(Streaming, ARevokedKeyGetsNoMoreOfADownload) {
  serve();
  Wire wire(address());
  wire.send(head("GET", "/test/held"));
  asked_.get_future().wait();
  ASSERT_TRUE(office_.authority->keys().revoke({"test", "test"}, key_id()));
  go_.set_value();
  const std::string all = wire.read_until("33");
  EXPECT_NE(all.find("11"), std::string::npos);
  EXPECT_EQ(all.find("33"), std::string::npos);
  EXPECT_TRUE(wire.closed());
}

// Its stream is over before it has begun, and was counted as one less than none.
TEST_F(Streaming, AClientThatBreaksOffBeforeItsStreamBeginsCountsForNothing) {
  serve();
  Wire wire(address());
  wire.send(head("GET", "/test/late"));
  const Responder late = late_.get_future().get();
  const Gauge open = gauge("stepwell_api_open_connections");
  EXPECT_EQ(open.value(), 1);
  wire.reset();
  late.answer(event_stream_response(std::make_shared<EventStream>(
      EventStream::Refill(), [this] { ++streams_gone_; }, most_)));
  EXPECT_TRUE(soon([&] { return open.value() == 0; }));
  EXPECT_EQ(gauge("stepwell_api_event_streams").value(), 0);
  EXPECT_TRUE(soon([&] { return streams_gone_ == 1; }));
}

TEST_F(Streaming, StreamsDoNotHoldUpTheEnd) {
  serve();
  Wire wire(address());
  wire.send(head("GET", "/test/events"));
  EXPECT_EQ(wire.read().status, 200);
  EXPECT_TRUE(soon([&] { return stream() != nullptr; }));
  const auto begun = std::chrono::steady_clock::now();
  server_->stop(Milliseconds(60'000));
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(30));
  EXPECT_TRUE(wire.read_until("0\r\n\r\n").ends_with("0\r\n\r\n"));
  EXPECT_TRUE(wire.closed());
}

}  // namespace
}  // namespace stepwell::api::test
