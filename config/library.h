// What one load fetches from elsewhere, each text once, and within limits. Lives as long as
// load_definition() runs, on its thread.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/loader.h"
#include "config/reading.h"
#include "config/sources.h"
#include "config/yaml_node.h"

namespace stepwell::config {

// An endpoint that is known when the definition is read.
struct FixedEndpoint {
  std::string uri;
  std::optional<Authentication> authentication;
};

class Library {
 public:
  explicit Library(const LoadOptions& options) : options_(options) {}

  bool offline() const { return options_.resources == nullptr && options_.offline; }
  const std::string& default_catalog() const { return options_.default_catalog; }

  struct Document {
    std::string credential;
    std::string uri;
    std::string text;
    NodePtr root;
    std::shared_ptr<const Schema> schema;  // once it was read as one
  };
  // The text as a tree; its faults go to `reading` with the URI as their file. Null where there is
  // none, for which there is a fault at `place`, or a warning where nothing is fetched.
  Document* open(Reading& reading, const Place& place, std::string_view what,
                 const FixedEndpoint& endpoint);
  // URIs and texts of all that was fetched, in one text: what a definition's digest covers of it.
  std::string contents() const;
  std::vector<Sources::Fetched> fetched() const;

 private:
  Result<std::string> fetch(const FixedEndpoint& endpoint, const std::string& name_space);

  const LoadOptions& options_;
  std::map<std::string, std::unique_ptr<Document>> documents_;  // by credential and URI
  std::size_t bytes_ = 0;
};

// {uri, authentication} or the URI alone: http, https or file, without expressions.
std::optional<FixedEndpoint> read_fixed_endpoint(Reading& reading, const Place& place);
// {name, endpoint}.
std::optional<FixedEndpoint> read_fixed_resource(Reading& reading, const Place& place);

// Where a page of GitHub or GitLab has its raw text; any other URI as it is.
// Source: Open Workflow Specification DSL 1.0, "Catalogs", "File Structure".
std::string raw_uri(const std::string& uri);

}  // namespace stepwell::config
