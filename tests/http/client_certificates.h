// An authority and client certificates of it, made by the openssl command in a folder of their own,
// which goes with its owner.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "http/message.h"
#include "tests/support/nginx_server.h"

namespace stepwell::http::test {

class ClientCertificates {
 public:
  ClientCertificates() {
    folder_ = (std::filesystem::temp_directory_path() / "client-ca-XXXXXX").string();
    ok_ = mkdtemp(folder_.data()) != nullptr &&
          openssl({"req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                   "-nodes", "-days", "3650", "-subj", "/CN=authority", "-keyout", path("ca.key"),
                   "-out", ca_file()});
  }
  ~ClientCertificates() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  ClientCertificates(const ClientCertificates&) = delete;
  ClientCertificates& operator=(const ClientCertificates&) = delete;

  // A certificate for this name; its key is encrypted where there is a passphrase.
  TlsIdentity issue(const std::string& name, const std::string& passphrase = {}) {
    ok_ = ok_ && openssl({"req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                          passphrase.empty() ? "-nodes" : "-passout",
                          passphrase.empty() ? "-batch" : "pass:" + passphrase, "-subj",
                          "/CN=" + name, "-keyout", path("key"), "-out", path("request")});
    ok_ = ok_ && openssl({"x509", "-req", "-in", path("request"), "-CA", ca_file(), "-CAkey",
                          path("ca.key"), "-CAcreateserial", "-days", "3650", "-out",
                          path("certificate")});
    return {Secret::take(text(path("certificate"))), Secret::take(text(path("key"))),
            Secret(passphrase)};
  }

  bool ok() const { return ok_; }
  std::string ca_file() const { return path("ca.pem"); }

 private:
  std::string path(const std::string& name) const { return folder_ + "/" + name; }
  static std::string text(const std::string& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  bool openssl(std::vector<std::string> words) const {
    words.insert(words.begin(), "openssl");
    return stepwell::test::run_program(std::move(words), path("openssl.log"));
  }

  std::string folder_;
  bool ok_ = false;
};

}  // namespace stepwell::http::test
