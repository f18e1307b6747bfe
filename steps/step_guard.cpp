#include "steps/step_guard.h"

namespace stepwell::steps {

const std::vector<Secret>& StepGuard::secret_headers() const {
  return grant_.guard ? grant_.guard->secret_headers() : none_;
}

const http::TlsIdentity* StepGuard::identity() const {
  return grant_.guard ? grant_.guard->identity() : nullptr;
}

const http::DigestLogin* StepGuard::digest() const {
  return grant_.guard ? grant_.guard->digest() : nullptr;
}

Status StepGuard::acquire() {
  if (!key_.empty()) {
    if (Status stands = keys_.stands(key_); !stands) return stands;
  }
  if (!grant_.guard) return {};
  if (Status holds = gate_.still_holds(grant_); !holds) return holds;
  // Last, since a permit that was taken has to be given back.
  return grant_.guard->acquire();
}

void StepGuard::written() noexcept {
  if (grant_.guard) grant_.guard->written();
}

}  // namespace stepwell::steps
