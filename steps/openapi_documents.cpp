#include "steps/openapi_documents.h"

#include <algorithm>
#include <charconv>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "base/ascii.h"
#include "http/headers.h"
#include "http/url.h"

namespace stepwell::steps {

namespace {

const std::string* fetched_header(const Fetched& fetched, std::string_view name) {
  for (const http::Header& header : fetched.headers)
    if (http::equal_names(header.name, name)) return &header.value;
  return nullptr;
}

// How long the answer is fresh: its max-age, or none with no-cache or no-store (RFC 9111 §5.2.2).
Milliseconds freshness(const Fetched& fetched, const OpenApiOptions& options) {
  const std::string* field = fetched_header(fetched, "Cache-Control");
  if (field == nullptr) return options.fresh;
  const std::string rules = ascii_lower(*field);
  if (rules.find("no-cache") != std::string::npos || rules.find("no-store") != std::string::npos)
    return Milliseconds(0);
  const std::size_t at = rules.find("max-age=");
  if (at == std::string::npos) return options.fresh;
  std::int64_t seconds = 0;
  const char* const from = rules.data() + at + 8;
  const auto [rest, fault] = std::from_chars(from, rules.data() + rules.size(), seconds);
  if (fault == std::errc::result_out_of_range) return options.longest;
  if (fault != std::errc() || seconds < 0) return options.fresh;
  const std::int64_t most = options.longest.count() / 1000;
  return Milliseconds(std::min(seconds, most) * 1000);
}

// Names the origin alone: what was refused may be that the URL holds a secret.
Problem document_problem(Problem problem, const std::string& url) {
  const auto parsed = http::parse_url(url);
  problem.detail = "the OpenAPI document" + (parsed ? " at " + parsed->origin.text() : "") +
                   " could not be fetched: " + problem.detail;
  return problem;
}

}  // namespace

class OpenApiDocuments::Impl : public std::enable_shared_from_this<OpenApiDocuments::Impl> {
 public:
  Impl(const HttpStepSurroundings& surroundings, const HttpStepOptions& http,
       const OpenApiOptions& options)
      : surroundings_(surroundings), http_(http), options_(options) {}

  std::uint64_t get(const FetchWish& wish, const std::string& share, engine::StepCall call,
                    Ready ready) {
    std::unique_lock lock(mutex_);
    const std::uint64_t waiter = ++last_number_;
    const std::string key = share.empty() ? "#" + std::to_string(waiter) : share + "\n" + wish.url;
    Entry& entry = entries_[key];
    entry.used = waiter;
    if (entry.known.document != nullptr && surroundings_.clock.steady_now() < entry.fresh_until) {
      const KnownDocument known = entry.known;
      lock.unlock();
      ready(known);
      return waiter;
    }
    entry.waiters.emplace(waiter, std::move(ready));
    waiting_.emplace(waiter, key);
    if (entry.fetch != 0) return waiter;
    entry.fetch = waiter;
    entry.kept = !share.empty();
    FetchWish asked = wish;
    asked.options.max_response_bytes = options_.document;
    asked.headers =
        Value::object({{"Accept", "application/json, application/yaml;q=0.9, */*;q=0.5"}});
    if (!entry.etag.empty()) asked.headers.set("If-None-Match", entry.etag);
    lock.unlock();
    start(key, waiter, asked, std::move(call));
    return waiter;
  }

  bool drop(std::uint64_t waiter) {
    std::shared_ptr<engine::RunningStep> abandoned;
    Ready ready;  // dies without the lock
    {
      const std::scoped_lock lock(mutex_);
      const auto found = waiting_.find(waiter);
      if (found == waiting_.end()) return false;
      const auto entry = entries_.find(found->second);
      waiting_.erase(found);
      ready = std::move(entry->second.waiters.extract(waiter).mapped());
      if (entry->second.waiters.empty()) {
        abandoned = std::move(entry->second.running);
        forget_fetch(entry);
      }
    }
    if (abandoned != nullptr) abandoned->cancel();
    return true;
  }

  // Nothing of this runs any more afterwards; who still waits is told that it was cancelled.
  void stop() {
    std::vector<Ready> waiters;
    std::vector<std::shared_ptr<engine::RunningStep>> running;
    std::thread reader;
    {
      const std::scoped_lock lock(mutex_);
      stopped_ = true;
      jobs_.clear();
      for (auto& [key, entry] : entries_) {
        for (auto& [number, ready] : entry.waiters) waiters.push_back(std::move(ready));
        if (entry.running != nullptr) running.push_back(std::move(entry.running));
      }
      entries_.clear();
      waiting_.clear();
      reader = std::move(reader_);
    }
    wake_.notify_all();
    if (reader.joinable()) reader.join();
    for (const auto& each : running) each->cancel();
    for (const Ready& ready : waiters)
      ready(fail(make_problem(ErrorKind::runtime, "cancelled", "the step was cancelled")));
  }

  std::size_t kept() const {
    const std::scoped_lock lock(mutex_);
    return static_cast<std::size_t>(
        std::count_if(entries_.begin(), entries_.end(),
                      [](const auto& each) { return each.second.known.document != nullptr; }));
  }

 private:
  struct Entry {
    KnownDocument known;
    std::string etag;
    SteadyTime fresh_until{};
    std::size_t bytes = 0;
    std::uint64_t used = 0;                        // the last waiter
    std::uint64_t fetch = 0;                       // the number of the one under way; 0: none
    std::shared_ptr<engine::RunningStep> running;  // of the fetch, once it is known
    bool kept = true;
    std::map<std::uint64_t, Ready> waiters;
  };
  using Entries = std::map<std::string, Entry, std::less<>>;

