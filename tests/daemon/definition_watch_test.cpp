// Changes in the definitions folder: what counts as one, and when it is taken up.
#include "daemon/definition_watch.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <stdlib.h>

#include <condition_variable>
#include <filesystem>
#include <fstream>

#include "tests/support/manual_clock.h"

namespace stepwell::daemon {
namespace {

namespace fs = std::filesystem;

TEST(Debounce, WaitsUntilItIsQuietButNotForever) {
  const SteadyTime begin{};
  Debounce debounce;
  EXPECT_FALSE(debounce.due());
  debounce.note(begin);
  EXPECT_EQ(debounce.due(), begin + Debounce::kQuiet);
  debounce.note(begin + Milliseconds(200));
  EXPECT_EQ(debounce.due(), begin + Milliseconds(200) + Debounce::kQuiet);
  debounce.note(begin + Debounce::kLongest);
  EXPECT_EQ(debounce.due(), begin + Debounce::kLongest)
      << "who writes all the time is not waited for";
  debounce.forget();
  EXPECT_FALSE(debounce.due());
}

TEST(DefinitionNames, OfEditorsAndSystemsDoNotMatter) {
  for (const char* name : {"a.yaml", "schema.json", "README", "..data", "2026.yaml"})
    EXPECT_TRUE(matters(name)) << name;
  for (const char* name : {".a.yaml.swp", "a.yaml~", "#a.yaml#", "4913", "a.yaml.tmp", ".git", ""})
    EXPECT_FALSE(matters(name)) << name;
}

class Folders : public testing::Test {
 protected:
  Folders() {
    std::string pattern = (fs::temp_directory_path() / "stepwell-watch-XXXXXX").string();
    root = mkdtemp(pattern.data());
    folder = root / "definitions";
    fs::create_directory(folder);
  }
  ~Folders() override { fs::remove_all(root); }

  static void write(const fs::path& path) { std::ofstream(path) << "text"; }
  // The kernel has told of what was done before the call already.
  bool changed() { return watch.take_changes(); }
  void follow() {
    ASSERT_TRUE(watch.follow(folder.string()));
    EXPECT_FALSE(changed());
  }

  fs::path root;
  fs::path folder;
  FolderWatch watch;
};

TEST_F(Folders, TellOfFilesThatAreWrittenMovedAndDeleted) {
  write(root / "elsewhere.yaml");
  follow();
  write(folder / "a.yaml");
  EXPECT_TRUE(changed());
  EXPECT_FALSE(changed()) << "once";
  fs::rename(root / "elsewhere.yaml", folder / "a.yaml");  // as editors do
  EXPECT_TRUE(changed());
  fs::create_symlink("a.yaml", folder / "b.yaml");
  EXPECT_TRUE(changed());
  fs::remove(folder / "a.yaml");
  EXPECT_TRUE(changed());
  write(folder / ".a.yaml.swp");
  fs::remove(folder / ".a.yaml.swp");
  write(root / "beside.yaml");
  EXPECT_FALSE(changed());
}

TEST_F(Folders, TellOfWhatLiesInNewFoldersAndInThoseBelow) {
  fs::create_directories(folder / "schemas" / "deep");
  follow();
  write(folder / "schemas" / "deep" / "order.json");
  EXPECT_TRUE(changed());
  // Everything of it is there before the watch can be.
  fs::create_directories(folder / "new" / "newer");
  EXPECT_TRUE(changed());
  write(folder / "new" / "newer" / "order.json");
  EXPECT_TRUE(changed());
  fs::rename(folder / "new", folder / "moved");
  EXPECT_TRUE(changed());
  write(folder / "moved" / "newer" / "order.json");
  EXPECT_TRUE(changed());
  fs::create_directories(folder / ".git" / "objects");
  changed();
  write(folder / ".git" / "objects" / "pack");
  EXPECT_FALSE(changed());
}

TEST_F(Folders, TellOfAFolderThatTakesThePlaceOfTheFirst) {
  fs::create_directory(root / "v1");
  fs::create_directory(root / "v2");
  fs::remove(folder);
  fs::create_directory_symlink("v1", folder);
  follow();
  fs::create_directory_symlink("v2", root / "next");
  fs::rename(root / "next", folder);  // as deployments do
  EXPECT_TRUE(changed());
  EXPECT_TRUE(watch.lost());
  follow();
  EXPECT_FALSE(watch.lost());
  write(root / "v2" / "a.yaml");
  EXPECT_TRUE(changed());
  write(root / "v1" / "a.yaml");
  EXPECT_FALSE(changed());
}

TEST_F(Folders, ThatAreNotThereAreAnError) {
  fs::remove(folder);
  const Status followed = watch.follow(folder.string());
  ASSERT_FALSE(followed);
  EXPECT_EQ(followed.error().code, "watch-failed");
  EXPECT_TRUE(watch.lost());
}

TEST_F(Folders, ByTheThousandAreWatched) {
  constexpr int kFolders = 2'000;
  for (int i = 0; i < kFolders; ++i) fs::create_directory(folder / ("d" + std::to_string(i)));
  follow();
  EXPECT_EQ(watch.folders(), 1U + kFolders);
  write(folder / "d1999" / "a.yaml");
  EXPECT_TRUE(changed());
}

TEST_F(Folders, AreReadAgainOnceItIsQuietAndNotForWhatWasReadAlready) {
  std::mutex mutex;
  std::condition_variable told;
  int calls = 0;
  stepwell::test::ManualClock clock;
  DefinitionWatch definitions(
      [&] {
        const std::scoped_lock lock(mutex);
        ++calls;
        told.notify_all();
      },
      clock, Log::null());
  definitions.follow(folder.string());
  EXPECT_TRUE(definitions.watches());
  write(folder / "a.yaml");
  definitions.follow(folder.string());  // somebody reloads: the file is known
  clock.advance(Debounce::kLongest);
  write(folder / "b.yaml");
  write(folder / "c.yaml");
  // The watch sees the first of them now or at its next look; time goes on until it calls.
  std::unique_lock lock(mutex);
  while (calls == 0) {
    clock.advance(Debounce::kQuiet);
    lock.unlock();
    definitions.look();
    lock.lock();
    told.wait_for(lock, Milliseconds(5), [&] { return calls > 0; });
  }
  EXPECT_EQ(calls, 1);
}

}  // namespace
}  // namespace stepwell::daemon
