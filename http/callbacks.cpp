// What libcurl calls back while a transfer runs: the egress rules, the send permit, the answer.
#include <curl/curl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>

#include "base/ascii.h"
#include "http/classify.h"
#include "http/handle.h"
#include "http/headers.h"
#include "http/pool.h"
#include "http/socket.h"

namespace stepwell::http {
namespace {

// Room is made at once for an answer that says its length, up to here; more as it comes.
constexpr std::uint64_t kReserveAtMost = 1024UL * 1024;
constexpr std::size_t kUsualHeaders = 8;

// The fields that say where an answer's content ends.
enum class Framing : std::uint8_t { none, length, transfer_encoding, content_encoding };
Framing framing_of(const std::string& name) {
  // Every field of every answer passes here, and hardly one has such a length.
  constexpr std::string_view kLength = "Content-Length";
  constexpr std::string_view kTransfer = "Transfer-Encoding";
  constexpr std::string_view kEncoding = "Content-Encoding";
  switch (name.size()) {
    case kLength.size():
      return equal_names(name, kLength) ? Framing::length : Framing::none;
    case kTransfer.size():
      return equal_names(name, kTransfer) ? Framing::transfer_encoding : Framing::none;
    case kEncoding.size():
      return equal_names(name, kEncoding) ? Framing::content_encoding : Framing::none;
    default:
      return Framing::none;
  }
}

std::optional<std::uint64_t> content_length(std::string_view text) {
  std::uint64_t length = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), length);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return length;
}

// Answers that never have content (RFC 9112 §6.3), whatever their fields say.
bool has_no_content(const Request& request, int status) {
  return request.method == "HEAD" || status == 204 || status == 304;
}

}  // namespace

void Handle::stop(Problem problem) {
  if (!transfer_->stopped) transfer_->stopped = std::make_unique<Problem>(std::move(problem));
}

std::size_t Handle::on_body(char* data, std::size_t size, std::size_t count, void* self) {
  Handle& handle = *static_cast<Handle*>(self);
  Transfer& transfer = *handle.transfer_;
  const std::size_t bytes = size * count;
  if (transfer.exchange->take_body(transfer.response.status, {data, bytes})) return bytes;
  const Bytes limit = transfer.request().limits.response_body;
  if (transfer.response.body.size() + bytes > limit.count) {
    handle.stop(body_too_large(transfer.target(), limit));
    return 0;
  }
  transfer.response.body.append(data, bytes);
  return bytes;
}

// A request's body that does not lie in memory.
std::size_t Handle::on_read(char* into, std::size_t size, std::size_t count, void* self) {
  Handle& handle = *static_cast<Handle*>(self);
  const auto& source = handle.transfer_->request().source;
  if (!source) return 0;
  Result<std::size_t> got = source->read(into, size * count);
  if (got) return *got;
  handle.stop(std::move(got.error()));
  return CURL_READFUNC_ABORT;
}

// libcurl asks for the beginning alone, to send it once more.
int Handle::on_rewind(void* self, std::int64_t offset, int origin) {
  Handle& handle = *static_cast<Handle*>(self);
  const auto& source = handle.transfer_->request().source;
  if (!source || offset != 0 || origin != SEEK_SET) return CURL_SEEKFUNC_CANTSEEK;
  Status rewound = source->rewind();
  if (rewound) return CURL_SEEKFUNC_OK;
  handle.stop(std::move(rewound.error()));
  return CURL_SEEKFUNC_FAIL;
}

bool Handle::take_status_line(std::string_view line) {
  // "HTTP/1.1 200 OK" or "HTTP/2 200"; libcurl has checked that it begins so.
  Response& response = transfer_->response;
  response.headers.clear();
  const auto space = line.find(' ');
  if (space == std::string_view::npos) return false;
  const std::string_view version = line.substr(5, space - 5);
  response.http_version = version.substr(0, 1) == "2" ? 20 : version == "1.0" ? 10 : 11;
  const std::string_view digits = line.substr(space + 1, 3);
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), response.status);
  return error == std::errc() && end == digits.data() + 3 && response.status >= 100;
}

