// The built-ins of the manual: paths, entries, updates by path and streams.
#include "tests/expression/manual_cases.h"

namespace stepwell::expression {

std::vector<ManualCase> manual_paths() {
  return {
      {"path/1", "[path(.a[1:], .b?, ..)]", R"jq({"a": [1, 2]})jq",
       R"jq([["a",{"start":1,"end":null}],["b"],[],["a"],["a",0],["a",1]])jq"},
      {"path/1", "try path(.a | map(. + 1)) catch .", R"jq({"a": [1]})jq",
       R"jq("Invalid path expression with result [2]")jq"},
      {"paths/0", "[paths]", R"jq({"a": [1, {"b": 2}]})jq",
       R"jq([["a"],["a",0],["a",1],["a",1,"b"]])jq"},
      {"paths/1", R"jq([paths(type == "number")])jq", R"jq({"a": [1, {"b": 2}]})jq",
       R"jq([["a",0],["a",1,"b"]])jq"},
      {"getpath/1", R"jq(getpath(["a", 0, "b"], ["x", "y"]))jq", R"jq({"a": [{"b": 2}]})jq",
       "2 null"},
      {"getpath/1", R"jq(try getpath(["a", "b"]) catch .)jq", R"jq({"a": 1})jq",
       R"jq("Cannot index number with string \"b\"")jq"},
      {"getpath/1", R"jq([path(getpath(["q", 0]))])jq", "null", R"jq([["q",0]])jq"},
      {"setpath/2", R"jq(setpath(["a", 1]; 9), setpath([]; "all"))jq", R"jq({"a": [5]})jq",
       R"jq({"a":[5,9]} "all")jq"},
      {"setpath/2", "try setpath([-2]; 1) catch .", "[0]",
       R"jq("Out of bounds negative array index")jq"},
      {"delpaths/1", R"jq(delpaths([["a", 0], ["b"], ["none", "x"]]))jq",
       R"jq({"a": [1, 2], "b": 3})jq", R"jq({"a":[2]})jq"},
      {"delpaths/1", "try delpaths(0) catch .", "1",
       R"jq("Paths must be specified as an array")jq"},
      {"del/1", "del(.[1, 3]), del(.[:2]), del(.[] | select(. > 1))", "[1, 2, 3, 4]",
       "[1,3] [3,4] [1]"},
      {"pick/1", "pick(.a.b, .c[1])", R"jq({"a": {"b": 1, "x": 2}, "c": [3, 4, 5]})jq",
       R"jq({"a":{"b":1},"c":[null,4]})jq"},
      {"pick/1", "try pick(last) catch .", "[1]", R"jq("Out of bounds negative array index")jq"},
      {"to_entries/0", "to_entries", R"jq({"a": 1, "b": null})jq",
       R"jq([{"key":"a","value":1},{"key":"b","value":null}])jq"},
      {"from_entries/0", "from_entries",
       R"jq([{"key": "a", "value": false}, {"name": "b", "value": 2}, {"Key": "c", "Value": 3}, {"Name": "d"}])jq",
       R"jq({"a":false,"b":2,"c":3,"d":null})jq"},
      {"from_entries/0", "try from_entries catch .", R"jq([{"key": 1}])jq",
       R"jq("Cannot use number (1) as object key")jq"},
      {"with_entries/1", R"jq(with_entries(.key |= "x-" + . | select(.value > 1)))jq",
       R"jq({"a": 1, "b": 2})jq", R"jq({"x-b":2})jq"},
      {"map_values/1", "map_values(. + 1), map_values(empty)", R"jq({"a": 1, "b": 2})jq",
       R"jq({"a":2,"b":3} {})jq"},
      {"walk/1", R"jq(walk(if type == "array" then sort else . end))jq",
       R"jq([3, {"a": [2, 1]}, [0]])jq", R"jq([3,[0],{"a":[1,2]}])jq"},
      {"tostream/0", "[tostream]", R"jq({"a": [1, {}]})jq",
       R"jq([[["a",0],1],[["a",1],{}],[["a",1]],[["a"]]])jq"},
      {"fromstream/1", "[fromstream(tostream)], [fromstream(([0], 1 | [., 5]), [[0]])]?",
       R"jq([{"a": [1]}])jq", R"jq([[{"a":[1]}]])jq"},
      {"fromstream/1", "fromstream(tostream)", R"jq({"a": [1, {"b": []}]})jq",
       R"jq({"a":[1,{"b":[]}]})jq"},
      {"truncate_stream/1",
       R"jq([1 | truncate_stream([[0], "top"], [["a", 0], "in"], [["a", 0]], [["a"]])])jq", "null",
       R"jq([[[0],"in"],[[0]]])jq"},
  };
}

}  // namespace stepwell::expression
