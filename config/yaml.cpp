// The only source that knows the YAML library. Its events (not its node trees, which recurse and
// expand) become our own tree; its exceptions end here.
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <array>
#include <sstream>
#include <unordered_map>
#include <unordered_set>

#include "base/json.h"
#include "config/yaml_node.h"

namespace stepwell::config {

namespace {

// Ends the parse: a limit was met. The fault is in the list already.
struct Abandon {};

constexpr std::string_view kLeadingMark = "\xEF\xBB\xBF";

// Lines, and columns in characters, of byte offsets. The library counts columns in bytes.
class Places {
 public:
  // `text` stands in the file behind `skipped` bytes.
  Places(std::string_view text, std::size_t skipped) : skipped_(skipped) {
    line_starts_.push_back(0);
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] == '\n') line_starts_.push_back(i + 1);
      if ((static_cast<unsigned char>(text[i]) & 0xC0U) == 0x80U) continuations_.push_back(i);
    }
  }

  Position at(std::size_t offset) const {
    const auto line = std::upper_bound(line_starts_.begin(), line_starts_.end(), offset) - 1;
    const auto from = std::lower_bound(continuations_.begin(), continuations_.end(), *line);
    const auto to = std::lower_bound(from, continuations_.end(), offset);
    const auto column = offset - *line - static_cast<std::size_t>(to - from);
    return {static_cast<std::uint32_t>(line - line_starts_.begin()) + 1,
            static_cast<std::uint32_t>(column) + 1};
  }
  Position at(const YAML::Mark& mark) const { return at(in_text(mark)); }
  // The same in the file.
  std::size_t offset(const YAML::Mark& mark) const { return skipped_ + in_text(mark); }
  // The library is given a text that is shorter by `by` bytes before each of these offsets in it.
  void set_shortened(std::vector<std::size_t> at, std::size_t by) {
    shortened_ = std::move(at);
    shortened_by_ = by;
  }

 private:
  std::size_t in_text(const YAML::Mark& mark) const {
    const auto given = static_cast<std::size_t>(std::max(mark.pos, 0));
    const auto before = std::upper_bound(shortened_.begin(), shortened_.end(), given);
    return given + shortened_by_ * static_cast<std::size_t>(before - shortened_.begin());
  }

  std::size_t skipped_;
  std::vector<std::size_t> shortened_;
  std::size_t shortened_by_ = 0;
  std::vector<std::size_t> line_starts_;
  std::vector<std::size_t> continuations_;  // bytes that begin no character
};

// The library writes the escapes \N and \_ (U+0085, U+00A0) as one byte, which is no UTF-8.
std::string with_utf8(const std::string& text) {
  if (is_valid_utf8(text)) return text;
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t length = 1;
    while (length <= 4 && !is_valid_utf8(std::string_view(text).substr(at, length))) ++length;
    if (length > 4) {
      out += '\xC2';
      length = 1;
    }
    out.append(text, at, length);
    at += length;
  }
  return out;
}

class TreeBuilder final : public YAML::EventHandler {
 public:
  TreeBuilder(const Places& places, FaultList& faults, const YamlLimits& limits)
      : places_(places), faults_(faults), limits_(limits) {}

  // After a parse that came to its end.
  NodePtr take_root() {
    for (const Position position : container_keys_)
      faults_.error(position, "a key must be text, not a list or a mapping");
    container_keys_.clear();
    return std::move(root_);
  }

