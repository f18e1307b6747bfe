// What goes over the wire and what comes back: request, response, outcome. Plain values, built by
// a worker and handed to the reactor by move.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/secret.h"
#include "base/units.h"

namespace stepwell::http {

struct Header {
  std::string name;
  std::string value;
};

// How much of a request had left this process when it ended. A send that was answered by a
// challenge, and is followed by another one, does not count.
enum class Sent : std::uint8_t { no, partly, yes };
std::string_view to_string(Sent sent);

// What a client presents in a TLS handshake. Both texts are PEM.
struct TlsIdentity {
  Secret certificate;  // the client's own first, then the chain
  Secret key;
  Secret passphrase;  // of the key; may be empty
};

// A user name and password for a challenge (RFC 7616); libcurl computes the answer.
struct DigestLogin {
  std::string username;
  Secret password;
};

// Stands between a request and its first byte: implemented by auth's send permit. The reactor
// calls it on its own thread, so nothing in it may block.
class SendGuard {
 public:
  virtual ~SendGuard() = default;
  // Complete header lines ("Authorization: Bearer …") that the request carries besides its own.
  // They are handed to libcurl from where they lie, and must live as long as the guard. libcurl
  // reads C strings: a line whose last byte is NUL is used as it is, others are copied each time.
  virtual const std::vector<Secret>& secret_headers() const = 0;
  // What the connections of the request's pool present; nullptr: nothing. The same for all requests
  // of one pool. A handshake proves possession of the key, so that acquire() is asked before a
  // connection is opened already, and that permit is held until the handshake is over.
  virtual const TlsIdentity* identity() const { return nullptr; }
  // For a server that asks for Digest authentication; nullptr: none. Each of the two sends of such
  // an exchange takes a permit of its own. The same for all requests of one pool.
  virtual const DigestLogin* digest() const { return nullptr; }
  // After the connection stands, right before the first byte. Success takes a permit, which is
  // held until written(); a Problem ends the transfer with that problem and nothing sent.
  virtual Status acquire() = 0;
  // The request is fully written, or is no longer being written. Called once for each success of
  // acquire().
  virtual void written() noexcept = 0;
};

// A request's body that does not lie in memory. Read on the reactor's thread, so that reading waits
// for nothing longer than the machine's cache of files does.
class BodySource {
 public:
  virtual ~BodySource() = default;
  virtual std::uint64_t size() const = 0;  // in bytes, above 0
  // At most so many bytes; none only behind the last one. A Problem ends the transfer with it.
  virtual Result<std::size_t> read(char* into, std::size_t most) = 0;
  // The next byte to be read is the first one: a request may be sent more than once.
  virtual Status rewind() = 0;
  // Of the whole, in hexadecimal, where it is known: some signatures need it.
  virtual std::optional<std::string> sha256() const { return std::nullopt; }
  // What of it lies in memory, for who looks for secrets in requests.
  virtual std::string_view text() const { return {}; }
};

struct Timeouts {
  Milliseconds connect{10'000};
  Milliseconds first_byte{60'000};  // from the request being sent to the first byte of the answer
  Deadline total;                   // also counts time spent in the queue
};

struct Limits {
  Bytes response_body{16ULL * 1024 * 1024};  // decoded
  Bytes response_headers{64ULL * 1024};
  Bytes low_speed{1};                       // bytes a second …
  std::chrono::seconds low_speed_time{30};  // … below which for so long the transfer is cut off
};

struct TlsOptions {
  std::string ca_file;  // empty: the reactor's default
};

struct Mail;        // http/mail.h
struct MailAnswer;  // http/mail.h

struct Request {
  std::string method = "GET";
  std::string url;  // absolute, http or https; smtp or smtps for a mail
  // Not null: this is sent, and of the other members only timeouts, tls, pool, guard and repeatable
  // count. A guard's secret header "Authorization: Basic …" or "… Bearer …" becomes the login.
  std::shared_ptr<const Mail> mail;
  std::vector<Header> headers;
  std::optional<std::string> body;
  std::shared_ptr<BodySource> source;  // instead of `body`; used by one transfer at a time
  Timeouts timeouts;
  Limits limits;
  TlsOptions tls;
  // The URL of an HTTP proxy, or empty; the environment's variables are never read. The egress
  // rules judge the proxy's address, and the target where it is named by its address (what a name
  // means is known to the proxy alone).
  std::string proxy;
  // Connections are shared only among requests of the same pool (and TLS options and proxy):
  // credential name and version, or empty for calls without one. Two joined by "&" are for requests
  // that carry two credentials; what is done to the pool of either is done to them as well.
  std::string pool;
  std::shared_ptr<SendGuard> guard;  // may be null
  // May libcurl send it a second time by itself, when a reused connection turns out to be dead?
  // False: the second send is stopped and the transfer ends as `outcome-unknown`.
  bool repeatable = false;
};

struct Timings {
  std::chrono::microseconds queued{0};      // submit to start
  std::chrono::microseconds connected{0};   // start to the connection standing
  std::chrono::microseconds first_byte{0};  // start to the first byte of the answer
  std::chrono::microseconds total{0};       // start to end
};

struct Response {
  int status = 0;
  int http_version = 11;        // 10, 11, 20
  std::vector<Header> headers;  // of the final answer, names as they came, in order
  std::string body;             // decoded (Content-Encoding removed)
  Timings timings;
  bool reused_connection = false;
  std::shared_ptr<const MailAnswer> mail;  // of a mail, whether it was accepted or not

  // The first header of that name, compared without case (RFC 9110 §5.1); nullptr where absent.
  const std::string* header(std::string_view name) const;
};

struct Outcome {
  Result<Response> response;  // a Problem: communication, timeout, authorization or the guard's own
  Sent sent = Sent::no;
};

}  // namespace stepwell::http
