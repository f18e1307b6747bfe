#include "base/secret.h"

#include <gtest/gtest.h>

#include <ostream>
#include <type_traits>

#include "base/value.h"

namespace stepwell {
namespace {

template <class T>
concept Printable = requires(std::ostream& out, const T& value) {
  out << value;
};

static_assert(!std::is_copy_constructible_v<Secret>);
static_assert(!std::is_copy_assignable_v<Secret>);
static_assert(!std::is_convertible_v<Secret, std::string>);
static_assert(!std::is_convertible_v<Secret, std::string_view>);
static_assert(!std::is_constructible_v<Value, Secret>);
static_assert(!Printable<Secret>);

TEST(Secret, HoldsItsBytesAndMovesThem) {
  Secret secret("hunter2");
  EXPECT_EQ(secret.reveal(), "hunter2");
  Secret moved = std::move(secret);
  EXPECT_EQ(moved.reveal(), "hunter2");
  EXPECT_TRUE(secret.empty());  // NOLINT(bugprone-use-after-move): that is the point
  EXPECT_TRUE(moved.equals("hunter2"));
  EXPECT_FALSE(moved.equals("hunter3"));
  EXPECT_FALSE(moved.equals("hunter"));
}

TEST(Secret, TakingWipesTheSource) {
  std::string source = "a value long enough to lie on the heap, not in the string";
  const char* bytes = source.data();
  const Secret secret = Secret::take(std::move(source));
  EXPECT_EQ(secret.size(), 57U);
  EXPECT_EQ(bytes[0], '\0');
}

}  // namespace
}  // namespace stepwell