  void OnDocumentStart(const YAML::Mark& /*mark*/) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    add(std::make_shared<YamlNode>(begin(YamlNode::Kind::scalar, mark)), anchor);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) {
      faults_.error(places_.at(mark), "an alias stands inside of what its anchor names");
      throw Abandon();
    }
    add(found->second, 0, places_.at(mark));
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& scalar) override {
    const std::string text = with_utf8(scalar);
    if (expects_key() && anchor == 0 && (tag == "?" || tag == "!") && is_letter(text)) {
      begin_member(text, places_.at(mark));
      return;
    }
    auto node = std::make_shared<YamlNode>(begin(YamlNode::Kind::scalar, mark));
    node->style = tag == "?" ? YamlNode::Style::plain : YamlNode::Style::quoted;
    node->value = scalar_value(text, tag, node->position);
    if (node->value.is_string()) node->bytes = node->value.size();
    if (expects_key()) {
      // A key is its text: `200: x` has the key "200".
      begin_member(text, node->position);
      if (anchor != 0) anchors_[anchor] = std::move(node);
      return;
    }
    add(std::move(node), anchor);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value /*style*/) override {
    open(YamlNode::Kind::sequence, mark, tag, anchor);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value /*style*/) override {
    open(YamlNode::Kind::mapping, mark, tag, anchor);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Open {
    std::shared_ptr<YamlNode> node;
    YAML::anchor_t anchor = 0;
    bool has_key = false;
    std::string key;
    Position key_position;
    std::unordered_set<std::string> keys;  // what a large mapping has already
  };
  static constexpr std::size_t kLargeMapping = 16;

  // What begins so is a key that no rule of plain scalars can refuse.
  static bool is_letter(const std::string& text) {
    return !text.empty() && ((text[0] | 0x20) >= 'a' && (text[0] | 0x20) <= 'z');
  }

  void begin_member(const std::string& key, Position position) {
    open_.back().key = key;
    open_.back().key_position = position;
    open_.back().has_key = true;
  }

  YamlNode begin(YamlNode::Kind kind, const YAML::Mark& mark) const {
    YamlNode node;
    node.kind = kind;
    node.position = places_.at(mark);
    node.offset = places_.offset(mark);
    return node;
  }

  bool expects_key() const {
    return !open_.empty() && open_.back().node->kind == YamlNode::Kind::mapping &&
           !open_.back().has_key;
  }

  void open(YamlNode::Kind kind, const YAML::Mark& mark, const std::string& tag,
            YAML::anchor_t anchor) {
    auto node = std::make_shared<YamlNode>(begin(kind, mark));
    check_depth(open_.size() + 1, node->position);
    check_container_tag(kind, tag, node->position);
    // Told only at the end: where a bracket is not closed the library takes it for a key.
    if (expects_key() && container_keys_.size() < 100) container_keys_.push_back(node->position);
    node->value = kind == YamlNode::Kind::sequence ? Value::array() : Value::object();
    Open entry;
    entry.node = std::move(node);
    entry.anchor = anchor;
    open_.push_back(std::move(entry));
  }

  void close() {
    Open done = std::move(open_.back());
    open_.pop_back();
    add(std::move(done.node), done.anchor);
  }

  void check_depth(std::size_t depth, Position position) {
    if (depth <= limits_.depth) return;
    faults_.error(position, "nested more than " + std::to_string(limits_.depth) + " levels deep");
    throw Abandon();
  }

  void check_container_tag(YamlNode::Kind kind, const std::string& tag, Position position) {
    const std::string_view own =
        kind == YamlNode::Kind::sequence ? "tag:yaml.org,2002:seq" : "tag:yaml.org,2002:map";
    if (tag.empty() || tag == "?" || tag == "!" || tag == own) return;
    faults_.error(position, "the tag " + quoted(tag) + " is not known here");
  }

  Value scalar_value(const std::string& text, const std::string& tag, Position position) {
    std::string fault;
    Value value;
    constexpr std::string_view kCore = "tag:yaml.org,2002:";
    if (tag == "?") {
      value = resolve_plain_scalar(text, fault);
    } else if (tag == "!" || tag == "tag:yaml.org,2002:str") {
      value = Value(text);
    } else if (std::string_view(tag).substr(0, kCore.size()) == kCore) {
      value = tagged_value(text, std::string_view(tag).substr(kCore.size()), fault);
    } else {
      fault = "the tag " + quoted(tag) + " is not known here";
    }
    if (!fault.empty()) faults_.error(position, fault);
    return value;
  }

  static Value tagged_value(const std::string& text, std::string_view type, std::string& fault) {
    Value value = resolve_plain_scalar(text, fault);
    const bool fits = (type == "int" && value.is_number() && value.as_integer()) ||
                      (type == "float" && value.is_number()) ||
                      (type == "bool" && value.is_bool()) || (type == "null" && value.is_null());
    if (fault.empty() && !fits) fault = quoted(text) + " is no " + quoted("!!" + std::string(type));
    return value;
  }

  // Puts a finished node (or an alias' node) into its container.
  void add(NodePtr node, YAML::anchor_t anchor, Position alias = {}) {
    const Position place = alias.line == 0 ? node->position : alias;
    check_depth(open_.size() + node->height - (node->kind == YamlNode::Kind::scalar ? 1 : 0),
                place);
    if (expects_key()) {
      add_key(*node, place);
      return;
    }
    if (anchor != 0) anchors_[anchor] = node;
    count(*node, alias.line != 0, place);
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    Open& parent = open_.back();
    parent.node->count += node->count;
    parent.node->bytes += node->bytes;
    const std::uint32_t below = node->kind == YamlNode::Kind::scalar ? 0 : node->height;
    parent.node->height = std::max(parent.node->height, below + 1);
    if (parent.node->kind == YamlNode::Kind::sequence) {
      parent.node->value.push_back(node->value);
      parent.node->elements.push_back(std::move(node));
      return;
    }
    add_member(parent, std::move(node));
  }

  void add_key(const YamlNode& node, Position place) {
    Open& parent = open_.back();
    parent.key.clear();
    if (node.kind == YamlNode::Kind::scalar && node.value.is_string())  // an alias of a text
      parent.key = std::string(node.value.as_string());
    else if (node.kind == YamlNode::Kind::scalar)
      faults_.error(place, "a key must be text; write it in quotes");
    else
      parent.key = "\n" + std::to_string(parent.node->members.size());  // told by container_keys_
    open_.back().key_position = place;
    open_.back().has_key = true;
  }

  static bool is_new(Open& parent) {
    const auto& members = parent.node->members;
    if (members.size() < kLargeMapping) return parent.node->find(parent.key) == nullptr;
    if (parent.keys.empty())
      for (const YamlNode::Member& member : members) parent.keys.insert(member.key);
    return parent.keys.insert(parent.key).second;
  }

  void add_member(Open& parent, NodePtr node) {
    parent.has_key = false;
    parent.node->bytes += parent.key.size();
    if (!is_new(parent)) {
      faults_.error(parent.key_position, "the key " + quoted(parent.key) + " is there twice");
      return;
    }
    // The same few keywords come again and again: each is held once.
    Value& key = names_[parent.key];
    if (key.is_null()) key = Value(parent.key);
    parent.node->value.set_member(key, node->value);
    parent.node->members.push_back({std::move(parent.key), parent.key_position, std::move(node)});
    parent.key.clear();
  }

  // Aliases count as what they stand for; what is not behind an alias is counted as it comes.
  void count(const YamlNode& node, bool is_alias, Position place) {
    nodes_ += is_alias ? node.count : 1;
    bytes_ += is_alias || node.kind == YamlNode::Kind::scalar ? node.bytes : 0;
    const std::string aliases = is_alias ? " (aliases count as what they stand for)" : "";
    if (nodes_ > limits_.nodes) {
      faults_.error(place, "more than " + std::to_string(limits_.nodes) + " values" + aliases);
      throw Abandon();
    }
    if (bytes_ > limits_.expanded_bytes) {
      faults_.error(place, "more than " + std::to_string(limits_.expanded_bytes / 1024 / 1024) +
                               " MiB of text" + aliases);
      throw Abandon();
    }
  }

  const Places& places_;
  FaultList& faults_;
  const YamlLimits limits_;
  std::vector<Open> open_;
  std::unordered_map<YAML::anchor_t, NodePtr> anchors_;
  std::vector<Position> container_keys_;
  std::unordered_map<std::string, Value> names_;  // of members
  NodePtr root_;
  std::uint64_t nodes_ = 0;
  std::uint64_t bytes_ = 0;
};

