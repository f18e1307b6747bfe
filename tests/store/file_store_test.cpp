#include "store/file_store.h"

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <set>
#include <thread>

#include "store/file_name.h"
#include "tests/store/scratch_directory.h"
#include "tests/support/fake_entropy.h"
#include "tests/support/manual_clock.h"

namespace stepwell::store {
namespace {

using engine::FileInfo;
namespace fs = std::filesystem;

class FileStoreTest : public testing::Test {
 protected:
  FileStoreTest() { open(); }
  void open(const FileOptions& options = {}) {
    files_.reset();
    auto opened =
        FileStore::open(directory_ / ".", options, {clock_, entropy_, metrics_, Log::null()});
    ASSERT_TRUE(opened) << opened.error().detail;
    files_ = *std::move(opened);
  }
  Result<FileInfo> put(const std::string& content, FileInfo info = {}, Bytes most = 1_MiB) {
    auto writer = files_->create(std::move(info), most);
    if (!writer) return fail(std::move(writer).error());
    // In pieces, as it comes.
    for (std::size_t at = 0; at < content.size(); at += 3)
      if (Status done = (*writer)->write(std::string_view(content).substr(at, 3)); !done)
        return fail(std::move(done).error());
    return (*writer)->finish();
  }
  std::string text_of(const std::string& id) {
    auto reader = files_->open(id);
    if (!reader) return reader.error().code;
    std::string text;
    for (;;) {
      Result<std::string> piece = (*reader)->read(4);
      if (!piece) return piece.error().code;
      if (piece->empty()) return text;
      text += *piece;
    }
  }
  // Of regular files below files/.
  std::size_t on_disk() const {
    std::size_t count = 0;
    for (const auto& entry : fs::recursive_directory_iterator(directory_ / "files"))
      count += entry.is_regular_file() ? 1 : 0;
    return count;
  }
  // As an instance that is there does.
  void take(const std::vector<std::string>& ids, InstanceId instance) {
    const auto claim = files_->claim(ids, instance);
    ASSERT_TRUE(claim);
    files_->keep(*claim);
    ASSERT_TRUE(files_->settle_claims([](InstanceId) { return Result<bool>(true); }));
  }
  // As who has just looked at it does.
  Status remove(const std::string& id) {
    FileInfo info;
    info.id = id;
    const auto seen = files_->find(id);
    return files_->remove(seen && *seen ? **seen : info);
  }
  std::uint64_t holder(const std::string& id) {
    const auto info = files_->find(id);
    return info && *info && (*info)->instance ? (*info)->instance->number : 0;
  }
  double metric(const std::string& name) { return metrics_.gauge(name, "").value(); }

