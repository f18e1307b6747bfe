#include "steps/charset.h"

#include <iconv.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/ascii.h"
#include "base/json.h"

namespace stepwell::steps {

namespace {

// What one iconv() call writes at most before its output is taken away.
constexpr std::size_t kCharsetChunk = 16UL * 1024;

// Besides iso-8859-N and windows-125N. None of them has states that outlive a character.
constexpr std::array<std::string_view, 18> kCharsets = {
    "us-ascii", "utf-8",    "utf-16", "utf-16le",  "utf-16be", "utf-32",
    "utf-32le", "utf-32be", "koi8-r", "koi8-u",    "gbk",      "gb2312",
    "gb18030",  "big5",     "euc-jp", "shift_jis", "euc-kr",   "macintosh"};

struct Alias {
  std::string_view name;
  std::string_view charset;
};
constexpr std::array<Alias, 12> kAliases = {{{"utf8", "utf-8"},
                                             {"ascii", "us-ascii"},
                                             {"latin1", "iso-8859-1"},
                                             {"latin-1", "iso-8859-1"},
                                             {"iso8859-1", "iso-8859-1"},
                                             {"iso_8859-1", "iso-8859-1"},
                                             {"l1", "iso-8859-1"},
                                             {"cp1250", "windows-1250"},
                                             {"cp1251", "windows-1251"},
                                             {"cp1252", "windows-1252"},
                                             {"sjis", "shift_jis"},
                                             {"unicode", "utf-16"}}};

// A number within bounds behind a prefix: "iso-8859-15".
bool is_numbered(std::string_view name, std::string_view prefix, int least, int most) {
  if (!name.starts_with(prefix)) return false;
  int number = 0;
  const std::string_view digits = name.substr(prefix.size());
  if (digits.empty() || digits.size() > 4 || digits.front() == '0') return false;
  for (const char c : digits) {
    if (!is_ascii_digit(c)) return false;
    number = number * 10 + (c - '0');
  }
  return number >= least && number <= most;
}

// The name as iconv takes it; empty where the charset is not known.
std::string charset_name(std::string_view charset) {
  std::string name = ascii_lower(charset);
  for (const Alias& alias : kAliases)
    if (alias.name == name) name = alias.charset;
  const bool known = std::find(kCharsets.begin(), kCharsets.end(), name) != kCharsets.end() ||
                     is_numbered(name, "iso-8859-", 1, 16) ||
                     is_numbered(name, "windows-", 1250, 1258);
  if (!known) return {};
  if (name.starts_with("windows-")) name.replace(0, 8, "cp");
  return name;
}

Problem charset_problem(std::string what) {
  return make_problem(ErrorKind::runtime, "content-invalid", std::move(what));
}

class Converter {
 public:
  Converter(const std::string& to, const std::string& from)
      : handle_(iconv_open(to.c_str(), from.c_str())) {}
  ~Converter() {
    if (usable()) iconv_close(handle_);
  }
  Converter(const Converter&) = delete;
  Converter& operator=(const Converter&) = delete;

  // iconv_open() says "no" by a pointer that is no address.
  bool usable() const { return reinterpret_cast<std::intptr_t>(handle_) != -1; }

  // False where the input has bytes that are no text.
  bool convert(std::string_view input, std::string& out) {
    std::array<char, kCharsetChunk> buffer{};
    char* from = const_cast<char*>(input.data());  // it only reads
    std::size_t left = input.size();
    while (true) {
      char* to = buffer.data();
      std::size_t room = buffer.size();
      const std::size_t done = iconv(handle_, left == 0 ? nullptr : &from, &left, &to, &room);
      out.append(buffer.data(), buffer.size() - room);
      if (done == static_cast<std::size_t>(-1)) {
        if (errno != E2BIG) return false;
      } else if (left == 0) {
        return true;
      }
    }
  }

 private:
  iconv_t handle_;
};

Result<std::string> converted(std::string_view text, const std::string& to, const std::string& from,
                              std::string_view charset) {
  Converter converter(to, from);
  if (!converter.usable())
    return fail(charset_problem("in the charset " + std::string(charset) +
                                ", which this machine cannot convert"));
  std::string out;
  out.reserve(text.size() + text.size() / 4);
  if (!converter.convert(text, out))
    return fail(charset_problem("not valid " + std::string(charset)));
  return out;
}

Problem unknown_charset(std::string_view charset) {
  std::string shown(charset.substr(0, 40));
  for (char& c : shown)
    if (c < ' ' || c > '~') c = '?';
  return charset_problem("in the charset \"" + shown + "\", which is not known here");
}

}  // namespace

bool is_known_charset(std::string_view charset) { return !charset_name(charset).empty(); }

Result<std::string> to_utf8(std::string_view text, std::string_view charset) {
  using namespace std::string_view_literals;
  std::string name = charset.empty() ? "utf-8" : charset_name(charset);
  if (name.empty()) return fail(unknown_charset(charset));
  if (text.starts_with("\xef\xbb\xbf"sv)) {
    text.remove_prefix(3);
    name = "utf-8";
  } else if (!name.starts_with("utf-32") && text.starts_with("\xff\xfe"sv)) {
    text.remove_prefix(2);
    name = "utf-16le";
  } else if (!name.starts_with("utf-32") && text.starts_with("\xfe\xff"sv)) {
    text.remove_prefix(2);
    name = "utf-16be";
  } else if (name == "utf-16") {
    name = "utf-16le";  // WHATWG Encoding §14.4; RFC 2781 would have the other, which nobody sends
  }
  if (name != "utf-8") return converted(text, "utf-8", name, charset.empty() ? name : charset);
  if (!is_valid_utf8(text)) return fail(charset_problem("not valid UTF-8"));
  return std::string(text);
}

Result<std::string> from_utf8(std::string_view text, std::string_view charset) {
  const std::string name = charset.empty() ? "utf-8" : charset_name(charset);
  if (name.empty()) return fail(unknown_charset(charset));
  if (name == "utf-8") return std::string(text);
  auto out = converted(text, name == "utf-16" ? "utf-16le" : name, "utf-8", charset);
  if (!out)
    return fail(charset_problem("not to be written in the charset " + std::string(charset)));
  if (name == "utf-16") out->insert(0, "\xff\xfe");
  return out;
}

}  // namespace stepwell::steps
