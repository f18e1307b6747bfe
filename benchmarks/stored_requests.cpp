#include "benchmarks/stored_requests.h"

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <string>
#include <thread>

#include "base/json.h"
#include "benchmarks/filled_journal.h"
#include "benchmarks/http_load.h"
#include "benchmarks/http_workloads.h"
#include "benchmarks/pace.h"

namespace stepwell::bench {
namespace {

constexpr std::size_t kClients = 32;
constexpr std::size_t kStarts = 8'000;
constexpr std::size_t kReads = 8'000;
constexpr std::size_t kPages = 500;

const std::string kInstances = "/api/v1/instances";
const std::string kStart = R"({"workflow":"bench/quick","input":{}})";

[[noreturn]] void give_up(const std::string& why) {
  std::fprintf(stderr, "%s\n", why.c_str());
  std::exit(1);
}

// One client with one connection, which reads what it gets.
class Client {
 public:
  Client(const DaemonProcess& daemon, const DaemonSite& site)
      : load_(daemon.address(), 1), key_(site.key()) {}

  Value ask(const std::string& method, const std::string& target, const std::string& body = "") {
    Value answer;
    const HttpTimes times = load_.run(
        1, [&](std::size_t) { return request_text(method, target, key_, body); },
        [&](std::string_view text) {
          expect_status(text, 200);
          Result<Value> read = parse_json(body_of(text));
          if (!read) give_up(read.error().one_line());
          answer = *std::move(read);
        });
    milliseconds_ += times.milliseconds.front();
    ++requests_;
    return answer;
  }
  // Since the last call.
  double milliseconds() { return std::exchange(milliseconds_, 0); }
  std::size_t requests() { return std::exchange(requests_, 0); }

 private:
  HttpLoad load_;
  std::string key_;
  double milliseconds_ = 0;
  std::size_t requests_ = 0;
};

// Spread over all, in an order that no cache foresees.
std::size_t scattered(std::size_t number, std::size_t all) { return number * 0x9E3779B1U % all; }

// A daemon, and what is asked of it.
struct Side {
  Side(const DaemonProcess& daemon, const DaemonSite& site)
      : load(daemon.address(), kClients), client(daemon, site), key(site.key()) {}

  HttpTimes start() {
    const std::string text = request_text("POST", kInstances, key, kStart);
    return load.run(
        kStarts, [&](std::size_t) { return text; },
        [](std::string_view answer) { expect_status(answer, 201); });
  }
  HttpTimes read() {
    return get(kReads, [this](std::size_t number) {
      return kInstances + "/" + std::to_string(ids[scattered(number, ids.size())]);
    });
  }
  HttpTimes pages() {
    return get(kPages, [](std::size_t) { return kInstances + "?limit=100&ordering=-startedTime"; });
  }
  template <class Target>
  HttpTimes get(std::size_t total, const Target& target) {
    return load.run(
        total, [&](std::size_t number) { return request_text("GET", target(number), key); },
        [](std::string_view answer) { expect_status(answer, 200); });
  }
  // What it has, as far as a page tells.
  void look() {
    const Value page = client.ask("GET", kInstances + "?limit=500");
    for (const Value& item : page.get("items").elements())
      ids.push_back(static_cast<std::uint64_t>(item.get("id").as_integer().value_or(0)));
    if (ids.empty()) give_up("a list of instances is empty");
  }

