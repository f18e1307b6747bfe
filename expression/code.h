// The compiled form of an expression: instructions for the Machine, immutable after compile() and
// read by all threads at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/value.h"
#include "expression/shape.h"

namespace stepwell::expression::detail {

// What an instruction does to the stack is written as before → after, the top at the right;
// "in" is the input that every piece of code replaces by its output.
enum class Op : std::uint8_t {
  load,           // in → constant[arg]
  push,           // → constant[arg]
  dup,            // v → v v
  push_object,    // → {} with room for arg members
  pick,           // → the value n below the top
  pop,            // v →
  swap,           // a b → b a
  load_variable,  // in → variable[level, arg]
  push_variable,  // → variable[level, arg]
  take_variable,  // → local[arg], which becomes null
  store,          // v → ; local[arg] = v
  jump,           // to arg
  jump_false,     // c → ; to arg where c is false or null
  jump_true,      // c → ; to arg otherwise
  truth,          // v → true or false
  backtrack,      // on to the next possibility
  fork,           // the next possibility begins at arg, with the stack as it is now
  attempt,        // an error from here on goes to arg, with the message in the place of in; the
                  // point is noted in local[level]
  attempt_end,    // errors behind this point are not those of the attempt in local[arg]
  alternative,    // ?//: an error from here on goes to arg, with the stack as it is now
  label,          // local[arg] = this point, to be left by cut or leave
  leave,          // drops all possibilities since variable[level, arg] and backtracks
  cut,            // drops all possibilities since local[arg] and goes on
  count,          // local[level] -= 1; at zero as cut of local[arg]
  count_start,    // n → ; local[arg] = n; n = 0 backtracks unless the
                  // instruction's n is set; n < 0 raises constant[level]
  skip,           // local[arg] -= 1; backtracks while it was above zero
  raise,          // v → error v
  nest,           // from here to unnest nothing belongs to a path
  unnest,
  path_begin,       // in → saved path state, in
  path_end,         // saved path state, v → path
  index,            // key, in → in[key]
  index_constant,   // in → in[constant[arg]]; n: 1 for optional
  walk,             // in → in[k1][k2]…, the keys are the elements of constant[arg]
  index_below,      // in → in, in[constant[arg]] (destructuring)
  slice,            // to, from, in → in[from:to]; n: 1 for optional
  each,             // in → one element after the other; n: 1 for optional
  range,            // to, from → one number after the other
  get_path,         // in, path → in at path
  collect,          // local[arg] = []
  append,           // v → ; appended to local[arg]; backtracks
  wrap,             // n values → array of these, the last on top
  insert,           // object, key, value → object
  insert_constant,  // object, value → object with constant[arg]
  negate,
  add,       // right, left → left op right; where level is 1 or 2, right is constant[arg] or
  subtract,  // local[arg]
  multiply,
  divide,
  modulo,
  equal,
  unequal,
  less,
  less_equal,
  greater,
  greater_equal,
  concatenate,      // n texts → one text, the first on top
  format,           // v → v in the format constant[arg]
  native,           // in, argN … arg1 → result; arg: the built-in, n: the number of arguments
  call,             // calls functions[arg] of the frame `level` up; n argument words follow
  tail_call,        // the same, in the place of this frame
  argument,         // a word behind a call: a closure of functions[arg] in this frame
  argument_passed,  // a word behind a call: the closure parameter [level, arg] of this frame
  call_parameter,   // calls the closure parameter [level, arg]
  tail_parameter,
  finish,       // v → ; returns to the caller
  update_take,  // → the value of local[arg] at the path local[level], null left in its place
  update_look,  // → the value of local[arg] at the path local[level]
  update_put,   // v → ; local[arg] at the path local[level] becomes v
  update_drop,  // the path local[level] is appended to local[arg]
  update_end,   // → local[arg] without the paths of local[level]
};

// `level` counts lexically enclosing functions, or names a second local where said above.
struct Instruction {
  Op op;
  std::uint8_t n = 0;
  std::uint16_t level = 0;
  std::uint32_t arg = 0;
};
static_assert(sizeof(Instruction) == 8);

struct Function {
  std::vector<Instruction> code;
  std::uint32_t locals = 0;
  std::uint32_t parameters = 0;
};

struct Code {
  std::string source;
  std::vector<Value> constants;
  // The first is the program itself; none where the program is a shape.
  std::vector<std::unique_ptr<Function>> functions;
  std::vector<bool> used_variables;
  std::optional<Shape> shape;  // where the program is no more than one
};

}  // namespace stepwell::expression::detail
