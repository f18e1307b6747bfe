#include "steps/step_guard.h"

namespace stepwell::steps {

const std::vector<Secret>& StepGuard::secret_headers() const {
  return grant_.guard ? grant_.guard->secret_headers() : none_;
}

const http::TlsIdentity* StepGuard::identity() const {
  if (identity_.guard) return identity_.guard->identity();
  return grant_.guard ? grant_.guard->identity() : nullptr;
}

const http::DigestLogin* StepGuard::digest() const {
  return grant_.guard ? grant_.guard->digest() : nullptr;
}

Status StepGuard::acquire() {
  if (!key_.empty()) {
    if (Status stands = keys_.stands(key_); !stands) return stands;
  }
  for (const auth::Grant* grant : {&grant_, &identity_})
    if (grant->guard)
      if (Status holds = gate_.still_holds(*grant); !holds) return holds;
  // Last, since a permit that was taken has to be given back.
  if (grant_.guard)
    if (Status permit = grant_.guard->acquire(); !permit) return permit;
  if (!identity_.guard) return {};
  Status permit = identity_.guard->acquire();
  if (!permit && grant_.guard) grant_.guard->written();
  return permit;
}

void StepGuard::written() noexcept {
  if (grant_.guard) grant_.guard->written();
  if (identity_.guard) identity_.guard->written();
}

}  // namespace stepwell::steps
