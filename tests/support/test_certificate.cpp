#include "tests/support/test_certificate.h"

#include <gtest/gtest.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>

namespace stepwell::test {
namespace {

constexpr long kValidSeconds = 24L * 3600;

template <auto Function>
struct FreedBy {
  template <class T>
  void operator()(T* pointer) const {
    Function(pointer);
  }
};

void require(bool holds) {
  if (!holds) throw std::runtime_error("no certificate could be made");
}

void extend(X509* certificate, int kind, const char* value) {
  const std::unique_ptr<X509_EXTENSION, FreedBy<X509_EXTENSION_free>> extension(
      X509V3_EXT_conf_nid(nullptr, nullptr, kind, value));
  require(extension != nullptr && X509_add_ext(certificate, extension.get(), -1) == 1);
}

template <class Write>
std::string written(const Write& write) {
  const std::unique_ptr<BIO, FreedBy<BIO_free_all>> out(BIO_new(BIO_s_mem()));
  require(out != nullptr && write(out.get()));
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(out.get(), &bytes);
  return {bytes, static_cast<std::size_t>(size)};
}

}  // namespace

struct TestCertificate::Parts {
  std::unique_ptr<EVP_PKEY, FreedBy<EVP_PKEY_free>> key;
  std::unique_ptr<X509, FreedBy<X509_free>> certificate;
};

TestCertificate::TestCertificate(const std::vector<std::string>& further_hosts)
    : parts_(std::make_unique<Parts>()) {
  parts_->key.reset(EVP_EC_gen("P-256"));
  parts_->certificate.reset(X509_new());
  X509* const x509 = parts_->certificate.get();
  require(parts_->key != nullptr && x509 != nullptr);
  X509_set_version(x509, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(x509), 1);
  X509_gmtime_adj(X509_getm_notBefore(x509), -kValidSeconds);
  X509_gmtime_adj(X509_getm_notAfter(x509), kValidSeconds);
  X509_NAME* const name = X509_get_subject_name(x509);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>("localhost"), -1, -1, 0);
  X509_set_issuer_name(x509, name);
  X509_set_pubkey(x509, parts_->key.get());
  extend(x509, NID_basic_constraints, "critical,CA:TRUE");
  std::string hosts = "DNS:localhost,IP:127.0.0.1";
  for (const std::string& host : further_hosts) hosts += ",DNS:" + host;
  extend(x509, NID_subject_alt_name, hosts.c_str());
  require(X509_sign(x509, parts_->key.get(), EVP_sha256()) > 0);
  folder_ = testing::TempDir() + "stepwell-certificate-XXXXXX";
  require(mkdtemp(folder_.data()) != nullptr);
  file_ = folder_ + "/certificate.pem";
  const std::unique_ptr<std::FILE, FreedBy<std::fclose>> out(std::fopen(file_.c_str(), "we"));
  require(out != nullptr && PEM_write_X509(out.get(), x509) == 1);
}

TestCertificate::~TestCertificate() {
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

std::string TestCertificate::certificate_text() const {
  return written(
      [this](BIO* out) { return PEM_write_bio_X509(out, parts_->certificate.get()) == 1; });
}

std::string TestCertificate::key_text() const {
  return written([this](BIO* out) {
    return PEM_write_bio_PrivateKey(out, parts_->key.get(), nullptr, nullptr, 0, nullptr,
                                    nullptr) == 1;
  });
}

void TestCertificate::install(SSL_CTX* context) const {
  require(SSL_CTX_use_certificate(context, parts_->certificate.get()) == 1 &&
          SSL_CTX_use_PrivateKey(context, parts_->key.get()) == 1);
}

}  // namespace stepwell::test
