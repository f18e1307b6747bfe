#include "store/journal_row.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "base/json.h"

namespace stepwell::store {

using engine::InstanceStatus;
using engine::Record;

namespace {

// As they are stored, in the order of Record::Kind: never renumbered.
constexpr std::array<std::uint8_t, 18> kKindNumbers{1,  2,  3,  4,  5,  6,  7,  8,  9,
                                                    10, 11, 12, 18, 17, 13, 14, 15, 16};

std::optional<Record::Kind> kind_of(std::int64_t number) {
  for (std::size_t i = 0; i < kKindNumbers.size(); ++i)
    if (kKindNumbers.at(i) == number) return static_cast<Record::Kind>(i);
  return std::nullopt;
}

// What was written can be read, however deep a value is that a setting allows.
constexpr JsonLimits kDeep{1'000'000};

EndStatus status_in(const Value& status) {
  for (const InstanceStatus each :
       {InstanceStatus::completed, InstanceStatus::faulted, InstanceStatus::stopped})
    if (status.is_string() && status.as_string() == engine::to_string(each))
      return end_status(each);
  return EndStatus::stopped;
}

// Null where it says nothing.
std::shared_ptr<const engine::Label> label_in(const Value& payload) {
  engine::Label label = engine::label_of(payload);
  const bool any = !label.name.empty() || !label.tags.is_null() || label.deadline ||
                   label.priority != engine::Priority::regular;
  return any ? std::make_shared<const engine::Label>(std::move(label)) : nullptr;
}

// Whole numbers behind a "[", each with a comma behind it.
class Numbers {
 public:
  explicit Numbers(std::string_view text) : at_(text.data()), end_(text.data() + text.size()) {
    if (at_ != end_ && *at_ == '[') ++at_;
  }

  template <class Number>
  bool next(Number& number) {
    const auto [stop, error] = std::from_chars(at_, end_, number);
    if (error != std::errc() || stop == end_ || *stop != ',') return false;
    at_ = stop + 1;
    return true;
  }
  // A list of them.
  bool next(std::vector<std::uint32_t>& list) {
    if (at_ == end_ || *at_ != '[') return false;
    ++at_;
    while (at_ != end_ && *at_ != ']') {
      std::uint32_t number = 0;
      const auto [stop, error] = std::from_chars(at_, end_, number);
      if (error != std::errc() || stop == end_) return false;
      list.push_back(number);
      at_ = *stop == ',' ? stop + 1 : stop;
    }
    if (end_ - at_ < 2 || at_[1] != ',') return false;
    at_ += 2;
    return true;
  }
  std::string_view rest() const { return {at_, static_cast<std::size_t>(end_ - at_)}; }

