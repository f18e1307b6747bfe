#include "config/library.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

#include "config/read_tasks.h"

namespace stepwell::config {

namespace {

constexpr std::size_t kShownOfUri = 500;
constexpr std::size_t kMostTexts = 100;
constexpr std::size_t kMostBytes = 16UL * 1024 * 1024;

Problem unreadable(std::string detail) {
  return make_problem(ErrorKind::configuration, "file-unreadable", std::move(detail));
}

// A commit, or a version: what is no branch.
bool is_fixed_reference(std::string_view name) {
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  const bool hexadecimal =
      name.size() == 40 &&
      std::all_of(name.begin(), name.end(), [](unsigned char c) { return std::isxdigit(c) != 0; });
  if (name.starts_with('v')) name.remove_prefix(1);
  return hexadecimal || (!name.empty() && digit(name.front()));
}

std::string_view next_part(std::string_view& path) {
  const std::size_t end = std::min(path.find('/'), path.size());
  const std::string_view part = path.substr(0, end);
  path.remove_prefix(std::min(end + 1, path.size()));
  return part;
}

std::string github_raw(std::string_view path) {
  const std::string owner(next_part(path));
  const std::string repository(next_part(path));
  std::string out = "https://raw.githubusercontent.com/" + owner + "/" + repository + "/";
  const bool page = path.starts_with("tree/") || path.starts_with("blob/");
  if (!page) return out + "HEAD/" + std::string(path);
  path.remove_prefix(5);
  const std::string_view reference = next_part(path);
  if (!is_fixed_reference(reference) && reference != "HEAD" && reference != "refs")
    out += "refs/heads/";
  return out + std::string(reference) + "/" + std::string(path);
}

}  // namespace

std::string raw_uri(const std::string& uri) {
  constexpr std::string_view kGithub = "https://github.com/";
  constexpr std::string_view kGitlab = "https://gitlab.com/";
  if (uri.starts_with(kGithub)) return github_raw(std::string_view(uri).substr(kGithub.size()));
  if (!uri.starts_with("https://")) return uri;
  for (const std::string_view page : {"/-/tree/", "/-/blob/"})
    if (const std::size_t at = uri.find(page); at != std::string::npos)
      return uri.substr(0, at) + "/-/raw/" + uri.substr(at + page.size());
  const std::size_t functions = uri.find("/functions/");
  if (uri.starts_with(kGitlab) && functions != std::string::npos &&
      uri.find("/-/") == std::string::npos)
    return uri.substr(0, functions) + "/-/raw/HEAD" + uri.substr(functions);
  return uri;
}

std::optional<FixedEndpoint> read_fixed_endpoint(Reading& reading, const Place& place) {
  static constexpr std::array<std::string_view, 2> kKnown{"uri", "authentication"};
  FixedEndpoint endpoint;
  const auto read_text_of = [&](const Place& uri) {
    const std::optional<std::string> text = read_text(reading, uri);
    if (!text) return false;
    if (text->find_first_of("{}") != std::string::npos) {
      reading.error(uri,
                    "what is fetched when the definition is read has a URI without "
                    "expressions and `{name}`");
      return false;
    }
    endpoint.uri = *text;
    if (text->starts_with("file:")) return true;
    if (!text->starts_with("http:") && !text->starts_with("https:")) {
      reading.error(uri, "expected an absolute URI of http, https or file, found " + quoted(*text));
      return false;
    }
    return read_uri(reading, uri, body_site("endpoint")).has_value();
  };
  if (place.node().kind != YamlNode::Kind::mapping) {
    if (place.node().value.is_string())
      return read_text_of(place) ? std::optional(endpoint) : std::nullopt;
    reading.expected(place, "a URI or a mapping with `uri`");
    return std::nullopt;
  }
  const Fields fields(reading, place, kKnown);
  const auto uri = fields.require("uri");
  const bool good = uri && read_text_of(*uri);
  if (const auto authentication = fields.find("authentication"))
    endpoint.authentication = read_authentication(reading, *authentication);
  if (good && endpoint.authentication && endpoint.uri.starts_with("file:"))
    reading.warning(place, "a file is read without `authentication`");
  return good ? std::optional(endpoint) : std::nullopt;
}

std::optional<FixedEndpoint> read_fixed_resource(Reading& reading, const Place& place) {
  static constexpr std::array<std::string_view, 2> kKnown{"name", "endpoint"};
  const Fields fields(reading, place, kKnown);
  if (!fields.is_mapping()) return std::nullopt;
  if (const auto name = fields.find("name")) (void)read_text(reading, *name);
  const auto endpoint = fields.require("endpoint");
  return endpoint ? read_fixed_endpoint(reading, *endpoint) : std::nullopt;
}

Library::Document* Library::open(Reading& reading, const Place& place, std::string_view what,
                                 const FixedEndpoint& endpoint) {
  const std::string key =
      (endpoint.authentication ? endpoint.authentication->credential : "") + "\n" + endpoint.uri;
  if (const auto known = documents_.find(key); known != documents_.end())
    return known->second->root ? known->second.get() : nullptr;
  std::unique_ptr<Document>& document = documents_[key];
  document = std::make_unique<Document>();
  if (endpoint.authentication) document->credential = endpoint.authentication->credential;
  document->uri = endpoint.uri;
  if (offline()) {
    reading.warning(place, std::string(what) + " is not fetched, and so not checked: " +
                               quoted(endpoint.uri, kShownOfUri));
    return nullptr;
  }
  Result<std::string> text = fetch(endpoint, reading.definition.namespace_);
  if (!text) {
    reading.error(place, std::string(what) + " cannot be fetched from " +
                             quoted(endpoint.uri, kShownOfUri) + ": " + text.error().detail);
    return nullptr;
  }
  document->text = std::move(*text);
  bytes_ += document->text.size();
  FaultList faults(endpoint.uri);
  document->root = parse_yaml(document->text, faults);
  reading.faults.take_over(faults);
  return document->root ? document.get() : nullptr;
}

Result<std::string> Library::fetch(const FixedEndpoint& endpoint, const std::string& name_space) {
  if (options_.resources == nullptr) return fail(unreadable("nothing is fetched here"));
  if (documents_.size() > kMostTexts)
    return fail(unreadable("a definition refers to at most " + std::to_string(kMostTexts) +
                           " texts that lie elsewhere"));
  ResourceRequest request{endpoint.uri, {}, name_space};
  if (endpoint.authentication) {
    const Authentication& policy = *endpoint.authentication;
    if (policy.kind != Authentication::Kind::credential)
      return fail(
          unreadable("its `authentication` is not a stored credential; store it and write "
                     "`authentication: {use: NAME}`"));
    request.credential = policy.credential;
  }
  Result<std::string> text = options_.resources->read(request);
  if (text && text->size() > YamlLimits().bytes)
    return fail(unreadable("it has more than " + std::to_string(YamlLimits().bytes) + " bytes"));
  if (text && bytes_ + text->size() > kMostBytes)
    return fail(unreadable("what the definition refers to has more than " +
                           std::to_string(kMostBytes) + " bytes in all"));
  return text;
}

std::string Library::contents() const {
  std::string out;
  for (const auto& [key, document] : documents_)
    out += key + "\n" + std::to_string(document->text.size()) + "\n" + document->text;
  return out;
}

std::vector<Sources::Fetched> Library::fetched() const {
  std::vector<Sources::Fetched> all;
  for (const auto& [key, document] : documents_)
    all.push_back({document->credential, document->uri, document->text});
  return all;
}

}  // namespace stepwell::config
