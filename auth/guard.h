// The send permit of one credential version, shared by all its requests: asked by the reactor
// right before the first byte, it costs one atomic addition and a look at the clock.
// Made by Gate and shared with requests; it must not outlive the gate's clock, so the reactor goes
// first. All members may be called from any thread; acquire() and written() do not block.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "auth/credential.h"
#include "auth/denial.h"
#include "auth/expiry_clock.h"
#include "auth/presented.h"
#include "auth/probe.h"
#include "auth/redactor.h"
#include "http/message.h"

namespace stepwell::auth {

class CredentialGuard final : public http::SendGuard {
 public:
  struct Parts {
    std::shared_ptr<const Presented> shown;
    std::string pool;
    ExpiryClock& clock;
    std::shared_ptr<const DenialCounters> counters;
    // Of a value that only its own requests' answers are masked of; may be null.
    std::shared_ptr<const ValueForms> forms = nullptr;
    // Of a credential that holds one of our own API keys: that key's id, and whether it still
    // stands. May be empty; must not block.
    std::string linked_key = {};
    std::function<Status()> linked = nullptr;
  };
  explicit CredentialGuard(Parts parts);

  const std::vector<Secret>& secret_headers() const override { return parts_.shown->lines; }
  const http::TlsIdentity* identity() const override { return parts_.shown->identity.get(); }
  const http::DigestLogin* digest() const override { return parts_.shown->digest.get(); }
  Status acquire() override;
  void written() noexcept override;

  const std::string& pool() const noexcept { return parts_.pool; }
  const ValueForms* forms() const noexcept { return parts_.forms.get(); }
  const std::string& linked_key() const noexcept { return parts_.linked_key; }
  // Whether the API key that the credential is linked to stands; success where there is none.
  Status linked() const { return parts_.linked ? parts_.linked() : Status{}; }

  // From now on acquire() fails with `why`; `for_good`: allow() has no effect any more, and a
  // later deny() only if it is for good, too.
  void deny(Problem why, bool for_good);
  void allow();
  // `when_expired` is what acquire() answers from that moment on.
  void set_expiry(std::optional<WallTime> expires_at, Problem when_expired);

  // Permits are held: a request is being written.
  bool held() const noexcept;
  // Waits until none is held; false after `limit`. To be called after deny().
  bool wait_idle(Milliseconds limit);

  // The turns of requests after a rejection.
  Probe& probe() const noexcept { return *probe_; }

  // Counts changes of the rules on where and by whom it may be used, so that a request that waited
  // for its turn asks again.
  std::uint32_t rules() const noexcept { return rules_.load(std::memory_order_acquire); }
  void rules_changed() noexcept { rules_.fetch_add(1, std::memory_order_acq_rel); }

  // Counts refusals by the upstream; the answer is how many there are in a row now.
  int note_refused() noexcept { return refused_.fetch_add(1) + 1; }
  void note_accepted() noexcept {
    if (refused_.load(std::memory_order_relaxed) != 0) refused_.store(0);
  }

 private:
  static constexpr std::uint64_t kDenied = 1ULL << 63U;
  Problem noted(const Problem& problem);  // a copy of one that mutex_ guards
  Status refuse(Problem problem);

  const Parts parts_;
  const std::shared_ptr<Probe> probe_ = std::make_shared<Probe>();

  std::atomic<std::uint64_t> permits_{0};  // how many are held; the top bit: denied
  std::atomic<std::int64_t> expires_ms_{INT64_MAX};
  std::atomic<int> refused_{0};
  std::atomic<std::uint32_t> rules_{0};

  std::mutex mutex_;
  std::condition_variable idle_;
  bool for_good_ = false;  // guarded by mutex_
  Problem why_;            // guarded by mutex_
  Problem when_expired_;   // guarded by mutex_
};

}  // namespace stepwell::auth
