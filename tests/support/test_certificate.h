// A key and a self-signed certificate for "localhost", 127.0.0.1 and further hosts, made in
// process, with the certificate also as a file that a client is told to trust. The file goes with
// its owner.
#pragma once

#include <memory>
#include <string>
#include <vector>

using SSL_CTX = struct ssl_ctx_st;

namespace stepwell::test {

class TestCertificate {
 public:
  explicit TestCertificate(const std::vector<std::string>& further_hosts = {});
  ~TestCertificate();
  TestCertificate(const TestCertificate&) = delete;
  TestCertificate& operator=(const TestCertificate&) = delete;

  const std::string& file() const { return file_; }
  // In PEM, as a client presents them.
  std::string certificate_text() const;
  std::string key_text() const;
  void install(SSL_CTX* context) const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
  std::string folder_;
  std::string file_;
};

}  // namespace stepwell::test
