#include "expression/pattern.h"

#include <oniguruma.h>

#include <algorithm>
#include <cstdint>
#include <ctime>
#include <optional>
#include <string>
#include <utility>

#include "expression/regex.h"
#include "expression/utf8.h"

namespace stepwell::expression {

namespace {

constexpr std::size_t kMaxPattern = std::size_t{16} * 1024;
constexpr std::size_t kMaxGroups = 200;  // Oniguruma parses groups by recursion
constexpr std::int64_t kRetriesPerMillisecond = 10'000;
constexpr unsigned kMaxStack = 200'000;
constexpr std::size_t kMostInOneSearch = 4096;
constexpr std::size_t kSearchedWhole = 2000;  // bytes that need no look at the clock

const OnigUChar* bytes_of(std::string_view text) {
  return reinterpret_cast<const OnigUChar*>(text.data());
}

std::int64_t cpu_milliseconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<std::int64_t>(now.tv_sec) * 1000 + now.tv_nsec / 1'000'000;
}

std::optional<std::uint32_t> read_hex4(std::string_view text) {
  if (text.size() < 4) return std::nullopt;
  std::uint32_t value = 0;
  for (const char c : text.substr(0, 4)) {
    std::uint32_t digit = 0;
    if (c >= '0' && c <= '9')
      digit = static_cast<std::uint32_t>(c - '0');
    else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
      digit = static_cast<std::uint32_t>((c | 0x20) - 'a') + 10;
    else
      return std::nullopt;
    value = value * 16 + digit;
  }
  return value;
}

// From ECMA-262's dialect to Oniguruma's syntax of Perl, where they differ.
class Translator {
 public:
  explicit Translator(std::string_view from) : rest_(from) {}

  std::string translate() {
    while (!rest_.empty()) {
      const char c = take();
      if (c == '\\')
        escape();
      else if (in_class_)
        class_character(c);
      else
        character(c);
    }
    return std::move(out_);
  }

 private:
  char take() {
    const char c = rest_.front();
    rest_.remove_prefix(1);
    return c;
  }

  void character(char c) {
    if (c == '^') {
      out_ += "\\A";
    } else if (c == '$') {
      out_ += "\\z";  // not before a last line break, as Perl's
    } else if (c == '.') {
      out_ += "[^\\n\\r\\x{2028}\\x{2029}]";
    } else if (c != '[') {
      out_ += c;
    } else if (rest_.starts_with("]")) {
      rest_.remove_prefix(1);
      out_ += "(?!)";
    } else if (rest_.starts_with("^]")) {
      rest_.remove_prefix(2);
      out_ += "(?:.|\\n)";
    } else {
      in_class_ = true;
      out_ += c;
    }
  }

  void class_character(char c) {
    if (c == '[') out_ += '\\';  // no class within a class
    if (c == ']') in_class_ = false;
    out_ += c;
  }

  void escape() {
    if (rest_.starts_with("u")) {
      if (rest_.starts_with("u{")) {
        out_ += "\\x";
        rest_.remove_prefix(1);
        return;
      }
      if (const auto unit = read_hex4(rest_.substr(1))) {
        rest_.remove_prefix(5);
        code_point(*unit);
        return;
      }
    }
    out_ += '\\';
    if (!rest_.empty()) out_ += take();
  }

  void code_point(std::uint32_t unit) {
    if (unit >= 0xd800 && unit < 0xdc00 && rest_.starts_with("\\u")) {
      const auto low = read_hex4(rest_.substr(2));
      if (low && *low >= 0xdc00 && *low < 0xe000) {
        rest_.remove_prefix(6);
        unit = 0x10000 + ((unit - 0xd800) << 10U) + (*low - 0xdc00);
      }
    }
    constexpr std::string_view kDigits = "0123456789abcdef";
    out_ += "\\x{";
    for (int shift = 20; shift >= 0; shift -= 4) out_ += kDigits[(unit >> shift) & 0xfU];
    out_ += '}';
  }