bool Handle::end_of_head() {
  Transfer& transfer = *transfer_;
  Response& response = transfer.response;
  if (response.status < 200 && response.status != 101) return true;  // an interim answer
  transfer.head_done = true;
  if (response.status == 401) nonce_known_ = false;
  std::optional<std::uint64_t> length;
  bool chunked = false;
  bool encoded = false;
  for (const Header& header : response.headers) {
    const Framing framing = framing_of(header.name);
    encoded = encoded || framing == Framing::content_encoding;
    chunked = chunked || framing == Framing::transfer_encoding;
    if (framing != Framing::length) continue;
    const auto here = content_length(header.value);
    // A length that is no number, or two of them, leave open where the answer ends; two ways to
    // say it are how answers are smuggled (RFC 9112 §6.3).
    if (!here || (length && *length != *here)) {
      stop(protocol_violated(transfer.target(),
                             "its Content-Length is invalid or contradicts itself"));
      return false;
    }
    length = here;
  }
  if (length && chunked) {
    stop(protocol_violated(transfer.target(), "it has both Content-Length and Transfer-Encoding"));
    return false;
  }
  if (has_no_content(transfer.request(), response.status)) length = 0;
  if (!length) return true;
  transfer.expected_bytes = *length;
  const Bytes limit = transfer.request().limits.response_body;
  // The content of an answer that libcurl goes on from is read, and not kept.
  if (login_expected()) return true;
  if (!encoded && *length > limit.count) {
    stop(body_too_large(transfer.target(), limit));
    return false;
  }
  response.body.reserve(std::min({*length, limit.count, kReserveAtMost}));
  return true;
}

std::size_t Handle::on_header(char* data, std::size_t size, std::size_t count, void* self) {
  Handle& handle = *static_cast<Handle*>(self);
  Transfer& transfer = *handle.transfer_;
  const std::string_view line(data, size * count);
  if (transfer.header_bytes == 0) transfer.first_byte_at = handle.surroundings_.now;
  transfer.header_bytes += line.size();
  const Bytes limit = transfer.request().limits.response_headers;
  if (transfer.header_bytes > limit.count) {
    handle.stop(headers_too_large(transfer.target(), limit));
    return 0;
  }
  if (transfer.head_done) return line.size();  // trailers
  auto& headers = transfer.response.headers;
  const std::string_view text = trimmed(line);
  if (line.starts_with("HTTP/")) {
    if (handle.take_status_line(text)) return line.size();
    handle.stop(protocol_violated(transfer.target(), "its status line is malformed"));
    return 0;
  }
  if (text.empty()) return handle.end_of_head() ? line.size() : 0;
  if (line.front() == ' ' || line.front() == '\t') {
    // Obsolete line folding stands for a space (RFC 9112 §5.2).
    if (!headers.empty()) headers.back().value.append(" ").append(text);
    return line.size();
  }
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return line.size();
  if (headers.empty()) headers.reserve(kUsualHeaders);
  Header& header = headers.emplace_back();
  header.name = trimmed(text.substr(0, colon));
  header.value = trimmed(text.substr(colon + 1));
  return line.size();
}

bool Handle::peer_allowed(const char* peer) {
  if (checked_peer_ == peer) return true;
  auto address = Address::parse(peer);
  if (!address) {
    stop(make_problem(ErrorKind::authorization, "egress-denied",
                      "the address of " + transfer_->target() + " cannot be read"));
    return false;
  }
  if (auto allowed = surroundings_.options.egress.check(*address); !allowed) {
    stop(std::move(allowed.error()));
    return false;
  }
  checked_peer_ = peer;
  return true;
}

// The present send is over, and libcurl is about to make another one.
void Handle::note_end_of_send() {
  Transfer& transfer = *transfer_;
  // Over HTTP/1.1, a failure of the very first write leaves nothing that the other side could have
  // executed; over HTTP/2 that cannot be told.
  transfer.wrote_before = transfer.wrote_before || bytes_sent() > 0 || transfer.https;
  // A connection that dies before its state was looked at leaves open how much went out: all.
  transfer.wrote_all_before = transfer.wrote_all_before || transfer.written ||
                              (transfer.wrote_before && !transfer.seen_unwritten);
}

