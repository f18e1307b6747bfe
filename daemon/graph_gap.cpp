#include "daemon/graph_gap.h"

#include <algorithm>
#include <map>

namespace stepwell::daemon {

namespace {

constexpr int kAbove = 10;  // between the boxes above and the first track
constexpr int kBelow = 16;  // room for the arrows' heads
constexpr int kTrack = 10;  // a track without labels
constexpr int kApart = 8;   // between runs on one track
constexpr int kLabelApart = 5;
constexpr std::size_t kTried = 16;  // tracks that are looked at for room

struct Interval {
  int first;
  int last;
};

struct Bundle {
  std::vector<std::size_t> runs;
  Interval whole;
  int label_height;
};

struct Track {
  std::vector<Interval> taken;
  int label_height = 0;
  std::vector<std::size_t> runs;
};

Interval reach(GapRun& run) {
  Interval all{std::min(run.from, run.to), std::max(run.from, run.to)};
  if (run.label_height == 0) return all;
  const bool right = run.to >= run.from;
  run.label_x = right ? run.from + kLabelApart : run.from - kLabelApart - run.label_width;
  all.first = std::min(all.first, run.label_x);
  all.last = std::max(all.last, run.label_x + run.label_width);
  return all;
}

// Of runs to the right the rightmost is the highest, of runs to the left the leftmost: then those
// that leave one box, or lead to one, do not cross each other.
bool goes_before(const GapRun& a, const GapRun& b) {
  const bool a_right = a.to >= a.from;
  const bool b_right = b.to >= b.from;
  if (a_right != b_right) return a_right;
  return a_right ? a.from > b.from : a.from < b.from;
}

std::vector<Bundle> bundles_of(std::vector<GapRun>& runs) {
  std::vector<std::size_t> order(runs.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return goes_before(runs[a], runs[b]); });
  std::vector<Bundle> bundles;
  std::map<GapRun::Key, std::size_t> known;
  for (const std::size_t i : order) {
    const Interval all = reach(runs[i]);
    const auto [place, fresh] = known.try_emplace(runs[i].key, bundles.size());
    if (fresh) bundles.push_back({{}, all, 0});
    Bundle& bundle = bundles[place->second];
    bundle.runs.push_back(i);
    bundle.whole = {std::min(bundle.whole.first, all.first), std::max(bundle.whole.last, all.last)};
    bundle.label_height = std::max(bundle.label_height, runs[i].label_height);
  }
  return bundles;
}

bool has_room(const Track& track, const Interval& wanted) {
  return std::none_of(track.taken.begin(), track.taken.end(), [&](const Interval& one) {
    return wanted.first <= one.last + kApart && one.first <= wanted.last + kApart;
  });
}

std::vector<Track> tracks_of(const std::vector<Bundle>& bundles) {
  std::vector<Track> tracks;
  for (const Bundle& bundle : bundles) {
    const std::size_t from = tracks.size() > kTried ? tracks.size() - kTried : 0;
    const auto found =
        std::find_if(tracks.begin() + static_cast<std::ptrdiff_t>(from), tracks.end(),
                     [&](const Track& track) { return has_room(track, bundle.whole); });
    Track& track = found == tracks.end() ? tracks.emplace_back() : *found;
    track.taken.push_back(bundle.whole);
    track.label_height = std::max(track.label_height, bundle.label_height);
    track.runs.insert(track.runs.end(), bundle.runs.begin(), bundle.runs.end());
  }
  return tracks;
}

}  // namespace

int arrange(std::vector<GapRun>& runs) {
  int y = kAbove;
  for (const Track& track : tracks_of(bundles_of(runs))) {
    const int height = std::max(track.label_height + 2, kTrack);
    for (const std::size_t i : track.runs) {
      runs[i].y = y + height - 2;
      runs[i].label_y = runs[i].y - runs[i].label_height;
    }
    y += height;
  }
  return y + kBelow;
}

}  // namespace stepwell::daemon