// The library's words, in ours where a hint helps.
std::string syntax_fault(const std::string& message) {
  struct Words {
    std::string_view theirs;
    std::string_view ours;
  };
  static constexpr std::array<Words, 6> kWords{{
      {"illegal map value", "a `:` where no key can stand; write a text that has `: ` in quotes"},
      {"end of sequence flow not found", "a `[` is not closed"},
      {"end of map flow not found", "a `{` is not closed"},
      {"end of sequence not found", "expected a further `-` or the end of the list"},
      {"end of map not found", "expected a further key, or the indentation is wrong"},
      {"unknown token", "a text cannot begin with this character; write it in quotes"},
  }};
  for (const Words& words : kWords)
    if (message == words.theirs) return "not valid YAML: " + std::string(words.ours);
  return "not valid YAML: " + message;
}

bool check_characters(std::string_view text, const Places& places, FaultList& faults) {
  if (!is_valid_utf8(text)) {
    faults.error({1, 1}, "the file is not UTF-8 text");
    return false;
  }
  const auto bad = std::find_if(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\n' && c != '\r' && c != '\t') || byte == 0x7F;
  });
  if (bad == text.end()) return true;
  faults.error(places.at(static_cast<std::size_t>(bad - text.begin())),
               "a control character, which YAML does not allow");
  return false;
}

