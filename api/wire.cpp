#include "api/wire.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>

#include "base/ascii.h"

namespace stepwell::api {

namespace {

constexpr std::size_t kMaxTarget =
    std::size_t{8} * 1024;  // RFC 9112 §3 recommends that much at least
constexpr std::size_t kMaxFields = 100;

// RFC 9110 §15; whatever is not in the list has no phrase, which is allowed (RFC 9112 §4).
std::string_view reason_phrase(int status) {
  static constexpr std::array<std::pair<int, std::string_view>, 24> kPhrases{{
      {200, "OK"},
      {201, "Created"},
      {202, "Accepted"},
      {204, "No Content"},
      {206, "Partial Content"},
      {304, "Not Modified"},
      {400, "Bad Request"},
      {401, "Unauthorized"},
      {403, "Forbidden"},
      {404, "Not Found"},
      {405, "Method Not Allowed"},
      {408, "Request Timeout"},
      {409, "Conflict"},
      {412, "Precondition Failed"},
      {413, "Content Too Large"},
      {414, "URI Too Long"},
      {415, "Unsupported Media Type"},
      {422, "Unprocessable Content"},
      {429, "Too Many Requests"},
      {431, "Request Header Fields Too Large"},
      {500, "Internal Server Error"},
      {501, "Not Implemented"},
      {503, "Service Unavailable"},
      {505, "HTTP Version Not Supported"},
  }};
  const auto* const found = std::find_if(kPhrases.begin(), kPhrases.end(),
                                         [&](const auto& row) { return row.first == status; });
  return found == kPhrases.end() ? std::string_view() : found->second;
}

// IMF-fixdate (RFC 9110 §5.6.7), independent of the locale.
std::string http_date_of(std::time_t now) {
  static constexpr std::array<const char*, 7> kDays{"Sun", "Mon", "Tue", "Wed",
                                                    "Thu", "Fri", "Sat"};
  static constexpr std::array<const char*, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  std::tm parts{};
  gmtime_r(&now, &parts);
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), "%s, %02d %s %04d %02d:%02d:%02d GMT",
                kDays.at(static_cast<std::size_t>(parts.tm_wday)), parts.tm_mday,
                kMonths.at(static_cast<std::size_t>(parts.tm_mon)), parts.tm_year + 1900,
                parts.tm_hour, parts.tm_min, parts.tm_sec);
  return text.data();
}

// Of this moment: the text is made once a second.
std::string_view http_date() {
  struct Made {
    std::time_t second = -1;
    std::string text;
  };
  thread_local Made made;
  if (const std::time_t now = std::time(nullptr); now != made.second)
    made = {now, http_date_of(now)};
  return made.text;
}

// `name`: in lower case, here and below.
bool is_named(const http::Header& header, std::string_view name) {
  return std::equal(header.name.begin(), header.name.end(), name.begin(), name.end(),
                    [](char given, char lower) { return ascii_lower(given) == lower; });
}

std::size_t count(const std::vector<http::Header>& headers, std::string_view name) {
  return static_cast<std::size_t>(
      std::count_if(headers.begin(), headers.end(),
                    [&](const http::Header& header) { return is_named(header, name); }));
}

std::string value_of(const std::vector<http::Header>& headers, std::string_view name) {
  for (const http::Header& header : headers) {
    if (is_named(header, name)) return ascii_lower(header.value);
  }
  return {};
}

// What an answer has where its handler says nothing else.
struct Usual {
  std::string_view name;
  std::string_view line;
};
constexpr std::array<Usual, 2> kUsual{
    {{"cache-control", "\r\nCache-Control: no-store"},
     {"x-content-type-options", "\r\nX-Content-Type-Options: nosniff"}}};

// RFC 9110 §8.6: not in a 204, and in a 304 the length of what a 200 would have given alone.
bool may_say_length(int status) { return status != 204 && status != 304; }

bool is_hex_digit(char c) {
  return is_ascii_digit(c) || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'f');
}

// Unreserved characters, sub-delims (RFC 3986 §2) and those of `more`, or escapes of others.
bool is_name(std::string_view text, std::string_view more) {
  constexpr std::string_view kOthers = "-._~!$&'()*+,;=";
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool letter = ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z';
    if (letter || is_ascii_digit(c) || kOthers.find(c) != std::string_view::npos ||
        more.find(c) != std::string_view::npos)
      continue;
    if (c != '%' || i + 2 >= text.size() || !is_hex_digit(text[i + 1]) ||
        !is_hex_digit(text[i + 2]))
      return false;
    i += 2;
  }
  return true;
}

