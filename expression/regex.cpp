// Regular expressions by Oniguruma, in the syntax of Perl with named groups, as in jq. A pattern
// that backtracks without end is stopped by limits on its retries and its stack.
#include "expression/regex.h"

#include <oniguruma.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "expression/builtins.h"
#include "expression/operations.h"
#include "expression/utf8.h"

namespace stepwell::expression::detail {

namespace {

constexpr std::size_t kMaxPattern = 4096;  // compiling one takes up to 100 ms
constexpr std::size_t kMaxGroups = 200;    // Oniguruma parses groups by recursion
constexpr std::size_t kMaxCached = 8;
constexpr std::int64_t kRetriesPerMillisecond = 10'000;
constexpr std::size_t kCharactersAtOnce = 4'000'000;  // a few milliseconds, at any pace
constexpr std::size_t kLongestWhole = 30'000;         // searched without a look at the clock

const OnigUChar* bytes_of(std::string_view text) {
  return reinterpret_cast<const OnigUChar*>(text.data());
}

struct FreeRegex {
  void operator()(regex_t* regex) const { onig_free(regex); }
};
using RegexPtr = std::unique_ptr<regex_t, FreeRegex>;

struct FreeRegion {
  void operator()(OnigRegion* region) const { onig_region_free(region, 1); }
};
struct FreeParameters {
  void operator()(OnigMatchParam* parameters) const { onig_free_match_param(parameters); }
};

bool initialize() {
  static const bool kDone = [] {
    OnigEncoding encodings[] = {ONIG_ENCODING_UTF8};
    return onig_initialize(encodings, 1) == ONIG_NORMAL;
  }();
  return kDone;
}

struct Flags {
  OnigOptionType options = ONIG_OPTION_CAPTURE_GROUP;
  bool global = false;
};

bool read_flags(std::string_view text, Flags& flags) {
  for (const char c : text) {
    switch (c) {
      case 'g':
        flags.global = true;
        break;
      case 'i':
        flags.options |= ONIG_OPTION_IGNORECASE;
        break;
      case 'x':
        flags.options |= ONIG_OPTION_EXTEND;
        break;
      case 's':
        flags.options |= ONIG_OPTION_SINGLELINE;
        break;
      case 'm':
        flags.options |= ONIG_OPTION_MULTILINE;
        break;
      case 'p':
        flags.options |= ONIG_OPTION_MULTILINE | ONIG_OPTION_SINGLELINE;
        break;
      case 'l':
        flags.options |= ONIG_OPTION_FIND_LONGEST;
        break;
      case 'n':
        flags.options |= ONIG_OPTION_FIND_NOT_EMPTY;
        break;
      default:
        return false;
    }
  }
  return true;
}

std::string failure(int code, OnigErrorInfo* info) {
  OnigUChar text[ONIG_MAX_ERROR_MESSAGE_LEN];
  const int size = onig_error_code_to_str(text, code, info);
  return "Regex failure: " +
         std::string(reinterpret_cast<const char*>(text), static_cast<std::size_t>(size));
}

int set_name(const OnigUChar* name, const OnigUChar* end, int count, int* groups, regex_t*,
             void* names) {
  auto& all = *static_cast<std::vector<Value>*>(names);
  const Value text(
      std::string_view(reinterpret_cast<const char*>(name), static_cast<std::size_t>(end - name)));
  for (int i = 0; i < count; ++i)
    if (static_cast<std::size_t>(groups[i]) < all.size())
      all[static_cast<std::size_t>(groups[i])] = text;
  return 0;
}

}  // namespace

bool initialize_regexes() { return initialize(); }

struct RegexCache::Impl {
  struct Entry {
    std::string pattern;
    OnigOptionType options;
    RegexPtr regex;
    std::vector<Value> names;  // of the groups, null where there is none
    bool in_parts;             // whether a search may be made as several
  };
  std::vector<Entry> entries;
};

RegexCache::RegexCache() noexcept = default;
RegexCache::~RegexCache() = default;

struct RegexAccess {
  using Entry = RegexCache::Impl::Entry;

