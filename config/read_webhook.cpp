// `metadata.stepwell.webhook` of a document: what starts an instance by a call from outside.
#include <algorithm>
#include <array>

#include "base/ascii.h"
#include "config/read_tasks.h"

namespace stepwell::config {

namespace {

constexpr std::size_t kLongestPath = 100;
constexpr std::size_t kLongestHeader = 100;
constexpr std::size_t kMostHeaders = 50;
constexpr Milliseconds kUsualTolerance = std::chrono::minutes(5);
constexpr Milliseconds kLargestTolerance = std::chrono::hours(24);

bool is_plain_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// One segment that needs no escape in a URL (RFC 3986 §2.3).
std::string read_path(Reading& reading, const Place& place) {
  const std::optional<std::string> path = read_text(reading, place);
  if (!path) return {};
  const bool plain = !path->empty() && path->size() <= kLongestPath && *path != "." &&
                     *path != ".." && std::all_of(path->begin(), path->end(), [](char c) {
                       return is_plain_character(c) || c == '-' || c == '.' || c == '_' || c == '~';
                     });
  if (!plain)
    reading.error(place,
                  "expected one segment of a path: letters, digits, `-`, `.`, `_` and `~`, at most "
                  "100 of them");
  return *path;
}

// The name of a header (RFC 9110 §5.1), in lower case.
std::string read_header(Reading& reading, const Place& place) {
  const std::optional<std::string> name = read_text(reading, place);
  if (!name) return {};
  const bool token = !name->empty() && name->size() <= kLongestHeader &&
                     std::all_of(name->begin(), name->end(), [](char c) {
                       return is_plain_character(c) ||
                              std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string::npos;
                     });
  if (!token) reading.error(place, "expected the name of a header");
  return ascii_lower(*name);
}

std::vector<std::string> read_headers(Reading& reading, const Place& place) {
  std::vector<std::string> names;
  if (place.node().kind != YamlNode::Kind::sequence) {
    reading.expected(place, "a list of headers");
    return names;
  }
  if (place.node().elements.size() > kMostHeaders)
    reading.error(place, "expected at most 50 headers");
  for (std::size_t i = 0; i < place.node().elements.size(); ++i) {
    const Place element(place, i);
    std::string name = read_header(reading, element);
    if (name == "authorization" || name == "cookie" || name == "proxy-authorization")
      reading.error(element, "`" + name + "` is for the daemon alone, and is not handed on");
    names.push_back(std::move(name));
  }
  return names;
}

void read_timestamp(Reading& reading, const Fields& fields, Webhook::Hmac& hmac) {
  const auto header = fields.find("timestampHeader");
  const auto tolerance = fields.find("tolerance");
  if (header) hmac.timestamp_header = read_header(reading, *header);
  hmac.tolerance = header ? kUsualTolerance : Milliseconds(0);
  if (!tolerance) return;
  if (!header) return reading.error_at_key(*tolerance, "`tolerance` belongs to `timestampHeader`");
  const auto time = read_constant_duration(reading, *tolerance);
  if (!time) return;
  if (*time <= Milliseconds(0) || *time > kLargestTolerance)
    reading.error(*tolerance, "expected a duration of 1 ms to 24 h");
  hmac.tolerance = *time;
}

Webhook::Hmac read_hmac(Reading& reading, const Place& place) {
  static constexpr std::array<std::string_view, 7> kKnown{
      "credential", "header", "algorithm", "encoding", "prefix", "timestampHeader", "tolerance"};
  static constexpr std::array<std::string_view, 1> kAlgorithms{"sha256"};
  static constexpr std::array<std::string_view, 2> kEncodings{"hex", "base64"};
  Webhook::Hmac hmac;
  const Fields fields(reading, place, kKnown);
  if (!fields.is_mapping()) return hmac;
  if (const auto credential = fields.require("credential")) {
    hmac.credential = read_text(reading, *credential).value_or("");
    if (!hmac.credential.empty())
      refer_to_credential(reading, hmac.credential, credential->position());
  }
  if (const auto header = fields.require("header")) hmac.header = read_header(reading, *header);
  if (const auto algorithm = fields.find("algorithm"))
    static_cast<void>(read_choice(reading, *algorithm, kAlgorithms));
  if (const auto encoding = fields.find("encoding"))
    hmac.base64 = read_choice(reading, *encoding, kEncodings) == std::size_t{1};
  if (const auto prefix = fields.find("prefix"))
    hmac.prefix = read_text(reading, *prefix).value_or("");
  read_timestamp(reading, fields, hmac);
  return hmac;
}

}  // namespace

Webhook read_webhook(Reading& reading, const Place& place) {
  static constexpr std::array<std::string_view, 6> kKnown{"path", "method",         "hmac",
                                                          "open", "deliveryHeader", "headers"};
  static constexpr std::array<std::string_view, 2> kMethods{"POST", "PUT"};
  Webhook webhook;
  webhook.position = place.key_position();
  const Fields fields(reading, place, kKnown);
  if (!fields.is_mapping()) return webhook;
  if (const auto path = fields.require("path")) webhook.path = read_path(reading, *path);
  if (const auto method = fields.find("method"))
    webhook.method = kMethods.at(read_choice(reading, *method, kMethods).value_or(0));
  const auto hmac = fields.find("hmac");
  if (hmac) webhook.hmac = read_hmac(reading, *hmac);
  if (const auto open = fields.find("open")) {
    webhook.open = read_flag(reading, *open).value_or(false);
    if (webhook.open && hmac)
      reading.error_at_key(*open, "a webhook whose signature is checked is not `open`");
  }
  if (const auto delivery = fields.find("deliveryHeader"))
    webhook.delivery_header = read_header(reading, *delivery);
  if (const auto headers = fields.find("headers"))
    webhook.headers = read_headers(reading, *headers);
  return webhook;
}

}  // namespace stepwell::config
