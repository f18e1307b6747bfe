#include "auth/users.h"

#include <algorithm>

#include "auth/denial.h"

namespace stepwell::auth {

void Users::load(const StoredState& stored) {
  const std::unique_lock lock(mutex_);
  for (const User& user : stored.users) users_[user.name] = user;
}

std::vector<User> Users::list() const {
  const std::shared_lock lock(mutex_);
  std::vector<User> users;
  users.reserve(users_.size());
  for (const auto& [name, user] : users_) users.push_back(user);
  return users;
}

std::optional<User> Users::find(std::string_view name) const {
  const std::shared_lock lock(mutex_);
  const auto found = users_.find(name);
  if (found == users_.end()) return std::nullopt;
  return found->second;
}

std::optional<Role> Users::role_of_active(std::string_view name) const {
  const std::shared_lock lock(mutex_);
  const auto found = users_.find(name);
  if (found == users_.end() || !found->second.active) return std::nullopt;
  return found->second.role;
}

Result<User> Users::create(const Actor& actor, std::string_view name, Role role) {
  const std::scoped_lock changing(changes_);
  if (!is_dns_label(name))
    return fail(refused_request(
        400, "user-invalid", "a user's name has a-z, 0-9 and - inside, and at most 63 characters"));
  if (find(name))
    return fail(
        refused_request(409, "user-exists", "there is a user " + std::string(name) + " already"));
  return change(actor, User{std::string(name), role, true, actor.user, clock_.now()},
                "user.create");
}

Result<User> Users::set_role(const Actor& actor, std::string_view name, Role role) {
  const std::scoped_lock changing(changes_);
  Result<User> user = existing(name);
  if (!user || user->role == role) return user;
  user->role = role;
  Status kept = keep_an_admin(*user);
  if (!kept) return fail(std::move(kept.error()));
  return change(actor, *user, "user.role");
}

Result<User> Users::deactivate(const Actor& actor, std::string_view name) {
  const std::scoped_lock changing(changes_);
  Result<User> user = existing(name);
  if (!user || !user->active) return user;
  user->active = false;
  Status kept = keep_an_admin(*user);
  if (!kept) return fail(std::move(kept.error()));
  return change(actor, *user, "user.deactivate");
}

Result<User> Users::activate(const Actor& actor, std::string_view name) {
  const std::scoped_lock changing(changes_);
  Result<User> user = existing(name);
  if (!user || user->active) return user;
  user->active = true;
  return change(actor, *user, "user.activate");
}

Result<User> Users::existing(std::string_view name) const {
  std::optional<User> user = find(name);
  if (!user)
    return fail(refused_request(404, "user-unknown", "there is no user " + std::string(name)));
  return std::move(*user);
}

// Somebody must be able to mend what went wrong.
Status Users::keep_an_admin(const User& without) const {
  const std::vector<User> users = list();
  const bool another = std::any_of(users.begin(), users.end(), [&](const User& user) {
    const User& future = user.name == without.name ? without : user;
    return future.active && future.role == Role::admin;
  });
  if (another) return {};
  return fail(refused_request(409, "last-admin",
                              without.name + " is the last active admin; make another one first"));
}

Result<User> Users::change(const Actor& actor, const User& user, std::string_view action) {
  Status done = audit_.commit({actor, std::string(action), user.name,
                               "{\"role\":\"" + std::string(to_string(user.role)) + "\"}"},
                              {user});
  if (!done) return fail(std::move(done.error()));
  const std::unique_lock lock(mutex_);
  users_[user.name] = user;
  return user;
}

}  // namespace stepwell::auth
