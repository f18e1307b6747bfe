// `use`: the tables of what tasks refer to by name.
#include <array>

#include "config/read_tasks.h"

namespace stepwell::config {

namespace {

constexpr std::array<std::string_view, 8> kUse{"authentications", "catalogs",  "errors",
                                               "extensions",      "functions", "retries",
                                               "secrets",         "timeouts"};

void index_table(Reading& reading, const Fields& fields, UseTable& table) {
  const auto place = fields.find(table.name);
  if (!place || !expect_mapping(reading, *place)) return;
  table.member = reading.use.member->node->find(table.name);
  for (const YamlNode::Member& member : place->node().members)
    table.entries.emplace(member.key, &member);
}

void read_secrets(Reading& reading, const Place& place) {
  if (place.node().kind != YamlNode::Kind::sequence) {
    reading.expected(place, "a list of names");
    return;
  }
  for (std::size_t i = 0; i < place.node().elements.size(); ++i) {
    const Place item(place, i);
    if (std::optional<std::string> name = read_text(reading, item))
      reading.use.secrets.push_back(std::move(*name));
  }
  reading.definition.secrets = reading.use.secrets;
}

template <class Read>
void check_table(Reading& reading, const UseTable& table, Read read) {
  if (table.member == nullptr) return;
  for (const auto& [name, entry] : table.entries)
    if (!table.referenced.contains(name)) read_entry(reading, table, *entry, read);
}

}  // namespace

void index_use(Reading& reading, const Place& place) {
  const Fields fields(reading, place, kUse);
  if (!fields.is_mapping()) return;
  Use& use = reading.use;
  use.member = reading.root.find("use");
  for (UseTable* table : {&use.authentications, &use.catalogs, &use.errors, &use.functions,
                          &use.retries, &use.timeouts})
    index_table(reading, fields, *table);
  if (const auto secrets = fields.find("secrets")) read_secrets(reading, *secrets);
}

void check_unused(Reading& reading) {
  const Use& use = reading.use;
  if (use.member == nullptr) return;
  check_table(reading, use.authentications,
              [&](const Place& entry) { (void)read_policy_entry(reading, entry); });
  check_table(reading, use.catalogs,
              [&](const Place& entry) { (void)read_catalog(reading, entry); });
  check_table(reading, use.errors, [&](const Place& entry) { (void)read_error(reading, entry); });
  // The name of the error in a policy is the one of the `catch` that refers to it.
  const LocalVariable caught(reading, "error");
  check_table(reading, use.retries, [&](const Place& entry) {
    if (expect_mapping(reading, entry)) (void)read_retry(reading, entry);
  });
  check_table(reading, use.timeouts, [&](const Place& entry) {
    if (expect_mapping(reading, entry)) (void)read_timeout(reading, entry, body_site("timeout"));
  });
}

}  // namespace stepwell::config
