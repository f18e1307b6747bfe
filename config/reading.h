// What the readers of a definition's parts share: the place that they are at, the faults found so
// far, the names in force there. One Reading lives as long as load_definition() runs, on one
// thread; the readers never throw and go on after a fault, so that all faults come in one go.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "config/definition.h"
#include "config/faults.h"
#include "config/yaml_node.h"

namespace stepwell::config {

// A node and the way to it. Places are made on the stack while the tree is walked; each must live
// as long as those below it.
class Place {
 public:
  explicit Place(const YamlNode& root) : node_(&root) {}
  Place(const Place& up, const YamlNode::Member& member)
      : node_(member.node.get()), up_(&up), member_(&member) {}
  Place(const Place& up, std::size_t index)
      : node_(up.node().elements[index].get()), up_(&up), index_(index) {}

  const YamlNode& node() const { return *node_; }
  std::string_view key() const { return member_ ? std::string_view(member_->key) : ""; }
  Position position() const { return node_->position; }
  Position key_position() const { return member_ ? member_->key_position : node_->position; }
  // The JSON pointer (RFC 6901); keys beyond `longest` bytes are cut.
  std::string reference(std::size_t longest = 255) const;

 private:
  const YamlNode* node_;
  const Place* up_ = nullptr;
  const YamlNode::Member* member_ = nullptr;
  std::size_t index_ = 0;
};

// One of the tables of `use`: its entries by name, and which of them something refers to.
struct UseTable {
  explicit UseTable(std::string table) : name(std::move(table)) {}
  std::string name;
  std::map<std::string, const YamlNode::Member*, std::less<>> entries;
  std::set<std::string, std::less<>> referenced;
  const YamlNode::Member* member = nullptr;  // the table itself

  std::vector<std::string_view> names() const;
};

struct Use {
  const YamlNode::Member* member = nullptr;  // `use` itself
  UseTable authentications = UseTable("authentications");
  UseTable catalogs = UseTable("catalogs");
  UseTable errors = UseTable("errors");
  UseTable functions = UseTable("functions");
  UseTable retries = UseTable("retries");
  UseTable timeouts = UseTable("timeouts");
  std::vector<std::string> secrets;
  std::shared_ptr<const NamedPolicies> policies;  // all of authentications, once they were read
};

// The tasks of one list by name.
using TaskNames = std::map<std::string_view, std::size_t>;

class FunctionTable;
class ExtensionTable;
class Library;

struct Reading {
  FaultList& faults;
  std::string_view source;
  Definition& definition;
  const YamlNode& root;
  bool loose = false;
  std::vector<std::string> variables = {};  // as Program::compile takes them
  Use use = {};
  std::string time_zone = "UTC";                  // document.metadata.stepwell.timeZone
  const TaskNames* tasks = nullptr;               // of the list that is being read
  bool retried = false;                           // within a `try` that has a retry policy
  std::string_view loner = "a branch of `fork`";  // what has no tasks beside it
  std::string source_uri = {};                    // of a text that was fetched; else empty
  Library* library = nullptr;                     // what lies elsewhere
  FunctionTable* functions = nullptr;
  std::size_t function = SIZE_MAX;       // that is being read; SIZE_MAX: none
  ExtensionTable* extensions = nullptr;  // null where tasks are not extended
  bool sees_itself = false;              // some expression uses $workflow or $task
  // What was compiled: the same few expressions come again and again.
  std::unordered_map<std::string, expression::Program> programs = {};

  // The JSON pointer of a place; of a fetched text behind its URI (RFC 6901 §6).
  std::string reference(const Place& place) const;

  // `hint` goes on behind `what`, as Fault has it.
  void error(const Place& place, std::string what, std::string hint = {});
  void error_at_key(const Place& place, std::string what, std::string hint = {});
  void warning(const Place& place, std::string what, std::string hint = {});
  // "… is not supported by this version", at the key.
  void unsupported(const Place& place, std::string_view what);
  // "expected WHAT, found …"
  void expected(const Place& place, std::string_view what);

  // The entry that `place` names, marked as referred to; a fault where there is none (`otherwise`
  // is the hint where no name is close).
  const YamlNode::Member* refer(const Place& place, UseTable& table,
                                const std::string& otherwise = {});
};

// What `read` gives for an entry of one of the tables of `use`, with the entry's own place.
template <class Read>
auto read_entry(const Reading& reading, const UseTable& table, const YamlNode::Member& entry,
                Read read) {
  const Place root(reading.root);
  const Place use(root, *reading.use.member);
  const Place list(use, *table.member);
  return read(Place(list, entry));
}

// Adds a variable for as long as it lives. A name that is already in force is hidden.
class LocalVariable {
 public:
  LocalVariable(Reading& reading, const std::string& name);
  ~LocalVariable();
  LocalVariable(const LocalVariable&) = delete;
  LocalVariable& operator=(const LocalVariable&) = delete;

 private:
  Reading& reading_;
  std::vector<std::string> before_;
};

// The members of a mapping, of which the known ones are read and all others are faults.
class Fields {
 public:
  // Both are referred to; `known` also orders the message that lists what was expected.
  Fields(Reading& reading, const Place& place, std::span<const std::string_view> known);

  bool is_mapping() const { return place_.node().kind == YamlNode::Kind::mapping; }
  std::optional<Place> find(std::string_view key) const;
  std::optional<Place> require(std::string_view key) const;  // a fault where it is missing

 private:
  Reading& reading_;
  const Place& place_;
  std::vector<std::string_view> meant_;  // what the unknown keywords are surely slips of
};

// Scalars; a fault where the node is something else.
std::optional<std::string> read_text(Reading& reading, const Place& place);
std::optional<bool> read_flag(Reading& reading, const Place& place);
std::optional<std::int64_t> read_whole(Reading& reading, const Place& place, std::int64_t least,
                                       std::int64_t most);
// The index in `choices`.
std::optional<std::size_t> read_choice(Reading& reading, const Place& place,
                                       std::span<const std::string_view> choices);
bool expect_mapping(Reading& reading, const Place& place);

// A name that $variables can have (without "$"); faults where it is not one.
std::string read_variable_name(Reading& reading, const Place& place);

}  // namespace stepwell::config