  HttpLoad load;
  Client client;
  std::string key;
  std::vector<std::uint64_t> ids;
};

// Two rows for what was asked.
struct Pair {
  explicit Pair(const std::string& name)
      : rate{"api-" + name + "-million", "requests/s", {}, {}, 0.9},
        most{"api-" + name + "-million-p99", "ms", {}, {}, {}, false} {
    rate.note = "the yardstick has few stored; " + std::to_string(kClients) + " clients";
  }
  void add(const HttpTimes& many, const HttpTimes& few) {
    rate.values.push_back(many.per_second());
    rate.yardsticks.push_back(few.per_second());
    most.values.push_back(percentile(many.milliseconds, 0.99));
    most.yardsticks.push_back(percentile(few.milliseconds, 0.99));
  }
  Row rate;
  Row most;
};

struct Listing {
  const char* name;
  std::string query;
};

std::vector<Listing> listings(WallTime now) {
  const std::string recent = format_time(now - Milliseconds(600'000));
  const std::string early = format_time(now - Milliseconds(9'000'000));
  return {
      {"status", "status=faulted"},
      {"status-by-update", "status=stopped&ordering=-lastUpdatedTime"},
      {"workflow", "workflow=bench/stored-3"},
      {"workflow-by-name", "workflow=bench/stored-4&ordering=-name"},
      {"tag", "tag=region-7"},
      {"tag-by-update", "tag=region-7&ordering=-lastUpdatedTime"},
      {"tag-rare-by-update", "tag=rare&ordering=-lastUpdatedTime"},
      {"tag-or-tag", "tag=rare,region-3&ordering=name"},
      {"name", "name=order"},
      {"name-rare", "name=999984"},
      {"name-none-by-update", "name=nothing&ordering=-lastUpdatedTime"},
      {"step", "step=call"},
      {"credential", "credential=crm"},
      {"credential-by-update", "credential=crm&ordering=-lastUpdatedTime"},
      {"credential-and-tag-by-update", "credential=crm&tag=rare&ordering=-lastUpdatedTime"},
      {"priority", "priority=H"},
      {"priority-regular", "priority=regular&ordering=-priority"},
      {"parent", "parent=4999"},
      {"overdue-by-deadline", "overdue=true&ordering=-deadline"},
      {"deadline", "deadlineAfter=" + recent},
      {"started", "startedAfter=" + recent + "&ordering=name"},
      {"updated", "lastUpdatedAfter=" + recent + "&ordering=-startedTime"},
      {"completed", "completedBefore=" + early + "&status=completed&ordering=-name"},
      {"stopped", "stoppedAfter=" + recent + "&ordering=deadline"},
      {"by-id", "ordering=-id"},
      {"by-start", "ordering=startedTime"},
      {"by-update", "ordering=-lastUpdatedTime"},
      {"by-end", "ordering=completedTime"},
      {"by-priority", "ordering=-priority"},
      {"by-name", "ordering=name"},
      {"by-deadline", "ordering=-deadline"},
      {"by-status", "ordering=-status"},
      {"workflow-faulted-tag-by-end",
       "workflow=bench/stored-1&status=faulted&tag=rare&ordering=-completedTime"},
  };
}

// Goes on where an answer stopped before its page was full.
std::size_t fill_page(Client& client, const std::string& query) {
  std::size_t found = 0;
  std::string cursor;
  do {
    std::string target = kInstances + "?limit=" + std::to_string(100 - found) + "&" + query;
    if (!cursor.empty()) target += "&cursor=" + cursor;
    const Value page = client.ask("GET", target);
    found += page.get("items").size();
    cursor = page.get("next").is_string() ? page.get("next").as_string() : std::string_view();
  } while (found < 100 && !cursor.empty());
  return found;
}

// Starts instances while something else goes on, a hundred a second; how long each took.
class Beside {
 public:
  Beside(const DaemonProcess& daemon, const DaemonSite& site)
      : load_(daemon.address(), 1),
        text_(request_text("POST", kInstances, site.key(), kStart)),
        thread_([this] { run(); }) {}
  ~Beside() { (void)stop(); }
  Beside(const Beside&) = delete;
  Beside& operator=(const Beside&) = delete;

  std::vector<double> stop() {
    stopping_ = true;
    if (thread_.joinable()) thread_.join();
    return times_;
  }

 private:
  void run() {
    const Pace pace(100);
    while (!stopping_) {
      (void)pace.wait();
      const HttpTimes one = load_.run(
          1, [this](std::size_t) { return text_; },
          [](std::string_view answer) { expect_status(answer, 201); });
      times_.push_back(one.milliseconds.front());
    }
  }

  HttpLoad load_;
  std::string text_;
  std::vector<double> times_;  // of thread_, until it has ended
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

void expect(const char* what, std::size_t found, std::size_t wanted) {
  if (found == wanted) return;
  give_up(std::string(what) + " found " + std::to_string(found) + " of " + std::to_string(wanted));
}

std::size_t go_through(Client& client, const std::string& query) {
  std::size_t found = 0;
  std::string cursor;
  do {
    std::string target = kInstances + "?limit=500&" + query;
    if (!cursor.empty()) target += "&cursor=" + cursor;
    const Value page = client.ask("GET", target);
    found += page.get("items").size();
    cursor = page.get("next").is_string() ? page.get("next").as_string() : std::string_view();
  } while (!cursor.empty());
  return found;
}

// Where there are none at all, nobody looks for an instance's files.
void hand_in_a_file(const DaemonProcess& daemon, const DaemonSite& site) {
  const std::string body =
      "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n"
      "Content-Type: text/plain\r\n\r\nhello\r\n--b--\r\n";
  const std::string text = "POST /api/v1/files HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer " +
                           site.key() +
                           "\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: " +
                           std::to_string(body.size()) + "\r\n\r\n" + body;
  (void)HttpLoad(daemon.address(), 1)
      .run(
          1, [&](std::size_t) { return text; },
          [](std::string_view answer) { expect_status(answer, 201); });
}

std::size_t delete_all(Client& client, const std::string& workflow) {
  std::size_t gone = 0;
  std::string cursor;
  do {
    std::string body = R"({"workflow":")" + workflow + '"';
    if (!cursor.empty()) body += R"(,"cursor":")" + cursor + '"';
    const Value answer = client.ask("POST", kInstances + "/bulk/delete", body + "}");
    gone += static_cast<std::size_t>(answer.get("taken").as_integer().value_or(0));
    cursor = answer.get("next").is_string() ? answer.get("next").as_string() : std::string_view();
  } while (!cursor.empty());
  return gone;
}

}  // namespace

void write_quick_definition(const DaemonSite& site) {
  std::ofstream(site.definitions() / "quick.yaml")
      << "document: {dsl: '1.0.3', namespace: bench, name: quick, version: '1.0.0'}\n"
         "do: [{s: {set: {a: 1}}}]\n";
}

std::vector<Row> requests_beside_few(const DaemonProcess& daemon, const DaemonSite& site,
                                     const DaemonProcess& few, const DaemonSite& few_site,
                                     std::size_t stored) {
  Side many(daemon, site);
  Side less(few, few_site);
  for (Side* side : {&many, &less}) (void)side->start();
  less.look();
  for (std::size_t i = 0; i < kReads; ++i) many.ids.push_back(1 + scattered(i, stored));
  Pair start("start");
  Pair read("read");
  Pair pages("page");
  for (int round = 0; round < kRounds; ++round) {
    const HttpTimes started = many.start();
    start.add(started, less.start());
    const HttpTimes one = many.read();
    read.add(one, less.read());
    const HttpTimes page = many.pages();
    pages.add(page, less.pages());
  }
  return {start.rate, start.most, read.rate, read.most, pages.rate, pages.most};
}

std::vector<Row> stored_lists(const DaemonProcess& daemon, const DaemonSite& site) {
  constexpr int kTimes = 3;
  Client client(daemon, site);
  std::vector<Row> rows;
  for (const Listing& listing : listings(SystemClock().now())) {
    Row row{std::string("list-") + listing.name, "ms until a page is full", {}, {}, {}, false};
    std::size_t found = 0;
    for (int time = 0; time < kTimes; ++time) {
      found = fill_page(client, listing.query);
      row.values.push_back(client.milliseconds());
    }
    row.note = std::to_string(found) + " found by " + std::to_string(client.requests() / kTimes) +
               " requests";
    rows.push_back(std::move(row));
  }
  return rows;
}

std::vector<Row> stored_deletion(const DaemonProcess& daemon, const DaemonSite& site,
                                 std::size_t stored) {
  constexpr std::size_t kDeletions = 3;
  const std::size_t each = stored / kStoredWorkflows;
  hand_in_a_file(daemon, site);
  Client client(daemon, site);
  Row count{"select-100000-count", "s", {}, {}, {}, false, "a dry run"};
  Row pages{"select-100000-pages", "s", {}, {}, {}, false, "500 a page"};
  Row deletion{"delete-100000", "s", {}, {}, {}, false, "every tenth of a million"};
  Row beside{"delete-100000-start-p99", "ms", {}, {}, {}, false};
  beside.note = "who starts instances meanwhile, 100 a second";
  for (std::size_t number = 0; number < kDeletions; ++number) {
    const std::string workflow = stored_workflow(number);
    const Value counted = client.ask("POST", kInstances + "/bulk/delete",
                                     R"({"dryRun":true,"workflow":")" + workflow + R"("})");
    if (counted.get("more").truthy()) count.note = "a dry run, which gave up counting";
    count.values.push_back(client.milliseconds() / 1'000);
    expect("a list", go_through(client, "workflow=" + workflow), each);
    pages.values.push_back(client.milliseconds() / 1'000);
    std::optional<Beside> others;
    if (number + 1 == kDeletions) others.emplace(daemon, site);
    expect("a deletion", delete_all(client, workflow), each);
    deletion.values.push_back(client.milliseconds() / 1'000);
    if (others) beside.values.push_back(percentile(others->stop(), 0.99));
  }
  return {count, pages, deletion, beside};
}

}  // namespace stepwell::bench
