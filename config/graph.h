// The flow of a definition as boxes and edges: what runs after what, for an author to look at.
// Made by graph_of() out of a loaded definition; knows nothing of any notation or of any place on
// a page (daemon/graph_mermaid.h, daemon/graph_layout.h). Pure; callable from any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "config/definition.h"

namespace stepwell::config {

// A task, a list of tasks, or a point where a list begins or ends.
struct GraphBox {
  enum class Shape : std::uint8_t {
    group,   // a task that holds a list, or the handler of a `catch`; index 0 is the workflow
    start,   // of the workflow
    end,     // of the workflow; every `end` leads here
    begin,   // of a group's list
    done,    // of a group's list; where it runs out, and where `exit` leads
    step,    // a task without a shape of its own
    call,    // `call` and `run`
    choice,  // `switch`
    wait,    // `wait` and `listen`
    raise,
    event,  // `emit`
  };
  Shape shape = Shape::step;
  std::size_t group = 0;           // that it lies in
  std::string name;                // the task's; empty for points
  std::string kind;                // "call http", "for", "catch"; empty for points
  std::vector<std::string> notes;  // a line each: what is called, loops, retry, `if`, timeout
  std::string reference;           // the task's JSON pointer

  // Name, kind and notes, a line each; without the kind where the notes begin with it.
  std::vector<std::string> lines() const;
};

struct GraphEdge {
  enum class Kind : std::uint8_t { flow, error, round };  // round: the next one of a loop
  std::size_t from = 0;
  std::size_t to = 0;
  Kind kind = Kind::flow;
  std::vector<std::string> label;  // a line each
};

// Both ends of an edge lie in the same group, but for those to the workflow's end, which may come
// from anywhere. No two edges have the same ends and kind. A group's list is a row of boxes from
// its `begin` (or `start`) to its `done` (or `end`); of a `fork` the branches lie beside each
// other between them.
struct Graph {
  std::string title;            // of the workflow; may be empty
  std::string id;               // NAMESPACE/NAME:VERSION
  std::vector<GraphBox> boxes;  // each group before what lies in it; a list in its order
  std::vector<GraphEdge> edges;
  std::size_t end = 0;  // the workflow's
};

Graph graph_of(const Definition& definition);

}  // namespace stepwell::config
