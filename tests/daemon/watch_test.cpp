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
    EXPECT_EQ(target, expected_target);
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
  std::string expected_target = "/api/v1/instances/7/events";
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

// One change of an instance, as the daemon tells it.
std::string change(const std::string& id, const std::string& event, const std::string& status,
                   const std::string& more = "") {
  return "id: e-" + id + "\nevent: " + event + "\ndata: {\"id\":" + id + ",\"status\":\"" + status +
         "\",\"workflow\":\"a/b:1\",\"name\":\"n\",\"lastUpdatedTime\":\"T\"" + more + "}\n\n";
}

Watched watch_changes(StreamsBackend& backend, OutputFormat format, bool terminal = false) {
  std::istringstream in;
  std::ostringstream out;
  std::ostringstream err;
  CommandContext context(in, out, err, [](const std::string&) { return std::nullopt; });
  context.terminal.err = terminal;
  WatchOptions options;
  options.filter.add("workflow", "a/b");
  backend.expected_target = "/api/v1/instances/events?workflow=a%2Fb";
  Watched watched;
  watch_all(context, format, backend, options, [&watched] { ++watched.pauses; });
  watched.out = out.str();
  watched.err = err.str();
  watched.code = context.exit_code;
  return watched;
}

TEST(WatchingAll, ALineForEachChangeOverConnectionsThatBreak) {
  StreamsBackend backend(
      {{"id: e-0\nevent: begin\ndata: {}\n\n" + change("1", "status", "running"),
        StreamsBackend::gone()},
       {"id: e-9\nevent: gap\ndata: {}\n\n" + change("2", "changed", "running") +
            change("3", "status", "faulted", R"(,"error":{"reason":"timed-out","detail":"late"})"),
        {}}},
      {});
  const Watched watched = watch_changes(backend, OutputFormat::table);
  EXPECT_EQ(watched.out,
            "T  running  1  a/b:1  n\n"
            "some changes before this are not known any more\n"
            "T  running  2  a/b:1  n  (changed)\n"
            "T  faulted  3  a/b:1  n  timed-out: late\n");
  EXPECT_EQ(backend.after, "[][e-1][e-3][e-3][e-3][e-3]");
  EXPECT_EQ(watched.code, kUnreachable);
}

TEST(WatchingAll, OnATerminalWithASummaryBelow) {
  StreamsBackend backend(
      {{change("1", "status", "running") + change("2", "status", "running") +
            change("1", "status", "completed"),
        fail(make_problem(ErrorKind::authentication, "key-revoked", "revoked"))}},
      {});
  const Watched watched = watch_changes(backend, OutputFormat::table, true);
  EXPECT_NE(watched.err.find("so far: 1 completed, 2 running"), std::string::npos) << watched.err;
  EXPECT_EQ(watched.code, kFailed) << "there is no use in asking again";
}

TEST(WatchingAll, ALineOfJsonForEachEvent) {
  StreamsBackend backend(
      {{"id: e-0\nevent: begin\ndata: {}\n\nid: e-4\nevent: gap\ndata: {}\n\n" +
            change("5", "status", "running"),
        fail(make_problem(ErrorKind::authentication, "key-revoked", "revoked"))}},
      {});
  EXPECT_EQ(watch_changes(backend, OutputFormat::json).out,
            "{\"id\":\"e-4\",\"event\":\"gap\",\"data\":{}}\n"
            "{\"id\":\"e-5\",\"event\":\"status\",\"data\":{\"id\":5,\"status\":\"running\","
            "\"workflow\":\"a/b:1\",\"name\":\"n\",\"lastUpdatedTime\":\"T\"}}\n");
}

}  // namespace
}  // namespace stepwell::daemon
