// Server-sent events as they come, and `instances watch` over connections that break.
#include "daemon/watch.h"

#include <gtest/gtest.h>

#include <sstream>

#include "base/json.h"
#include "daemon/sse_reader.h"

namespace stepwell::daemon {
namespace {

std::string events_of(const std::vector<std::string>& pieces) {
  std::string text;
  SseReader reader([&text](const ServerEvent& event) {
    text += "(" + event.id + "|" + event.name + "|" + event.data + ")";
  });
  for (const std::string& piece : pieces) reader.feed(piece);
  return text + reader.last_id();
}

TEST(ServerSentEvents, AreTakenApartHoweverTheyAreCut) {
  const std::string stream =
      "\xEF\xBB\xBF: a comment\nid: 1\nevent: started\ndata: {\"a\":1}\n\n"
      "data:one\r\ndata: two\r\n\r\nevent: nothing\n\nid\ndata\r\rretry: 10\nid: 4\n\ndata: cut";
  const std::string expected = "(1|started|{\"a\":1})(1|message|one\ntwo)(|message|)4";
  EXPECT_EQ(events_of({stream}), expected);
  std::vector<std::string> bytes;
  for (const char c : stream) bytes.emplace_back(1, c);
  EXPECT_EQ(events_of(bytes), expected);
}

// Gives the streams that a test wrote, one for each connection, and says where it was asked to go
// on.
class StreamsBackend final : public Backend {
 public:
  struct Stream {
    std::string text;
    Status end;
  };
  StreamsBackend(std::vector<Stream> streams, std::vector<const char*> statuses)
      : streams_(std::move(streams)), statuses_(std::move(statuses)) {}

  Result<Value> call(const std::string& method, const std::string& target,
                     const Value& /*body*/) override {
    EXPECT_EQ(method + " " + target, "GET /api/v1/instances/7");
    return Value::object({{"status", statuses_.at(asked++)}});
  }
  Status download(const std::string& target, const std::vector<http::Header>& headers,
                  const TakePiece& take) override {
    EXPECT_EQ(target, "/api/v1/instances/7/events");
    after += "[" + (headers.size() > 1 ? headers[1].value : "") + "]";
    if (streams_.empty()) return gone();
    Stream stream = std::move(streams_.front());
    streams_.erase(streams_.begin());
    EXPECT_TRUE(take(stream.text));
    return stream.end;
  }
  static Status gone() {
    return fail(make_problem(ErrorKind::communication, "daemon-unreachable", "gone"));
  }
  std::string after;
  std::size_t asked = 0;

 private:
  std::vector<Stream> streams_;
  const std::vector<const char*> statuses_;
};

struct Watched {
  std::string out, err;
  int code;
  int pauses = 0;
};

Watched watch(StreamsBackend& backend, OutputFormat format = OutputFormat::table,
              const WatchOptions& options = {}) {
  std::istringstream in;
  std::ostringstream out;
  std::ostringstream err;
  CommandContext context(in, out, err, [](const std::string&) { return std::nullopt; });
  Watched watched;
  watch_instance(context, format, backend, "7", options, [&watched] { ++watched.pauses; });
  watched.out = out.str();
  watched.err = err.str();
  watched.code = context.exit_code;
  return watched;
}

TEST(WatchingAnInstance, GoesOnBehindTheLastEventUntilItHasEnded) {
  StreamsBackend backend(
      {{"id: 1\nevent: step\ndata: {\"event\":\"started\",\"name\":\"a\"}\n\n",
        StreamsBackend::gone()},
       {"id: 2\nevent: status\ndata: {\"status\":\"completed\",\"instance\":7}\n\n", {}}},
      {"running", "completed"});
  const Watched watched = watch(backend);
  EXPECT_EQ(watched.out, "started  a\ncompleted  instance 7\n");
  EXPECT_EQ(watched.code, kDone) << watched.err;
  EXPECT_EQ(backend.after, "[][1]");
  EXPECT_EQ(watched.pauses, 1);
}

TEST(WatchingAnInstance, TellsHowItEnded) {
  StreamsBackend faulted({{"", {}}}, {"faulted"});
  EXPECT_EQ(watch(faulted).code, kFailed);
  StreamsBackend unknown(
      {{"", fail(make_problem(ErrorKind::validation, "instance-unknown", "no such instance"))}},
      {});
  const Watched watched = watch(unknown);
  EXPECT_EQ(watched.code, kFailed);
  EXPECT_NE(watched.err.find("instance-unknown"), std::string::npos);
}

TEST(WatchingAnInstance, GivesUpWhereNobodyAnswers) {
  StreamsBackend backend({}, {"running", "running", "running", "running"});
  const Watched watched = watch(backend, OutputFormat::table, {"3"});
  EXPECT_EQ(watched.code, kUnreachable);
  EXPECT_EQ(backend.after, "[3][3][3][3][3]");
}

TEST(WatchingAnInstance, GivesALineOfJsonForEachEvent) {
  StreamsBackend backend({{"id: 1\nevent: e\ndata: {\"a\":1}\n\ndata: text\n\n", {}}},
                         {"completed"});
  EXPECT_EQ(watch(backend, OutputFormat::json).out,
            "{\"id\":\"1\",\"event\":\"e\",\"data\":{\"a\":1}}\n"
            "{\"id\":\"1\",\"event\":\"message\",\"data\":\"text\"}\n");
}

}  // namespace
}  // namespace stepwell::daemon
