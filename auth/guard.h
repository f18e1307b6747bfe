// The send permit of one credential version, shared by all its requests: asked by the reactor
// right before the first byte, it costs one atomic addition and a look at the clock.
// Made by Gate and shared with requests; it must not outlive the gate's clock, so the reactor goes
// first. All members may be called from any thread; acquire() and written() do not block.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "auth/credential.h"
#include "auth/denial.h"
#include "auth/expiry_clock.h"
#include "auth/redactor.h"
#include "http/message.h"

namespace stepwell::auth {

// The header line that carries a value ("Authorization: Bearer …"), with the NUL that ends a C
// string, so that libcurl reads it where it lies.
Secret header_line(const Credential& credential, const CredentialValue& value);

class CredentialGuard final : public http::SendGuard {
 public:
  // `forms`: of a value that only its own requests' answers are masked of; may be null.
  CredentialGuard(Secret line, std::string pool, ExpiryClock& clock,
                  std::shared_ptr<const DenialCounters> counters,
                  std::shared_ptr<const ValueForms> forms = nullptr);

  const std::vector<Secret>& secret_headers() const override { return lines_; }
  Status acquire() override;
  void written() noexcept override;

  const std::string& pool() const noexcept { return pool_; }
  const ValueForms* forms() const noexcept { return forms_.get(); }

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

  // Counts refusals by the upstream; the answer is how many there are in a row now.
  int note_refused() noexcept { return refused_.fetch_add(1) + 1; }
  void note_accepted() noexcept {
    if (refused_.load(std::memory_order_relaxed) != 0) refused_.store(0);
  }

 private:
  static constexpr std::uint64_t kDenied = 1ULL << 63U;
  Status refuse(bool expired);

  const std::vector<Secret> lines_;
  const std::string pool_;
  ExpiryClock& clock_;
  const std::shared_ptr<const DenialCounters> counters_;
  const std::shared_ptr<const ValueForms> forms_;

  std::atomic<std::uint64_t> permits_{0};  // how many are held; the top bit: denied
  std::atomic<std::int64_t> expires_ms_{INT64_MAX};
  std::atomic<int> refused_{0};

  std::mutex mutex_;
  std::condition_variable idle_;
  bool for_good_ = false;  // guarded by mutex_
  Problem why_;            // guarded by mutex_
  Problem when_expired_;   // guarded by mutex_
};

}  // namespace stepwell::auth
