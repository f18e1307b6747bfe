#include "config/graph.h"

#include <map>
#include <tuple>
#include <utility>

#include "config/graph_notes.h"

namespace stepwell::config {

namespace {

using Shape = GraphBox::Shape;

Shape shape_of(std::string_view kind) {
  if (kind.starts_with("call ") || kind.starts_with("run")) return Shape::call;
  if (kind == "switch") return Shape::choice;
  if (kind == "wait" || kind == "listen") return Shape::wait;
  if (kind == "raise") return Shape::raise;
  return kind == "emit" ? Shape::event : Shape::step;
}

class Builder {
 public:
  explicit Builder(const Definition& definition) {
    graph_.id = definition.id();
    graph_.title = definition.title;
    add({Shape::group, 0, definition.name, "workflow", {}, {}});
    list(definition.tasks, 0, Shape::start, Shape::end);
    drop_unreached();
  }

  Graph take() { return std::move(graph_); }

 private:
  // A list that is being drawn, and the boxes of its tasks.
  struct List {
    const TaskList& tasks;
    std::vector<std::size_t> boxes;
    std::size_t done;
    bool branches = false;  // of a `fork`: none leads to another
  };
  struct Drawn {
    std::size_t begin;
    std::size_t done;
  };

  std::size_t add(GraphBox box) {
    graph_.boxes.push_back(std::move(box));
    may_be_passed_.push_back(false);
    return graph_.boxes.size() - 1;
  }

  void connect(std::size_t from, std::size_t to, std::string label = {},
               GraphEdge::Kind kind = GraphEdge::Kind::flow) {
    const auto [place, fresh] = known_.try_emplace({from, to, kind}, graph_.edges.size());
    if (fresh) graph_.edges.push_back({from, to, kind, {}});
    std::vector<std::string>& lines = graph_.edges[place->second].label;
    // What leads there in any case needs no condition.
    const bool always = !fresh && lines.empty();
    if (!label.empty() && !always) lines.push_back(std::move(label));
  }

  std::size_t target(const List& list, std::size_t index, const FlowDirective& then) const {
    if (then.kind == FlowDirective::Kind::end) return graph_.end;
    if (then.kind == FlowDirective::Kind::exit) return list.done;
    const std::size_t next = then.kind == FlowDirective::Kind::task ? then.target : index + 1;
    return !list.branches && next < list.boxes.size() ? list.boxes[next] : list.done;
  }

  // The workflow's end has to be known before anything leads to it; it is drawn last nevertheless.
  Drawn list(const TaskList& tasks, std::size_t group, Shape first, Shape last) {
    const std::size_t begin = add({first, group, {}, {}, {}, {}});
    if (last == Shape::end) graph_.end = add({last, group, {}, {}, {}, {}});
    List drawn{tasks, {}, graph_.end, false};
    for (const Task& task : tasks) drawn.boxes.push_back(add_task(task, group));
    if (last != Shape::end) drawn.done = add({last, group, {}, {}, {}, {}});
    connect(begin, drawn.boxes.empty() ? drawn.done : drawn.boxes[0]);
    for (std::size_t i = 0; i < tasks.size(); ++i) connect_task(drawn, i);
    return {begin, drawn.done};
  }

  void branches(const TaskList& tasks, std::size_t group) {
    const std::size_t begin = add({Shape::begin, group, {}, {}, {}, {}});
    List drawn{tasks, {}, 0, true};
    for (const Task& task : tasks) drawn.boxes.push_back(add_task(task, group));
    drawn.done = add({Shape::done, group, {}, {}, {}, {}});
    for (std::size_t i = 0; i < tasks.size(); ++i) {
      connect(begin, drawn.boxes[i]);
      connect_task(drawn, i);
    }
  }

  std::size_t add_task(const Task& task, std::size_t group) {
    const std::string kind = task_kind(task);
    const std::size_t box =
        add({shape_of(kind), group, task.name, kind, task_notes(task), task.reference});
    const bool loop = kind == "for" || kind == "listen";
    may_be_passed_[box] = loop || task.condition.has_value();
    if (const auto* attempt = std::get_if<TryBody>(&task.body)) {
      graph_.boxes[box].shape = Shape::group;
      list(attempt->tasks, box, Shape::begin, Shape::done);
      if (attempt->has_handler) add_handler(task, *attempt, box, group);
    } else if (const auto* fork = std::get_if<ForkBody>(&task.body)) {
      graph_.boxes[box].shape = Shape::group;
      branches(fork->branches, box);
    } else {
      add_lists(task, box, loop);
    }
    return box;
  }

  void add_lists(const Task& task, std::size_t box, bool loop) {
    for (const TaskList* tasks : child_lists(task.body)) {
      const bool always =
          std::holds_alternative<DoBody>(task.body) || task.definition.contains("for");
      if (tasks->empty() && !always) continue;
      graph_.boxes[box].shape = Shape::group;
      const Drawn drawn = list(*tasks, box, Shape::begin, Shape::done);
      if (loop) connect(drawn.done, drawn.begin, "next round", GraphEdge::Kind::round);
    }
  }

