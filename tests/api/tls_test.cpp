// TLS: what is spoken, with which certificate, and how that is renewed.
#include "api/tls.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

#include "tests/api/office.h"
#include "tests/support/test_certificate.h"

namespace stepwell::api::test {
namespace {

using stepwell::test::TestCertificate;

// A client that trusts nobody and everybody.
class TlsWire {
 public:
  struct Options {
    int highest = TLS1_3_VERSION;
    std::string protocol;  // offered by ALPN
    const TestCertificate* identity = nullptr;
  };
  TlsWire(const std::string& address, const Options& options)
      : context_(SSL_CTX_new(TLS_client_method())), descriptor_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port =
        htons(static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1))));
    inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
    const timeval limit{30, 0};
    ::setsockopt(descriptor_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    EXPECT_EQ(::connect(descriptor_, reinterpret_cast<const sockaddr*>(&to), sizeof to), 0);
    SSL_CTX_set_min_proto_version(context_, TLS1_VERSION);
    SSL_CTX_set_max_proto_version(context_, options.highest);
    SSL_CTX_set_security_level(context_, 0);
    if (options.identity != nullptr) options.identity->install(context_);
    ssl_ = SSL_new(context_);
    SSL_set_fd(ssl_, descriptor_);
    if (!options.protocol.empty()) {
      const std::string list = static_cast<char>(options.protocol.size()) + options.protocol;
      SSL_set_alpn_protos(ssl_, reinterpret_cast<const unsigned char*>(list.data()),
                          static_cast<unsigned>(list.size()));
    }
    connected_ = SSL_connect(ssl_) == 1;
  }
  ~TlsWire() {
    SSL_free(ssl_);
    SSL_CTX_free(context_);
    ::close(descriptor_);
  }
  TlsWire(const TlsWire&) = delete;
  TlsWire& operator=(const TlsWire&) = delete;

  bool connected() const { return connected_; }
  std::string version() const { return SSL_get_version(ssl_); }
  std::string protocol() const {
    const unsigned char* name = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(ssl_, &name, &size);
    return {reinterpret_cast<const char*>(name), size};
  }
  // The server's certificate in PEM.
  std::string certificate() const {
    X509* const certificate = SSL_get1_peer_certificate(ssl_);
    BIO* const memory = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(memory, certificate);
    char* data = nullptr;
    const auto size = static_cast<std::size_t>(BIO_get_mem_data(memory, &data));
    std::string text(data, size);
    BIO_free(memory);
    X509_free(certificate);
    return text;
  }
  // What is answered to one request, until its body's end.
  std::string ask(const std::string& request, const std::string& mark) {
    SSL_write(ssl_, request.data(), static_cast<int>(request.size()));
    std::string text;
    while (text.find(mark) == std::string::npos) {
      std::string piece(4096, '\0');
      const int got = SSL_read(ssl_, piece.data(), static_cast<int>(piece.size()));
      if (got <= 0) break;
      text.append(piece, 0, static_cast<std::size_t>(got));
    }
    return text;
  }
  bool healthy() {
    return ask("GET /-/healthy HTTP/1.1\r\nHost: h\r\n\r\n", "healthy\n").ends_with("healthy\n");
  }

 private:
  SSL_CTX* context_;
  int descriptor_;
  SSL* ssl_ = nullptr;
  bool connected_ = false;
};

