// What a request of a step is asked right before its first byte: does the API key stand under which
// its instance runs, do the rules still hold by which it got its credential, and is there a send
// permit. Made for one request and owned by it; acquire() runs on the reactor's thread and does not
// block.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "auth/gate.h"
#include "auth/keys.h"
#include "http/message.h"

namespace stepwell::steps {

class StepGuard final : public http::SendGuard {
 public:
  // `key`: the key's id, or empty; `grant`: of the credential, `identity`: of the certificate
  // beside it; either may be one without a guard.
  StepGuard(const auth::Keys& keys, std::string key, const auth::Gate& gate, auth::Grant grant,
            auth::Grant identity = {})
      : keys_(keys),
        key_(std::move(key)),
        gate_(gate),
        grant_(std::move(grant)),
        identity_(std::move(identity)) {}

  const std::vector<Secret>& secret_headers() const override;
  const http::TlsIdentity* identity() const override;
  const http::DigestLogin* digest() const override;
  Status acquire() override;
  void written() noexcept override;

 private:
  const auth::Keys& keys_;
  const std::string key_;
  const auth::Gate& gate_;
  const auth::Grant grant_;
  const auth::Grant identity_;
  const std::vector<Secret> none_;
};

}  // namespace stepwell::steps
