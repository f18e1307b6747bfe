// `metadata.stepwell`: what the standard leaves open, of a task and of the document.
#include <array>

#include "config/read_tasks.h"

namespace stepwell::config {

namespace {

constexpr std::array<std::string_view, 6> kTaskKeys{"idempotent", "rateLimit", "maxResponseBytes",
                                                    "timeout",    "tls",       "proxy"};
constexpr std::array<std::string_view, 3> kDocumentKeys{"runAs", "retention", "concurrency"};

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
  if (const auto credential = fields.find("credential"))
    reading.unsupported(*credential, "tls.credential");
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
  for (const std::string_view key : {"rateLimit", "proxy"})
    if (const auto other = fields.find(key)) reading.unsupported(*other, key);
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
  for (const std::string_view key : {"retention", "concurrency"})
    if (const auto other = fields.find(key)) reading.unsupported(*other, key);
}

}  // namespace stepwell::config
