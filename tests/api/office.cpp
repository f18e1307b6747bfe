#include "tests/api/office.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "config/loader.h"
#include "tests/api/described.h"

namespace stepwell::api::test {

std::string Answer::header(std::string_view name) const {
  const std::string start = "\r\n" + std::string(name) + ": ";
  const std::size_t at = head.find(start);
  if (at == std::string::npos) return {};
  const std::size_t from = at + start.size();
  return head.substr(from, head.find("\r\n", from) - from);
}

Value Answer::json() const {
  Result<Value> value = parse_json(body);
  EXPECT_TRUE(value) << body;
  return value ? *value : Value();
}

Wire::Wire(const std::string& address, const char* from)
    : descriptor_(::socket(AF_INET, SOCK_STREAM, 0)) {
  const std::size_t colon = address.rfind(':');
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<std::uint16_t>(std::stoi(address.substr(colon + 1))));
  inet_pton(AF_INET, address.substr(0, colon).c_str(), &to.sin_addr);
  const timeval limit{30, 0};
  ::setsockopt(descriptor_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  sockaddr_in own{};
  own.sin_family = AF_INET;
  inet_pton(AF_INET, from, &own.sin_addr);
  if (std::string_view(from) != "127.0.0.1") {
    EXPECT_EQ(::bind(descriptor_, reinterpret_cast<const sockaddr*>(&own), sizeof own), 0);
  }
  EXPECT_EQ(::connect(descriptor_, reinterpret_cast<const sockaddr*>(&to), sizeof to), 0);
}

Wire::~Wire() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void Wire::reset() {
  const linger now{1, 0};
  ::setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  ::close(std::exchange(descriptor_, -1));
}

void Wire::send(std::string_view bytes) const {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return;  // the server may have had enough already
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

bool Wire::more() {
  std::string chunk(65536, '\0');
  const ssize_t got = ::recv(descriptor_, chunk.data(), chunk.size(), 0);
  if (got <= 0) return false;
  buffer_.append(chunk, 0, static_cast<std::size_t>(got));
  return true;
}

Answer Wire::read(bool without_body) {
  std::size_t end = std::string::npos;
  while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
    if (!more()) return {};
  }
  Answer answer;
  answer.head = buffer_.substr(0, end + 2);
  buffer_.erase(0, end + 4);
  answer.status = std::stoi(answer.head.substr(9, 3));
  const std::string length = answer.header("Content-Length");
  if (without_body || length.empty()) return answer;
  while (buffer_.size() < std::stoul(length)) {
    if (!more()) return {};
  }
  answer.body = buffer_.substr(0, std::stoul(length));
  buffer_.erase(0, answer.body.size());
  return answer;
}

std::string Wire::read_until(std::string_view mark) {
  std::size_t at = std::string::npos;
  while ((at = buffer_.find(mark)) == std::string::npos && more()) {
  }
  const std::size_t size = at == std::string::npos ? buffer_.size() : at + mark.size();
  std::string text = buffer_.substr(0, size);
  buffer_.erase(0, size);
  return text;
}

bool Wire::closed() {
  if (!buffer_.empty()) return false;
  char byte = 0;
  const ssize_t got = ::recv(descriptor_, &byte, 1, 0);
  return got == 0 || (got < 0 && errno == ECONNRESET);
}

namespace {

http::ReactorOptions loopback_only() {
  http::ReactorOptions options;
  options.egress = http::EgressRules({http::Network::parse("127.0.0.0/8").value()}, {});
  return options;
}

}  // namespace

Office::Office(ServerOptions options)
    : log(LogLevel::debug, LogFormat::logfmt,
          [this](std::string_view line) {
            const std::scoped_lock lock(log_mutex_);
            log_lines.emplace_back(line);
          }),
      reactor(loopback_only(), clock, metrics, Log::null()) {
  auth::Credentials::Options quick;
  quick.drain_limit = Milliseconds(20);
  authority = auth::Authority::open(auth::random_master_key(entropy),
                                    {store, clock, entropy, metrics, log}, quick)
                  .value();
  const auth::Actor actor{"test", "test"};
  for (const auto& [name, role] :
       {std::pair("ana", auth::Role::admin), std::pair("olga", auth::Role::operator_),
        std::pair("vic", auth::Role::viewer)}) {
    EXPECT_TRUE(authority->users().create(actor, name, role));
    const auto issued = authority->keys().create(actor, {name, name});
    keys_.emplace_back(name, std::string(issued->secret.reveal()));
  }
  engine = std::make_unique<engine::Engine>(engine::EngineOptions{2, 1000, 100}, steps, journal,
                                            timers, clock, entropy, metrics, log);
  schedules = std::make_unique<engine::Schedules>(*engine, journal, timers, clock, metrics, log);
  files = store::FileStore::open(directory / ".", {}, {clock, entropy, metrics, log}).value();
  if (options.listen == ServerOptions().listen) options.listen = "127.0.0.1:0";
  server = Server::start(options, services()).value();
}

Services Office::services() {
  return {*engine,
          catalog,
          *authority,
          reactor,
          {},
          clock,
          entropy,
          metrics,
          log,
          [this] { return reload_result; },
          [this] { return ready_result; },
          schedules.get(),
          files.get(),
          1_MiB};
}

Office::~Office() = default;

void Office::add_workflow(const std::string& name, const std::string& tasks,
                          const std::string& metadata) {
  EXPECT_TRUE(try_workflow(name, tasks, metadata));
}

Status Office::try_workflow(const std::string& name, const std::string& tasks,
                            const std::string& metadata) {
  const auto loaded =
      config::load_definition("document: {dsl: '1.0.0', namespace: test, name: " + name +
                                  ", version: '1.0.0', metadata: " + metadata + "}\n" + tasks,
                              name + ".yaml");
  for (const config::Fault& fault : loaded.faults) ADD_FAILURE() << fault.text();
  if (!loaded.definition) return fail(client_error(400, "definitions-invalid", name));
  auto entries = workflows_;
  entries.push_back({loaded.definition, engine->prepare(loaded.definition)});
  if (Status replaced = catalog.replace(entries); !replaced) return replaced;
  workflows_ = std::move(entries);
  return {};
}

const std::string& Office::key(std::string_view user) const {
  return std::find_if(keys_.begin(), keys_.end(),
                      [&](const auto& row) { return row.first == user; })
      ->second;
}

std::string Office::text_of(std::string_view user, std::string_view method, std::string_view target,
                            std::string_view body) const {
  std::string text = std::string(method) + ' ' + std::string(target) + " HTTP/1.1\r\nHost: h\r\n";
  if (!user.empty()) text += "Authorization: Api-Key " + key(user) + "\r\n";
  if (!body.empty()) text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  return text + "\r\n" + std::string(body);
}

Answer Office::call(std::string_view user, std::string_view method, std::string_view target,
                    std::string_view body) const {
  Wire wire(address());
  wire.send(text_of(user, method, target, body));
  const Answer answer = wire.read(method == "HEAD");
  if (answer.status != 0 && method != "HEAD") Described::of(*this).check(method, target, answer);
  return answer;
}

}  // namespace stepwell::api::test
