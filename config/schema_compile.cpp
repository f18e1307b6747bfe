// Has valijson read a schema, and keeps what it read. Nothing else knows the library: its
// validator is not used, see docs/adr/0005-valijson-in-config.md.
#include <exception>
#include <new>
#include <unordered_map>
#include <valijson/internal/basic_adapter.hpp>
#include <valijson/internal/frozen_value.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>

#include "config/schema_program.h"

namespace stepwell::config::detail {

namespace {

class ValueAdapter;
using AdaptedMember = std::pair<std::string, ValueAdapter>;

// What both iterators have in common: a place in a list of elements or members.
template <class Item, class Adapted>
class AdaptedIterator {
 public:
  using iterator_category = std::forward_iterator_tag;
  using value_type = Adapted;
  using difference_type = std::ptrdiff_t;
  using pointer = Adapted*;
  using reference = Adapted&;

  explicit AdaptedIterator(const Item* at) : at_(at) {}
  Adapted operator*() const;
  valijson::adapters::DerefProxy<Adapted> operator->() const {
    return valijson::adapters::DerefProxy<Adapted>(**this);
  }
  bool operator==(const AdaptedIterator& other) const { return at_ == other.at_; }
  AdaptedIterator& operator++() {
    ++at_;
    return *this;
  }
  AdaptedIterator operator++(int) { return AdaptedIterator(at_++); }
  void advance(std::ptrdiff_t count) { at_ += count; }

 private:
  const Item* at_;
};

class AdaptedArray {
 public:
  using const_iterator = AdaptedIterator<Value, ValueAdapter>;
  using iterator = const_iterator;

  AdaptedArray() = default;
  explicit AdaptedArray(const Value& value) : elements_(value.elements()) {}
  const_iterator begin() const { return const_iterator(elements_.data()); }
  const_iterator end() const { return const_iterator(elements_.data() + elements_.size()); }
  std::size_t size() const { return elements_.size(); }

 private:
  std::span<const Value> elements_;
};

class AdaptedObject {
 public:
  using const_iterator = AdaptedIterator<Value::Member, AdaptedMember>;
  using iterator = const_iterator;

  AdaptedObject() = default;
  explicit AdaptedObject(const Value& value) : members_(value.members()) {}
  const_iterator begin() const { return const_iterator(members_.data()); }
  const_iterator end() const { return const_iterator(members_.data() + members_.size()); }
  const_iterator find(const std::string& name) const {
    const Value::Member* at = members_.data();
    const Value::Member* end = at + members_.size();
    while (at != end && at->name() != name) ++at;
    return const_iterator(at);
  }
  std::size_t size() const { return members_.size(); }

 private:
  std::span<const Value::Member> members_;
};

// A value that outlives the document.
class KeptValue final : public valijson::adapters::FrozenValue {
 public:
  explicit KeptValue(Value value) : value_(std::move(value)) {}
  FrozenValue* clone() const override { return new KeptValue(value_); }
  bool equalTo(const valijson::adapters::Adapter& adapter, bool strict) const override;
  const Value& value() const { return value_; }

 private:
  Value value_;
};

class AdaptedValue {
 public:
  AdaptedValue() = default;
  explicit AdaptedValue(Value value) : value_(std::move(value)) {}
  const Value& value() const { return value_; }

  valijson::adapters::FrozenValue* freeze() const { return new KeptValue(value_); }
  static bool hasStrictTypes() { return true; }
  bool isArray() const { return value_.is_array(); }
  bool isBool() const { return value_.is_bool(); }
  bool isDouble() const { return value_.is_number() && !value_.as_integer(); }
  bool isInteger() const { return value_.is_number() && value_.as_integer(); }
  bool isNull() const { return value_.is_null(); }
  bool isNumber() const { return value_.is_number(); }
  bool isObject() const { return value_.is_object(); }
  bool isString() const { return value_.is_string(); }
  bool getArraySize(std::size_t& result) const { return is(isArray(), result, value_.size()); }
  bool getObjectSize(std::size_t& result) const { return is(isObject(), result, value_.size()); }
  bool getBool(bool& result) const { return is(isBool(), result, isBool() && value_.as_bool()); }
  bool getDouble(double& result) const {
    return is(isDouble(), result, isDouble() ? value_.as_double() : 0);
  }
  bool getInteger(std::int64_t& result) const {
    return is(isInteger(), result, isInteger() ? *value_.as_integer() : 0);
  }
  bool getString(std::string& result) const {
    return is(isString(), result, isString() ? std::string(value_.as_string()) : "");
  }
  opt::optional<AdaptedArray> getArrayOptional() const {
    return isArray() ? opt::optional<AdaptedArray>(AdaptedArray(value_)) : opt::nullopt;
  }
  opt::optional<AdaptedObject> getObjectOptional() const {
    return isObject() ? opt::optional<AdaptedObject>(AdaptedObject(value_)) : opt::nullopt;
  }