// JSON writes characters beyond U+FFFF as two escapes, which the library refuses: they become the
// one escape of YAML. Only for files that are JSON, where a backslash is always within a string.
std::string join_surrogates(std::string_view text, Places& places) {
  std::string out;
  std::vector<std::size_t> shortened;
  out.reserve(text.size());
  const auto unit = [&](std::size_t at) -> std::uint32_t {
    if (at + 6 > text.size() || text.substr(at, 2) != "\\u") return 0;
    std::uint32_t code = 0;
    for (const char c : text.substr(at + 2, 4)) {
      const auto digit = std::string_view("0123456789abcdef").find(static_cast<char>(c | 0x20));
      if (digit == std::string_view::npos) return 0;
      code = code * 16 + static_cast<std::uint32_t>(digit);
    }
    return code;
  };
  for (std::size_t i = 0; i < text.size();) {
    if (text[i] != '\\') {
      out += text[i++];
      continue;
    }
    const std::uint32_t high = unit(i);
    const std::uint32_t low = unit(i + 6);
    if (high >= 0xD800 && high < 0xDC00 && low >= 0xDC00 && low < 0xE000) {
      const std::uint32_t code = 0x10000 + ((high - 0xD800) << 10U) + (low - 0xDC00);
      out += "\\U";
      for (int shift = 28; shift >= 0; shift -= 4)
        out += "0123456789ABCDEF"[(code >> static_cast<unsigned>(shift)) & 0xFU];
      i += 12;
      shortened.push_back(out.size());
    } else {
      out += text.substr(i, 2);
      i += 2;
    }
  }
  places.set_shortened(std::move(shortened), 2);
  return out;
}

NodePtr parse_documents(const std::string& text, TreeBuilder& builder, const Places& places,
                        FaultList& faults, const YamlLimits& limits) {
  try {
    std::istringstream stream(text);
    YAML::Parser parser(stream);
    if (!parser.HandleNextDocument(builder)) return nullptr;
    NodePtr root = builder.take_root();
    TreeBuilder rest(places, faults, limits);
    while (parser.HandleNextDocument(rest)) {
      const NodePtr other = rest.take_root();
      if (other && !other->value.is_null()) {
        faults.error(other->position, "a second document; a file holds one");
        break;
      }
    }
    return root;
  } catch (const YAML::Exception& exception) {
    faults.error(places.at(exception.mark), syntax_fault(exception.msg));
  } catch (const Abandon&) {
    return nullptr;
  }
  return nullptr;
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
  Places places(text, skipped);
  if (!check_characters(text, places, faults)) return nullptr;
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  const bool is_json = first != std::string_view::npos && text[first] == '{';
  const std::size_t before = faults.count();
  TreeBuilder builder(places, faults, limits);
  NodePtr root = parse_documents(is_json ? join_surrogates(text, places) : std::string(text),
                                 builder, places, faults, limits);
  if (root && root->kind == YamlNode::Kind::scalar && root->value.is_null()) root = nullptr;
  if (!root && faults.count() == before && !may_be_empty) faults.error({1, 1}, "the file is empty");
  return root;
}

}  // namespace stepwell::config
