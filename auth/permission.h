// Who may do what: roles, the permissions that routes and commands ask for, and the table between.
// Pure values and functions, callable from any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace stepwell::auth {

// Each role may do everything that the one before it may.
enum class Role : std::uint8_t { viewer, operator_, admin };

enum class Permission : std::uint8_t {
  view_metrics,
  view_workflows,
  view_instances,
  view_credentials,  // names, kinds, states; never values
  start_instances,
  control_instances,  // stop, suspend, resume, retry, delete
  complete_steps,
  upload_files,
  send_events,
  manage_workflows,    // validate, enable, disable, reload
  manage_credentials,  // add, change, rotate, test, revoke, delete …
  manage_keys,
  manage_users,
  view_audit,
  manage_master_key,  // rotate
};

bool allows(Role role, Permission permission) noexcept;

std::string_view to_string(Role role) noexcept;  // "viewer", "operator", "admin"
std::optional<Role> parse_role(std::string_view text) noexcept;
std::string_view to_string(Permission permission) noexcept;  // "manage-keys"
std::optional<Permission> parse_permission(std::string_view text) noexcept;

}  // namespace stepwell::auth
