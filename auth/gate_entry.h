// A row of the gate's table: a credential with all that its current version sends by. Included by
// the gate's own sources alone.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "auth/aws_sigv4.h"
#include "auth/credential.h"
#include "auth/gate.h"
#include "auth/guard.h"
#include "auth/token_source.h"

namespace stepwell::auth {

// What awsSigV4 signs with.
struct Signer {
  SigV4Settings settings;
  CredentialValue value;
};

struct Gate::Entry {
  Credential credential;
  std::shared_ptr<CredentialGuard> guard;                // none for a credential without a value
  std::shared_ptr<TokenSource> tokens;                   // oauth2
  std::shared_ptr<const Signer> signer;                  // awsSigV4
  std::shared_ptr<const Secret> hmac_key;                // hmac
  std::vector<std::shared_ptr<CredentialGuard>> former;  // of earlier versions still in some hand
  mutable std::atomic<std::int64_t> last_used{0};        // ms since 1970; 0: never

  // Forgets guards that no request refers to any more.
  void prune() {
    std::erase_if(former, [](const auto& old) { return old.use_count() == 1; });
  }
};

// What the credential's state says to its guard.
void instruct(CredentialGuard& guard, const Credential& credential);

}  // namespace stepwell::auth
