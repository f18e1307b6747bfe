#include "config/sources.h"

#include <utility>

namespace stepwell::config {

namespace {

std::string text_of(const Value& value, const char* member) {
  const Value& text = value.get(member);
  return text.is_string() ? std::string(text.as_string()) : std::string();
}

}  // namespace

Value to_value(const Sources& sources) {
  Value fetched = Value::array();
  for (const Sources::Fetched& each : sources.fetched)
    fetched.push_back(
        Value::object({{"credential", each.credential}, {"uri", each.uri}, {"text", each.text}}));
  return Value::object({{"file", sources.file},
                        {"text", sources.text},
                        {"defaultCatalog", sources.default_catalog},
                        {"fetched", std::move(fetched)}});
}

Result<Sources> read_sources(const Value& value) {
  if (!value.is_object() || !value.get("text").is_string() || !value.get("fetched").is_array()) {
    return fail(make_problem(ErrorKind::configuration, "store-damaged",
                             "a definition in the journal cannot be read; restore the journal from "
                             "a backup"));
  }
  Sources sources{
      text_of(value, "file"), text_of(value, "text"), text_of(value, "defaultCatalog"), {}};
  for (const Value& each : value.get("fetched").elements())
    sources.fetched.push_back(
        {text_of(each, "credential"), text_of(each, "uri"), text_of(each, "text")});
  return sources;
}

}  // namespace stepwell::config
