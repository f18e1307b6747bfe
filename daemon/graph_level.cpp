#include "daemon/graph_level.h"

#include <algorithm>
#include <map>
#include <utility>

#include "daemon/graph_gap.h"
#include "daemon/graph_rows.h"
#include "daemon/graph_text.h"

namespace stepwell::daemon {

namespace {

constexpr int kBoxesApart = 28;  // between boxes of a row
constexpr int kLane = 12;        // between lanes
constexpr int kSideLine = 20;    // of a link to the box beside, below their upper borders
constexpr int kNothing = 10;     // a gap at a group's border through which nothing goes
constexpr std::size_t kOrdersTried = 64;

enum class Way : std::uint8_t { beside, down, right, left };

class Arrangement {
 public:
  explicit Arrangement(Level& level) : level_(level) {}

  void run() {
    find_rows();
    place_rows();
    choose_ports();
    collect_runs();
    find_lanes();
    set_heights();
    draw();
    shift();
  }

 private:
  // Where a link goes down or up beside the rows. Links to one box share it.
  struct Lane {
    std::size_t first = 0;  // gaps
    std::size_t last = 0;
    int x = 0;
  };
  using LaneKey = std::pair<Way, std::size_t>;

  void find_rows() {
    RowsOf group;
    group.count = level_.boxes.size();
    group.beside = level_.beside;
    group.has_end = level_.has_end;
    for (const LevelLink& link : level_.links)
      if (!link.beside && link.to != kOut) group.edges.emplace_back(link.from, link.to);
    row_ = rows_of(group);
    rows_.resize(*std::max_element(row_.begin(), row_.end()) + 1);
    for (std::size_t i = 0; i < row_.size(); ++i) rows_[row_[i]].push_back(i);
    gaps_.resize(rows_.size() + 1);
  }

  // Beside its right neighbour there is room for the label of the link to it.
  int apart(std::size_t box) const {
    const auto label = side_label_.find(box);
    return label == side_label_.end() ? kBoxesApart : kBoxesApart + label->second;
  }

  // Rows are centred on x = 0.
  void place_rows() {
    for (const LevelLink& link : level_.links)
      if (link.beside)
        side_label_[link.from] = 8 + static_cast<int>(widest(link.label)) * kTextCell;
    for (const std::vector<std::size_t>& row : rows_) {
      int width = 0;
      for (const std::size_t i : row)
        width += level_.boxes[i].width + (i == row.back() ? 0 : apart(i));
      int x = -width / 2;
      for (const std::size_t i : row) {
        level_.boxes[i].x = x;
        x += level_.boxes[i].width + apart(i);
      }
      reach(-width / 2);
      reach(width - width / 2);
    }
  }

  void reach(int x) {
    least_ = std::min(least_, x);
    most_ = std::max(most_, x);
  }

  int centre(std::size_t box) const { return level_.boxes[box].x + level_.boxes[box].width / 2; }

  Way way_of(const LevelLink& link) const {
    if (link.beside) return Way::beside;
    if (link.to == kOut || row_[link.to] > row_[link.from] + 1) return Way::right;
    return row_[link.to] == row_[link.from] + 1 ? Way::down : Way::left;
  }

  int aim(const LevelLink& link) const {
    const Way way = way_of(link);
    if (way == Way::down) return centre(link.to);
    return way == Way::left ? kLaneLeft : kLaneRight;
  }