  void start(const std::string& key, std::uint64_t fetch, const FetchWish& wish,
             engine::StepCall call) {
    auto running =
        start_fetch(surroundings_, http_, std::move(call), wish,
                    [self = shared_from_this(), key, fetch, url = wish.url](FetchResult result) {
                      self->post([self, key, fetch, url, result = std::move(result)] {
                        self->finish(key, fetch, url, result());
                      });
                    });
    {
      const std::scoped_lock lock(mutex_);
      const auto entry = entries_.find(key);
      // It is over already, or all have left meanwhile.
      if (entry != entries_.end() && entry->second.fetch == fetch) {
        entry->second.running = std::move(running);
        return;
      }
    }
    running->cancel();
  }

  // On the reading thread.
  void finish(const std::string& key, std::uint64_t fetch, const std::string& url,
              Result<Fetched> fetched) {
    {
      const std::scoped_lock lock(mutex_);
      const auto entry = entries_.find(key);
      if (entry == entries_.end() || entry->second.fetch != fetch) return;  // nobody waits
      if (fetched && fetched->status == 304) {
        entry->second.fresh_until =
            surroundings_.clock.steady_now() + freshness(*fetched, options_);
        return answer(entry, entry->second.known);
      }
    }
    Result<KnownDocument> known = read(url, fetched);
    const std::scoped_lock lock(mutex_);
    const auto entry = entries_.find(key);
    if (entry == entries_.end() || entry->second.fetch != fetch) return;
    if (known) {
      const std::string* etag = fetched_header(*fetched, "ETag");
      entry->second.known = *known;
      entry->second.etag = etag == nullptr ? std::string() : *etag;
      entry->second.bytes = fetched->text.size();
      entry->second.fresh_until = surroundings_.clock.steady_now() + freshness(*fetched, options_);
    }
    answer(entry, known);
  }

  static Result<KnownDocument> read(const std::string& url, const Result<Fetched>& fetched) {
    if (!fetched) return fail(document_problem(fetched.error(), url));
    auto document = read_openapi(fetched->text);
    if (!document) {
      document.error().detail +=
          " (" + fetched->url.substr(0, fetched->url.find_first_of("?#")) + ")";
      return fail(std::move(document.error()));
    }
    return KnownDocument{std::move(*document), fetched->url};
  }

  // With mutex_ held: everybody who waits gets it, as jobs of the reading thread.
  void answer(Entries::iterator entry, const Result<KnownDocument>& known) {
    for (auto& [number, ready] : entry->second.waiters) {
      waiting_.erase(number);
      jobs_.emplace_back([ready = std::move(ready), known] { ready(known); });
    }
    entry->second.waiters.clear();
    forget_fetch(entry);
    evict();
  }

  // With mutex_ held.
  void forget_fetch(Entries::iterator entry) {
    entry->second.fetch = 0;
    entry->second.running.reset();
    if (entry->second.known.document == nullptr || !entry->second.kept) entries_.erase(entry);
  }

  // With mutex_ held: the ones that were not used for the longest time go.
  void evict() {
    std::size_t count = 0;
    std::uint64_t bytes = 0;
    for (const auto& [key, entry] : entries_) {
      count += entry.known.document != nullptr ? 1 : 0;
      bytes += entry.bytes;
    }
    while (count > options_.count || bytes > options_.kept.count) {
      auto oldest = entries_.end();
      for (auto entry = entries_.begin(); entry != entries_.end(); ++entry) {
        if (entry->second.known.document == nullptr || entry->second.fetch != 0) continue;
        if (oldest == entries_.end() || entry->second.used < oldest->second.used) oldest = entry;
      }
      if (oldest == entries_.end()) return;
      bytes -= oldest->second.bytes;
      --count;
      entries_.erase(oldest);
    }
  }

  void post(std::function<void()> job) {
    const std::scoped_lock lock(mutex_);
    if (stopped_) return;
    if (!reader_.joinable()) reader_ = std::thread([self = shared_from_this()] { self->work(); });
    jobs_.push_back(std::move(job));
    wake_.notify_one();
  }

  void work() {
    std::unique_lock lock(mutex_);
    while (true) {
      wake_.wait(lock, [this] { return stopped_ || !jobs_.empty(); });
      if (stopped_) return;
      std::function<void()> job = std::move(jobs_.front());
      jobs_.pop_front();
      lock.unlock();
      job();
      job = nullptr;
      lock.lock();
    }
  }

  const HttpStepSurroundings surroundings_;
  const HttpStepOptions http_;
  const OpenApiOptions options_;

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  Entries entries_;                               // guarded by mutex_
  std::map<std::uint64_t, std::string> waiting_;  // guarded by mutex_; the key of each waiter
  std::deque<std::function<void()>> jobs_;        // guarded by mutex_
  std::thread reader_;                            // guarded by mutex_
  std::uint64_t last_number_ = 0;                 // guarded by mutex_
  bool stopped_ = false;                          // guarded by mutex_
};

OpenApiDocuments::OpenApiDocuments(const HttpStepSurroundings& surroundings,
                                   const HttpStepOptions& http, const OpenApiOptions& options)
    : impl_(std::make_shared<Impl>(surroundings, http, options)) {}

OpenApiDocuments::~OpenApiDocuments() { impl_->stop(); }

std::uint64_t OpenApiDocuments::get(const FetchWish& wish, const std::string& share,
                                    engine::StepCall call, Ready ready) {
  return impl_->get(wish, share, std::move(call), std::move(ready));
}

bool OpenApiDocuments::drop(std::uint64_t waiter) { return impl_->drop(waiter); }

void OpenApiDocuments::stop() { impl_->stop(); }

std::size_t OpenApiDocuments::kept() const { return impl_->kept(); }

}  // namespace stepwell::steps