class TlsServer : public ::testing::Test {
 protected:
  TlsServer() {
    std::signal(SIGPIPE, SIG_IGN);
    std::string name = (std::filesystem::temp_directory_path() / "stepwell-tls-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
    options_.listen = "127.0.0.1:0";
    options_.tls.certificate = folder_ + "/certificate.pem";
    options_.tls.key = folder_ + "/key.pem";
    install(first_);
  }
  ~TlsServer() override {
    server_.reset();
    std::filesystem::remove_all(folder_);
  }

  void write(const std::string& path, const std::string& text, mode_t mode = 0600) {
    std::filesystem::remove(path);
    std::ofstream(path) << text;
    EXPECT_EQ(::chmod(path.c_str(), mode), 0);
  }
  void install(const TestCertificate& certificate) {
    write(options_.tls.certificate, certificate.certificate_text(), 0644);
    write(options_.tls.key, certificate.key_text());
  }
  Status start() {
    auto server = Server::start(options_, office_.services());
    if (!server) return fail(server.error());
    server_ = *std::move(server);
    return {};
  }
  TlsWire connect(const TlsWire::Options& options = {}) { return {server_->address(), options}; }

  TestCertificate first_;
  TestCertificate second_;
  std::string folder_;
  ServerOptions options_;
  Office office_;
  std::unique_ptr<Server> server_;
};

TEST_F(TlsServer, SpeaksTls12And13AndHttp11) {
  ASSERT_TRUE(start());
  TlsWire modern = connect({TLS1_3_VERSION, "http/1.1", nullptr});
  ASSERT_TRUE(modern.connected());
  EXPECT_EQ(modern.version(), "TLSv1.3");
  EXPECT_EQ(modern.protocol(), "http/1.1");
  EXPECT_EQ(modern.certificate(), first_.certificate_text());
  EXPECT_TRUE(modern.healthy());
  EXPECT_TRUE(modern.healthy());
  TlsWire older = connect({TLS1_2_VERSION, "", nullptr});
  ASSERT_TRUE(older.connected());
  EXPECT_EQ(older.version(), "TLSv1.2");
  EXPECT_TRUE(older.healthy());
}

TEST_F(TlsServer, RefusesWhatIsTooOldOrAnotherProtocol) {
  ASSERT_TRUE(start());
  EXPECT_FALSE(connect({TLS1_1_VERSION, "", nullptr}).connected());
  EXPECT_FALSE(connect({TLS1_3_VERSION, "h2", nullptr}).connected());
  Wire plain(server_->address());
  plain.send("GET /-/healthy HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(plain.read().status, 0);
  EXPECT_TRUE(connect().healthy());
}

TEST_F(TlsServer, LargeBodiesGoThrough) {
  ASSERT_TRUE(start());
  TlsWire wire = connect();
  const std::string body = R"({"name":")" + std::string(600'000, 'x') + "\"}";
  const std::string answer = wire.ask(
      "POST /api/v1/users HTTP/1.1\r\nHost: h\r\nAuthorization: Api-Key " + office_.key("ana") +
          "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body,
      "}\n");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 400 ")) << answer;
}

// What TLS has read already tells of itself by no readiness of the socket.
TEST_F(TlsServer, AWaitLosesNothingThatIsSentAhead) {
  ASSERT_TRUE(start());
  office_.add_workflow("get",
                       "do: [{get: {call: http, with: {method: get, endpoint: 'http://h/'}}}]");
  const std::string wait =
      office_.text_of("ana", "POST", "/api/v1/instances?wait=20ms", R"({"workflow":"test/get"})");
  const std::string last = "GET /nothing HTTP/1.1\r\nHost: h\r\n\r\n";
  const Gauge open = office_.metrics.gauge("stepwell_api_open_connections", "");
  {
    TlsWire wire = connect();
    ASSERT_TRUE(wire.connected());
    // As many as are read at once, more of them than are read ahead, and none.
    for (const int ahead : {1, 60, 300, 0}) {
      std::string requests = wait;
      for (int i = 0; i < ahead; ++i) requests += "GET /-/healthy HTTP/1.1\r\nHost: h\r\n\r\n";
      const std::string answers = wire.ask(requests + last, "route-unknown");
      EXPECT_TRUE(answers.starts_with("HTTP/1.1 201 ")) << ahead;
      int healthy = 0;
      for (std::size_t at = 0; (at = answers.find("\r\n\r\nhealthy\n", at)) != std::string::npos;
           ++at)
        ++healthy;
      EXPECT_EQ(healthy, ahead);
      EXPECT_TRUE(wire.healthy());
    }
    (void)wire.ask(
        office_.text_of("ana", "POST", "/api/v1/instances?wait=5m", R"({"workflow":"test/get"})"),
        "");
    for (int i = 0; i < 5; ++i) office_.steps.next();
    EXPECT_EQ(open.value(), 1);
  }
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (open.value() != 0 && std::chrono::steady_clock::now() < end) std::this_thread::yield();
  EXPECT_EQ(open.value(), 0);
}

TEST_F(TlsServer, ANewCertificateIsForNewConnections) {
  ASSERT_TRUE(start());
  TlsWire before = connect();
  install(second_);
  ASSERT_TRUE(server_->reload_tls());
  EXPECT_TRUE(before.healthy());
  TlsWire after = connect();
  EXPECT_EQ(after.certificate(), second_.certificate_text());
  EXPECT_TRUE(after.healthy());
  EXPECT_TRUE(before.healthy());
}

TEST_F(TlsServer, ABadCertificateLeavesTheOldOne) {
  ASSERT_TRUE(start());
  const auto successful = [&] {
    return office_.metrics.gauge("stepwell_api_certificate_last_reload_successful", "").value();
  };
  EXPECT_EQ(successful(), 1);
  write(options_.tls.key, second_.key_text());
  EXPECT_EQ(server_->reload_tls().error().code, "tls-invalid");
  EXPECT_EQ(successful(), 0);
  TlsWire wire = connect();
  EXPECT_EQ(wire.certificate(), first_.certificate_text());
  EXPECT_TRUE(wire.healthy());
  install(second_);
  EXPECT_TRUE(server_->reload_tls());
  EXPECT_EQ(successful(), 1);
}

TEST_F(TlsServer, NamesWhatIsWrongWithItsFiles) {
  struct Case {
    const char* name;
    std::string certificate;
    std::string key;
    mode_t mode;
    const char* says;
  };
  const Case cases[] = {
      {"no PEM", "hello", first_.key_text(), 0600, "certificate"},
      {"key of another", first_.certificate_text(), second_.key_text(), 0600,
       "key values mismatch"},
      {"no key", first_.certificate_text(), "hello", 0600, "cannot use the key"},
      {"key that others read", first_.certificate_text(), first_.key_text(), 0640, "chmod 600"},
  };
  for (const Case& one : cases) {
    write(options_.tls.certificate, one.certificate);
    write(options_.tls.key, one.key, one.mode);
    const Status started = start();
    ASSERT_FALSE(started) << one.name;
    EXPECT_EQ(started.error().code, "tls-invalid") << one.name;
    EXPECT_NE(started.error().detail.find(one.says), std::string::npos) << started.error().detail;
  }
  options_.tls.key = "";
  EXPECT_EQ(start().error().code, "tls-invalid");
}

TEST_F(TlsServer, AClientMayNeedACertificate) {
  TestCertificate trusted;
  TestCertificate stranger;
  options_.tls.client_ca = trusted.file();
  ASSERT_TRUE(start());
  EXPECT_TRUE(connect({TLS1_2_VERSION, "", &trusted}).healthy());
  EXPECT_TRUE(connect({TLS1_3_VERSION, "", &trusted}).healthy());
  EXPECT_FALSE(connect({TLS1_2_VERSION, "", nullptr}).connected());
  EXPECT_FALSE(connect({TLS1_2_VERSION, "", &stranger}).connected());
  EXPECT_FALSE(connect({TLS1_3_VERSION, "", nullptr}).healthy());
}

TEST_F(TlsServer, ListensEverywhereWithItAlone) {
  options_.listen = "0.0.0.0:0";
  ASSERT_TRUE(start());
  server_.reset();
  options_.tls = {};
  EXPECT_EQ(start().error().code, "listen-plaintext");
}

TEST_F(TlsServer, AHandshakeThatIsNotGoneOnWithIsCutOff) {
  options_.read_timeout = Milliseconds(50);
  ASSERT_TRUE(start());
  Wire silent(server_->address());
  EXPECT_TRUE(silent.closed());
  Wire begun(server_->address());
  begun.send(std::string("\x16\x03\x01\x02\x00", 5));
  EXPECT_TRUE(begun.closed());
}

TEST_F(TlsServer, SaysWhenItsCertificateExpires) {
  ASSERT_TRUE(start());
  EXPECT_GT(office_.metrics.gauge("stepwell_api_certificate_expiry_timestamp_seconds", "").value(),
            static_cast<double>(std::time(nullptr)));
}

}  // namespace
}  // namespace stepwell::api::test
