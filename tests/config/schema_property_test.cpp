// Random schemas with data that is made to fit them, and the same data with one part spoiled.
#include <random>

#include "tests/config/schemas.h"

namespace stepwell::config {
namespace {

struct Pair {
  Value schema;
  Value good;
  Value bad;
};

class Maker {
 public:
  explicit Maker(unsigned seed) : random_(seed) {}

  Pair make(int levels) {
    switch (up_to(levels > 0 ? 8 : 4)) {
      case 0:
        return number();
      case 1:
        return text();
      case 2:
        return {schema({{"type", "boolean"}}), Value(up_to(1) == 0), Value(1)};
      case 3:
        return {schema({{"enum", Value::array({Value("a"), Value(2), Value()})}}),
                Value::array({Value("a"), Value(2), Value()}).at(up_to(2)), Value("b")};
      case 4:
        return {schema({{"const", Value::array({Value(1), Value("x")})}}),
                Value::array({Value(1), Value("x")}), Value::array({Value("x"), Value(1)})};
      case 5:
        return list(levels);
      case 6:
        return combined(levels);
      default:
        return object(levels);
    }
  }

 private:
  std::size_t up_to(int most) {
    return static_cast<std::size_t>(std::uniform_int_distribution<int>(0, most)(random_));
  }
  static Value schema(std::initializer_list<std::pair<std::string_view, Value>> members) {
    return Value::object(members);
  }

  Pair number() {
    const auto least = static_cast<std::int64_t>(up_to(100));
    const auto step = static_cast<std::int64_t>(1 + up_to(5));
    return {schema({{"type", "integer"}, {"minimum", least}, {"multipleOf", step}}),
            Value((least / step + 1) * step), Value(least - 1)};
  }
  Pair text() {
    const std::size_t length = 1 + up_to(20);
    return {schema({{"type", "string"},
                    {"minLength", length},
                    {"maxLength", length + 3},
                    {"pattern", "^[a-c]*$"}}),
            Value(std::string(length, 'b')), Value(std::string(length - 1, 'b'))};
  }
  Pair list(int levels) {
    const Pair item = make(levels - 1);
    const bool tuple = up_to(1) == 0;
    Pair made;
    made.schema = tuple ? schema({{"prefixItems", Value::array({item.schema})}, {"items", false}})
                        : schema({{"type", "array"}, {"items", item.schema}});
    made.good = Value::array({item.good});
    if (!tuple && up_to(1) == 0) made.good.push_back(item.good);
    made.bad =
        up_to(1) == 0 && tuple ? Value::array({item.good, item.good}) : Value::array({item.bad});
    return made;
  }
  Pair object(int levels) {
    Pair made{Value::object(), Value::object(), {}};
    Value properties = Value::object();
    Value required = Value::array();
    Value spoiled;
    const std::size_t count = 1 + up_to(3);
    for (std::size_t i = 0; i < count; ++i) {
      const std::string name = "p/" + std::to_string(i);
      const Pair one = make(levels - 1);
      properties.set(name, one.schema);
      required.push_back(Value(name));
      made.good.set(name, one.good);
      if (i == 0) spoiled = one.bad;
    }
    made.schema = schema({{"type", "object"},
                          {"properties", properties},
                          {"required", required},
                          {"additionalProperties", false}});
    made.bad = made.good;
    switch (up_to(2)) {
      case 0:
        made.bad.set("p/0", spoiled);
        break;
      case 1:
        made.bad.erase("p/0");
        break;
      default:
        made.bad.set("other", Value(1));
    }
    return made;
  }
  // What changes nothing of what holds.
  Pair combined(int levels) {
    Pair one = make(levels - 1);
    const Value inner = one.schema;
    switch (up_to(5)) {
      case 0:
        one.schema = schema({{"allOf", Value::array({inner, Value(true)})}});
        break;
      case 1:
        one.schema = schema({{"anyOf", Value::array({Value(false), inner})}});
        break;
      case 2:
        one.schema = schema({{"oneOf", Value::array({inner, Value(false)})}});
        break;
      case 3:
        one.schema = schema({{"not", schema({{"not", inner}})}});
        break;
      case 4:
        one.schema = schema({{"if", inner}, {"then", true}, {"else", false}});
        break;
      default:
        one.schema = schema({{"$ref", "#/$defs/it"}, {"$defs", schema({{"it", inner}})}});
    }
    return one;
  }

  std::mt19937 random_;
};

// References lead from the top of a document, so each is made the top of its own.
void hoist(Value& schema, Value& definitions) {
  if (schema.is_object()) {
    if (schema.contains("$ref")) {
      Value inner = schema.get("$defs").get("it");
      hoist(inner, definitions);
      const std::string name = "d" + std::to_string(definitions.size());
      definitions.set(name, inner);
      schema = Value::object({{"$ref", Value("#/$defs/" + name)}});
      return;
    }
    Value out = Value::object();
    for (const Value::Member& member : schema.members()) {
      Value value = member.value;
      if (member.name() != "const" && member.name() != "enum") hoist(value, definitions);
      out.set(member.name(), value);
    }
    schema = out;
  } else if (schema.is_array()) {
    Value out = Value::array();
    for (Value element : schema.elements()) {
      hoist(element, definitions);
      out.push_back(element);
    }
    schema = out;
  }
}

TEST(SchemaProperties, DataMadeToFitPassesAndSpoiledDataDoesNot) {
  for (unsigned seed = 0; seed < 3000; ++seed) {
    Pair pair = Maker(seed).make(4);
    Value definitions = Value::object();
    hoist(pair.schema, definitions);
    const Value document =
        Value::object({{"allOf", Value::array({pair.schema})}, {"$defs", definitions}});
    std::vector<SchemaFault> faults;
    const auto schema = Schema::compile(document, faults);
    ASSERT_NE(schema, nullptr) << to_json(document) << faults.front().what;
    ASSERT_EQ(violation(*schema, pair.good), "") << to_json(document) << to_json(pair.good);
    ASSERT_NE(violation(*schema, pair.bad), "") << to_json(document) << to_json(pair.bad);
  }
}

}  // namespace
}  // namespace stepwell::config
