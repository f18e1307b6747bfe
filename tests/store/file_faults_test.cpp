// Files on a disk that fails, and after a loss of power: what was acknowledged is there, what was
// refused is not, and nothing is left of it.
#include <gtest/gtest.h>

#include <filesystem>
#include <set>

#include "store/file_store.h"
#include "tests/store/failing_disk.h"
#include "tests/store/scratch_directory.h"
#include "tests/support/fake_entropy.h"
#include "tests/support/manual_clock.h"

namespace stepwell::store {
namespace {

namespace fs = std::filesystem;

class FileFaults : public testing::Test {
 protected:
  std::unique_ptr<FileStore> open(const std::string& folder) {
    auto opened = FileStore::open(folder, {}, {clock_, entropy_, metrics_, Log::null()});
    EXPECT_TRUE(opened) << (opened ? "" : opened.error().detail);
    return opened ? *std::move(opened) : nullptr;
  }
  static Result<engine::FileInfo> put(FileStore& files, const std::string& content) {
    auto writer = files.create({}, 1_MiB);
    if (!writer) return fail(std::move(writer).error());
    if (Status done = (*writer)->write(content); !done) return fail(std::move(done).error());
    return (*writer)->finish();
  }
  // Every file that is listed is whole; the contents are those of the files and no others.
  static std::set<std::string> check(FileStore& files, const std::string& folder) {
    std::set<std::string> ids;
    std::set<std::string> hashes;
    const auto listed = files.list({}, "", 1000);
    EXPECT_TRUE(listed);
    for (const engine::FileInfo& info : *listed) {
      ids.insert(info.id);
      hashes.insert(info.sha256);
      auto reader = files.open(info.id);
      EXPECT_TRUE(reader);
      if (reader) {
        EXPECT_EQ((*reader)->read(100).value().size(), info.size);
      }
    }
    std::set<std::string> there;
    for (const auto& entry : fs::recursive_directory_iterator(folder + "/files"))
      if (entry.is_regular_file()) there.insert(entry.path().filename().string());
    EXPECT_EQ(there, hashes);
    return ids;
  }

  test::FailingDisk disk_;
  stepwell::test::ManualClock clock_;
  stepwell::test::FakeEntropy entropy_;
  Metrics metrics_;
};

TEST_F(FileFaults, WhatIsRefusedIsNotThereAndWhatIsTakenIs) {
  for (const test::DiskFault fault :
       {test::DiskFault::io_error, test::DiskFault::full, test::DiskFault::short_write,
        test::DiskFault::done_but_failing}) {
    bool failed = true;
    for (std::uint64_t k = 1; failed && k < 40; ++k) {
      SCOPED_TRACE(std::to_string(static_cast<int>(fault)) + " " + std::to_string(k));
      const ScratchDirectory scratch;
      const std::string folder = scratch / ".";
      auto files = open(folder);
      std::set<std::string> sure{put(*files, "before").value().id};
      disk_.fail_at(k, fault, false);
      std::set<std::string> unsure;
      for (const char* content : {"one", "two"}) {
        const Result<engine::FileInfo> taken = put(*files, content);
        if (taken) sure.insert(taken->id);
      }
      const std::string removed = *sure.begin();
      const Status gone = files->remove((*files->find(removed)).value());
      sure.erase(removed);
      if (!gone) unsure.insert(removed);
      failed = disk_.has_failed();
      disk_.fail_at(0, test::DiskFault::none, false);
      files.reset();
      files = open(folder);
      std::set<std::string> ids = check(*files, folder);
      for (const std::string& id : sure) EXPECT_EQ(ids.erase(id), 1U) << id;
      // Of what was answered with an error nothing is promised but that it is whole.
      EXPECT_LE(ids.size(), 1U + unsure.size());
    }
    EXPECT_FALSE(failed);  // all places have had their turn
  }
}

TEST_F(FileFaults, WhatWasAcknowledgedIsThereAfterALossOfPower) {
  const ScratchDirectory scratch;
  const std::string folder = scratch / ".";
  auto files = open(folder);
  std::set<std::string> sure;
  for (int i = 0; i < 20; ++i) {
    sure.insert(put(*files, std::to_string(i)).value().id);
    if (i % 3 == 2) {
      const std::string id = *sure.begin();
      const auto claim = files->claim({id}, InstanceId{7});
      ASSERT_TRUE(claim);
      files->keep(*claim);
      ASSERT_TRUE(files->remove_of({InstanceId{7}}));
      sure.erase(id);
    }
    const ScratchDirectory after;
    disk_.crash(folder + "/files.db", after / "./files.db", test::FailingDisk::Crash::power);
    fs::copy(folder + "/files", after / "./files", fs::copy_options::recursive);
    auto again = open(after / ".");
    EXPECT_EQ(check(*again, after / "."), sure) << i;
  }
}

}  // namespace
}  // namespace stepwell::store
