#include "api/instance_fields.h"

#include <utility>
#include <vector>

namespace stepwell::api {

namespace {

constexpr std::size_t kMaxLabelBytes = 200;  // of a name, or of a tag
constexpr std::size_t kMaxTags = 100;

}  // namespace

std::string read_name(Fields& fields, const auth::Redactor& redactor) {
  std::string name = redactor.mask(fields.text("name"));
  if (name.size() > kMaxLabelBytes) fields.fault("\"name\" is longer than 200 bytes");
  return name;
}

Value read_tags(Fields& fields, const auth::Redactor& redactor) {
  const std::vector<std::string> said = fields.texts("tags");
  if (said.size() > kMaxTags) fields.fault("there are more than 100 \"tags\"");
  Value tags;
  for (const std::string& tag : said) {
    if (tag.empty() || tag.size() > kMaxLabelBytes)
      fields.fault("each of the \"tags\" must have 1 to 200 bytes");
    tags.push_back(redactor.mask(tag));
  }
  return tags;
}

engine::Priority read_priority(Fields& fields) {
  const std::string said = fields.text("priority");
  const auto priority = engine::parse_priority(said);
  if (!said.empty() && !priority) fields.fault("\"priority\" must be regular, H or V");
  return priority.value_or(engine::Priority::regular);
}

Status may_run_as(const auth::Keys& keys, const auth::Principal& principal,
                  const std::string& key) {
  if (key == principal.key_id) return {};
  const bool admin =
      principal.role == auth::Role::admin && principal.may(auth::Permission::manage_keys);
  const Result<auth::ApiKey> found = keys.find(key);
  if (!admin && (!found || found->user != principal.user))
    return fail(make_problem(ErrorKind::authorization, "permission-denied",
                             "\"runAs\" must be the id of one of your own keys: only an admin may "
                             "start instances under those of others"));
  if (!found) return fail(found.error());
  Result<auth::Principal> valid = keys.check(key);
  if (valid) return {};
  Problem problem = std::move(valid.error());
  problem.status = 409;
  return fail(std::move(problem));
}

}  // namespace stepwell::api