  // Links leave along the lower border, in the order of where they go; those without a label
  // together.
  void choose_ports() {
    std::vector<std::vector<std::vector<std::size_t>>> ports(level_.boxes.size());
    std::vector<std::size_t> plain(level_.boxes.size(), kOut);
    port_.resize(level_.links.size(), 0);
    bundled_.resize(level_.boxes.size(), 0);
    for (std::size_t i = 0; i < level_.links.size(); ++i) {
      const LevelLink& link = level_.links[i];
      if (link.beside) continue;
      if (link.port >= 0) {
        port_[i] = level_.boxes[link.from].x + link.port;
        continue;
      }
      auto& of_box = ports[link.from];
      if (link.label.empty()) ++bundled_[link.from];
      if (link.label.empty() && plain[link.from] != kOut) {
        of_box[plain[link.from]].push_back(i);
        continue;
      }
      if (link.label.empty()) plain[link.from] = of_box.size();
      of_box.push_back({i});
    }
    for (std::size_t box = 0; box < ports.size(); ++box) {
      auto& of_box = ports[box];
      std::stable_sort(of_box.begin(), of_box.end(), [&](const auto& a, const auto& b) {
        return aim(level_.links[a[0]]) < aim(level_.links[b[0]]);
      });
      const PlacedBox& placed = level_.boxes[box];
      const auto count = static_cast<int>(of_box.size());
      for (int k = 0; k < count; ++k)
        for (const std::size_t i : of_box[static_cast<std::size_t>(k)])
          port_[i] = placed.x + placed.width * (k + 1) / (count + 1);
    }
  }

  void collect_runs() {
    for (std::size_t i = 0; i < level_.links.size(); ++i) {
      const LevelLink& link = level_.links[i];
      const Way way = way_of(link);
      if (way == Way::beside) continue;
      const std::size_t out_gap = row_[link.from] + 1;
      const std::size_t in_gap = link.to == kOut ? rows_.size() : row_[link.to];
      GapRun leaving;
      leaving.link = i;
      leaving.from = port_[i];
      leaving.to = aim(link);
      leaving.label_width = static_cast<int>(widest(link.label)) * kTextCell;
      leaving.label_height = static_cast<int>(link.label.size()) * kLineHeight;
      if (!link.label.empty() || link.port >= 0)
        leaving.key = {0, i, 0};
      else if (bundled_[link.from] > 1)
        leaving.key = {1, link.from, 0};
      else
        leaving.key = {2, link.to, static_cast<int>(way)};
      const bool straight = leaving.from == leaving.to && link.label.empty();
      if (!straight) gaps_[out_gap].push_back(leaving);
      if (way == Way::down) continue;
      Lane& lane = lanes_.try_emplace({way, link.to}, Lane{in_gap, in_gap, 0}).first->second;
      lane.first = std::min(lane.first, out_gap);
      lane.last = std::max(lane.last, out_gap);
      if (link.to == kOut) continue;
      GapRun arriving;
      arriving.key = {3, link.to, static_cast<int>(way)};
      arriving.link = i;
      arriving.arrives = true;
      arriving.from = leaving.to;
      arriving.to = centre(link.to);
      gaps_[in_gap].push_back(arriving);
    }
    for (std::vector<GapRun>& gap : gaps_) heights_.push_back(arrange(gap));
    if (gaps_.front().empty()) heights_.front() = kNothing;
    if (gaps_.back().empty()) heights_.back() = kNothing;
    for (const std::vector<GapRun>& gap : gaps_)
      for (const GapRun& run : gap)
        if (run.label_height > 0) {
          reach(run.label_x);
          reach(run.label_x + run.label_width);
        }
  }

  // Short lanes are the inner ones; two that meet at a gap are not the same.
  void find_lanes() {
    std::vector<Lane*> order;
    for (const Way side : {Way::right, Way::left}) {
      order.clear();
      for (auto& [key, lane] : lanes_)
        if (key.first == side) order.push_back(&lane);
      std::stable_sort(order.begin(), order.end(), [](const Lane* a, const Lane* b) {
        return a->last - a->first < b->last - b->first;
      });
      std::vector<std::vector<const Lane*>> taken;
      for (Lane* lane : order) {
        std::size_t at = taken.size() > kOrdersTried ? taken.size() - kOrdersTried : 0;
        const auto in_the_way = [&](const Lane* other) {
          return lane->first <= other->last && other->first <= lane->last;
        };
        while (at < taken.size() && std::any_of(taken[at].begin(), taken[at].end(), in_the_way))
          ++at;
        if (at == taken.size()) taken.emplace_back();
        taken[at].push_back(lane);
        const int distance = kLane * (static_cast<int>(at) + 1);
        lane->x = side == Way::right ? most_ + distance : least_ - distance;
      }
      const int lanes = kLane * (static_cast<int>(taken.size()) + (taken.empty() ? 0 : 1));
      if (side == Way::right) right_ = most_ + lanes;
      if (side == Way::left) left_ = least_ - lanes;
    }
  }