// uri-host [":" port] (RFC 9110 §7.2); the host may be empty.
bool is_host(std::string_view text) {
  std::size_t end = std::min(text.find(':'), text.size());
  if (text.starts_with('[')) {  // RFC 3986 §3.2.2
    end = text.find(']');
    if (end == std::string_view::npos || end == 1 || !is_name(text.substr(1, end - 1), ":"))
      return false;
    ++end;
  } else if (!is_name(text.substr(0, end), "")) {
    return false;
  }
  const std::string_view port = text.substr(end);
  return port.empty() ||
         (port.front() == ':' && std::all_of(port.begin() + 1, port.end(), is_ascii_digit));
}

}  // namespace

std::string serialize(const Response& response, const Framing& framing) {
  const bool has_body = !response.content_type.empty();
  const std::uint64_t length = framing.length.value_or(response.body.size());
  std::string out;
  out.reserve(512 + response.body.size());
  out.append("HTTP/1.1 ").append(std::to_string(response.status)) += ' ';
  out.append(reason_phrase(response.status)).append("\r\nDate: ").append(http_date());
  if (framing.chunked())
    out += "\r\nTransfer-Encoding: chunked";
  else if ((!framing.in_pieces || framing.length) && may_say_length(response.status))
    out.append("\r\nContent-Length: ").append(std::to_string(length));
  if (has_body) out.append("\r\nContent-Type: ").append(response.content_type);
  for (const Usual& usual : kUsual)
    if (count(response.headers, usual.name) == 0) out += usual.line;
  for (const http::Header& header : response.headers)
    out.append("\r\n").append(header.name).append(": ").append(header.value);
  if (!framing.keep_alive)
    out += "\r\nConnection: close";
  else if (framing.version == 10)
    out += "\r\nConnection: keep-alive";
  out += "\r\n\r\n";
  if (!framing.head_only && !framing.in_pieces) out += response.body;
  return out;
}

std::string serialize_piece(std::string piece, const Framing& framing) {
  if (!framing.chunked()) return piece;
  std::array<char, 24> size{};
  std::snprintf(size.data(), size.size(), "%zx\r\n", piece.size());
  return size.data() + piece + "\r\n";
}

std::string_view end_of_pieces(const Framing& framing) {
  return framing.chunked() ? "0\r\n\r\n" : "";
}

Status check_framing(int version, const std::vector<http::Header>& headers) {
  if (version != 10 && version != 11) return fail(version_unsupported());
  const std::size_t hosts = count(headers, "host");
  if (hosts > 1 || (hosts == 0 && version == 11))
    return fail(request_malformed("it needs exactly one Host header"));
  if (hosts == 1 && !is_host(value_of(headers, "host")))
    return fail(request_malformed("its Host header is not of the form HOST or HOST:PORT"));
  if (count(headers, "authorization") > 1)
    return fail(request_malformed("it has several Authorization headers"));
  const std::size_t lengths = count(headers, "content-length");
  if (lengths > 1) return fail(request_malformed("it has several Content-Length headers"));
  const std::size_t encodings = count(headers, "transfer-encoding");
  if (encodings == 0) return {};
  if (encodings > 1 || value_of(headers, "transfer-encoding") != "chunked")
    return fail(request_malformed("its Transfer-Encoding must be chunked and nothing else"));
  if (lengths > 0)
    return fail(request_malformed("it has both Content-Length and Transfer-Encoding"));
  if (version == 10) return fail(request_malformed("HTTP/1.0 has no Transfer-Encoding"));
  return {};
}

Status check_size(std::size_t target, std::size_t fields) {
  if (target > kMaxTarget)
    return fail(client_error(
        414, "target-too-long",
        "the request's target is longer than " + std::to_string(kMaxTarget) + " bytes"));
  if (fields > kMaxFields)
    return fail(
        client_error(431, "headers-too-large",
                     "the request has more than " + std::to_string(kMaxFields) + " header fields"));
  return {};
}

bool expects_continue(const std::vector<http::Header>& headers) {
  return value_of(headers, "expect") == "100-continue";
}

Problem request_malformed(std::string_view why) {
  return client_error(400, "request-malformed",
                      "the request is no valid HTTP: " + std::string(why));
}

Problem version_unsupported() {
  return client_error(505, "version-unsupported", "only HTTP/1.0 and 1.1 are spoken");
}

Problem headers_too_large(Bytes limit) {
  return client_error(431, "headers-too-large",
                      "the request's headers exceed " + std::to_string(limit.count) + " bytes");
}

Problem body_too_large(Bytes limit) {
  return client_error(413, "body-too-large",
                      "the request's body exceeds " + std::to_string(limit.count) + " bytes");
}

Problem too_many_connections() {
  return unavailable("overloaded", "too many connections are open; try again");
}

}  // namespace stepwell::api