  void add_handler(const Task& task, const TryBody& body, std::size_t box, std::size_t group) {
    const std::size_t handler = add(
        {Shape::group, group, task.name, "catch", catch_notes(task), task.reference + "/catch"});
    handlers_[box] = handler;
    list(body.handler, handler, Shape::begin, Shape::done);
  }

  void connect_task(const List& list, std::size_t i) {
    const Task& task = list.tasks[i];
    const std::size_t box = list.boxes[i];
    if (const auto* choice = std::get_if<SwitchBody>(&task.body)) {
      bool has_default = false;
      for (std::size_t c = 0; c < choice->cases.size(); ++c) {
        connect(box, target(list, i, choice->cases[c].then), case_label(task, c));
        has_default = has_default || !choice->cases[c].when;
      }
      if (!has_default) connect(box, target(list, i, task.then), "no match");
    } else if (!std::holds_alternative<RaiseBody>(task.body)) {
      connect(box, target(list, i, task.then));
    }
    if (const auto* attempt = std::get_if<TryBody>(&task.body)) connect_catch(list, i, *attempt);
    // A task that its `if` skips goes on to the next one, and not by its own `then`.
    const bool elsewhere = task.then.kind != FlowDirective::Kind::next ||
                           std::holds_alternative<SwitchBody>(task.body) ||
                           std::holds_alternative<RaiseBody>(task.body);
    if (task.condition && elsewhere) connect(box, target(list, i, {}), "skipped");
  }

  void connect_catch(const List& list, std::size_t i, const TryBody& body) {
    const std::size_t after = target(list, i, body.then.value_or(list.tasks[i].then));
    const auto handler = handlers_.find(list.boxes[i]);
    if (handler != handlers_.end()) {
      connect(list.boxes[i], handler->second, "error", GraphEdge::Kind::error);
      connect(handler->second, after);
    } else if (body.then) {
      connect(list.boxes[i], after, "error", GraphEdge::Kind::error);
      for (std::string& note : catch_notes(list.tasks[i]))
        connect(list.boxes[i], after, std::move(note), GraphEdge::Kind::error);
    }
  }

  // The end of a list that never runs out (each of its ways raises, or ends the workflow), and with
  // it what would come after the group.
  void drop_unreached() {
    std::vector<std::size_t> arriving(graph_.boxes.size(), 0);
    std::vector<std::vector<std::size_t>> leaving(graph_.boxes.size());
    for (std::size_t e = 0; e < graph_.edges.size(); ++e) {
      ++arriving[graph_.edges[e].to];
      leaving[graph_.edges[e].from].push_back(e);
    }
    std::vector<bool> dropped(graph_.boxes.size(), false);
    std::vector<bool> cut(graph_.edges.size(), false);
    const auto cut_from = [&](std::size_t box) {
      for (const std::size_t e : leaving[box]) {
        if (graph_.edges[e].kind == GraphEdge::Kind::error || cut[e]) continue;
        cut[e] = true;
        --arriving[graph_.edges[e].to];
      }
    };
    // An inner list's end stands before the outer one's.
    for (std::size_t i = 0; i < graph_.boxes.size(); ++i) {
      if (graph_.boxes[i].shape != Shape::done || arriving[i] > 0) continue;
      dropped[i] = true;
      cut_from(i);
      if (!may_be_passed_[graph_.boxes[i].group]) cut_from(graph_.boxes[i].group);
    }
    compact(dropped, cut);
  }

  void compact(const std::vector<bool>& dropped, const std::vector<bool>& cut) {
    std::vector<std::size_t> now(graph_.boxes.size(), 0);
    std::vector<GraphBox> boxes;
    for (std::size_t i = 0; i < now.size(); ++i) {
      now[i] = boxes.size();
      if (!dropped[i]) boxes.push_back(std::move(graph_.boxes[i]));
    }
    for (GraphBox& box : boxes) box.group = now[box.group];
    std::vector<GraphEdge> edges;
    for (std::size_t e = 0; e < cut.size(); ++e) {
      if (cut[e]) continue;
      edges.push_back(std::move(graph_.edges[e]));
      edges.back().from = now[edges.back().from];
      edges.back().to = now[edges.back().to];
    }
    graph_.end = now[graph_.end];
    graph_.boxes = std::move(boxes);
    graph_.edges = std::move(edges);
  }

  Graph graph_;
  std::vector<bool> may_be_passed_;  // by box: a group whose list need not run
  std::map<std::tuple<std::size_t, std::size_t, GraphEdge::Kind>, std::size_t> known_;
  std::map<std::size_t, std::size_t> handlers_;  // of the boxes of `try`
};

}  // namespace

std::vector<std::string> GraphBox::lines() const {
  std::vector<std::string> all{name};
  if (notes.empty() || !notes[0].starts_with(kind)) all.push_back(kind);
  all.insert(all.end(), notes.begin(), notes.end());
  return all;
}

Graph graph_of(const Definition& definition) { return Builder(definition).take(); }

}  // namespace stepwell::config