 private:
  const char* at_;
  const char* end_;
};

template <class Number>
void append_number(std::string& text, Number number) {
  std::array<char, 20> digits;  // NOLINT: what is used of it is written first
  const char* end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  text.append(digits.data(), static_cast<std::size_t>(end - digits.data())).push_back(',');
}

void append_head(std::string& text, const Record& record) {
  text.push_back('[');
  append_number(text, record.number);
  append_number(text, static_cast<unsigned>(kKindNumbers[static_cast<std::size_t>(record.kind)]));
  append_number(text, as_column(record.time));
  append_number(text, as_column(record.id));
  append_number(text, as_column(record.random));
  append_number(text, record.turns);
  text.push_back('[');
  for (const std::uint32_t cut : record.cuts) append_number(text, cut);
  if (!record.cuts.empty()) text.pop_back();
  text.append("],");
}

}  // namespace

JournalRow to_row(const Record& record) {
  JournalRow row;
  row.instance = record.instance;
  row.id = record.id;
  row.at = record.time;
  row.number = record.number;
  row.kind = record.kind;
  if (row.is_admission()) {
    row.workflow = record.payload.get("workflow");
    row.digest = record.payload.get("digest");
    const Value& parent = record.payload.get("parent");
    row.child = !parent.is_null();
    if (row.child)
      row.parent = as_number(std::max<std::int64_t>(parent.get("id").as_integer().value_or(0), 0));
    row.label = label_in(record.payload);
  } else if (record.kind == Record::Kind::changed) {
    row.label = label_in(record.payload);
  } else if (record.kind == Record::Kind::ended) {
    row.status = status_in(record.payload.get("status"));
  } else if (record.kind == Record::Kind::definition) {
    row.digest = record.payload.get("digest");
    row.credentials = record.payload.get("credentials");
  } else if (record.kind == Record::Kind::schedule) {
    row.workflow = record.payload.get("workflow");
  }
  constexpr std::size_t kHead = 80;
  constexpr std::size_t kMuch = 1 << 16;
  row.text.reserve(kHead + std::min<std::uint64_t>(record.payload.weight(), kMuch));
  append_head(row.text, record);
  if (record.payload.is_null())
    row.text.append("null");
  else
    append_json(row.text, record.payload);
  row.text.push_back(']');
  // What cannot be read again would keep the daemon from starting.
  if (!is_valid_utf8(row.text)) row.text = valid_utf8(row.text);
  return row;
}

void append_to_log(std::string& log, const JournalRow& row) {
  log.push_back('[');
  append_number(log, row.instance.number);
  log.append(row.text, 1);
}

Result<JournalRow> row_of_log(std::string_view line) {
  Numbers numbers(line);
  InstanceId instance;
  if (!numbers.next(instance.number))
    return fail(unreadable("a record of the log", "it has no instance"));
  const Result<Record> record = record_of(numbers.rest(), instance);
  if (!record) return fail(record.error());
  return to_row(*record);
}

std::optional<Outline> outline_of(std::string_view text) {
  Numbers numbers(text);
  Outline outline;
  std::int64_t kind = 0;
  std::int64_t at = 0;
  if (!numbers.next(outline.number) || !numbers.next(kind) || !numbers.next(at))
    return std::nullopt;
  const std::optional<Record::Kind> known = kind_of(kind);
  if (!known) return std::nullopt;
  outline.kind = *known;
  outline.at = as_time(at);
  return outline;
}

Result<Record> record_of(std::string_view text, InstanceId instance) {
  const auto named = [&](std::uint32_t number) {
    return instance.number == 0 ? std::string("a record that several share")
                                : "record " + std::to_string(number) + " of instance " +
                                      std::to_string(instance.number);
  };
  Numbers numbers(text);
  std::int64_t kind = 0;
  std::int64_t at = 0;
  std::int64_t id = 0;
  std::int64_t random = 0;
  Record record{};
  record.instance = instance;
  if (!numbers.next(record.number) || !numbers.next(kind) || !numbers.next(at) ||
      !numbers.next(id) || !numbers.next(random) || !numbers.next(record.turns) ||
      !numbers.next(record.cuts))
    return fail(unreadable(named(record.number), "it does not begin as a record does"));
  const std::optional<Record::Kind> known = kind_of(kind);
  if (!known) return fail(unreadable(named(record.number), "its kind is not known"));
  std::string_view rest = numbers.rest();
  if (rest.empty() || rest.back() != ']')
    return fail(unreadable(named(record.number), "its end is missing"));
  rest.remove_suffix(1);
  Result<Value> payload = parse_json(rest, kDeep);
  if (!payload) return fail(unreadable(named(record.number), payload.error().detail));
  record.kind = *known;
  record.time = as_time(at);
  record.id = as_number(id);
  record.random = as_number(random);
  record.payload = std::move(*payload);
  return record;
}

EndStatus end_status(InstanceStatus status) {
  switch (status) {
    case InstanceStatus::completed:
      return EndStatus::completed;
    case InstanceStatus::faulted:
      return EndStatus::faulted;
    case InstanceStatus::stopped:
      return EndStatus::stopped;
    default:
      return EndStatus::none;
  }
}

Problem unreadable(const std::string& what, const std::string& why) {
  return make_problem(ErrorKind::configuration, "store-damaged",
                      what + " cannot be read (" + why + "); restore the journal from a backup");
}

}  // namespace stepwell::store
