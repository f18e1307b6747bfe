// `schema`, with the faults of its document at their own places.
#include <algorithm>
#include <array>

#include "config/library.h"
#include "config/read_tasks.h"
#include "config/schema.h"

namespace stepwell::config {

namespace {

// Goes down the rest of the pointer (RFC 6901 §4) and reports there.
void report(Reading& reading, const Place& place, std::string_view rest, const SchemaFault& fault) {
  if (!rest.empty()) {
    rest.remove_prefix(1);
    const std::size_t end = std::min(rest.find('/'), rest.size());
    std::string part;
    for (std::size_t i = 0; i < end; ++i) {
      const bool escape = rest[i] == '~' && i + 1 < end;
      part += escape ? (rest[i + 1] == '0' ? '~' : '/') : rest[i];
      if (escape) ++i;
    }
    rest.remove_prefix(end);
    if (const YamlNode::Member* member = place.node().find(part))
      return report(reading, Place(place, *member), rest, fault);
    const std::vector<NodePtr>& elements = place.node().elements;
    const std::size_t index =
        part.empty() || part.size() > 6 ||
                !std::all_of(part.begin(), part.end(), [](char c) { return c >= '0' && c <= '9'; })
            ? elements.size()
            : std::stoul(part);
    if (index < elements.size()) return report(reading, Place(place, index), rest, fault);
  }
  if (fault.warning)
    reading.faults.warning(place.key_position(), fault.what, place.reference(80));
  else if (fault.at_key || place.node().value.is_null())
    reading.error_at_key(place, fault.what);
  else
    reading.error(place, fault.what);
}

// "json", or with the name of a draft: "json:draft-07".
void read_format(Reading& reading, const Place& place) {
  const std::optional<std::string> text = read_text(reading, place);
  if (!text) return;
  static constexpr std::array<std::string_view, 9> kFormats{
      "json",         "json:draft-06", "json:draft-07",      "json:draft-7",      "json:draft7",
      "json:2019-09", "json:2020-12",  "json:draft-2019-09", "json:draft-2020-12"};
  if (std::find(kFormats.begin(), kFormats.end(), *text) != kFormats.end()) return;
  reading.error(place,
                quoted(*text) +
                    " is not supported by this version; expected `json` (JSON Schema; a draft "
                    "may follow, as in `json:2020-12`)");
}

// A schema that lies elsewhere; its faults are told at their places there.
std::shared_ptr<const Schema> read_resource(Reading& reading, const Place& place) {
  const auto endpoint = read_fixed_resource(reading, place);
  if (!endpoint || reading.library == nullptr) return nullptr;
  const Place at(place, *place.node().find("endpoint"));
  Library::Document* document = reading.library->open(reading, at, "the schema", *endpoint);
  if (document == nullptr || document->schema != nullptr)
    return document == nullptr ? nullptr : document->schema;
  std::vector<SchemaFault> found;
  document->schema = Schema::compile(document->root->value, found);
  FaultList faults(document->uri);
  Reading fetched{faults, document->text, reading.definition, *document->root};
  for (const SchemaFault& fault : found)
    report(fetched, Place(*document->root), fault.pointer, fault);
  reading.faults.take_over(faults);
  return document->schema;
}

}  // namespace

std::shared_ptr<const Schema> read_schema(Reading& reading, const Place& place) {
  static constexpr std::array<std::string_view, 3> kKnown{"format", "document", "resource"};
  const Fields fields(reading, place, kKnown);
  if (!fields.is_mapping()) return nullptr;
  if (const auto format = fields.find("format")) read_format(reading, *format);
  const auto resource = fields.find("resource");
  const auto document = resource ? fields.find("document") : fields.require("document");
  if (resource && document) {
    reading.error_at_key(*document, "either `document` or `resource`, not both");
    return nullptr;
  }
  if (resource) return read_resource(reading, *resource);
  if (!document) return nullptr;
  std::vector<SchemaFault> faults;
  auto schema = Schema::compile(document->node().value, faults);
  for (const SchemaFault& fault : faults) report(reading, *document, fault.pointer, fault);
  return schema;
}

}  // namespace stepwell::config