  // nullptr with the error's message.
  static const Entry* find(RegexCache& cache, std::string_view pattern, OnigOptionType options,
                           std::string& error) {
    if (cache.impl_ == nullptr) cache.impl_ = std::make_unique<RegexCache::Impl>();
    auto& entries = cache.impl_->entries;
    for (const Entry& entry : entries)
      if (entry.options == options && entry.pattern == pattern) return &entry;
    if (pattern.size() > kMaxPattern ||
        static_cast<std::size_t>(std::count(pattern.begin(), pattern.end(), '(')) > kMaxGroups ||
        !initialize()) {
      error = "Regex failure: the pattern is too large";
      return nullptr;
    }
    regex_t* regex = nullptr;
    OnigErrorInfo info{};
    const int code = onig_new(&regex, bytes_of(pattern), bytes_of(pattern) + pattern.size(),
                              options, ONIG_ENCODING_UTF8, ONIG_SYNTAX_PERL_NG, &info);
    if (code != ONIG_NORMAL) {
      error = failure(code, &info);
      return nullptr;
    }
    if (entries.size() >= kMaxCached) entries.erase(entries.begin());
    // "\\G" is where a search begins, and the longest match is that of one whole search.
    const bool in_parts =
        (options & ONIG_OPTION_FIND_LONGEST) == 0 && pattern.find("\\G") == std::string_view::npos;
    Entry entry{std::string(pattern), options, RegexPtr(regex), {}, in_parts};
    entry.names.resize(static_cast<std::size_t>(onig_number_of_captures(regex)) + 1);
    onig_foreach_name(regex, set_name, &entry.names);
    entries.push_back(std::move(entry));
    return &entries.back();
  }
};

namespace {

// One search over a text: turns Oniguruma's byte offsets into jq's match objects.
class Search {
 public:
  Search(NativeCall& call, const RegexAccess::Entry& entry)
      : call_(call),
        entry_(entry),
        text_(call.input.as_string()),
        region_(onig_region_new()),
        parameters_(onig_new_match_param()) {
    const std::int64_t left = std::max<std::int64_t>(call.limits.milliseconds_left(), 1);
    const auto retries = static_cast<unsigned long>(left * kRetriesPerMillisecond);
    onig_initialize_match_param(parameters_.get());
    onig_set_retry_limit_in_match_of_match_param(parameters_.get(), retries);
    onig_set_retry_limit_in_search_of_match_param(parameters_.get(), retries);
    onig_set_match_stack_limit_size_of_match_param(parameters_.get(), 200'000);
  }

  // True where one is found from `start` on. Where not, it failed or there is none.
  bool find(std::size_t start) {
    const std::size_t left = text_.size() - start;
    if (!entry_.in_parts) {
      if (left <= kLongestWhole) return search(start, text_.size());
      error_ = "Regex failure: the text is too long for this pattern";
      return false;
    }
    // Retries are counted, but not what a pattern reads without one, from each character on to the
    // end: so it is tried at a few characters at a time, more where that goes quickly.
    const std::size_t least = 1 + kCharactersAtOnce / (left + 1);
    std::size_t width = least;
    std::int64_t time = call_.limits.milliseconds_left();
    for (std::size_t from = start; from < text_.size();) {
      std::size_t to = std::min(from + width, text_.size());
      while (to < text_.size() && is_continuation(text_[to])) ++to;
      if (search(from, to)) return true;
      const std::int64_t before = std::exchange(time, call_.limits.milliseconds_left());
      if (to == text_.size() || !error_.empty()) return false;
      if (time == 0) return call_.limits.exceed(Limits::Exceeded::cpu);
      if (call_.limits.exceeded()) return false;
      width = before - time > 2 ? least : std::min(width * 2, least * 64);
      from = to;
    }
    return left == 0 && search(start, start);
  }

  const std::string& error() const { return error_; }
  std::size_t begin() const { return static_cast<std::size_t>(region_->beg[0]); }
  std::size_t end() const { return static_cast<std::size_t>(region_->end[0]); }

  Value match() {
    Value match = part(0);
    Value captures = Value::array();
    captures.reserve(static_cast<std::size_t>(region_->num_regs));
    for (int i = 1; i < region_->num_regs; ++i) {
      Value capture = part(i);
      capture.set("name", entry_.names[static_cast<std::size_t>(i)]);
      captures.push_back(std::move(capture));
    }
    match.set("captures", std::move(captures));
    return match;
  }

 private:
  // Tries where a match may begin, from one byte up to another.
  bool search(std::size_t from, std::size_t to) {
    const OnigUChar* begin = bytes_of(text_);
    const int code =
        onig_search_with_param(entry_.regex.get(), begin, begin + text_.size(), begin + from,
                               begin + to, region_.get(), ONIG_OPTION_NONE, parameters_.get());
    if (code >= 0) return true;
    if (code == ONIGERR_RETRY_LIMIT_IN_MATCH_OVER || code == ONIGERR_RETRY_LIMIT_IN_SEARCH_OVER)
      call_.limits.exceed(Limits::Exceeded::cpu);
    else if (code == ONIGERR_MATCH_STACK_LIMIT_OVER)
      call_.limits.exceed(Limits::Exceeded::memory);
    else if (code != ONIG_MISMATCH)
      error_ = failure(code, nullptr);
    return false;
  }

  Value part(int group) {
    Value object = Value::object();
    object.reserve(4);
    if (region_->beg[group] < 0) {
      object.set("offset", Value(-1));
      object.set("string", Value());
      object.set("length", Value(0));
      return object;
    }
    const auto from = static_cast<std::size_t>(region_->beg[group]);
    const std::string_view matched =
        text_.substr(from, static_cast<std::size_t>(region_->end[group]) - from);
    object.set("offset", Value(offset_of(from)));
    object.set("length", Value(count_code_points(matched)));
    object.set("string", Value(matched));
    return object;
  }

  // Code points before a byte. Matches come in order, so that the text is counted through once.
  std::size_t offset_of(std::size_t byte) {
    if (byte < counted_bytes_) counted_bytes_ = counted_ = 0;
    counted_ += count_code_points(text_.substr(counted_bytes_, byte - counted_bytes_));
    counted_bytes_ = byte;
    return counted_;
  }

  NativeCall& call_;
  const RegexAccess::Entry& entry_;
  std::string_view text_;
  std::unique_ptr<OnigRegion, FreeRegion> region_;
  std::unique_ptr<OnigMatchParam, FreeParameters> parameters_;
  std::string error_;
  std::size_t counted_bytes_ = 0;
  std::size_t counted_ = 0;
};

// input: text; arguments: pattern, flags, whether only to test.
Value match(NativeCall& call) {
  if (!call.input.is_string())
    return call.raise(type_error(call.input, "cannot be matched, as it is not a string"));
  if (!call.args[0].is_string()) return call.raise(type_error(call.args[0], "is not a string"));
  Flags flags;
  if (!call.args[1].is_null() && !call.args[1].is_string())
    return call.raise(type_error(call.args[1], "is not a string"));
  if (call.args[1].is_string() && !read_flags(call.args[1].as_string(), flags))
    return call.raise(std::string(call.args[1].as_string()) + " is not a valid modifier string");
  std::string error;
  const auto* entry =
      RegexAccess::find(call.regexes, call.args[0].as_string(), flags.options, error);
  if (entry == nullptr) return call.raise(error);
  // Compiling a pattern takes its time too.
  if (call.limits.milliseconds_left() == 0) {
    call.limits.exceed(Limits::Exceeded::cpu);
    return {};
  }
  const std::string_view text = call.input.as_string();
  Search search(call, *entry);
  Value found = Value::array();
  for (std::size_t start = 0; start <= text.size();) {
    if (!call.limits.spend(8) || !call.limits.room_for(0)) return {};
    if (!search.find(start)) break;
    if (call.args[2].truthy()) return Value(true);
    found.push_back(search.match());
    if (!flags.global) break;
    start = search.end();
    if (search.begin() == search.end()) {
      ++start;
      while (start < text.size() && is_continuation(text[start])) ++start;
    }
  }
  if (!search.error().empty()) return call.raise(search.error());
  return call.args[2].truthy() ? Value(false) : found;
}

// A pattern, or [pattern, flags], as [pattern, flags].
Value regex_pair(NativeCall& call) {
  const Value& given = call.input;
  if (given.is_string()) return Value::array({given, Value()});
  if (given.is_array() && !given.empty())
    return Value::array({given.at(0), given.size() > 1 ? given.at(1) : Value()});
  return call.raise(std::string(kind_name(given)) + " not a string or array");
}

Value named_captures(NativeCall& call) {
  Value object = Value::object();
  for (const Value& capture : call.input.get("captures").elements())
    if (const Value& name = capture.get("name"); name.is_string())
      object.set_member(name, capture.get("string"));
  return object;
}

// The text between the matches.
Value split_at(NativeCall& call) {
  const std::string_view text = call.input.as_string();
  Value parts = Value::array();
  std::size_t byte = 0;
  std::size_t counted = 0;
  std::size_t begin = 0;
  const auto advance = [&](std::size_t to) {
    byte += byte_offset(text.substr(byte), to - counted);
    counted = to;
    return byte;
  };
  for (const Value& one : call.args[0].elements()) {
    const auto offset = static_cast<std::size_t>(one.get("offset").int64());
    const auto length = static_cast<std::size_t>(one.get("length").int64());
    const std::size_t end = advance(std::max(offset, counted));
    parts.push_back(Value(text.substr(begin, end - begin)));
    begin = advance(offset + length);
  }
  parts.push_back(Value(text.substr(begin)));
  return parts;
}

constexpr NativeEntry kRegexEntries[] = {
    {"_match", 3, match},
    {"_regex_pair", 0, regex_pair},
    {"_named_captures", 0, named_captures},
    {"_split_at", 1, split_at},
};

}  // namespace

std::span<const NativeEntry> regex_natives() { return kRegexEntries; }

}  // namespace stepwell::expression::detail