 private:
  template <class T>
  static bool is(bool kind, T& result, T value) {
    if (kind) result = std::move(value);
    return kind;
  }
  Value value_;
};

class ValueAdapter final
    : public valijson::adapters::BasicAdapter<ValueAdapter, AdaptedArray, AdaptedMember,
                                              AdaptedObject, AdaptedValue> {
 public:
  explicit ValueAdapter(const Value& value) : BasicAdapter(AdaptedValue(value)), value_(value) {}
  const Value& value() const { return value_; }

 private:
  Value value_;
};

bool KeptValue::equalTo(const valijson::adapters::Adapter& adapter, bool /*strict*/) const {
  return value_ == static_cast<const ValueAdapter&>(adapter).value();
}

template <>
ValueAdapter AdaptedIterator<Value, ValueAdapter>::operator*() const {
  return ValueAdapter(*at_);
}
template <>
AdaptedMember AdaptedIterator<Value::Member, AdaptedMember>::operator*() const {
  return {std::string(at_->name()), ValueAdapter(at_->value)};
}

}  // namespace
}  // namespace stepwell::config::detail

template <>
struct valijson::adapters::AdapterTraits<stepwell::config::detail::ValueAdapter> {
  using DocumentType = stepwell::Value;
};

namespace stepwell::config::detail {
namespace {

namespace rules = valijson::constraints;

// A keyword of ours, kept as it was written.
class OwnConstraint final : public rules::PolyConstraint {
 public:
  OwnConstraint(bool reference, Value argument)
      : reference_(reference), argument_(std::move(argument)) {}
  bool is_reference() const { return reference_; }
  const Value& argument() const { return argument_; }
  bool validate(const valijson::adapters::Adapter& /*target*/,
                const std::vector<std::string>& /*context*/,
                valijson::ValidationResults* /*results*/) const override {
    return false;  // the library's validator is not used
  }

 private:
  rules::Constraint* cloneInto(void* place) const override {
    return new (place) OwnConstraint(*this);
  }
  std::size_t sizeOf() const override { return sizeof(OwnConstraint); }

  bool reference_;
  Value argument_;
};

class OwnBuilder final : public valijson::ConstraintBuilder {
 public:
  explicit OwnBuilder(bool reference) : reference_(reference) {}
  rules::Constraint* make(const valijson::adapters::Adapter& adapter) const override {
    return new OwnConstraint(reference_, static_cast<const ValueAdapter&>(adapter).value());
  }

 private:
  bool reference_;
};

using Kind = SchemaRule::Kind;

// Makes nodes of what the library read, all documents into one program.
class Translator final : public rules::ConstraintVisitor {
 public:
  Translator(const CheckedSchema& checked, SchemaProgram& program)
      : checked_(checked), program_(program) {
    program_.nodes.resize(1 + checked.documents.size());
    program_.root = 1;
  }

  void translate(const valijson::Subschema& document, std::size_t number) {
    fill(document, static_cast<NodeNumber>(1 + number));
  }

