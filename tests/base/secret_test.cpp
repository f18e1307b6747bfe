#include "base/secret.h"

#include <gtest/gtest.h>

#include <memory>
#include <ostream>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

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

// Looks at memory that was given back, which the address sanitizer would not allow.
__attribute__((no_sanitize("address"))) bool all_zero(const volatile char* bytes,
                                                      std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) {
    if (bytes[i] != 0) return false;
  }
  return true;
}

TEST(Secret, FiftyThousandLiveAtOnce) {
  std::vector<Secret> secrets;
  for (int i = 0; i < 50'000; ++i) secrets.emplace_back("secret number " + std::to_string(i));
  for (int i = 0; i < 50'000; ++i)
    ASSERT_EQ(secrets[static_cast<std::size_t>(i)].reveal(), "secret number " + std::to_string(i));
}

TEST(Secret, IsWipedWhenItIsReleased) {
  for (const std::size_t size : {1U, 31U, 32U, 33U, 64U, 100U, 500U, 1024U, 1025U, 4096U}) {
    const Secret neighbour{std::string(size, 'n')};  // keeps the block
    auto secret = std::make_unique<Secret>(std::string(size, 's'));
    const char* bytes = secret->reveal().data();
    secret.reset();
    EXPECT_TRUE(all_zero(bytes, size)) << size;
    EXPECT_EQ(neighbour.reveal(), std::string(size, 'n'));
  }
}

TEST(Secret, NoTwoShareTheirBytes) {
  std::vector<Secret> secrets;
  for (std::size_t size = 1; size <= 1200; ++size)
    secrets.emplace_back(std::string(size, static_cast<char>('a' + size % 26)));
  for (std::size_t i = 0; i < secrets.size(); i += 2) secrets[i] = Secret();
  for (std::size_t size = 1; size <= 1200; ++size)
    secrets.emplace_back(std::string(size, static_cast<char>('A' + size % 26)));
  for (std::size_t size = 1; size <= 1200; ++size) {
    const Secret& first = secrets[size - 1];
    if (size % 2 == 0) {
      EXPECT_EQ(first.reveal(), std::string(size, static_cast<char>('a' + size % 26)));
    }
    EXPECT_EQ(secrets[1199 + size].reveal(), std::string(size, static_cast<char>('A' + size % 26)));
  }
}

TEST(Secret, ComesAndGoesOnManyThreads) {
  std::vector<std::thread> threads;
  for (char letter = 'a'; letter < 'e'; ++letter) {
    threads.emplace_back([letter] {
      std::vector<Secret> held;
      for (std::size_t i = 0; i < 5'000; ++i) {
        held.emplace_back(std::string(1 + i % 200, letter));
        if (held.size() > 50) held.erase(held.begin());
        EXPECT_EQ(held.front().reveal().find_first_not_of(letter), std::string::npos);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace stepwell
