#include "expression/library.h"

#include <array>
#include <string>
#include <unordered_map>
#include <vector>

#include "expression/builtins.h"
#include "expression/parser.h"

namespace stepwell::expression::detail {

namespace {

constexpr std::string_view kText = R"JQ(
def map(f): [.[] | f];
def map_values(f): .[] |= f;
def select(f): if f then . else empty end;
def recurse(f): def walk_down: ., (f | walk_down); walk_down;
def recurse(f; go_on): def walk_down: ., (f | select(go_on) | walk_down); walk_down;
def recurse: def walk_down: ., (.[]? | walk_down); walk_down;
def values: select(. != null);
def nulls: select(. == null);
def booleans: select(type == "boolean");
def numbers: select(type == "number");
def strings: select(type == "string");
def arrays: select(type == "array");
def objects: select(type == "object");
def iterables: select(type | . == "array" or . == "object");
def scalars: select(type | . != "array" and . != "object");
def finites: select(isfinite);
def normals: select(isnormal);
def add(f): reduce f as $item (null; . + $item);
def del(f): delpaths([path(f)]);
def paths: path(recurse) | select(. != []);
def paths(keep): path(recurse | select(keep)) | select(. != []);
def leaf_paths: paths(scalars);
def pick(wanted): . as $whole | reduce path(wanted) as $where (null; setpath($where; $whole | getpath($where)));
def debug(message): (message | empty), .;
def isvalid(f): try (f | true) catch false;

def first: .[0];
def last: .[-1];
def last(f): reduce f as $item ([]; [$item]) | .[];
def nth($n): .[$n];
def nth($n; f): if $n < 0 then error("nth doesn't support negative indices") else first(skip($n; f)) end;
def isempty(f): first((f | false), true);
def any(f; test): isempty(first(f | test | select(.))) | not;
def all(f; test): isempty(first(f | test | select(. | not)));
def any(test): any(.[]; test);
def all(test): all(.[]; test);
def any: any(.[]; .);
def all: all(.[]; .);
def in(whole): . as $key | whole | has($key);
def inside(whole): . as $part | whole | contains($part);
def until(done; next): def step: if done then . else next | step end; step;
def while(going; next): def step: if going then ., (next | step) else empty end; step;
def repeat(next): def step: next, step; step;
def range($from; $to; $by):
  if $by > 0 then $from | while(. < $to; . + $by)
  elif $by < 0 then $from | while(. > $to; . + $by)
  else empty end;
def combinations:
  def choose: if length == 0 then [] else .[0][] as $head | (.[1:] | choose) as $tail | [$head] + $tail end;
  choose;
def combinations($n): . as $set | [range($n) | $set] | combinations;
def walk(f):
  def each: if type == "object" then map_values(each) elif type == "array" then map(each) else . end | f;
  each;
def env: {};

def sort_by(f): _sort_by(map([f]));
def group_by(f): _group_by(map([f]));
def unique_by(f): _unique_by(map([f]));
def min_by(f): _min_by(map([f]));
def max_by(f): _max_by(map([f]));
def with_entries(f): to_entries | map(f) | from_entries;
def index($part): indices($part) | .[0];
def rindex($part): indices($part) | .[-1:][0];
def flatten: flatten(1e9);
def todate: strftime("%Y-%m-%dT%H:%M:%SZ");
def todateiso8601: todate;
def fromdateiso8601: strptime("%Y-%m-%dT%H:%M:%SZ") | mktime;
def fromdate: fromdateiso8601;
def date: todate;
def dateadd(unit; $by): . + $by;
def datesub(unit; $by): . - $by;
def ascii: [.] | implode;

def match($re; $flags): _match($re; $flags; false) | .[];
def match($re): ($re | _regex_pair) as [$pattern, $flags] | match($pattern; $flags);
def test($re; $flags): _match($re; $flags; true);
def test($re): ($re | _regex_pair) as [$pattern, $flags] | test($pattern; $flags);
def capture($re; $flags): match($re; $flags) | _named_captures;
def capture($re): ($re | _regex_pair) as [$pattern, $flags] | capture($pattern; $flags);
def scan($re; $flags):
  match($re; $flags + "g") | if .captures == [] then .string else [.captures[].string] end;
def scan($re): scan($re; null);
def split($re; $flags): _split_at([match($re; $flags + "g")]);
def splits($re; $flags): split($re; $flags) | .[];
def splits($re): splits($re; null);
def sub($re; text; $flags):
  [match($re; $flags)] as $found
  | _split_at($found) as $gaps
  | (reduce range($found | length) as $i ({texts: []};
      [$found[$i] | _named_captures | text] as $inserts
      | reduce range($inserts | length) as $k (.; .texts[$k] += [$gaps[$i] + $inserts[$k]]))
    | .texts[] | add + $gaps[-1]) // .;
def sub($re; text): sub($re; text; "");
def gsub($re; text; $flags): sub($re; text; $flags + "g");
def gsub($re; text): sub($re; text; "g");

def tostream:
  path(def children_first: (.[]? | children_first), .; children_first) as $where
  | getpath($where)
  | reduce path(.[]?) as $step ([$where, .]; [$where + $step]);
def fromstream(events):
  foreach events as $event ({value: null, done: false};
    if .done then {value: null, done: false} else . end
    | if $event | length == 2
      then .done = ($event[0] | length == 0) | setpath(["value"] + $event[0]; $event[1])
      else .done = ($event[0] | length == 1) end;
    if .done then .value else empty end);
def truncate_stream(events):
  . as $depth | null | events | . as $event
  | if ($event[0] | length) > $depth then setpath([0]; $event[0][$depth:]) else empty end;

def INDEX(rows; key): reduce rows as $row ({}; .[$row | key | tostring] = $row);
def INDEX(key): INDEX(.[]; key);
def IN(set): any(set == .; .);
def IN(items; set): any(items == set; .);
def JOIN($index; key): [.[] | [., $index[key]]];
def JOIN($index; rows; key): rows | [., $index[key]];
def JOIN($index; rows; key; joined): rows | [., $index[key]] | joined;
)JQ";

// Those that the compiler writes itself.
constexpr std::array<BuiltinName, 12> kForms{{{"empty", 0},
                                              {"error", 0},
                                              {"error", 1},
                                              {"debug", 0},
                                              {"stderr", 0},
                                              {"path", 1},
                                              {"getpath", 1},
                                              {"first", 1},
                                              {"range", 1},
                                              {"range", 2},
                                              {"limit", 2},
                                              {"skip", 2}}};

struct Library {
  NodePtr root;
  std::unordered_map<std::string, const Node*> by_name;
  std::vector<BuiltinName> names;

  Library() {
    auto parsed = Parser(kText).parse_definitions();
    if (!parsed) return;  // cannot happen: a test parses the text
    root = std::move(*parsed);
    for (const NodePtr& one : root->kids) {
      by_name.emplace(one->text + "/" + std::to_string(one->names.size()), one.get());
      names.push_back({one->text, one->names.size()});
    }
    names.insert(names.end(), kForms.begin(), kForms.end());
    for (const NativeEntry& one : natives())
      if (!one.name.starts_with('_')) names.push_back({one.name, one.arity});
  }
};

const Library& library() {
  static const Library kLibrary;
  return kLibrary;
}

}  // namespace

const Node* find_definition(std::string_view name, std::size_t arity) {
  const auto found = library().by_name.find(std::string(name) + "/" + std::to_string(arity));
  return found == library().by_name.end() ? nullptr : found->second;
}

std::span<const BuiltinName> builtin_names() { return library().names; }

}  // namespace stepwell::expression::detail
