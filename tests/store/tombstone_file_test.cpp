#include "store/tombstone_file.h"

#include <gtest/gtest.h>

#include "tests/store/scratch_directory.h"

namespace stepwell::store {
namespace {

using auth::Tombstone;

Tombstone stone(const std::string& id) {
  return {"credential",
          id,
          "revoked",
          "ana \"the admin\"",
          WallTime(Milliseconds(1'795'270'000'123)),
          7,
          "0123abcd"};
}

std::string ids(const TombstoneFile& file) {
  Result<std::vector<Tombstone>> stones = file.read();
  if (!stones) return stones.error().code;
  std::string text;
  for (const Tombstone& each : *stones) text += each.id + " ";
  return text;
}

TEST(TombstoneFile, ReadsBackWhatWasAppended) {
  const ScratchDirectory directory;
  TombstoneFile file(directory / "tombstones");
  EXPECT_EQ(ids(file), "");
  ASSERT_TRUE(file.append({stone("a"), stone("b")}));
  ASSERT_TRUE(file.append({}));
  ASSERT_TRUE(file.append({stone("c")}));
  EXPECT_EQ(ids(file), "a b c ");
  EXPECT_EQ(mode_of(directory / "tombstones"), 0600U);
  Result<std::vector<Tombstone>> stones = file.read();
  ASSERT_TRUE(stones);
  const Tombstone& first = stones->front();
  EXPECT_EQ(first.kind, "credential");
  EXPECT_EQ(first.what, "revoked");
  EXPECT_EQ(first.by, "ana \"the admin\"");
  EXPECT_EQ(first.at, stone("a").at);
  EXPECT_EQ(first.number, 7U);
  EXPECT_EQ(first.mac, "0123abcd");
}

// A commit that is repeated because the database failed after the file was written.
TEST(TombstoneFile, HoldsTheSameTombstoneOnce) {
  const ScratchDirectory directory;
  TombstoneFile file(directory / "tombstones");
  ASSERT_TRUE(file.append({stone("a")}));
  ASSERT_TRUE(file.append({stone("a"), stone("b")}));
  ASSERT_TRUE(file.append({stone("b")}));
  EXPECT_EQ(ids(file), "a b ");
  Tombstone later = stone("a");
  later.at += Milliseconds(1);
  ASSERT_TRUE(file.append({later}));
  EXPECT_EQ(ids(file), "a b a ");
}

TEST(TombstoneFile, PassesOverALineThatACrashCutShortAndGoesOn) {
  const ScratchDirectory directory;
  const std::string path = directory / "tombstones";
  TombstoneFile file(path);
  ASSERT_TRUE(file.append({stone("a"), stone("b")}));
  const std::string whole = read_file(path);
  const std::size_t second = whole.find('\n') + 1;
  for (std::size_t size = second; size < whole.size() - 1; ++size) {
    write_file(path, whole.substr(0, size));
    EXPECT_EQ(ids(file), "a ") << size;
    ASSERT_TRUE(file.append({stone("c")}));
    EXPECT_EQ(ids(file), "a c ") << size;
  }
  // Nothing but the line's end is missing: the line counts, now and later.
  write_file(path, whole.substr(0, whole.size() - 1));
  EXPECT_EQ(ids(file), "a b ");
  ASSERT_TRUE(file.append({stone("c")}));
  EXPECT_EQ(ids(file), "a b c ");
}

TEST(TombstoneFile, RefusesALineThatWasChanged) {
  const ScratchDirectory directory;
  const std::string path = directory / "tombstones";
  TombstoneFile file(path);
  ASSERT_TRUE(file.append({stone("a"), stone("b")}));
  const std::string whole = read_file(path);
  for (std::size_t i = 0; i + 1 < whole.size(); ++i) {
    if (whole[i] == '\n') continue;
    std::string changed = whole;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    write_file(path, changed);
    EXPECT_EQ(ids(file), "store-damaged") << i;
  }
}

TEST(TombstoneFile, KeepsNothingWithoutAPath) {
  TombstoneFile file("");
  ASSERT_TRUE(file.append({stone("a")}));
  EXPECT_EQ(ids(file), "");
}

TEST(TombstoneFile, DoesNotTakeWhatCannotBeReadForEmpty) {
  const ScratchDirectory directory;
  // Reading a directory fails whoever asks, also root.
  TombstoneFile file(directory / ".");
  EXPECT_EQ(ids(file), "store-unusable");
  EXPECT_EQ(code_of(file.append({stone("a")})), "store-failed");
  // Neither is a path that leads through a file "no file".
  write_file(directory / "plain", "x");
  TombstoneFile below(directory / "plain/tombstones");
  EXPECT_EQ(ids(below), "store-unusable");
}

TEST(TombstoneFile, ReportsWhatCannotBeWritten) {
  const ScratchDirectory directory;
  TombstoneFile file(directory / "missing/tombstones");
  EXPECT_EQ(code_of(file.append({stone("a")})), "store-failed");
}

}  // namespace
}  // namespace stepwell::store
