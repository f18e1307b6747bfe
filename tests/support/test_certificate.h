// A key and a self-signed certificate for "localhost" and 127.0.0.1, made in process, with the
// certificate also as a file that a client is told to trust. The file goes with its owner.
#pragma once

#include <memory>
#include <string>

using SSL_CTX = struct ssl_ctx_st;

namespace stepwell::test {

class TestCertificate {
 public:
  TestCertificate();
  ~TestCertificate();
  TestCertificate(const TestCertificate&) = delete;
  TestCertificate& operator=(const TestCertificate&) = delete;

  const std::string& file() const { return file_; }
  void install(SSL_CTX* context) const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
  std::string folder_;
  std::string file_;
};

}  // namespace stepwell::test
