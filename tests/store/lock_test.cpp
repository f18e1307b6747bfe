#include "store/lock.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <utility>

#include "tests/store/scratch_directory.h"

namespace stepwell::store {
namespace {

TEST(LockFile, KeepsASecondOneOutAndNamesTheFirst) {
  const ScratchDirectory scratch;
  const std::string directory = scratch / "data";
  {
    Result<LockFile> lock = LockFile::acquire(directory);
    ASSERT_TRUE(lock) << lock.error().one_line();
    EXPECT_EQ(mode_of(directory), 0700U);
    EXPECT_EQ(mode_of(directory + "/lock"), 0600U);
    ASSERT_TRUE(lock->publish("127.0.0.1:8080"));
    Result<LockFile> second = LockFile::acquire(directory);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, "data-directory-locked");
    EXPECT_EQ(second.error().status, 409);
    EXPECT_EQ(second.error().detail, "the data directory " + directory + " is in use by process " +
                                         std::to_string(::getpid()) +
                                         ", which serves at 127.0.0.1:8080");
    Result<std::optional<LockOwner>> owner = LockFile::read_owner(directory);
    ASSERT_TRUE(owner && *owner);
    EXPECT_EQ((*owner)->pid, ::getpid());
    EXPECT_EQ((*owner)->address, "127.0.0.1:8080");
  }
  Result<std::optional<LockOwner>> nobody = LockFile::read_owner(directory);
  ASSERT_TRUE(nobody);
  EXPECT_FALSE(*nobody);
  Result<LockFile> again = LockFile::acquire(directory);
  ASSERT_TRUE(again);
  // The address of the one before is gone.
  Result<std::optional<LockOwner>> owner = LockFile::read_owner(directory);
  ASSERT_TRUE(owner && *owner);
  EXPECT_EQ((*owner)->address, "");
}

TEST(LockFile, GoesWithTheOneThatItWasMovedTo) {
  const ScratchDirectory scratch;
  const std::string directory = scratch / "data";
  std::optional<LockFile> kept;
  {
    Result<LockFile> lock = LockFile::acquire(directory);
    ASSERT_TRUE(lock);
    kept.emplace(std::move(*lock));
  }
  EXPECT_EQ(code_of(LockFile::acquire(directory)), "data-directory-locked");
  kept.reset();
  EXPECT_EQ(code_of(LockFile::acquire(directory)), "done");
}

TEST(LockFile, SaysWhenTheDirectoryCannotBeUsed) {
  const ScratchDirectory scratch;
  EXPECT_EQ(code_of(LockFile::acquire(scratch / "a/b/c")), "data-directory-unusable");
  write_file(scratch / "file", "x");
  EXPECT_EQ(code_of(LockFile::acquire(scratch / "file")), "data-directory-unusable");
  Result<std::optional<LockOwner>> nobody = LockFile::read_owner(scratch / "nowhere");
  ASSERT_TRUE(nobody);
  EXPECT_FALSE(*nobody);
}

}  // namespace
}  // namespace stepwell::store
