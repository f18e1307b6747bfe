// Which instances a request means: the filters, the order and the page of a list, or of what is
// done to many at once; as parameters of a query or as members of a body. Pure functions, callable
// from any thread.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/message.h"
#include "auth/keys.h"
#include "base/clock.h"
#include "base/value.h"
#include "engine/instance_filter.h"

namespace stepwell::api {

struct Selection {
  engine::InstanceQuery query;
  bool narrowed = false;  // something was said about which
};

// What is said under a name; nothing where it is absent. Several texts where the name takes a list.
using TextsOf = std::function<std::optional<std::vector<std::string>>(std::string_view name)>;
TextsOf texts_of(const Request& request);  // of a query: a list has commas

// The ids of the API keys of a user, as they belong now.
using KeysOf = std::function<std::vector<std::string>(const std::string& user)>;
KeysOf keys_of(const auth::Keys& keys);  // which outlive it

// At most `most`, `usual` where nothing is said. `now`: what is overdue. Errors: validation/400
// `parameter-invalid`.
Result<Selection> read_selection(const TextsOf& texts_of, const KeysOf& keys_of, WallTime now,
                                 std::size_t usual, std::size_t most);
// The names of what it reads.
const std::vector<std::string>& selection_names();
// Of these the ones that say which instances are meant whatever becomes of them later.
const std::vector<std::string>& lasting_names();

// What an answer has as `next`.
std::string cursor_of(const engine::InstanceOrder& order, const engine::InstancePosition& position);

}  // namespace stepwell::api
