#include "auth/master_key.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>

#include "base/encoding.h"
#include "tests/auth/house.h"

namespace stepwell::auth {
namespace {

MasterKeySource source_of(MasterKeySource::Kind kind, std::string where,
                          std::string credentials_directory = "") {
  MasterKeySource source;
  source.kind = kind;
  source.where = std::move(where);
  source.credentials_directory = std::move(credentials_directory);
  return source;
}

class MasterKeyFile : public testing::Test {
 protected:
  MasterKeyFile() {
    std::string pattern = testing::TempDir() + "stepwell-key-XXXXXX";
    directory_ = ::mkdtemp(pattern.data());
    path_ = directory_ + "/master.key";
  }
  ~MasterKeyFile() override { std::filesystem::remove_all(directory_); }
  void write(const std::string& bytes, mode_t mode) {
    std::ofstream(path_, std::ios::binary) << bytes;
    ASSERT_EQ(::chmod(path_.c_str(), mode), 0);
  }
  std::string directory_;
  std::string path_;
  test::FakeEntropy entropy_;
};

TEST_F(MasterKeyFile, IsMadeForItsOwnerAloneAndReadBack) {
  ASSERT_TRUE(create_master_key(path_, entropy_));
  struct stat status {};
  ASSERT_EQ(::stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
  EXPECT_EQ(status.st_size, 32);
  Result<Secret> key = load_master_key(path_);
  ASSERT_TRUE(key);
  EXPECT_EQ(key->size(), 32U);
  EXPECT_EQ(code_of(create_master_key(path_, entropy_)), "master-key-exists");
  Result<Secret> again = load_master_key(path_);
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->equals(key->reveal()));
}

TEST_F(MasterKeyFile, MayBeTextToo) {
  const std::string bytes = "\x01\xff 0123456789abcdef0123456789ab\n";
  ASSERT_EQ(bytes.size(), 32U);
  const std::string hex = to_hex(bytes);
  const std::string base64 = to_base64(bytes);
  for (const std::string& text :
       {bytes, hex, hex + "\n", to_hex(bytes, true), base64, base64 + "\n"}) {
    write(text, 0600);
    Result<Secret> key = load_master_key(path_);
    ASSERT_TRUE(key) << text;
    EXPECT_EQ(key->reveal(), bytes) << text;
  }
  std::string odd = hex;
  odd[7] = 'g';
  // The last digit's two low bits do not fit into 32 bytes.
  std::string loose = base64;
  loose[42] = static_cast<char>(loose[42] + 1);
  for (const std::string& text :
       {odd, loose, hex + "\n\n", " " + hex, base64 + "=", hex.substr(1), bytes + "\n"}) {
    write(text, 0600);
    EXPECT_EQ(code_of(load_master_key(path_)), "master-key-invalid") << text;
  }
}

TEST_F(MasterKeyFile, MayBeASystemdCredential) {
  MasterKeySource source = source_of(MasterKeySource::Kind::credential, "master.key", directory_);
  for (const mode_t mode : {0400, 0440, 0600}) {
    write(std::string(32, 'k'), mode);
    EXPECT_EQ(code_of(load_candidates(source)), "granted") << mode;
  }
  for (const mode_t mode : {0404, 0460}) {
    write(std::string(32, 'k'), mode);
    EXPECT_EQ(code_of(load_candidates(source)), "master-key-mode") << mode;
  }
  for (const char* name : {"", ".", "..", "../master.key", "/etc/passwd"}) {
    source.where = name;
    EXPECT_EQ(code_of(load_candidates(source)), "master-key-invalid") << name;
  }
  source.where = "other";
  EXPECT_EQ(code_of(load_candidates(source)), "master-key-missing");
  source.credentials_directory.clear();
  EXPECT_EQ(code_of(load_candidates(source)), "master-key-missing");
}

TEST_F(MasterKeyFile, MayComeFromACommand) {
  write(std::string(32, 'k'), 0600);
  MasterKeySource source = source_of(MasterKeySource::Kind::command, "/bin/cat  " + path_);
  source.command_limit = std::chrono::seconds(20);
  Result<std::vector<Secret>> keys = load_candidates(source);
  ASSERT_TRUE(keys) << keys.error().one_line();
  EXPECT_EQ(keys->at(0).reveal(), std::string(32, 'k'));
  const std::pair<std::string, const char*> faults[] = {
      {"", "master-key-command-failed"},
      {"cat " + path_, "master-key-command-failed"},
      {"/no/such/program", "master-key-command-failed"},
      {"/bin/false", "master-key-command-failed"},
      {"/bin/cat " + path_ + " /no/such/file", "master-key-command-failed"},
      {"/bin/cat " + path_ + "; true", "master-key-command-failed"},  // no shell
      {"/bin/true", "master-key-invalid"},
      {"/usr/bin/head -c 100000 /dev/zero", "master-key-invalid"},
  };
  for (const auto& [command, code] : faults) {
    source.where = command;
    EXPECT_EQ(code_of(load_candidates(source)), code) << command;
  }
}

TEST_F(MasterKeyFile, GivesItsCommandNothingOfOurs) {
  // What it sees, in place of a key: the refusal does not quote it, so it goes to a file.
  const std::string script = directory_ + "/script";
  std::ofstream(script) << "#!/bin/sh\nenv | cut -d= -f1 | sort > " << directory_
                        << "/env\nls /proc/self/fd > " << directory_ << "/fds\ncat\n";
  ASSERT_EQ(::chmod(script.c_str(), 0700), 0);
  const int leak = ::open("/dev/null", O_RDONLY);  // without O_CLOEXEC
  ASSERT_EQ(::fcntl(leak, F_SETFD, 0), 0);
  MasterKeySource source = source_of(MasterKeySource::Kind::command, script);
  source.command_limit = std::chrono::seconds(20);
  EXPECT_EQ(code_of(load_candidates(source)), "master-key-invalid");  // stdin was empty
  ::close(leak);
  std::string name;
  for (std::ifstream names(directory_ + "/env"); names >> name;)
    EXPECT_TRUE(name == "PATH" || name == "HOME" || name == "PWD" || name == "_" ||
                name == "OLDPWD" || name == "SHLVL")
        << name;
  int descriptors = 0;
  for (std::ifstream lines(directory_ + "/fds"); lines >> name;) ++descriptors;
  EXPECT_EQ(descriptors, 4);  // 0, 1, 2 and that of ls itself
}

TEST_F(MasterKeyFile, KillsACommandThatDoesNotEnd) {
  MasterKeySource source = source_of(MasterKeySource::Kind::command, "/bin/sleep 600");
  source.command_limit = Milliseconds(100);
  Result<std::vector<Secret>> keys = load_candidates(source);
  ASSERT_FALSE(keys);
  EXPECT_EQ(keys.error().code, "master-key-command-failed");
  EXPECT_NE(keys.error().detail.find("100 ms"), std::string::npos) << keys.error().detail;
}

TEST_F(MasterKeyFile, NextKeyIsMadeOnceAndTakesTheOldOnesPlace) {
  ASSERT_TRUE(create_master_key(path_, entropy_));
  const MasterKeySource source = source_of(MasterKeySource::Kind::file, path_);
  std::ofstream(path_ + ".new.part") << "half a k";  // a crash's
  Result<Secret> next = prepare_next_key(source, entropy_);
  ASSERT_TRUE(next);
  Result<Secret> again = prepare_next_key(source, entropy_);
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->equals(next->reveal()));
  struct stat status {};
  ASSERT_EQ(::stat((path_ + ".new").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
  Result<std::vector<Secret>> candidates = load_candidates(source);
  ASSERT_TRUE(candidates);
  ASSERT_EQ(candidates->size(), 2U);
  EXPECT_TRUE(candidates->at(1).equals(next->reveal()));
  ASSERT_TRUE(finish_rotation(source));
  candidates = load_candidates(source);
  ASSERT_TRUE(candidates);
  ASSERT_EQ(candidates->size(), 1U);
  EXPECT_TRUE(candidates->at(0).equals(next->reveal()));
  EXPECT_FALSE(std::filesystem::exists(path_ + ".new.part"));
}

TEST_F(MasterKeyFile, NextKeyOfACommandNeedsAPlace) {
  MasterKeySource source = source_of(MasterKeySource::Kind::command, "/bin/cat x");
  EXPECT_EQ(code_of(prepare_next_key(source, entropy_)), "master-key-target-missing");
  source.new_file = directory_ + "/next";
  EXPECT_EQ(code_of(prepare_next_key(source, entropy_)), "granted");
  std::ofstream(directory_ + "/note") << "no key";
  ASSERT_EQ(::chmod((directory_ + "/note").c_str(), 0600), 0);
  source.new_file = directory_ + "/note";
  EXPECT_EQ(code_of(prepare_next_key(source, entropy_)), "master-key-invalid");
}

TEST_F(MasterKeyFile, IsRefusedWhenItIsNotFit) {
  EXPECT_EQ(code_of(load_master_key(path_)), "master-key-missing");
  EXPECT_EQ(code_of(load_master_key(directory_)), "master-key-invalid");
  for (const mode_t mode : {0640, 0604, 0660, 0610}) {
    write(std::string(32, 'k'), mode);
    Result<Secret> key = load_master_key(path_);
    ASSERT_FALSE(key);
    EXPECT_EQ(key.error().code, "master-key-mode");
    EXPECT_NE(key.error().detail.find("chmod 600 " + path_), std::string::npos);
  }
  for (const std::size_t size : {0U, 31U, 33U, 64U}) {
    write(std::string(size, 'k'), 0600);
    EXPECT_EQ(code_of(load_master_key(path_)), "master-key-invalid") << size;
  }
  write(std::string(32, 'k'), 0400);
  EXPECT_TRUE(load_master_key(path_));
}

}  // namespace
}  // namespace stepwell::auth
