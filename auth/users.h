// Users: the names that keys belong to, each with a role.
// Owned by Authority; all members may be called from any thread; the changing ones block for an
// fsync.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <vector>

#include "auth/audit.h"
#include "auth/key.h"
#include "base/result.h"

namespace stepwell::auth {

class Users {
 public:
  Users(AuditLog& audit, ExpiryClock& clock) : audit_(audit), clock_(clock) {}

  void load(const StoredState& stored);

  std::vector<User> list() const;  // by name
  std::optional<User> find(std::string_view name) const;
  std::optional<Role> role_of_active(std::string_view name) const;

  // Errors: validation/400 `user-invalid` (the name is no DNS label), 409 `user-exists`, 404
  // `user-unknown`, 409 `last-admin`; the store's.
  Result<User> create(const Actor& actor, std::string_view name, Role role);
  Result<User> set_role(const Actor& actor, std::string_view name, Role role);
  // Its keys stop at once.
  Result<User> deactivate(const Actor& actor, std::string_view name);
  Result<User> activate(const Actor& actor, std::string_view name);

 private:
  Result<User> change(const Actor& actor, const User& user, std::string_view action);
  Result<User> existing(std::string_view name) const;
  Status keep_an_admin(const User& without) const;

  AuditLog& audit_;
  ExpiryClock& clock_;
  std::mutex changes_;  // one change at a time
  mutable std::shared_mutex mutex_;
  std::map<std::string, User, std::less<>> users_;  // guarded by mutex_
};

}  // namespace stepwell::auth
