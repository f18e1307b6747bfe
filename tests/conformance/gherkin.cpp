#include "tests/conformance/gherkin.h"

#include <array>
#include <optional>
#include <utility>

#include "base/ascii.h"

namespace stepwell::conformance {

namespace {

constexpr std::string_view kQuotes = "\"\"\"";

// What stands behind one of the words, if the line begins with one.
template <std::size_t count>
std::optional<std::string_view> behind(std::string_view line,
                                       const std::array<std::string_view, count>& words) {
  for (const std::string_view word : words)
    if (line.starts_with(word)) return trimmed(line.substr(word.size()));
  return std::nullopt;
}

constexpr std::array<std::string_view, 6> kSteps{"Given ", "When ", "Then ", "And ", "But ", "* "};
constexpr std::array<std::string_view, 2> kOutlines{"Scenario Outline:", "Scenario Template:"};
constexpr std::array<std::string_view, 2> kScenarios{"Scenario:", "Example:"};
constexpr std::array<std::string_view, 2> kExamples{"Examples:", "Scenarios:"};
constexpr std::array<std::string_view, 1> kFeature{"Feature:"};
constexpr std::array<std::string_view, 1> kBackground{"Background:"};

TableRow cells(std::string_view line) {
  TableRow row;
  line.remove_prefix(1);
  while (!line.empty()) {
    std::string cell;
    std::size_t at = 0;
    for (; at < line.size() && line[at] != '|'; ++at) {
      if (line[at] == '\\' && at + 1 < line.size()) ++at;
      cell += line[at];
    }
    if (at == line.size()) break;
    row.emplace_back(trimmed(cell));
    line.remove_prefix(at + 1);
  }
  return row;
}

std::string filled(std::string text, const TableRow& names, const TableRow& values) {
  for (std::size_t i = 0; i < names.size() && i < values.size(); ++i) {
    const std::string mark = "<" + names[i] + ">";
    for (std::size_t at = 0; (at = text.find(mark, at)) != std::string::npos;
         at += values[i].size())
      text.replace(at, mark.size(), values[i]);
  }
  return text;
}

class FeatureReader {
 public:
  FeatureReader(std::string_view text, const std::string& file) : rest_(text) {
    feature_.file = file;
  }

  Result<Feature> read() {
    while (next()) {
      if (auto done = take(trimmed(line_)); !done) return fail(std::move(done.error()));
    }
    if (feature_.name.empty()) return wrong("there is no Feature");
    close();
    return std::move(feature_);
  }

 private:
  enum class Part { none, background, scenario, outline, examples };

  tl::unexpected<Problem> wrong(const std::string& what) const {
    return fail(make_problem(ErrorKind::validation, "feature-invalid",
                             feature_.file + ":" + std::to_string(number_) + ": " + what));
  }

  bool next() {
    if (rest_.empty()) return false;
    const std::size_t end = rest_.find('\n');
    line_ = rest_.substr(0, end);
    rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 1);
    ++number_;
    return true;
  }

  Status take(std::string_view line) {
    if (line.empty() || line.front() == '#' || line.front() == '@') return {};
    if (auto name = behind(line, kFeature)) {
      feature_.name = std::string(*name);
      return {};
    }
    if (behind(line, kBackground)) return begin(Part::background, "Background");
    if (auto outline = behind(line, kOutlines)) return begin(Part::outline, *outline);
    if (auto name = behind(line, kScenarios)) return begin(Part::scenario, *name);
    if (behind(line, kExamples)) return begin_examples();
    if (auto text = behind(line, kSteps)) return begin_step(*text);
    if (line.starts_with(kQuotes)) return read_document();
    if (line.front() == '|') return take_row(line);
    // Free text belongs between a heading and its first step.
    if (current_ != nullptr && !current_->phrases.empty())
      return wrong("neither a step nor a heading: " + std::string(line));
    return {};
  }

  Status begin(Part part, std::string_view name) {
    close();
    part_ = part;
    scenario_ = Scenario{std::string(name), number_, {}};
    current_ = &scenario_;
    examples_.clear();
    return {};
  }

  Status begin_examples() {
    if (part_ != Part::outline && part_ != Part::examples)
      return wrong("Examples without a Scenario Outline");
    expand();
    part_ = Part::examples;
    return {};
  }

  Status begin_step(std::string_view text) {
    if (current_ == nullptr || part_ == Part::examples) return wrong("a step without a scenario");
    current_->phrases.push_back({std::string(text), {}, false, {}, number_});
    return {};
  }

  Status take_row(std::string_view line) {
    if (part_ == Part::examples) {
      examples_.push_back(cells(line));
      if (examples_.back().size() != examples_.front().size())
        return wrong("a row has another number of cells than the first one");
      return {};
    }
    if (current_ == nullptr || current_->phrases.empty()) return wrong("a table without a step");
    current_->phrases.back().table.push_back(cells(line));
    return {};
  }

  Status read_document() {
    if (current_ == nullptr || current_->phrases.empty())
      return wrong("a doc string without a step");
    Phrase& phrase = current_->phrases.back();
    const std::size_t indent = line_.find('"');
    phrase.has_document = true;
    while (next()) {
      if (trimmed(line_).starts_with(kQuotes)) return {};
      const std::size_t own = std::min(line_.find_first_not_of(' '), line_.size());
      phrase.document.append(line_.substr(std::min(own, indent)));
      phrase.document += '\n';
    }
    return wrong("a doc string does not end");
  }

  // A scenario is complete.
  void close() {
    if (part_ == Part::background) background_ = scenario_.phrases;
    if (part_ == Part::scenario) add(scenario_);
    if (part_ == Part::examples) expand();
    part_ = Part::none;
    current_ = nullptr;
  }

  void add(Scenario scenario) {
    scenario.phrases.insert(scenario.phrases.begin(), background_.begin(), background_.end());
    feature_.scenarios.push_back(std::move(scenario));
  }

  // The rows read so far, each a scenario.
  void expand() {
    for (std::size_t row = 1; row < examples_.size(); ++row) {
      Scenario scenario = scenario_;
      const TableRow& names = examples_.front();
      const TableRow& values = examples_[row];
      scenario.name = filled(scenario.name, names, values);
      if (scenario.name == scenario_.name) scenario.name += " " + std::to_string(row);
      for (Phrase& phrase : scenario.phrases) {
        phrase.text = filled(phrase.text, names, values);
        phrase.document = filled(phrase.document, names, values);
        for (TableRow& cells_of : phrase.table)
          for (std::string& cell : cells_of) cell = filled(cell, names, values);
      }
      add(std::move(scenario));
    }
    examples_.clear();
  }

  std::string_view rest_;
  std::string_view line_;
  int number_ = 0;
  Feature feature_;
  Part part_ = Part::none;
  Scenario scenario_;
  Scenario* current_ = nullptr;
  std::vector<Phrase> background_;
  std::vector<TableRow> examples_;
};

}  // namespace

Result<Feature> read_feature(std::string_view text, const std::string& file) {
  return FeatureReader(text, file).read();
}

}  // namespace stepwell::conformance