  void set_heights() {
    int y = 0;
    for (std::size_t r = 0; r < rows_.size(); ++r) {
      gap_y_.push_back(y);
      y += heights_[r];
      int height = 0;
      for (const std::size_t i : rows_[r]) {
        level_.boxes[i].y = y;
        height = std::max(height, level_.boxes[i].height);
      }
      y += height;
    }
    gap_y_.push_back(y);
    level_.height = y + heights_.back();
  }

  static void go(std::vector<GraphPoint>& way, GraphPoint to) {
    if (!way.empty() && way.back() == to) return;
    const std::size_t n = way.size();
    const bool on = n >= 2 && ((way[n - 2].x == way[n - 1].x && way[n - 1].x == to.x) ||
                               (way[n - 2].y == way[n - 1].y && way[n - 1].y == to.y));
    if (on) way.pop_back();
    way.push_back(to);
  }

  void draw() {
    for (std::size_t i = 0; i < level_.links.size(); ++i) {
      LevelLink& link = level_.links[i];
      const PlacedBox& from = level_.boxes[link.from];
      if (link.beside) {
        const int y = from.y + kSideLine;
        link.way = {{from.x + from.width, y}, {level_.boxes[link.to].x, y}};
        link.label_at = {from.x + from.width + 8,
                         y - static_cast<int>(link.label.size()) * kLineHeight};
      } else {
        link.way = {{port_[i], from.y + from.height}};
      }
    }
    for (std::size_t g = 0; g < gaps_.size(); ++g)
      for (const GapRun& run : gaps_[g])
        if (!run.arrives) leave(run, gap_y_[g]);
    for (std::size_t g = 0; g < gaps_.size(); ++g)
      for (const GapRun& run : gaps_[g])
        if (run.arrives) arrive(run, gap_y_[g]);
    for (LevelLink& link : level_.links) {
      if (link.beside) continue;
      if (link.to == kOut)
        go(link.way, {link.way.back().x, level_.height});
      else
        go(link.way, {centre(link.to), level_.boxes[link.to].y});
    }
  }

  int lane_x(const LevelLink& link) const { return lanes_.at({way_of(link), link.to}).x; }

  void leave(const GapRun& run, int gap) {
    LevelLink& link = level_.links[run.link];
    const int x = way_of(link) == Way::down ? run.to : lane_x(link);
    go(link.way, {run.from, gap + run.y});
    go(link.way, {x, gap + run.y});
    if (run.label_height > 0) link.label_at = {run.label_x, gap + run.label_y};
  }

  void arrive(const GapRun& run, int gap) {
    LevelLink& link = level_.links[run.link];
    go(link.way, {lane_x(link), gap + run.y});
    go(link.way, {run.to, gap + run.y});
  }

  // So that everything lies right of x = 0.
  void shift() {
    level_.width = right_ - left_;
    for (PlacedBox& box : level_.boxes) box.x -= left_;
    for (LevelLink& link : level_.links) {
      for (GraphPoint& point : link.way) point.x -= left_;
      link.label_at.x -= left_;
    }
    const auto out = lanes_.find({Way::right, kOut});
    if (out != lanes_.end()) level_.out = out->second.x - left_;
  }

  Level& level_;
  std::vector<std::size_t> row_;                // by box
  std::vector<std::vector<std::size_t>> rows_;  // the boxes of each
  std::vector<std::vector<GapRun>> gaps_;       // the one above each row, and the one below all
  std::vector<int> heights_;                    // of the gaps
  std::vector<int> gap_y_;
  std::vector<int> port_;             // x, by link
  std::vector<std::size_t> bundled_;  // by box: links without a label that leave it
  std::map<std::size_t, int> side_label_;
  std::map<LaneKey, Lane> lanes_;
  int least_ = 0;
  int most_ = 0;
  int left_ = 0;
  int right_ = 0;
};

}  // namespace

void lay_out_level(Level& level) { Arrangement(level).run(); }

}  // namespace stepwell::daemon
