// Builds the tree of a YAML text from its events, within limits, and counts aliases as what they
// stand for.
#include <algorithm>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "base/json.h"
#include "config/yaml_events.h"
#include "config/yaml_node.h"

namespace stepwell::config {

namespace {

constexpr std::string_view kLeadingMark = "\xEF\xBB\xBF";
constexpr std::string_view kCoreTag = "tag:yaml.org,2002:";

class TreeBuilder {
 public:
  // `skipped` bytes stand in the file before the text of the events.
  TreeBuilder(std::size_t skipped, FaultList& faults, const YamlLimits& limits)
      : skipped_(skipped), faults_(faults), limits_(limits) {}

  // False where the parse is to end: what is wrong is in the list.
  bool take(const YamlEvent& event) {
    using Kind = YamlEvent::Kind;
    switch (event.kind) {
      case Kind::scalar:
        scalar(event);
        break;
      case Kind::alias:
        alias(event);
        break;
      case Kind::begin_sequence:
        open(YamlNode::Kind::sequence, event);
        break;
      case Kind::begin_mapping:
        open(YamlNode::Kind::mapping, event);
        break;
      case Kind::end_sequence:
      case Kind::end_mapping:
        close();
        break;
      default:
        break;
    }
    return !ended_;
  }

  // After a parse that came to its end.
  NodePtr take_root() {
    for (const Position position : container_keys_)
      faults_.error(position, "a key must be text, not a list or a mapping");
    container_keys_.clear();
    return std::move(root_);
  }

 private:
  struct Open {
    std::shared_ptr<YamlNode> node;
    std::string anchor;
    bool has_key = false;
    Position key_position;
    std::size_t first_key = 0;                  // of its own in keys_
    std::unordered_set<const char*> many = {};  // the keys of a large mapping
  };
  static constexpr std::size_t kLargeMapping = 16;

  void end(Position position, std::string what) {
    faults_.error(position, std::move(what));
    ended_ = true;
  }

  std::shared_ptr<YamlNode> begin(YamlNode::Kind kind, const YamlEvent& event) const {
    auto node = std::make_shared<YamlNode>();
    node->kind = kind;
    node->position = event.position;
    node->offset = skipped_ + event.offset;
    return node;
  }

  bool expects_key() const {
    return !open_.empty() && open_.back().node->kind == YamlNode::Kind::mapping &&
           !open_.back().has_key;
  }

  // The same few keywords come again and again: each is held once, so that the same key is the
  // same place in memory.
  const Value& name(std::string_view key) {
    const auto known = names_.find(key);
    if (known != names_.end()) return known->second;
    Value fresh(key);
    const std::string_view own = fresh.as_string();
    return names_.emplace(own, std::move(fresh)).first->second;
  }

  void begin_member(Value key, Position position) {
    keys_.push_back(std::move(key));
    open_.back().key_position = position;
    open_.back().has_key = true;
  }

  // What begins so is a key that no rule of plain scalars can refuse.
  static bool is_letter(std::string_view text) {
    return !text.empty() && ((text[0] | 0x20) >= 'a' && (text[0] | 0x20) <= 'z');
  }

  void scalar(const YamlEvent& event) {
    // A key is its text: `200: x` has the key "200".
    if (expects_key() && event.anchor.empty() && event.tag.empty() && is_letter(event.text))
      return begin_member(name(event.text), event.position);
    auto node = begin(YamlNode::Kind::scalar, event);
    node->style = event.plain ? YamlNode::Style::plain : YamlNode::Style::quoted;
    const std::size_t faults_before = faults_.count();
    node->value = scalar_value(event);
    if (node->value.is_string()) node->bytes = node->value.size();
    if (!expects_key()) return add(std::move(node), event.anchor);
    if (node->value.is_null() && faults_.count() == faults_before)
      return add_key(*node, node->position);
    begin_member(name(event.text), event.position);
    if (!event.anchor.empty()) anchors_[std::string(event.anchor)] = std::move(node);
  }

  void alias(const YamlEvent& event) {
    const auto found = anchors_.find(std::string(event.anchor));
    if (found == anchors_.end())
      return end(event.position,
                 "not valid YAML: there is no anchor `&" + std::string(event.anchor) + "` before");
    if (found->second == nullptr)
      return end(event.position, "an alias stands inside of what its anchor names");
    add(found->second, {}, event.position);
  }

  void open(YamlNode::Kind kind, const YamlEvent& event) {
    auto node = begin(kind, event);
    if (!check_depth(open_.size() + 1, node->position)) return;
    check_container_tag(kind, event.tag, node->position);
    // Told only at the end: where a bracket is not closed the library takes it for a key.
    if (expects_key() && container_keys_.size() < 100) container_keys_.push_back(node->position);
    // From here on an alias of it is known, and stands inside of it.
    if (!event.anchor.empty()) anchors_[std::string(event.anchor)] = nullptr;
    Open entry;
    entry.node = std::move(node);
    entry.anchor = std::string(event.anchor);
    entry.first_key = keys_.size();
    open_.push_back(std::move(entry));
  }