  bool visit(const AllOfConstraint& rule) override { return several(Kind::all_of, rule); }
  bool visit(const AnyOfConstraint& rule) override { return several(Kind::any_of, rule); }
  bool visit(const OneOfConstraint& rule) override { return several(Kind::just_one_of, rule); }
  bool visit(const NotConstraint& rule) override {
    return add(Kind::none_of, {}, {node(rule.getSubschema())});
  }
  bool visit(const ConditionalConstraint& rule) override {
    return add(Kind::condition, {},
               {node(rule.getIfSubschema()), node(rule.getThenSubschema()),
                node(rule.getElseSubschema())});
  }
  bool visit(const ConstConstraint& rule) override {
    return add(Kind::one_of, Value::array({kept(*rule.getValue())}));
  }
  bool visit(const EnumConstraint& rule) override {
    Value values = Value::array();
    rule.applyToValues([&](const valijson::adapters::FrozenValue& value) {
      values.push_back(kept(value));
      return true;
    });
    return add(Kind::one_of, std::move(values));
  }
  bool visit(const ContainsConstraint& rule) override {
    return add(Kind::contains, {}, {node(rule.getSubschema())});
  }
  bool visit(const DependenciesConstraint& rule) override {
    Value names = Value::object();
    rule.applyToPropertyDependencies([&](const auto& name, const auto& needed) {
      Value list = Value::array();
      for (const auto& one : needed) list.push_back(text(one));
      names.set(view(name), std::move(list));
      return true;
    });
    Value schemas = Value::object();
    rule.applyToSchemaDependencies([&](const auto& name, const valijson::Subschema* schema) {
      schemas.set(view(name), Value(node(schema)));
      return true;
    });
    if (!names.empty()) add(Kind::dependent_names, std::move(names));
    if (!schemas.empty()) add(Kind::dependent_schema, std::move(schemas));
    return true;
  }
  bool visit(const FormatConstraint& /*rule*/) override { return true; }
  bool visit(const LinearItemsConstraint& rule) override {
    std::vector<NodeNumber> schemas;
    rule.applyToItemSubschemas([&](unsigned /*index*/, const valijson::Subschema* schema) {
      schemas.push_back(node(schema));
      return true;
    });
    const valijson::Subschema* others = rule.getAdditionalItemsSubschema();
    schemas.push_back(others == nullptr ? never() : node(others));
    return add(Kind::tuple, {}, std::move(schemas));
  }
  bool visit(const SingularItemsConstraint& rule) override {
    return add(Kind::items, {}, {node(rule.getItemsSubschema())});
  }
  bool visit(const MaximumConstraint& rule) override {
    return add(rule.getExclusiveMaximum() ? Kind::below : Kind::maximum, rule.getMaximum());
  }
  bool visit(const MinimumConstraint& rule) override {
    return add(rule.getExclusiveMinimum() ? Kind::above : Kind::minimum, rule.getMinimum());
  }
  bool visit(const MultipleOfDoubleConstraint& rule) override {
    return add(Kind::multiple, rule.getDivisor());
  }
  bool visit(const MultipleOfIntConstraint& rule) override {
    return add(Kind::multiple, rule.getDivisor());
  }
  bool visit(const MaxItemsConstraint& rule) override {
    return add(Kind::max_items, rule.getMaxItems());
  }
  bool visit(const MinItemsConstraint& rule) override {
    return add(Kind::min_items, rule.getMinItems());
  }
  bool visit(const MaxLengthConstraint& rule) override {
    return add(Kind::max_length, rule.getMaxLength());
  }
  bool visit(const MinLengthConstraint& rule) override {
    return add(Kind::min_length, rule.getMinLength());
  }
  bool visit(const MaxPropertiesConstraint& rule) override {
    return add(Kind::max_properties, rule.getMaxProperties());
  }
  bool visit(const MinPropertiesConstraint& rule) override {
    return add(Kind::min_properties, rule.getMinProperties());
  }
  bool visit(const PatternConstraint& rule) override {
    std::string text;
    rule.getPattern(text);
    return add(Kind::pattern, {}, {}, {checked_.patterns.at(text)});
  }
  bool visit(const PolyConstraint& rule) override {
    const auto& own = static_cast<const OwnConstraint&>(rule);
    const Value& argument = own.argument();
    if (own.is_reference())
      return add(Kind::reference, argument.at(1),
                 {static_cast<NodeNumber>(1 + argument.at(0).int64())});
    for (SchemaRule& other : rules_)
      if (other.kind == Kind::contains) other.argument = argument;
    return true;
  }
  bool visit(const PropertiesConstraint& rule) override {
    SchemaRule made{Kind::properties, Value::object(), {}, {}};
    const valijson::Subschema* others = rule.getAdditionalPropertiesSubschema();
    made.schemas.push_back(others == nullptr ? never() : node(others));
    rule.applyToProperties([&](const auto& name, const valijson::Subschema* schema) {
      made.argument.set(view(name), Value(node(schema)));
      return true;
    });
    rule.applyToPatternProperties([&](const auto& pattern, const valijson::Subschema* schema) {
      made.patterns.push_back(checked_.patterns.find(view(pattern))->second);
      made.schemas.push_back(node(schema));
      return true;
    });
    rules_.push_back(std::move(made));
    return true;
  }
  bool visit(const PropertyNamesConstraint& rule) override {
    return add(Kind::property_names, {}, {node(rule.getSubschema())});
  }
  bool visit(const RequiredConstraint& rule) override {
    Value names = Value::array();
    rule.applyToRequiredProperties([&](const auto& name) {
      names.push_back(text(name));
      return true;
    });
    return add(Kind::required, std::move(names));
  }
  bool visit(const TypeConstraint& rule) override {
    unsigned types = 0;
    rule.applyToNamedTypes([&](TypeConstraint::JsonType type) {
      types |= bit(type);
      return true;
    });
    return add(Kind::types, types);
  }
  bool visit(const UniqueItemsConstraint& /*rule*/) override { return add(Kind::unique, {}); }

