// What definitions refer to while they are loaded, for all definitions of one load: files below
// their own folder, and texts of the web, each fetched once. Callable from the threads that load,
// which may block.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "config/loader.h"

namespace stepwell::daemon {

class DefinitionResources {
 public:
  using Fetch =
      std::function<Result<std::string>(const config::ResourceRequest&, Milliseconds longest)>;

  // `catalog` is what the settings have: a URI, a folder, or nothing. No text that `holds_secret`
  // knows is taken. `fetch` is called for http and https; it gets what is left of a
  // minute for all of them, 15 seconds at most.
  DefinitionResources(Fetch fetch, const std::string& catalog,
                      std::function<bool(std::string_view)> holds_secret);

  // `folder` is what `file:` is relative to, and confined to.
  Result<std::string> read(const config::ResourceRequest& request, const std::string& folder);
  const std::string& catalog() const { return catalog_; }  // its URI

 private:
  Result<std::string> read_local(const std::string& uri, const std::string& folder) const;
  Result<std::string> fetch(const config::ResourceRequest& request);

  const Fetch fetch_;
  const std::function<bool(std::string_view)> holds_secret_;
  const SystemClock clock_;
  const Deadline deadline_;
  const std::string catalog_;
  std::string catalog_folder_;                          // where it is a folder of this machine
  std::mutex mutex_;                                    // guards fetched_; one text comes at a time
  std::map<std::string, Result<std::string>> fetched_;  // by namespace, credential and URI
};

// The same as the definition in one file sees it.
class FileResources final : public config::Resources {
 public:
  FileResources(DefinitionResources& all, const std::string& path);
  config::LoadOptions options() { return {this, false, all_.catalog(), true}; }
  Result<std::string> read(const config::ResourceRequest& request) override {
    return all_.read(request, folder_);
  }

 private:
  DefinitionResources& all_;
  std::string folder_;
};

// The URI of a setting that is a URI or a path.
std::string location_uri(const std::string& location);

}  // namespace stepwell::daemon