  void close() {
    Open done = std::move(open_.back());
    open_.pop_back();
    YamlNode& node = *done.node;
    if (node.kind == YamlNode::Kind::sequence) {
      node.value = Value::array();
      node.value.reserve(node.elements.size());
      for (const NodePtr& element : node.elements) node.value.push_back(element->value);
    } else {
      node.value = Value::object();
      node.value.reserve(node.members.size());
      for (std::size_t i = 0; i < node.members.size(); ++i)
        node.value.set_member(keys_[done.first_key + i], node.members[i].node->value);
      keys_.resize(done.first_key);
    }
    add(std::move(done.node), done.anchor);
  }

  bool check_depth(std::size_t depth, Position position) {
    if (depth <= limits_.depth) return true;
    end(position, "nested more than " + std::to_string(limits_.depth) + " levels deep");
    return false;
  }

  void check_container_tag(YamlNode::Kind kind, std::string_view tag, Position position) {
    const std::string_view own = kind == YamlNode::Kind::sequence ? "seq" : "map";
    if (tag.empty() || (tag.starts_with(kCoreTag) && tag.substr(kCoreTag.size()) == own)) return;
    faults_.error(position, "the tag " + quoted(tag) + " is not known here");
  }

  Value scalar_value(const YamlEvent& event) {
    if (!event.plain && event.tag.empty()) return {event.text};
    std::string fault;
    Value value;
    if (event.plain)
      value = resolve_plain_scalar(event.text, fault);
    else if (event.tag == "tag:yaml.org,2002:str")
      value = Value(event.text);
    else if (event.tag.starts_with(kCoreTag))
      value = tagged_value(event.text, event.tag.substr(kCoreTag.size()), fault);
    else
      fault = "the tag " + quoted(event.tag) + " is not known here";
    if (!fault.empty()) faults_.error(event.position, fault);
    return value;
  }

  static Value tagged_value(std::string_view text, std::string_view type, std::string& fault) {
    Value value = resolve_plain_scalar(text, fault);
    const bool fits = (type == "int" && value.is_number() && value.as_integer()) ||
                      (type == "float" && value.is_number()) ||
                      (type == "bool" && value.is_bool()) || (type == "null" && value.is_null());
    if (fault.empty() && !fits) fault = quoted(text) + " is no " + quoted("!!" + std::string(type));
    return value;
  }

  // Puts a finished node (or an alias' node) into its container.
  void add(NodePtr node, std::string_view anchor, Position alias = {}) {
    const bool is_alias = alias.line != 0;
    const Position place = is_alias ? alias : node->position;
    const std::uint32_t below = node->kind == YamlNode::Kind::scalar ? 0 : node->height;
    if (!check_depth(open_.size() + below, place)) return;
    if (expects_key()) return add_key(*node, place);
    if (!anchor.empty()) anchors_[std::string(anchor)] = node;
    if (!count(*node, is_alias, place)) return;
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    Open& parent = open_.back();
    parent.node->count += node->count;
    parent.node->bytes += node->bytes;
    parent.node->height = std::max(parent.node->height, below + 1);
    if (parent.node->kind == YamlNode::Kind::sequence)
      parent.node->elements.push_back(std::move(node));
    else
      add_member(parent, std::move(node));
  }

  void add_key(const YamlNode& node, Position place) {
    std::string key;
    if (node.kind == YamlNode::Kind::scalar && node.value.is_string())  // an alias of a text
      key = std::string(node.value.as_string());
    else if (node.kind == YamlNode::Kind::scalar)
      faults_.error(place, "a key must be text; write it in quotes");
    else
      key = "\n" + std::to_string(open_.back().node->members.size());  // told by container_keys_
    begin_member(name(key), place);
  }

  // Is the newest key the first of its name in the mapping?
  bool is_new(Open& parent) const {
    const auto from = keys_.begin() + static_cast<std::ptrdiff_t>(parent.first_key);
    const auto newest = keys_.end() - 1;
    const auto place = [](const Value& key) { return key.as_string().data(); };
    if (newest - from < static_cast<std::ptrdiff_t>(kLargeMapping))
      return std::none_of(from, newest,
                          [&](const Value& key) { return place(key) == place(*newest); });
    if (parent.many.empty())
      for (auto key = from; key != newest; ++key) parent.many.insert(place(*key));
    return parent.many.insert(place(*newest)).second;
  }

