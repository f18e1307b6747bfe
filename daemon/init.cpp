#include "daemon/init.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>
#include <system_error>

#include "auth/master_key.h"
#include "base/entropy.h"
#include "base/files.h"
#include "config/settings.h"
#include "daemon/site.h"

namespace stepwell::daemon {

namespace {

namespace fs = std::filesystem;

Problem unwritable(const fs::path& path, const std::string& why) {
  return make_problem(ErrorKind::configuration, "site-unwritable",
                      "cannot make " + path.string() + ": " + why);
}

Problem in_the_way(const fs::path& path) {
  Problem problem =
      make_problem(ErrorKind::configuration, "site-exists",
                   path.string() + " exists already; init touches nothing that exists");
  problem.status = 409;
  return problem;
}

// A data folder elsewhere is often made by whoever sets up the machine, with its owner.
Status refuse_existing(const fs::path& root, const fs::path& data) {
  std::error_code error;
  for (const char* name : {"stepwell.yaml", "definitions", "data", "secrets"})
    if (fs::exists(fs::symlink_status(root / name, error))) return fail(in_the_way(root / name));
  const bool there = fs::exists(fs::symlink_status(data, error));
  if (there && (!fs::is_directory(data, error) || !fs::is_empty(data, error)))
    return fail(in_the_way(data));
  return {};
}

Status make_directory(const fs::path& path, fs::perms permissions) {
  std::error_code error;
  fs::create_directories(path, error);
  if (!error) fs::permissions(path, permissions, error);
  if (error) return fail(unwritable(path, error.message()));
  return {};
}

Status write_new_file(const fs::path& path, std::string_view text) {
  // O_EXCL: whatever appeared there meanwhile stays as it is.
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (descriptor < 0) return fail(unwritable(path, std::generic_category().message(errno)));
  const bool written = write_all(descriptor, text) && ::fsync(descriptor) == 0;
  const int why = errno;
  ::close(descriptor);
  if (!written) return fail(unwritable(path, std::generic_category().message(why)));
  return {};
}

Result<Value> issue_first_key(const config::Settings& settings) {
  Result<std::unique_ptr<Backend>> backend = open_offline(settings);
  if (!backend) return fail(std::move(backend).error());
  const Result<Value> user = (*backend)->call(
      "POST", "/api/v1/users", Value::object({{"name", "admin"}, {"role", "admin"}}));
  if (!user) return fail(user.error());
  Result<Value> key = (*backend)->call("POST", "/api/v1/keys",
                                       Value::object({{"name", "first"}, {"user", "admin"}}));
  if (!key) return fail(std::move(key).error());
  return key->get("key");
}

}  // namespace

Result<Value> init_site(const std::string& directory, const std::string& data) {
  std::error_code error;
  const fs::path root = fs::absolute(directory, error);
  const fs::path kept = data.empty() ? root / "data" : fs::absolute(data, error);
  if (error) return fail(unwritable(directory, error.message()));
  if (Status status = refuse_existing(root, kept); !status) return fail(std::move(status).error());

  config::Settings written;
  if (!data.empty()) written.data = kept.string();
  config::Settings settings = written;
  settings.data = kept.string();
  settings.master_key_file = (root / "secrets" / "master.key").string();
  const fs::path config_file = root / "stepwell.yaml";
  fs::create_directories(root, error);
  if (error) return fail(unwritable(root, error.message()));
  for (const auto& [path, permissions] :
       {std::pair(root / "definitions", fs::perms(0755)), std::pair(kept, fs::perms::owner_all),
        std::pair(root / "secrets", fs::perms::owner_all)}) {
    if (Status status = make_directory(path, permissions); !status)
      return fail(std::move(status).error());
  }
  SystemEntropy entropy;
  if (Status status = auth::create_master_key(settings.master_key_file, entropy); !status)
    return fail(std::move(status).error());
  const Result<Value> key = issue_first_key(settings);
  if (!key) return fail(key.error());
  // Last, so that a site with a settings file is a whole one.
  if (Status status = write_new_file(config_file, config::settings_text(written)); !status)
    return fail(std::move(status).error());
  return Value::object({{"key", *key}, {"config", config_file.string()}});
}

}  // namespace stepwell::daemon
