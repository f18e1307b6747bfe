#include "auth/permission.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace stepwell::auth {
namespace {

constexpr int kPermissions = static_cast<int>(Permission::manage_master_key) + 1;

TEST(Permission, EachRoleMayWhatTheLowerOnesMay) {
  for (int i = 0; i < kPermissions; ++i) {
    const auto permission = static_cast<Permission>(i);
    EXPECT_TRUE(allows(Role::admin, permission)) << to_string(permission);
    EXPECT_TRUE(allows(Role::operator_, permission) || !allows(Role::viewer, permission))
        << to_string(permission);
  }
}

TEST(Permission, OnlyAdminsManageWhatOpensDoors) {
  for (const Permission permission :
       {Permission::manage_credentials, Permission::manage_keys, Permission::manage_users,
        Permission::view_audit, Permission::manage_master_key}) {
    EXPECT_FALSE(allows(Role::operator_, permission)) << to_string(permission);
    EXPECT_FALSE(allows(Role::viewer, permission)) << to_string(permission);
  }
}

TEST(Permission, ViewersChangeNothing) {
  EXPECT_TRUE(allows(Role::viewer, Permission::view_instances));
  for (const Permission permission :
       {Permission::start_instances, Permission::control_instances, Permission::complete_steps,
        Permission::upload_files, Permission::send_events, Permission::manage_workflows}) {
    EXPECT_FALSE(allows(Role::viewer, permission)) << to_string(permission);
    EXPECT_TRUE(allows(Role::operator_, permission)) << to_string(permission);
  }
}

TEST(Permission, NamesAreDistinctAndRolesReadBack) {
  std::set<std::string> names;
  for (int i = 0; i < kPermissions; ++i) names.emplace(to_string(static_cast<Permission>(i)));
  EXPECT_EQ(names.size(), static_cast<std::size_t>(kPermissions));
  for (const Role role : {Role::viewer, Role::operator_, Role::admin})
    EXPECT_EQ(parse_role(to_string(role)), role);
  EXPECT_FALSE(parse_role("root"));
  for (int i = 0; i < kPermissions; ++i) {
    const auto permission = static_cast<Permission>(i);
    EXPECT_EQ(parse_permission(to_string(permission)), permission);
  }
  for (const char* other : {"", "manage-key", "Manage-Keys", "admin"})
    EXPECT_FALSE(parse_permission(other)) << other;
}

}  // namespace
}  // namespace stepwell::auth