 private:
  static unsigned bit(TypeConstraint::JsonType type) {
    switch (type) {
      case TypeConstraint::kArray:
        return kArrayType;
      case TypeConstraint::kBoolean:
        return kBooleanType;
      case TypeConstraint::kInteger:
        return kIntegerType;
      case TypeConstraint::kNull:
        return kNullType;
      case TypeConstraint::kNumber:
        return kNumberType | kIntegerType;
      case TypeConstraint::kObject:
        return kObjectType;
      default:
        return kStringType;
    }
  }
  template <class Text>
  static std::string_view view(const Text& text) {
    return {text.data(), text.size()};
  }
  template <class Text>
  static Value text(const Text& text) {
    return Value(view(text));
  }
  static const Value& kept(const valijson::adapters::FrozenValue& value) {
    return static_cast<const KeptValue&>(value).value();
  }

  bool add(Kind kind, Value argument, std::vector<NodeNumber> schemas = {},
           std::vector<expression::Pattern> patterns = {}) {
    rules_.push_back({kind, std::move(argument), std::move(schemas), std::move(patterns)});
    return true;
  }
  template <class Rule>
  bool several(Kind kind, const Rule& rule) {
    std::vector<NodeNumber> schemas;
    rule.applyToSubschemas([&](unsigned /*index*/, const valijson::Subschema* schema) {
      schemas.push_back(node(schema));
      return true;
    });
    return add(kind, {}, std::move(schemas));
  }

  NodeNumber new_node() {
    program_.nodes.emplace_back();
    return static_cast<NodeNumber>(program_.nodes.size() - 1);
  }
  NodeNumber never() {
    if (never_ == 0) program_.nodes[never_ = new_node()].never = true;
    return never_;
  }
  // Nothing is a schema that takes anything.
  NodeNumber node(const valijson::Subschema* schema) {
    if (schema == nullptr) return 0;
    const NodeNumber made = new_node();
    fill(*schema, made);
    if (!program_.nodes[made].never && program_.nodes[made].rules.empty() &&
        made + 1 == program_.nodes.size()) {
      program_.nodes.pop_back();
      return 0;
    }
    return made;
  }
  void fill(const valijson::Subschema& schema, NodeNumber number) {
    std::vector<SchemaRule> outer = std::exchange(rules_, {});
    valijson::Subschema::ApplyFunction each = [this](const rules::Constraint& constraint) {
      return constraint.accept(*this);
    };
    schema.apply(each);
    rules_.shrink_to_fit();
    program_.nodes[number].never = schema.getAlwaysInvalid();
    program_.nodes[number].rules = std::exchange(rules_, std::move(outer));
  }

  const CheckedSchema& checked_;
  SchemaProgram& program_;
  std::vector<SchemaRule> rules_;  // of the node that is being filled
  NodeNumber never_ = 0;
};

}  // namespace

SchemaProgram compile_schema(const CheckedSchema& checked, std::vector<SchemaFault>& faults) {
  SchemaProgram program;
  try {
    Translator translator(checked, program);
    for (std::size_t i = 0; i < checked.documents.size(); ++i) {
      valijson::SchemaParser parser(valijson::SchemaParser::kDraft7);
      parser.addConstraintBuilder(kReferenceKeyword, new OwnBuilder(true));
      parser.addConstraintBuilder(kCountsKeyword, new OwnBuilder(false));
      valijson::Schema schema;
      parser.populateSchema(ValueAdapter(checked.documents[i]), schema);
      translator.translate(schema, i);
    }
  } catch (const std::exception& refused) {
    faults.push_back({false, "", std::string("the schema is refused: ") + refused.what()});
    return {};
  }
  return program;
}

}  // namespace stepwell::config::detail