  std::string_view rest_;
  std::string out_;
  bool in_class_ = false;
};

Problem too_much(std::string_view what) {
  return make_problem(ErrorKind::expression, "expression-budget",
                      "the search for a pattern was ended: it takes too much " + std::string(what));
}

struct FreeParameters {
  void operator()(OnigMatchParam* parameters) const { onig_free_match_param(parameters); }
};

}  // namespace

struct Pattern::Compiled {
  Compiled() = default;
  ~Compiled() {
    if (regex != nullptr) onig_free(regex);
  }
  Compiled(const Compiled&) = delete;
  Compiled& operator=(const Compiled&) = delete;
  regex_t* regex = nullptr;
};

Result<Pattern> Pattern::compile(std::string_view pattern) {
  const auto fault = [](const std::string& what) {
    return fail(make_problem(ErrorKind::expression, "expression-syntax", what));
  };
  if (pattern.size() > kMaxPattern ||
      static_cast<std::size_t>(std::count(pattern.begin(), pattern.end(), '(')) > kMaxGroups)
    return fault("the pattern is too large");
  if (!detail::initialize_regexes()) return fault("regular expressions are not available");
  const std::string text = Translator(pattern).translate();
  auto compiled = std::make_shared<Compiled>();
  OnigErrorInfo info{};
  const int code =
      onig_new(&compiled->regex, bytes_of(text), bytes_of(text) + text.size(),
               ONIG_OPTION_CAPTURE_GROUP | ONIG_OPTION_WORD_IS_ASCII | ONIG_OPTION_DIGIT_IS_ASCII,
               ONIG_ENCODING_UTF8, ONIG_SYNTAX_PERL_NG, &info);
  if (code == ONIG_NORMAL) return Pattern(std::move(compiled));
  OnigUChar message[ONIG_MAX_ERROR_MESSAGE_LEN];
  const int size = onig_error_code_to_str(message, code, &info);
  return fault(std::string(reinterpret_cast<const char*>(message), static_cast<std::size_t>(size)));
}

Result<bool> Pattern::matches(std::string_view text, std::chrono::milliseconds cpu) const {
  const std::unique_ptr<OnigMatchParam, FreeParameters> parameters(onig_new_match_param());
  onig_initialize_match_param(parameters.get());
  const auto retries =
      static_cast<unsigned long>(std::max<std::int64_t>(cpu.count(), 1) * kRetriesPerMillisecond);
  onig_set_retry_limit_in_match_of_match_param(parameters.get(), retries);
  onig_set_retry_limit_in_search_of_match_param(parameters.get(), retries);
  onig_set_match_stack_limit_size_of_match_param(parameters.get(), kMaxStack);
  // Retries are counted, but not what is read without one: so a long text is searched in parts
  // that grow for as long as they are quick, with a look at the clock between them.
  const std::int64_t end_time = cpu_milliseconds() + cpu.count();
  const OnigUChar* begin = bytes_of(text);
  const OnigUChar* end = begin + text.size();
  std::size_t part = text.size() <= kSearchedWhole ? text.size() : 64;
  for (std::size_t from = 0;;) {
    std::size_t to = std::min(from + part, text.size());
    while (to < text.size() && detail::is_continuation(text[to])) ++to;
    const std::int64_t before = from == 0 && to == text.size() ? 0 : cpu_milliseconds();
    const int code = onig_search_with_param(compiled_->regex, begin, end, begin + from, begin + to,
                                            nullptr, ONIG_OPTION_NONE, parameters.get());
    if (code >= 0) return true;
    if (code == ONIGERR_MATCH_STACK_LIMIT_OVER) return fail(too_much("memory"));
    if (code != ONIG_MISMATCH) return fail(too_much("time"));
    if (to == text.size()) return false;
    const std::int64_t now = cpu_milliseconds();
    if (now >= end_time) return fail(too_much("time"));
    part = now - before > 2 ? std::max<std::size_t>(part / 2, 1)
                            : std::min<std::size_t>(part * 2, kMostInOneSearch);
    from = to;
  }
}

}  // namespace stepwell::expression
