#include "auth/permission.h"

#include <array>
#include <utility>

namespace stepwell::auth {

namespace {

struct PermissionRow {
  Permission permission;
  std::string_view name;
  Role least;  // the lowest role that has it
};

// In the order of the enumeration.
constexpr std::array kPermissions = {
    PermissionRow{Permission::view_metrics, "view-metrics", Role::viewer},
    PermissionRow{Permission::view_workflows, "view-workflows", Role::viewer},
    PermissionRow{Permission::view_instances, "view-instances", Role::viewer},
    PermissionRow{Permission::view_credentials, "view-credentials", Role::viewer},
    PermissionRow{Permission::start_instances, "start-instances", Role::operator_},
    PermissionRow{Permission::control_instances, "control-instances", Role::operator_},
    PermissionRow{Permission::complete_steps, "complete-steps", Role::operator_},
    PermissionRow{Permission::upload_files, "upload-files", Role::operator_},
    PermissionRow{Permission::send_events, "send-events", Role::operator_},
    PermissionRow{Permission::manage_workflows, "manage-workflows", Role::operator_},
    PermissionRow{Permission::manage_credentials, "manage-credentials", Role::admin},
    PermissionRow{Permission::manage_keys, "manage-keys", Role::admin},
    PermissionRow{Permission::manage_users, "manage-users", Role::admin},
    PermissionRow{Permission::view_audit, "view-audit", Role::admin},
    PermissionRow{Permission::manage_master_key, "manage-master-key", Role::admin},
};

constexpr std::array<std::string_view, 3> kRoles = {"viewer", "operator", "admin"};

}  // namespace

bool allows(Role role, Permission permission) noexcept {
  const auto index = static_cast<std::size_t>(permission);
  return index < kPermissions.size() && role >= kPermissions[index].least;
}

std::string_view to_string(Role role) noexcept { return kRoles[static_cast<std::size_t>(role)]; }

std::optional<Role> parse_role(std::string_view text) noexcept {
  for (std::size_t i = 0; i < kRoles.size(); ++i) {
    if (kRoles[i] == text) return static_cast<Role>(i);
  }
  return std::nullopt;
}

std::optional<Permission> parse_permission(std::string_view text) noexcept {
  for (const PermissionRow& row : kPermissions) {
    if (row.name == text) return row.permission;
  }
  return std::nullopt;
}

std::string_view to_string(Permission permission) noexcept {
  return kPermissions[static_cast<std::size_t>(permission)].name;
}

}  // namespace stepwell::auth
