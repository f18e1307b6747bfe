#include "api/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <array>
#include <cstring>
#include <ctime>
#include <mutex>
#include <string>
#include <utility>

namespace stepwell::api {

namespace {

struct FreeContext {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
struct FreeSsl {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
};
using Context = std::unique_ptr<SSL_CTX, FreeContext>;

Problem tls_invalid(const std::string& why) {
  return make_problem(ErrorKind::configuration, "tls-invalid", why);
}

// The reason of OpenSSL's last error, without what it says of its own insides.
Problem tls_problem(const std::string& what) {
  const char* const reason = ERR_reason_error_string(ERR_peek_last_error());
  ERR_clear_error();
  return tls_invalid(what + (reason != nullptr ? ": " + std::string(reason) : std::string()));
}

Status check_key_file(const std::string& path) {
  struct stat about {};
  if (path.empty()) return fail(tls_invalid("http.tls.certificate needs http.tls.key beside it"));
  if (::stat(path.c_str(), &about) != 0)
    return fail(tls_invalid("cannot read " + path + ": " + std::strerror(errno)));
  if ((about.st_mode & (S_IRWXG | S_IRWXO)) != 0)
    return fail(tls_invalid("others than its owner may read " + path + "; run chmod 600 " + path));
  return {};
}

// RFC 7301 §3.2: whoever names protocols, and not this one, is told so.
int choose_protocol(SSL* /*ssl*/, const unsigned char** chosen, unsigned char* size,
                    const unsigned char* offered, unsigned int offered_size, void* /*unused*/) {
  static constexpr std::array<unsigned char, 9> kSpoken{8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
  unsigned char* out = nullptr;
  if (SSL_select_next_proto(&out, size, kSpoken.data(), kSpoken.size(), offered, offered_size) !=
      OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  *chosen = out;
  return SSL_TLSEXT_ERR_OK;
}

// A key with a passphrase would ask for it on the terminal.
int no_passphrase(char* /*into*/, int /*size*/, int /*for_writing*/, void* /*unused*/) { return 0; }

Status load_identity(SSL_CTX* context, const TlsFiles& files) {
  if (SSL_CTX_use_certificate_chain_file(context, files.certificate.c_str()) != 1)
    return fail(tls_problem("cannot use the certificate in " + files.certificate));
  if (Status safe = check_key_file(files.key); !safe) return safe;
  if (SSL_CTX_use_PrivateKey_file(context, files.key.c_str(), SSL_FILETYPE_PEM) != 1)
    return fail(tls_problem("cannot use the key in " + files.key));
  if (SSL_CTX_check_private_key(context) != 1)
    return fail(
        tls_problem(files.key + " is not the key of the certificate in " + files.certificate));
  if (files.client_ca.empty()) return {};
  STACK_OF(X509_NAME)* const names = SSL_load_client_CA_file(files.client_ca.c_str());
  if (names == nullptr ||
      SSL_CTX_load_verify_locations(context, files.client_ca.c_str(), nullptr) != 1)
    return fail(tls_problem("cannot use the authorities in " + files.client_ca));
  SSL_CTX_set_client_CA_list(context, names);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  return {};
}

Result<Context> make_context(const TlsFiles& files) {
  static constexpr std::array<unsigned char, 8> kName{'s', 't', 'e', 'p', 'w', 'e', 'l', 'l'};
  ERR_clear_error();
  Context context(SSL_CTX_new(TLS_server_method()));
  if (!context) return fail(tls_problem("cannot begin with TLS"));
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
                                         SSL_OP_CIPHER_SERVER_PREFERENCE |
                                         SSL_OP_PRIORITIZE_CHACHA);
  // Forward secrecy and authenticated encryption only (RFC 9325 §4.2).
  if (SSL_CTX_set_cipher_list(context.get(), "ECDHE+AESGCM:ECDHE+CHACHA20") != 1)
    return fail(tls_problem("cannot choose ciphers"));
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_session_id_context(context.get(), kName.data(), kName.size());
  SSL_CTX_set_alpn_select_cb(context.get(), choose_protocol, nullptr);
  SSL_CTX_set_default_passwd_cb(context.get(), no_passphrase);
  if (Status loaded = load_identity(context.get(), files); !loaded)
    return fail(std::move(loaded.error()));
  return context;
}

// Seconds since 1970.
double expiry_of(SSL_CTX* context) {
  std::tm parts{};
  const X509* const certificate = SSL_CTX_get0_certificate(context);
  if (certificate == nullptr || ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &parts) != 1)
    return 0;
  return static_cast<double>(timegm(&parts));
}

class TlsChannel final : public Channel {
 public:
  TlsChannel(SSL* ssl, int descriptor, Counter failed)
      : ssl_(ssl), descriptor_(descriptor), failed_handshakes_(failed) {}

