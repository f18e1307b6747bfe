#include "api/webhook.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "api/decoding.h"
#include "base/ascii.h"
#include "base/encoding.h"
#include "base/json.h"

namespace stepwell::api {

namespace {

constexpr std::size_t kMacBytes = 32;
constexpr std::size_t kMostSeen = 100'000;

// The value of a header that may come once only; else nothing.
const std::string* only_header(const Request& request, const std::string& name) {
  const std::string* value = nullptr;
  for (const http::Header& header : request.headers) {
    if (ascii_lower(header.name) != name) continue;
    if (value != nullptr) return nullptr;
    value = &header.value;
  }
  return value;
}

// Seconds since 1970, not farther from `now` than the tolerance.
bool is_timely(std::string_view text, const config::Webhook::Hmac& hmac, WallTime now) {
  std::int64_t seconds = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), seconds);
  constexpr std::int64_t kMost = 100'000'000'000;  // the year 5138
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size() || seconds < 0 ||
      seconds > kMost)
    return false;
  const auto apart = WallTime(Milliseconds(seconds * 1000)) - now;
  return apart <= hmac.tolerance && apart >= -hmac.tolerance;
}

std::string type_of(const Request& request) {
  const std::string* header = request.header("Content-Type");
  if (header == nullptr) return {};
  std::string type = ascii_lower(header->substr(0, header->find(';')));
  while (type.ends_with(' ') || type.ends_with('\t')) type.pop_back();
  return type;
}

Result<Value> body_value(const Request& request) {
  if (request.body.empty()) return Value();
  const std::string type = type_of(request);
  if (type == "application/json" || type.ends_with("+json")) return parse_json(request.body);
  const bool text = type.starts_with("text/") || type == "application/x-www-form-urlencoded";
  if (text && is_valid_utf8(request.body)) return Value(request.body);
  return Value(to_base64(request.body));
}

}  // namespace

Problem signature_invalid() {
  Problem problem = make_problem(ErrorKind::authentication, "signature-invalid",
                                 "the request's signature is missing, wrong or out of date");
  problem.status = 401;
  return problem;
}

Result<SignedMessage> read_signature(const config::Webhook::Hmac& hmac, const Request& request,
                                     WallTime now) {
  const std::string* header = only_header(request, hmac.header);
  if (header == nullptr || !header->starts_with(hmac.prefix)) return fail(signature_invalid());
  const std::string_view text = std::string_view(*header).substr(hmac.prefix.size());
  std::optional<std::string> mac = hmac.base64 ? from_base64(text) : from_hex(text);
  if (!mac || mac->size() != kMacBytes) return fail(signature_invalid());
  SignedMessage message{request.body, *std::move(mac)};
  if (hmac.timestamp_header.empty()) return message;
  const std::string* timestamp = only_header(request, hmac.timestamp_header);
  if (timestamp == nullptr || !is_timely(*timestamp, hmac, now)) return fail(signature_invalid());
  message.message = *timestamp + "." + request.body;
  return message;
}

Result<Value> webhook_input(const config::Webhook& webhook, const Request& request) {
  Value headers = Value::object();
  for (const std::string& name : webhook.headers)
    if (const std::string* value = request.header(name)) headers.set(name, valid_utf8(*value));
  Value query = Value::object();
  for (const auto& [name, value] : request.query) query.set(name, value);
  Result<Value> body = body_value(request);
  if (!body) return fail(std::move(body.error()));
  return Value::object(
      {{"headers", std::move(headers)}, {"query", std::move(query)}, {"body", *std::move(body)}});
}

std::string delivery_of(const config::Webhook& webhook, const Request& request,
                        const SignedMessage& message) {
  if (!webhook.delivery_header.empty()) {
    const std::string* delivery = request.header(webhook.delivery_header);
    if (delivery != nullptr && !delivery->empty())
      return "webhook " + webhook.path + " delivery " + *delivery;
  }
  const bool timed = webhook.hmac && !webhook.hmac->timestamp_header.empty();
  return timed ? "webhook " + webhook.path + " signature " + to_hex(message.mac) : std::string();
}

bool Replays::is_replay(const config::Webhook& webhook, const Request& request,
                        const SignedMessage& message, WallTime now) {
  if (!webhook.hmac || webhook.hmac->timestamp_header.empty() || webhook.delivery_header.empty())
    return false;
  const std::string delivery = delivery_of(webhook, request, message);
  // A timestamp may lie as far ahead as it may lie behind.
  const WallTime until = now + 2 * webhook.hmac->tolerance;
  const std::scoped_lock lock(mutex_);
  if (seen_.size() >= kMostSeen)
    std::erase_if(seen_, [&](const auto& entry) { return entry.second.until < now; });
  const auto [at, fresh] =
      seen_.try_emplace(webhook.path + " " + message.mac, Seen{delivery, until});
  return !fresh && at->second.delivery != delivery;
}

}  // namespace stepwell::api
