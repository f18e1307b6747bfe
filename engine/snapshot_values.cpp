#include "engine/snapshot_values.h"

#include <cmath>
#include <limits>
#include <utility>

#include "base/json.h"
#include "engine/odd_numbers.h"

namespace stepwell::engine::detail {

namespace {

bool is_below(const Value& index, std::size_t size) {
  return index.is_int64() && index.int64() >= 0 && static_cast<std::size_t>(index.int64()) < size;
}

std::string odd_text(const Value& value) {
  const double number = value.as_double();
  if (std::isnan(number)) return "nan";
  if (std::isinf(number)) return number > 0 ? "inf" : "-inf";
  return number_text(value);
}

Value odd_value(const Value& text) {
  const std::string_view given = text.is_string() ? text.as_string() : "";
  if (given == "nan") return std::numeric_limits<double>::quiet_NaN();
  if (given == "inf") return std::numeric_limits<double>::infinity();
  if (given == "-inf") return -std::numeric_limits<double>::infinity();
  if (given.empty() || !parse_json(given) || !parse_json(given)->is_number()) return {};
  return Value::number_from_literal(given).as_double();
}

// The way to each odd part, in the order of the text. Values can be deep: no recursion.
void find_odd(const Value& root, const Value& number, Value& found) {
  struct Level {
    const Value* value;
    std::size_t next = 0;
  };
  std::vector<Level> levels{{&root}};
  const auto child_of = [](const Level& level) -> const Value& {
    return level.value->is_array() ? level.value->at(level.next)
                                   : level.value->members()[level.next].value;
  };
  while (!levels.empty()) {
    Level& level = levels.back();
    const bool scalar = !level.value->is_array() && !level.value->is_object();
    if (scalar && is_odd(*level.value)) {
      Value way = Value::array();
      for (const Level& step : levels) {
        if (&step == &level) break;
        if (step.value->is_array())
          way.push_back(step.next - 1);
        else
          way.push_back(step.value->members()[step.next - 1].key);
      }
      found.push_back(Value::array({number, std::move(way), odd_text(*level.value)}));
    }
    if (scalar || level.next == level.value->size()) {
      levels.pop_back();
      continue;
    }
    const Value& child = child_of(level);
    ++level.next;
    if (child.is_number() || child.depth() > 0) levels.push_back({&child});
  }
}

// Puts `part` where `way` leads; false where it leads nowhere.
bool put_at(Value& root, const Value& way, Value part) {
  std::vector<Value> chain;
  chain.push_back(std::move(root));
  bool good = true;
  for (const Value& step : way.elements()) {
    Value& around = chain.back();
    if (around.is_array() && is_below(step, around.size()))
      chain.push_back(around.take(static_cast<std::size_t>(step.int64())));
    else if (around.is_object() && step.is_string() && around.contains(step.as_string()))
      chain.push_back(around.take(step.as_string()));
    else
      good = false;
    if (!good) break;
  }
  if (good) chain.back() = std::move(part);
  while (chain.size() > 1) {
    Value child = std::move(chain.back());
    chain.pop_back();
    const Value& step = way.at(chain.size() - 1);
    if (chain.back().is_array())
      chain.back().set(static_cast<std::size_t>(step.int64()), std::move(child));
    else
      chain.back().set(step.as_string(), std::move(child));
  }
  root = std::move(chain.front());
  return good;
}

Problem unreadable() {
  return make_problem(ErrorKind::configuration, "store-damaged", "holds values that are not right");
}

}  // namespace

Value SnapshotValues::add(const Value& value) {
  if (value.is_null()) return {};
  // Equal numbers are not always alike: -0.0 and 0, 2^60 as a double and as an int64.
  if (value.is_number() && !value.is_int64() && !value.literal()) {
    values_.push_back(value);
    return values_.size() - 1;
  }
  std::vector<std::size_t>& alike = known_[{value.kind(), value.size(), value.weight()}];
  for (const std::size_t index : alike)
    if (values_[index].same(value)) return index;
  alike.push_back(values_.size());
  values_.push_back(value);
  return values_.size() - 1;
}

Value SnapshotValues::get(const Value& number, bool& good) const {
  if (number.is_null()) return {};
  if (is_below(number, values_.size())) return values_[static_cast<std::size_t>(number.int64())];
  good = false;
  return {};
}

void SnapshotValues::write(Value& snapshot) const {
  Value values = Value::array();
  Value odd = Value::array();
  values.reserve(values_.size());
  for (const Value& value : values_) {
    find_odd(value, values.size(), odd);
    values.push_back(value);
  }
  snapshot.set("values", std::move(values));
  if (!odd.empty()) snapshot.set("odd", std::move(odd));
}

Result<SnapshotValues> SnapshotValues::read(const Value& snapshot) {
  SnapshotValues table;
  if (!snapshot.get("values").is_array()) return fail(unreadable());
  for (const Value& value : snapshot.get("values").elements()) table.values_.push_back(value);
  for (const Value& part : snapshot.get("odd").elements()) {
    if (part.size() != 3 || !part.is_array() || !part.at(1).is_array()) return fail(unreadable());
    Value number = odd_value(part.at(2));
    if (!is_below(part.at(0), table.values_.size()) || number.is_null()) return fail(unreadable());
    Value& whole = table.values_[static_cast<std::size_t>(part.at(0).int64())];
    if (!put_at(whole, part.at(1), std::move(number))) return fail(unreadable());
  }
  return table;
}

}  // namespace stepwell::engine::detail
