// Thirteen origins and one witness: two nginx (HTTP, HTTPS over HTTP/1.1, HTTPS over HTTP/2), each
// under two names, hand every request on to one recorder, together with what only the connection
// shows. For tests that ask where a credential arrived, and over which connection.
// Owned by a test; its answers run on threads of the recorder.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "http/message.h"
#include "tests/support/misbehaving_server.h"
#include "tests/support/nginx_server.h"

namespace stepwell::steps::test {

struct Front {
  std::string scheme;
  std::string host;
  int port = 0;
  std::string version;  // "HTTP/1.1", "HTTP/2.0"

  std::string origin() const { return scheme + "://" + host + ":" + std::to_string(port); }
  bool https() const { return scheme == "https"; }
  // "http", "https/1.1", "https/2".
  std::string label() const;
};

// One request as it arrived.
struct Seen {
  std::string origin;  // the scheme of the listener, and what the client takes it for
  int port = 0;        // the listener's
  std::string version;
  std::string connection;  // port and number: the same for two requests of one connection alone
  int client_port = 0;
  bool resumed = false;  // the connection's TLS session
  std::string subject;   // of the client's certificate; empty: none
  std::string method;
  std::string target;
  std::vector<http::Header> headers;  // names in small letters
  std::string body;
  std::string text;  // all bytes, and the subject

  // Empty where absent.
  std::string header(std::string_view name) const;
  bool has(std::string_view name) const;
};

std::string reply(int status, const std::string& headers = {}, const std::string& body = "1");
// A challenge for Digest authentication (RFC 7616 §3.3).
std::string digest_challenge();

class Witness {
 public:
  using Answer = std::function<std::string(const Seen&)>;

  // Paths under /once/ close their connection (HTTP/1.1). /token of token_url() issues tokens.
  explicit Witness(Answer answer);

  bool running() const { return servers_[0]->running() && servers_[1]->running(); }
  std::string failure() const { return servers_[0]->failure() + servers_[1]->failure(); }
  // The first three differ in nothing but scheme, HTTP version and the port that goes with them;
  // the fourth differs from the second in its scheme alone.
  const std::vector<Front>& fronts() const { return fronts_; }
  std::vector<std::string> origins() const;
  std::string token_url() const { return recorder_->url("/token"); }
  // For `metadata` of a call.
  std::string ca_file() const { return servers_[0]->folder() + "/all.pem"; }

  // What arrived since the last call, in order; without requests for tokens.
  std::vector<Seen> take();

 private:
  void serve(stepwell::test::MisbehavingServer::Connection& connection);
  std::string answer(const Seen& seen);

  const Answer answer_;
  std::mutex mutex_;
  std::vector<Seen> seen_;  // guarded by mutex_
  int tokens_ = 0;          // guarded by mutex_
  std::unique_ptr<stepwell::test::MisbehavingServer> recorder_;
  std::vector<std::unique_ptr<stepwell::test::NginxServer>> servers_;
  std::vector<Front> fronts_;
};

// The client ports of the connections to this port of 127.0.0.1 whose client's end is established,
// by the kernel's own account.
std::set<int> open_clients(int server_port);

}  // namespace stepwell::steps::test
