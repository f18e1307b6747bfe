// What a definition was read from, so that it can be read again when its file has changed or is
// gone: instances that were started with it go on with it. Plain values; any thread.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "base/value.h"

namespace stepwell::config {

struct Sources {
  struct Fetched {
    std::string credential;  // that fetched it; empty: none
    std::string uri;
    std::string text;
  };
  std::string file;  // as it was given to the loader
  std::string text;
  std::string default_catalog;
  std::vector<Fetched> fetched;
};

// {file, text, defaultCatalog, fetched: [{credential, uri, text}]}, and back. Errors:
// configuration/`store-damaged` where the value has another form.
Value to_value(const Sources& sources);
Result<Sources> read_sources(const Value& value);

}  // namespace stepwell::config
