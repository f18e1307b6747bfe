// TLS of the server: its certificate, read anew when asked, and the encrypted channels that are
// made with it. OpenSSL lies behind this header (docs/adr/0010). Owned by Server; all members may
// be called from any thread, open() and reload() block.
#pragma once

#include <memory>

#include "api/channel.h"
#include "api/server.h"
#include "base/metrics.h"
#include "base/result.h"

namespace stepwell::api {

class Tls {
 public:
  // Errors: configuration/`tls-invalid`: a file that cannot be read or is no PEM, a key that is not
  // the certificate's, or that others may read.
  static Result<std::unique_ptr<Tls>> open(const TlsFiles& files, Metrics& metrics);
  ~Tls();
  Tls(const Tls&) = delete;
  Tls& operator=(const Tls&) = delete;

  // For channels that are made from now on. Errors: as above; then all stays as it was.
  Status reload();
  // Null where there is no memory for it.
  std::unique_ptr<Channel> channel(int descriptor) const;

 private:
  class Impl;
  explicit Tls(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace stepwell::api