  void add_member(Open& parent, NodePtr node) {
    parent.has_key = false;
    const std::string_view key = keys_.back().as_string();
    parent.node->bytes += key.size();
    if (is_new(parent)) {
      parent.node->members.push_back({std::string(key), parent.key_position, std::move(node)});
      return;
    }
    faults_.error(parent.key_position, "the key " + quoted(key) + " is there twice");
    keys_.pop_back();
  }

  // Aliases count as what they stand for; what is not behind an alias is counted as it comes.
  bool count(const YamlNode& node, bool is_alias, Position place) {
    nodes_ += is_alias ? node.count : 1;
    bytes_ += is_alias || node.kind == YamlNode::Kind::scalar ? node.bytes : 0;
    const std::string aliases = is_alias ? " (aliases count as what they stand for)" : "";
    if (nodes_ > limits_.nodes)
      end(place, "more than " + std::to_string(limits_.nodes) + " values" + aliases);
    else if (bytes_ > limits_.expanded_bytes)
      end(place, "more than " + std::to_string(limits_.expanded_bytes / 1024 / 1024) +
                     " MiB of text" + aliases);
    return !ended_;
  }

  const std::size_t skipped_;
  FaultList& faults_;
  const YamlLimits limits_;
  bool ended_ = false;
  std::vector<Open> open_;
  std::vector<Value> keys_;                           // of the open mappings, the outermost first
  std::unordered_map<std::string, NodePtr> anchors_;  // null: of a node that is still open
  std::vector<Position> container_keys_;
  std::unordered_map<std::string_view, Value> names_;  // of members; the values hold the texts
  NodePtr root_;
  std::uint64_t nodes_ = 0;
  std::uint64_t bytes_ = 0;
};

bool check_characters(std::string_view text, FaultList& faults) {
  if (!is_valid_utf8(text)) {
    faults.error({1, 1}, "the file is not UTF-8 text");
    return false;
  }
  const auto bad = std::find_if(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\n' && c != '\r' && c != '\t') || byte == 0x7F;
  });
  if (bad == text.end()) return true;
  const std::string_view before = text.substr(0, static_cast<std::size_t>(bad - text.begin()));
  const std::string_view line = before.substr(before.rfind('\n') + 1);
  const auto is_first = [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; };
  faults.error({static_cast<std::uint32_t>(std::count(before.begin(), before.end(), '\n') + 1),
                static_cast<std::uint32_t>(std::count_if(line.begin(), line.end(), is_first) + 1)},
               "a control character, which YAML does not allow");
  return false;
}

enum class Outcome : std::uint8_t { document, end, fault };

Outcome read_document(YamlEvents& events, TreeBuilder& builder, FaultList& faults) {
  YamlEvent event;
  while (events.next(event)) {
    if (event.kind == YamlEvent::Kind::end) return Outcome::end;
    if (!builder.take(event)) return Outcome::fault;
    if (event.kind == YamlEvent::Kind::end_document) return Outcome::document;
  }
  faults.error(events.fault_position(), events.fault());
  return Outcome::fault;
}

NodePtr read_documents(std::string_view text, std::size_t skipped, FaultList& faults,
                       const YamlLimits& limits) {
  YamlEvents events(text);
  TreeBuilder builder(skipped, faults, limits);
  if (read_document(events, builder, faults) != Outcome::document) return nullptr;
  NodePtr root = builder.take_root();
  while (true) {
    TreeBuilder rest(skipped, faults, limits);
    const Outcome outcome = read_document(events, rest, faults);
    if (outcome == Outcome::fault) return nullptr;
    if (outcome == Outcome::end) return root;
    const NodePtr other = rest.take_root();
    if (!other || other->value.is_null()) continue;
    faults.error(other->position, "a second document; a file holds one");
    return root;
  }
}

}  // namespace

const YamlNode::Member* YamlNode::find(std::string_view key) const {
  const auto found =
      std::find_if(members.begin(), members.end(), [&](const Member& m) { return m.key == key; });
  return found == members.end() ? nullptr : &*found;
}

NodePtr parse_yaml(std::string_view text, FaultList& faults, bool may_be_empty,
                   const YamlLimits& limits) {
  if (text.size() > limits.bytes) {
    faults.error({1, 1}, "the file is larger than " + std::to_string(limits.bytes / 1024) + " KiB");
    return nullptr;
  }
  const std::size_t skipped = text.starts_with(kLeadingMark) ? kLeadingMark.size() : 0;
  text.remove_prefix(skipped);
  if (!check_characters(text, faults)) return nullptr;
  const std::size_t before = faults.count();
  NodePtr root = read_documents(text, skipped, faults, limits);
  if (root && root->kind == YamlNode::Kind::scalar && root->value.is_null()) root = nullptr;
  if (!root && faults.count() == before && !may_be_empty) faults.error({1, 1}, "the file is empty");
  return root;
}

}  // namespace stepwell::config
