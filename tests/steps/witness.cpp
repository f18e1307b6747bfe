#include "tests/steps/witness.h"

#include <algorithm>
#include <cctype>
#include <fstream>
#include <iterator>
#include <sstream>

namespace stepwell::steps::test {

namespace {

using stepwell::test::MisbehavingServer;
using stepwell::test::NginxOptions;
using stepwell::test::NginxServer;

constexpr const char* kOwn = "x-witness";

NginxOptions to_recorder(int port) {
  const std::string on =
      "proxy_pass http://recorder; proxy_http_version 1.1; proxy_redirect off;\n"
      "proxy_set_header Connection ''; proxy_set_header Host $http_host;\n"
      "proxy_set_header X-Witness '$scheme|$server_port|$server_protocol|$connection|$remote_port|"
      "$ssl_session_reused|$ssl_client_s_dn|';\n";
  NginxOptions options;
  // All that a client sends goes on, however it is spelled.
  options.http =
      "underscores_in_headers on; ignore_invalid_headers off;\nupstream recorder { server "
      "127.0.0.1:" +
      std::to_string(port) + "; keepalive 64; }\n";
  // A port of HTTPS takes plain HTTP as well (497 is nginx's own word for it), so that two origins
  // differ in their scheme alone.
  options.server =
      "ssl_verify_client optional_no_ca;\nssl_session_cache shared:all:4m;\n"
      "error_page 497 = @plain;\nlocation @plain {\n" +
      on + "}\nlocation / {\n" + on + "}\nlocation /once/ { keepalive_timeout 0;\n" + on + "}\n";
  return options;
}

std::string small(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, separator);) parts.push_back(part);
  return parts;
}

std::string file_text(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

Seen read(const std::string& text) {
  Seen seen;
  seen.text = text;
  const std::size_t end = text.find("\r\n\r\n");
  seen.body = text.substr(end + 4);
  std::istringstream lines(text.substr(0, end + 2));
  lines >> seen.method >> seen.target;
  std::string line;
  std::getline(lines, line);
  while (std::getline(lines, line)) {
    const std::size_t colon = line.find(':');
    const std::size_t begin = line.find_first_not_of(' ', colon + 1);
    seen.headers.push_back(
        {small(line.substr(0, colon)), line.substr(begin, line.size() - begin - 1)});
  }
  const std::vector<std::string> own = split(seen.header(kOwn), '|');
  std::erase_if(seen.headers, [](const http::Header& header) { return header.name == kOwn; });
  if (own.size() < 7) return seen;  // came here by itself
  seen.origin = own[0] + "://" + seen.header("host");
  seen.port = std::stoi(own[1]);
  seen.version = own[2];
  seen.connection = own[1] + "/" + own[3];
  seen.client_port = std::stoi(own[4]);
  seen.resumed = own[5] == "r";
  seen.subject = own[6];
  return seen;
}

}  // namespace

std::string Front::label() const {
  return !https() ? "http" : version == "HTTP/2.0" ? "https/2" : "https/1.1";
}

std::string Seen::header(std::string_view name) const {
  for (const http::Header& field : headers)
    if (field.name == name) return field.value;
  return {};
}

bool Seen::has(std::string_view name) const {
  return std::any_of(headers.begin(), headers.end(),
                     [name](const http::Header& field) { return field.name == name; });
}

std::string reply(int status, const std::string& headers, const std::string& body) {
  return "HTTP/1.1 " + std::to_string(status) + " X\r\nContent-Type: application/json\r\n" +
         headers + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::string digest_challenge() {
  return reply(401,
               "WWW-Authenticate: Digest realm=\"house\", nonce=\"n1\", algorithm=SHA-256, "
               "qop=\"auth\"\r\n");
}

Witness::Witness(Answer answer) : answer_(std::move(answer)) {
  recorder_ = std::make_unique<MisbehavingServer>(
      [this](MisbehavingServer::Connection& connection) { serve(connection); });
  std::string authorities;
  for (int i = 0; i < 2; ++i) {
    servers_.push_back(std::make_unique<NginxServer>(to_recorder(recorder_->port())));
    authorities += file_text(servers_.back()->ca_file());
  }
  std::ofstream(ca_file()) << authorities;
  for (const auto& server : servers_) {
    for (const char* host : {"127.0.0.1", "localhost"}) {
      fronts_.push_back({"http", host, server->http_port(), "HTTP/1.1"});
      fronts_.push_back({"https", host, server->https1_port(), "HTTP/1.1"});
      fronts_.push_back({"https", host, server->https_port(), "HTTP/2.0"});
      if (fronts_.size() == 3) fronts_.push_back({"http", host, server->https1_port(), "HTTP/1.1"});
    }
  }
}

std::vector<std::string> Witness::origins() const {
  std::vector<std::string> all;
  all.reserve(fronts_.size());
  for (const Front& front : fronts_) all.push_back(front.origin());
  return all;
}

std::vector<Seen> Witness::take() {
  const std::scoped_lock lock(mutex_);
  return std::exchange(seen_, {});
}

void Witness::serve(MisbehavingServer::Connection& connection) {
  while (true) {
    const std::string request = connection.read_request();
    if (request.empty() || !connection.send(answer(read(request)))) return;
  }
}

std::string Witness::answer(const Seen& seen) {
  {
    const std::scoped_lock lock(mutex_);
    if (seen.origin.empty() && seen.target == "/token")
      return reply(200, {},
                   R"({"access_token":"access-)" + std::to_string(++tokens_) +
                       R"(-0123456789","token_type":"Bearer","expires_in":3600})");
    seen_.push_back(seen);
  }
  return answer_(seen);
}

// A line is "sl: LOCAL REMOTE STATE …", an address 0100007F:PORT in hexadecimal.
std::set<int> open_clients(int server_port) {
  constexpr int kEstablished = 1;
  std::set<int> open;
  std::ifstream table("/proc/self/net/tcp");
  std::string line;
  std::getline(table, line);
  while (std::getline(table, line)) {
    std::istringstream fields(line);
    std::string number;
    std::string local;
    std::string remote;
    std::string state;
    fields >> number >> local >> remote >> state;
    const auto port = [](const std::string& address) {
      return std::stoi(address.substr(address.find(':') + 1), nullptr, 16);
    };
    if (std::stoi(state, nullptr, 16) == kEstablished && port(remote) == server_port)
      open.insert(port(local));
  }
  return open;
}

}  // namespace stepwell::steps::test
