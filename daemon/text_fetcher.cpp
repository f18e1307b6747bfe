#include "daemon/text_fetcher.h"

#include <algorithm>
#include <future>
#include <memory>
#include <utility>

#include "steps/fetch.h"

namespace stepwell::daemon {

namespace {

constexpr Bytes kMostFetched = 1_MiB;

// What the fetch of a definition that is not loaded yet runs as.
std::shared_ptr<const engine::Program> program_of(const config::ResourceRequest& request) {
  auto definition = std::make_shared<config::Definition>();
  definition->namespace_ = request.namespace_;
  return std::make_shared<const engine::Program>(std::move(definition));
}

}  // namespace

Result<std::string> TextFetcher::fetch(const config::ResourceRequest& request,
                                       Milliseconds longest) const {
  longest = std::clamp(longest, Milliseconds(1), kLongest);
  steps::HttpStepOptions options;
  options.total_timeout = longest;
  config::Authentication authentication;
  authentication.credential = request.credential;
  steps::FetchWish wish;
  wish.url = request.uri;
  if (!request.credential.empty()) wish.authentication = &authentication;
  wish.options.max_response_bytes = kMostFetched;
  wish.options.connect_timeout = std::min(longest, kLongest / 3);
  wish.keyed = false;
  engine::StepCall call;
  call.program = program_of(request);
  call.trace_id = surroundings_.entropy.hex(16);
  std::promise<steps::FetchResult> promise;
  std::future<steps::FetchResult> fetched = promise.get_future();
  const auto running = steps::start_fetch(
      surroundings_, options, std::move(call), wish,
      [&promise](steps::FetchResult result) { promise.set_value(std::move(result)); });
  // Several requests where it is redirected; what is cancelled is finished too.
  const bool in_time = fetched.wait_for(longest) == std::future_status::ready;
  if (!in_time) running->cancel();
  Result<steps::Fetched> result = fetched.get()();
  if (!in_time)
    return fail(make_problem(
        ErrorKind::timeout, "timeout",
        "there was no answer within " + std::to_string(longest.count()) + " milliseconds"));
  if (!result) return fail(std::move(result.error()));
  return std::move(result->text);
}

}  // namespace stepwell::daemon
