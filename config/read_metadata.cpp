// `metadata.stepwell`: what the standard leaves open, of a task and of the document.
#include <array>

#include "config/read_tasks.h"
#include "config/time_zone.h"

namespace stepwell::config {

namespace {

constexpr std::array<std::string_view, 6> kTaskKeys{"idempotent", "rateLimit", "maxResponseBytes",
                                                    "timeout",    "tls",       "proxy"};
constexpr std::array<std::string_view, 7> kDocumentKeys{
    "runAs", "retention", "concurrency", "timeZone", "durability", "missed", "webhook"};

std::optional<Place> own_part(Reading& reading, const Place& metadata) {
  if (!expect_mapping(reading, metadata)) return std::nullopt;
  const YamlNode::Member* own = metadata.node().find("stepwell");
  if (own != nullptr) return Place(metadata, *own);
  return std::nullopt;
}

void read_timeouts(Reading& reading, const Place& place, CallOptions& call) {
  static constexpr std::array<std::string_view, 2> kKnown{"connect", "firstByte"};
  const Fields fields(reading, place, kKnown);
  if (const auto connect = fields.find("connect"))
    call.connect_timeout = read_constant_duration(reading, *connect);
  if (const auto first_byte = fields.find("firstByte"))
    call.first_byte_timeout = read_constant_duration(reading, *first_byte);
}

void read_tls(Reading& reading, const Place& place, CallOptions& call) {
  static constexpr std::array<std::string_view, 2> kKnown{"caFile", "credential"};
  const Fields fields(reading, place, kKnown);
  if (const auto ca_file = fields.find("caFile"))
    call.ca_file = read_text(reading, *ca_file).value_or("");
  const auto credential = fields.find("credential");
  if (!credential) return;
  call.tls_credential = read_text(reading, *credential).value_or("");
  if (!call.tls_credential.empty())
    refer_to_credential(reading, call.tls_credential, credential->position());
}

// {requests, per}
void read_rate_limit(Reading& reading, const Place& place, CallOptions& call) {
  static constexpr std::array<std::string_view, 2> kKnown{"requests", "per"};
  const Fields fields(reading, place, kKnown);
  if (!fields.is_mapping()) return;
  RateLimit limit;
  const auto requests = fields.require("requests");
  const auto per = fields.require("per");
  if (!requests || !per) return;
  const auto count = read_whole(reading, *requests, 1, 100'000);
  const auto time = read_constant_duration(reading, *per);
  if (!count || !time) return;
  constexpr Milliseconds kDay = std::chrono::hours(24);
  if (*time < Milliseconds(1) || *time > kDay)
    return reading.error(*per, "expected a duration of 1 ms to 24 h");
  limit.requests = static_cast<std::uint32_t>(*count);
  limit.per = *time;
  call.rate_limit = limit;
}

// The URL of a proxy: scheme, host and port, and nothing else.
void read_proxy(Reading& reading, const Place& place, CallOptions& call) {
  const std::optional<std::string> url = read_text(reading, place);
  if (!url) return;
  std::string_view rest = *url;
  const bool secure = rest.starts_with("https://");
  if (!secure && !rest.starts_with("http://"))
    return reading.error(place,
                         "expected the URL of a proxy, such as `http://proxy.example.com:3128`");
  rest.remove_prefix(secure ? 8 : 7);
  if (rest.ends_with('/')) rest.remove_suffix(1);
  if (rest.find('@') != std::string_view::npos)
    return reading.error(place, "the URL of a proxy cannot hold a user name or password");
  constexpr std::string_view kHost =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:[]";
  if (rest.empty() || rest.find_first_not_of(kHost) != std::string_view::npos)
    return reading.error(place, "the URL of a proxy is only its scheme, host and port");
  call.proxy = *url;
}

void read_call_keys(Reading& reading, const Fields& fields, CallOptions& call) {
  if (const auto idempotent = fields.find("idempotent"))
    call.idempotent = read_flag(reading, *idempotent);
  if (const auto bytes = fields.find("maxResponseBytes")) {
    constexpr std::int64_t kMost = 1LL << 40U;
    const auto count = read_whole(reading, *bytes, 1, kMost);
    if (count) call.max_response_bytes = Bytes{static_cast<std::uint64_t>(*count)};
  }
  if (const auto timeout = fields.find("timeout")) read_timeouts(reading, *timeout, call);
  if (const auto tls = fields.find("tls")) read_tls(reading, *tls, call);
  if (const auto limit = fields.find("rateLimit")) read_rate_limit(reading, *limit, call);
  if (const auto proxy = fields.find("proxy")) read_proxy(reading, *proxy, call);
}

Retention read_retention(Reading& reading, const Place& place) {
  static constexpr std::array<std::string_view, 2> kKnown{"age", "count"};
  Retention retention;
  const Fields fields(reading, place, kKnown);
  if (!fields.is_mapping()) return retention;
  if (place.node().members.empty()) reading.error(place, "expected `age`, `count` or both");
  if (const auto age = fields.find("age")) retention.age = read_constant_duration(reading, *age);
  if (const auto count = fields.find("count"))
    if (const auto most = read_whole(reading, *count, 0, 1'000'000'000))
      retention.count = static_cast<std::uint64_t>(*most);
  return retention;
}

void read_time_zone(Reading& reading, const Place& place) {
  const std::optional<std::string> name = read_text(reading, place);
  if (!name) return;
  if (const auto zone = TimeZone::load(*name))
    reading.time_zone = *name;
  else
    reading.error(place, zone.error().detail);
}

// One of two words; is it the second?
bool read_choice(Reading& reading, const Place& place, std::string_view what,
                 const std::array<std::string_view, 2>& choices) {
  const std::optional<std::string> text = read_text(reading, place);
  if (!text || *text == choices[0] || *text == choices[1]) return text == choices[1];
  std::string hint = did_you_mean(*text, choices);
  if (hint.empty()) hint = "; expected " + quoted_list(choices, "or");
  reading.error(place, std::string(what) + " " + quoted(*text) + hint);
  return false;
}

}  // namespace

void read_task_metadata(Reading& reading, const Place& metadata, CallOptions* call) {
  const std::optional<Place> own = own_part(reading, metadata);
  if (!own) return;
  const Fields fields(reading, *own, kTaskKeys);
  if (!fields.is_mapping()) return;
  if (call != nullptr) return read_call_keys(reading, fields, *call);
  for (const std::string_view key : kTaskKeys)
    if (const auto field = fields.find(key))
      reading.error_at_key(*field, quoted(key) + " belongs to a `call` task");
}

void read_document_metadata(Reading& reading, const Place& metadata) {
  const std::optional<Place> own = own_part(reading, metadata);
  if (!own) return;
  const Fields fields(reading, *own, kDocumentKeys);
  if (!fields.is_mapping()) return;
  if (const auto run_as = fields.find("runAs"))
    reading.definition.run_as = read_text(reading, *run_as).value_or("");
  if (const auto retention = fields.find("retention"))
    reading.definition.retention = read_retention(reading, *retention);
  if (const auto concurrency = fields.find("concurrency"))
    reading.definition.concurrency =
        static_cast<std::uint64_t>(read_whole(reading, *concurrency, 1, 1'000'000'000).value_or(0));
  if (const auto webhook = fields.find("webhook"))
    reading.definition.webhook = read_webhook(reading, *webhook);
  if (const auto zone = fields.find("timeZone")) read_time_zone(reading, *zone);
  if (const auto durability = fields.find("durability"))
    reading.definition.relaxed =
        read_choice(reading, *durability, "unknown durability", {"full", "relaxed"});
  if (const auto missed = fields.find("missed"))
    reading.definition.skip_missed =
        read_choice(reading, *missed, "unknown way to treat what was missed,", {"once", "skip"});
}

}  // namespace stepwell::config