  Progress begin() override {
    const Progress progress =
        step([this](std::size_t& /*bytes*/) { return SSL_accept(ssl_.get()); });
    begun_ = progress.step == Step::done;
    if (progress.step == Step::failed || progress.step == Step::ended)
      failed_handshakes_.increment();
    return progress;
  }

  Progress read(char* to, std::size_t most) override {
    return step([&](std::size_t& bytes) { return SSL_read_ex(ssl_.get(), to, most, &bytes); });
  }

  Progress write(const char* from, std::size_t size) override {
    return step([&](std::size_t& bytes) { return SSL_write_ex(ssl_.get(), from, size, &bytes); });
  }

  bool holds_input() const override { return SSL_has_pending(ssl_.get()) == 1; }

  void end() override {
    if (begun_ && !broken_) (void)SSL_shutdown(ssl_.get());
    ERR_clear_error();
    (void)::shutdown(descriptor_, SHUT_WR);
  }

 private:
  template <class Task>
  Progress step(Task task) {
    std::size_t bytes = 0;
    ERR_clear_error();
    const int result = task(bytes);
    if (result == 1) return {Step::done, bytes};
    switch (SSL_get_error(ssl_.get(), result)) {
      case SSL_ERROR_WANT_READ:
        return {Step::wait_read, 0};
      case SSL_ERROR_WANT_WRITE:
        return {Step::wait_write, 0};
      case SSL_ERROR_ZERO_RETURN:
        return {Step::ended, 0};
      default:
        broken_ = true;  // nothing may be done with it any more
        ERR_clear_error();
        return {Step::failed, 0};
    }
  }

  const std::unique_ptr<SSL, FreeSsl> ssl_;
  const int descriptor_;
  const Counter failed_handshakes_;
  bool begun_ = false;
  bool broken_ = false;
};

}  // namespace

class Tls::Impl {
 public:
  Impl(TlsFiles files, Metrics& metrics)
      : files_(std::move(files)),
        expiry_(metrics.gauge("stepwell_api_certificate_expiry_timestamp_seconds",
                              "When the certificate of the API expires, in seconds since 1970.")),
        reload_successful_(metrics.gauge("stepwell_api_certificate_last_reload_successful",
                                         "1 where the files of TLS could be read the last time.")),
        failed_(metrics.counter("stepwell_api_tls_handshakes_failed_total",
                                "Connections that did not get through the TLS handshake.")) {}

  Status reload() {
    Result<Context> context = make_context(files_);
    reload_successful_.set(context ? 1 : 0);
    if (!context) return fail(std::move(context.error()));
    expiry_.set(expiry_of(context->get()));
    const std::scoped_lock lock(mutex_);
    context_.swap(*context);
    return {};
  }

  std::unique_ptr<Channel> channel(int descriptor) {
    std::unique_ptr<SSL, FreeSsl> ssl;
    {
      const std::scoped_lock lock(mutex_);
      ssl.reset(SSL_new(context_.get()));  // which shares the context
    }
    if (!ssl || SSL_set_fd(ssl.get(), descriptor) != 1) return nullptr;
    return std::make_unique<TlsChannel>(ssl.release(), descriptor, failed_);
  }

 private:
  const TlsFiles files_;
  Gauge expiry_;
  Gauge reload_successful_;
  Counter failed_;
  std::mutex mutex_;
  Context context_;  // guarded by mutex_
};

Tls::Tls(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Tls::~Tls() = default;

Result<std::unique_ptr<Tls>> Tls::open(const TlsFiles& files, Metrics& metrics) {
  auto impl = std::make_unique<Impl>(files, metrics);
  if (Status loaded = impl->reload(); !loaded) return fail(std::move(loaded.error()));
  return std::unique_ptr<Tls>(new Tls(std::move(impl)));
}

Status Tls::reload() { return impl_->reload(); }

std::unique_ptr<Channel> Tls::channel(int descriptor) const { return impl_->channel(descriptor); }

}  // namespace stepwell::api