bool Handle::take_permit() {
  SendGuard* guard = transfer_->exchange->request.guard.get();
  if (guard == nullptr) return true;
  if (auto granted = guard->acquire(); !granted) {
    stop(std::move(granted.error()));
    return false;
  }
  transfer_->permit_held = true;
  return true;
}

// The connection stands, and the request is about to go out: the last moment to stop it.
int Handle::on_about_to_send(void* self, char* peer, char* /*local*/, int /*peer_port*/,
                             int /*local_port*/) {
  Handle& handle = *static_cast<Handle*>(self);
  Transfer& transfer = *handle.transfer_;
  // A reused connection was never asked about by on_open_socket, so the address is judged here.
  if (!handle.peer_allowed(peer)) return CURL_PREREQFUNC_ABORT;
  if (transfer.head_done && !handle.begin_next_leg()) return CURL_PREREQFUNC_ABORT;
  if (transfer.sends > 0) {
    // libcurl found a reused connection dead and begins anew.
    handle.note_end_of_send();
    if (transfer.wrote_before && !transfer.request().repeatable) {
      handle.stop(outcome_unknown(transfer.target(),
                                  "the connection, which had been used before, broke before an "
                                  "answer came"));
      return CURL_PREREQFUNC_ABORT;
    }
  }
  transfer.written = false;
  transfer.seen_unwritten = false;
  // One that let a connection be opened, or was for a send before, is not for this one.
  give_back(transfer);
  if (!handle.take_permit()) return CURL_PREREQFUNC_ABORT;
  ++transfer.sends;
  transfer.connected = handle.surroundings_.now;
  handle.home_.about_to_send(transfer);
  return CURL_PREREQFUNC_OK;
}

int Handle::on_open_socket(void* self, int purpose, curl_sockaddr* address) {
  Handle& handle = *static_cast<Handle*>(self);
  if (purpose != CURLSOCKTYPE_IPCXN) return CURL_SOCKET_BAD;
  if (handle.transfer_->head_done && !handle.begin_next_leg()) return CURL_SOCKET_BAD;
  if (handle.transfer_->sends > 0) handle.note_end_of_send();
  auto judged = Address::from_sockaddr(&address->addr);
  Status allowed = judged ? handle.surroundings_.options.egress.check(*judged)
                          : Status(fail(std::move(judged.error())));
  if (!allowed) {
    // Another address of the same name may still be allowed, so this is no end yet.
    handle.transfer_->denied = std::make_unique<Problem>(std::move(allowed.error()));
    return CURL_SOCKET_BAD;
  }
  if (!handle.may_open_connection()) return CURL_SOCKET_BAD;
  const int fd = ::socket(address->family, address->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK,
                          address->protocol);
  if (fd < 0) {
    // EMFILE and the like: libcurl would only say that it could not connect.
    const int error = errno;
    std::snprintf(handle.message_.data(), handle.message_.size(),
                  "no socket could be opened, error %d", error);
    return CURL_SOCKET_BAD;
  }
  handle.transfer_->opened_socket = true;
  handle.surroundings_.poller.opened(fd);
  handle.surroundings_.owners[fd] = {&handle.home_, socket_identity(fd)};
  return fd;
}

int Handle::on_close_socket(void* surroundings, int fd) {
  auto& all = *static_cast<Surroundings*>(surroundings);
  all.poller.closed(fd);
  if (const auto owner = all.owners.find(fd); owner != all.owners.end()) {
    // The kernel would go on sending what nobody has a permit for any more, and nobody could find
    // it.
    if (!owner->second.lane->pool().name().empty() && unacknowledged_bytes(fd) > 0)
      reset_connection(fd);
    all.owners.erase(owner);
  }
  return close(fd);
}

}  // namespace stepwell::http