  const ScratchDirectory directory_;
  stepwell::test::ManualClock clock_;
  stepwell::test::FakeEntropy entropy_;
  Metrics metrics_;
  std::unique_ptr<FileStore> files_;
};

TEST_F(FileStoreTest, GivesBackWhatItTookIn) {
  FileInfo info;
  info.name = "../../etc/report.pdf";
  info.media_type = "Application/PDF";
  info.user = "ana";
  const Result<FileInfo> put_in = put("hello, world", info);
  ASSERT_TRUE(put_in) << put_in.error().detail;
  EXPECT_EQ(put_in->name, "report.pdf");
  EXPECT_EQ(put_in->media_type, "application/pdf");
  EXPECT_EQ(put_in->size, 12U);
  EXPECT_EQ(put_in->sha256, "09ca7e4eaa6e8ae9c7d261167129184883644d07dfba7cbfbc4c8a2e08360d5b");
  EXPECT_EQ(put_in->created, clock_.now());
  EXPECT_EQ(engine::file_id(engine::file_value(*put_in)), put_in->id);
  for (int round = 0; round < 2; ++round) {
    const auto found = files_->find(put_in->id);
    ASSERT_TRUE(found && *found);
    EXPECT_EQ((*found)->name, "report.pdf");
    EXPECT_EQ((*found)->user, "ana");
    EXPECT_FALSE((*found)->instance);
    EXPECT_EQ(text_of(put_in->id), "hello, world");
    open();
  }
  EXPECT_EQ(mode_of(directory_ / "files.db"), 0600U);
  EXPECT_EQ(mode_of(directory_ / "files"), 0700U);
  EXPECT_EQ(mode_of(directory_ / "files/09"), 0700U);
  EXPECT_EQ(mode_of((directory_ / "files/09/") + put_in->sha256), 0600U);
  auto reader = files_->open(put_in->id);
  ASSERT_TRUE((*reader)->seek(7));
  EXPECT_EQ((*reader)->read(100).value(), "world");
}

TEST_F(FileStoreTest, KeepsEqualContentsOnceUntilTheLastOfThemGoes) {
  const std::string a = put("same").value().id;
  const std::string b = put("same").value().id;
  EXPECT_NE(a, b);
  EXPECT_EQ(on_disk(), 1U);
  EXPECT_EQ(metric("stepwell_files"), 2);
  EXPECT_EQ(metric("stepwell_files_size_bytes"), 4);
  ASSERT_TRUE(remove(a));
  EXPECT_EQ(text_of(a), "file-unknown");
  EXPECT_EQ(text_of(b), "same");
  ASSERT_TRUE(remove(b));
  EXPECT_EQ(on_disk(), 0U);
  EXPECT_EQ(metric("stepwell_files"), 0);
  EXPECT_EQ(metric("stepwell_files_size_bytes"), 0);
  EXPECT_EQ(code_of(remove(b)), "file-unknown");
}

TEST_F(FileStoreTest, NothingStaysOfWhatWasNotFinished) {
  {
    auto writer = files_->create({}, 1_MiB);
    ASSERT_TRUE((*writer)->write("half"));
    EXPECT_EQ(on_disk(), 1U);
  }
  EXPECT_EQ(on_disk(), 0U);
  EXPECT_EQ(code_of(put("four+", {}, 4_B)), "body-too-large");
  EXPECT_EQ(on_disk(), 0U);
  ASSERT_TRUE(put("four", {}, 4_B));
}

TEST_F(FileStoreTest, ALeftoverOfACrashIsGoneAfterTheNextStart) {
  const FileInfo kept = put("kept").value();
  files_.reset();
  write_file(directory_ / "files/0123.new", "half a file");
  const std::string orphan = std::string(62, '0') + "ab";
  fs::create_directory(directory_ / "files/00");
  write_file((directory_ / "files/00/") + orphan, "moved, and its row was not written");
  write_file(directory_ / "files/00/foreign", "not ours");
  open();
  EXPECT_FALSE(fs::exists(directory_ / "files/0123.new"));
  EXPECT_FALSE(fs::exists((directory_ / "files/00/") + orphan));
  EXPECT_TRUE(fs::exists(directory_ / "files/00/foreign"));
  EXPECT_EQ(text_of(kept.id), "kept");
}

TEST_F(FileStoreTest, SaysThatAContentIsLost) {
  const FileInfo info = put("precious").value();
  fs::remove_all(directory_ / "files");
  EXPECT_EQ(text_of(info.id), "store-damaged");
  EXPECT_EQ(text_of("f_00000000000000000000000000"), "file-unknown");
  EXPECT_EQ(text_of("../../etc/passwd"), "file-unknown");
}

TEST_F(FileStoreTest, GoesWithOneInstance) {
  const std::string a = put("a").value().id;
  const std::string b = put("b").value().id;
  const std::string c = put("c").value().id;
  take({a, b}, InstanceId{7});
  take({a}, InstanceId{7});
  // All or none.
  EXPECT_EQ(code_of(files_->claim({c, a}, InstanceId{8})), "file-in-use");
  EXPECT_EQ(code_of(files_->claim({c, "f_x"}, InstanceId{8})), "file-unknown");
  EXPECT_FALSE((*files_->find(c))->instance);
  EXPECT_EQ(files_->list(InstanceId{7}, "", 10)->size(), 2U);
  take({c}, InstanceId{8});
  ASSERT_TRUE(files_->remove_of({InstanceId{7}, InstanceId{9}}));
  EXPECT_EQ(text_of(a), "file-unknown");
  EXPECT_EQ(text_of(b), "file-unknown");
  EXPECT_EQ(text_of(c), "c");
  EXPECT_EQ(on_disk(), 1U);
}

TEST_F(FileStoreTest, AClaimThatIsReleasedLeavesNothing) {
  const std::string a = put("a").value().id;
  const std::string b = put("b").value().id;
  take({a}, InstanceId{7});
  const auto claim = files_->claim({a, b}, InstanceId{7});
  ASSERT_TRUE(claim);
  EXPECT_EQ(holder(b), 7U);
  EXPECT_EQ(code_of(files_->claim({b}, InstanceId{8})), "file-in-use");
  EXPECT_EQ(code_of(remove(b)), "file-in-use");
  ASSERT_TRUE(files_->release(*claim));
  EXPECT_EQ(holder(a), 7U);
  EXPECT_EQ(holder(b), 0U);
  EXPECT_TRUE(files_->claim({b}, InstanceId{8}));
}

// As two starts with the same Idempotency-Key do, of which one is refused.
TEST_F(FileStoreTest, WhatAnotherClaimOfTheSameInstanceKeepsIsNotReleased) {
  for (const bool kept_first : {true, false}) {
    const std::string id = put("x").value().id;
    const auto one = files_->claim({id}, InstanceId{7});
    const auto other = files_->claim({id}, InstanceId{7});
    ASSERT_TRUE(one && other);
    if (kept_first) files_->keep(*one);
    ASSERT_TRUE(files_->release(*other));
    EXPECT_EQ(holder(id), 7U);
    if (!kept_first) files_->keep(*one);
    EXPECT_EQ(holder(id), 7U);
  }
  const std::string id = put("y").value().id;
  const auto one = files_->claim({id}, InstanceId{7});
  const auto other = files_->claim({id}, InstanceId{7});
  ASSERT_TRUE(files_->release(*one) && files_->release(*other));
  EXPECT_EQ(holder(id), 0U);
}

// As a start that the journal refused, without saying what became of it, and that comes again.
TEST_F(FileStoreTest, AStartThatIsRepeatedKeepsWhatItClaimedTheFirstTime) {
  const auto none = [](InstanceId) { return Result<bool>(false); };
  const std::string id = put("x").value().id;
  const auto first = files_->claim({id}, InstanceId{7});
  ASSERT_TRUE(first);
  files_->keep(*first);
  const auto again = files_->claim({id}, InstanceId{7});
  ASSERT_TRUE(again);
  ASSERT_TRUE(files_->settle_claims(none));
  EXPECT_EQ(holder(id), 7U) << "it is about to be admitted";
  ASSERT_TRUE(files_->remove_of({InstanceId{7}}));
  EXPECT_EQ(holder(id), 7U) << "what had the id before has gone";
  ASSERT_TRUE(files_->release(*again));
  ASSERT_TRUE(files_->settle_claims(none));
  EXPECT_EQ(holder(id), 0U);
}

TEST_F(FileStoreTest, AClaimThatACrashHasCutOffIsSettledByWhetherThereIsAnInstance) {
  const std::string admitted = put("a").value().id;
  const std::string lost = put("b").value().id;
  ASSERT_TRUE(files_->claim({admitted}, InstanceId{7}));
  ASSERT_TRUE(files_->claim({lost}, InstanceId{8}));
  const auto exists = [](InstanceId id) { return Result<bool>(id.number == 7); };
  // Not while somebody is about to settle it.
  InstanceId after;
  ASSERT_TRUE(files_->settle_claims(exists));
  ASSERT_TRUE(files_->remove_orphans(after, exists));
  EXPECT_EQ(holder(lost), 8U);
  open();
  const auto unreadable = [](InstanceId) -> Result<bool> {
    return fail(make_problem(ErrorKind::runtime, "store-failed", ""));
  };
  EXPECT_EQ(code_of(files_->settle_claims(unreadable)), "store-failed");
  // Nor are they taken for those of an instance that was deleted.
  ASSERT_TRUE(files_->remove_orphans(after, exists));
  EXPECT_EQ(text_of(lost), "b");
  ASSERT_TRUE(files_->settle_claims(exists));
  EXPECT_EQ(holder(admitted), 7U);
  EXPECT_EQ(holder(lost), 0U);
  // From now on it is as if the instance had always had it.
  ASSERT_TRUE(files_->remove_orphans(after, [](InstanceId) { return Result<bool>(false); }));
  EXPECT_EQ(text_of(admitted), "file-unknown");
  EXPECT_EQ(text_of(lost), "b");
}

// The instance goes first, and then its files.
TEST_F(FileStoreTest, ACrashBetweenTheRemovalOfAnInstanceAndOfItsFilesLeavesNoneFree) {
  const std::string id = put("a").value().id;
  const std::string pending = put("b").value().id;
  const auto claim = files_->claim({id}, InstanceId{7});
  ASSERT_TRUE(claim);
  files_->keep(*claim);
  ASSERT_TRUE(files_->claim({pending}, InstanceId{8}));
  ASSERT_TRUE(files_->settle_of({InstanceId{7}, InstanceId{8}, InstanceId{9}}));
  open();
  const auto none = [](InstanceId) { return Result<bool>(false); };
  ASSERT_TRUE(files_->settle_claims(none));
  EXPECT_EQ(holder(id), 7U);
  EXPECT_EQ(holder(pending), 0U) << "its instance never came about";
  InstanceId after;
  ASSERT_TRUE(files_->remove_orphans(after, none));
  EXPECT_EQ(text_of(id), "file-unknown");
  EXPECT_EQ(text_of(pending), "b");
}

TEST_F(FileStoreTest, OfManyThatClaimAFileOneGetsIt) {
  const std::string shared = put("s").value().id;
  std::vector<std::string> own;
  for (int i = 0; i < 8; ++i) own.push_back(put(std::to_string(i)).value().id);
  std::atomic<int> got{0};
  std::vector<std::thread> threads;
  for (std::uint64_t i = 0; i < own.size(); ++i)
    threads.emplace_back([&, i] {
      const auto claim = files_->claim({own[i], shared}, InstanceId{i + 1});
      if (claim) ++got;
      EXPECT_TRUE(claim || claim.error().code == "file-in-use");
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(got, 1);
  for (std::uint64_t i = 0; i < own.size(); ++i)
    EXPECT_EQ(holder(own[i]), holder(shared) == i + 1 ? i + 1 : 0U) << i;
}

TEST_F(FileStoreTest, ListsById) {
  std::set<std::string> ids;
  for (int i = 0; i < 5; ++i) ids.insert(put(std::to_string(i)).value().id);
  std::vector<std::string> listed;
  std::string after;
  for (;;) {
    const auto page = files_->list({}, after, 2);
    ASSERT_TRUE(page);
    for (const FileInfo& info : *page) listed.push_back(after = info.id);
    if (page->size() < 2) break;
  }
  EXPECT_EQ(listed, std::vector<std::string>(ids.begin(), ids.end()));
}

TEST_F(FileStoreTest, WhatNoInstanceTookInTimeGoes) {
  FileOptions options;
  options.keep_unused = std::chrono::hours(1);
  open(options);
  const std::string old = put("old").value().id;
  const std::string taken = put("taken").value().id;
  ASSERT_TRUE(files_->claim({taken}, InstanceId{7}));
  clock_.advance(std::chrono::minutes(59));
  const std::string fresh = put("fresh").value().id;
  EXPECT_EQ(files_->remove_unused().value(), 0U);
  clock_.advance(std::chrono::minutes(2));
  EXPECT_EQ(files_->remove_unused().value(), 1U);
  EXPECT_EQ(text_of(old), "file-unknown");
  EXPECT_EQ(text_of(taken), "taken");
  EXPECT_EQ(text_of(fresh), "fresh");
}

TEST_F(FileStoreTest, FilesOfInstancesThatAreGoneAreCollected) {
  const std::string open_ones = put("a").value().id;
  const std::string gone = put("b").value().id;
  take({open_ones}, InstanceId{7});
  take({gone}, InstanceId{8});
  InstanceId after;
  ASSERT_TRUE(
      files_->remove_orphans(after, [](InstanceId id) { return Result<bool>(id.number == 7); }));
  EXPECT_EQ(after.number, 0U);
  EXPECT_EQ(text_of(open_ones), "a");
  EXPECT_EQ(text_of(gone), "file-unknown");
  // Where that cannot be known, none goes.
  EXPECT_EQ(code_of(files_->remove_orphans(after,
                                           [](InstanceId) -> Result<bool> {
                                             return fail(make_problem(ErrorKind::runtime,
                                                                      "store-failed", ""));
                                           })),
            "store-failed");
  EXPECT_EQ(text_of(open_ones), "a");
}

TEST_F(FileStoreTest, AllOfThemTogetherHaveALimit) {
  FileOptions options;
  options.max_total = 10_B;
  open(options);
  const std::string a = put("123456").value().id;
  const Result<FileInfo> refused = put("abcdef");
  EXPECT_EQ(code_of(refused), "files-full");
  EXPECT_EQ(refused.error().status, 507);
  EXPECT_EQ(on_disk(), 1U);
  ASSERT_TRUE(put("abcd"));
  ASSERT_TRUE(remove(a));
  ASSERT_TRUE(put("abcdef"));
  EXPECT_EQ(metric("stepwell_files_size_bytes"), 10);
}

TEST_F(FileStoreTest, TakesTheTypesThatAreAllowed) {
  FileOptions options;
  options.types = {"application/pdf", "image/*"};
  open(options);
  FileInfo info;
  for (const char* type : {"application/pdf", "Application/PDF; x=1", "image/png"}) {
    info.media_type = type;
    EXPECT_TRUE(put("x", info)) << type;
  }
  for (const char* type : {"", "text/html", "application/pdfx", "image", "imagex/png"}) {
    info.media_type = type;
    EXPECT_EQ(code_of(put("x", info)), "file-type-refused") << type;
  }
}

TEST_F(FileStoreTest, TheSameRequestOnceMoreGivesTheSameFile) {
  FileInfo info;
  info.name = "a";
  info.once = "key 1";
  const FileInfo first = put("x", info).value();
  open();
  clock_.advance(std::chrono::minutes(1));
  const FileInfo again = put("x", info).value();
  EXPECT_EQ(again.id, first.id);
  EXPECT_EQ(again.created, first.created);
  EXPECT_EQ(on_disk(), 1U);
  EXPECT_EQ(code_of(put("y", info)), "idempotency-key-reused");
  EXPECT_EQ(on_disk(), 1U);
  info.once = "key 2";
  EXPECT_NE(put("x", info).value().id, first.id);
}

struct Name {
  std::string given;
  std::string kept;
};

TEST(FileName, NamesNoPlaceAndHidesNothing) {
  const std::vector<Name> names = {
      {"report.pdf", "report.pdf"},
      {"", "file"},
      {".", "file"},
      {"..", "file"},
      {"../../etc/passwd", "passwd"},
      {"C:\\dir\\new.txt", "new.txt"},
      {"a/", "file"},
      {"  two words ", "two words"},
      {"line\r\nSet-Cookie: x", "lineSet-Cookie: x"},
      {std::string("nul\0byte", 8), "nulbyte"},
      {"na\xc3\xafve \xe2\x82\xac \xf0\x9f\x98\x80", "na\xc3\xafve \xe2\x82\xac \xf0\x9f\x98\x80"},
      // Not UTF-8, overlong, half a pair, beyond the last character.
      {"a\xff\xc0\xaf\xed\xa0\x80\xf4\x90\x80\x80z", "az"},
      // A control character beyond ASCII, a separator, and a mark that turns text around.
      {"a\xc2\x85\xe2\x80\xa8\xe2\x80\xae"
       "fdp.exe",
       "afdp.exe"},
      {std::string(300, 'x'), std::string(255, 'x')},
      // Cut between characters.
      {std::string(254, 'x') + "\xc3\xaf", std::string(254, 'x')},
  };
  for (const Name& name : names) EXPECT_EQ(clean_file_name(name.given), name.kept) << name.given;
}

TEST(FileName, ATypeThatIsNoneIsUnknown) {
  const std::vector<Name> types = {
      {"Text/HTML; charset=UTF-8", "text/html; charset=UTF-8"},
      {"text/plain;", "text/plain"},
      {"", "application/octet-stream"},
      {"text", "application/octet-stream"},
      {"text/pl ain", "application/octet-stream"},
      {"text/plain\r\nX: y", "application/octet-stream"},
      {"text/plain; x=\xc3\xaf", "application/octet-stream"},
      {"text/" + std::string(300, 'x'), "application/octet-stream"},
  };
  for (const Name& type : types) EXPECT_EQ(clean_media_type(type.given), type.kept) << type.given;
}

TEST(FileName, AnIdIsMadeOf128Bits) {
  EXPECT_EQ(base32_of(std::string(16, '\0')), std::string(26, '0'));
  EXPECT_EQ(base32_of(std::string(16, '\xff')), std::string(25, 'z') + "w");
  EXPECT_EQ(base32_of("\x01"), "04");
}

}  // namespace
}  // namespace stepwell::store
