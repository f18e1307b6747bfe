#include "expression/lexer.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/ascii.h"
#include "expression/utf8.h"

namespace stepwell::expression::detail {

namespace {

constexpr std::array<std::string_view, 18> kKeywords{
    "and", "as", "break",  "catch",   "def",   "elif",   "else", "end",    "foreach",
    "if",  "or", "import", "include", "label", "module", "then", "reduce", "try"};

// The longest first.
constexpr std::array<std::string_view, 14> kSymbols{"?//", "//=", "!=", "==", "<=", ">=", "//",
                                                    "|=",  "+=",  "-=", "*=", "/=", "%=", ".."};
constexpr std::string_view kSingles = ".[](){}|,:;=<>+-*/%?";

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_word_character(char c) { return is_letter(c) || is_ascii_digit(c); }

}  // namespace

bool is_keyword(std::string_view word) {
  return std::find(kKeywords.begin(), kKeywords.end(), word) != kKeywords.end();
}

void Lexer::skip_blanks() {
  while (at_ < source_.size()) {
    const char c = source_[at_];
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
      ++at_;
    } else if (c == '#') {
      // A comment goes on over a line break behind an odd number of backslashes.
      bool escaped = false;
      for (; at_ < source_.size(); ++at_) {
        if (source_[at_] == '\n' && !escaped) break;
        if (source_[at_] == '\r' && escaped && peek(1) == '\n') continue;
        escaped = source_[at_] == '\\' && !escaped;
      }
    } else {
      return;
    }
  }
}

Token Lexer::next() {
  skip_blanks();
  const std::size_t begin = at_;
  if (at_ >= source_.size()) return {TokenKind::end, "the end", begin};
  const char c = source_[at_];
  if (is_ascii_digit(c) || (c == '.' && is_ascii_digit(peek(1)))) return number();
  if (is_letter(c)) return word(TokenKind::identifier, begin, begin);
  if (c == '.' && is_letter(peek(1))) return word(TokenKind::field, begin, begin + 1);
  if (c == '$' && is_letter(peek(1))) return word(TokenKind::variable, begin, begin + 1);
  if (c == '@' && is_word_character(peek(1))) {
    ++at_;
    while (is_word_character(peek())) ++at_;
    return {TokenKind::format, source_.substr(begin, at_ - begin), begin};
  }
  if (c == '"') {
    ++at_;
    return {TokenKind::quote, source_.substr(begin, 1), begin};
  }
  return symbol();
}

Token Lexer::word(TokenKind kind, std::size_t begin, std::size_t text_begin) {
  at_ = text_begin;
  while (is_word_character(peek()) ||
         (kind != TokenKind::field && peek() == ':' && peek(1) == ':' && is_letter(peek(2)))) {
    at_ += peek() == ':' ? 2 : 1;
  }
  const std::string_view text = source_.substr(text_begin, at_ - text_begin);
  if (kind == TokenKind::identifier && is_keyword(text)) kind = TokenKind::keyword;
  return {kind, text, begin};
}

Token Lexer::number() {
  const std::size_t begin = at_;
  const auto digits = [this] {
    const std::size_t first = at_;
    while (is_ascii_digit(peek())) ++at_;
    return source_.substr(first, at_ - first);
  };
  std::string_view whole = digits();
  const std::size_t leading = std::min(whole.find_first_not_of('0'), whole.size());
  std::string text(whole.substr(leading));
  if (text.empty()) text.push_back('0');
  if (peek() == '.') {
    ++at_;
    const std::string_view fraction = digits();
    if (!fraction.empty()) text.append(".").append(fraction);
  }
  if (peek() == 'e' || peek() == 'E') {
    const std::size_t sign = peek(1) == '+' || peek(1) == '-' ? 1 : 0;
    if (is_ascii_digit(peek(1 + sign))) {
      const std::size_t exponent = at_;
      at_ += 1 + sign;
      digits();
      text.append(source_.substr(exponent, at_ - exponent));
    }
  }
  const std::string_view raw = source_.substr(begin, at_ - begin);
  if (raw == text) return {TokenKind::number, raw, begin};
  number_ = std::move(text);
  return {TokenKind::number, number_, begin};
}

Token Lexer::symbol() {
  const std::size_t begin = at_;
  const std::string_view rest = source_.substr(at_);
  if (rest.starts_with("?//=")) {
    ++at_;  // "?" and then "//="
    return {TokenKind::symbol, rest.substr(0, 1), begin};
  }
  for (const std::string_view known : kSymbols) {
    if (!rest.starts_with(known)) continue;
    at_ += known.size();
    return {TokenKind::symbol, known, begin};
  }
  if (kSingles.find(rest[0]) != std::string_view::npos) {
    ++at_;
    return {TokenKind::symbol, rest.substr(0, 1), begin};
  }
  std::size_t width = 1;
  while (width < rest.size() && (static_cast<unsigned char>(rest[width]) & 0xC0U) == 0x80U) ++width;
  at_ += width;
  return {TokenKind::bad, rest.substr(0, width), begin};
}

Lexer::Piece Lexer::string_piece() {
  Piece piece;
  while (at_ < source_.size()) {
    const std::size_t plain = source_.find_first_of("\"\\", at_);
    const std::size_t end = std::min(plain, source_.size());
    piece.text.append(source_.substr(at_, end - at_));
    at_ = end;
    if (at_ >= source_.size()) break;
    piece.offset = at_;
    if (source_[at_] == '"') {
      ++at_;
      piece.closes = true;
      return piece;
    }
    ++at_;
    if (peek() == '(') {
      ++at_;
      return piece;
    }
    if (!escape(piece)) {
      piece.bad =
          "this is no escape: there are \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX and \\(…); a "
          "backslash "
          "itself is written \\\\";
      return piece;
    }
  }
  piece.offset = source_.size();
  piece.bad = "the string that begins here does not end: a closing \" is missing";
  return piece;
}

// RFC 8259 §7.
bool Lexer::escape(Piece& piece) {
  const char c = peek();
  ++at_;
  switch (c) {
    case '"':
    case '\\':
    case '/':
      piece.text.push_back(c);
      return true;
    case 'b':
      piece.text.push_back('\b');
      return true;
    case 'f':
      piece.text.push_back('\f');
      return true;
    case 'n':
      piece.text.push_back('\n');
      return true;
    case 'r':
      piece.text.push_back('\r');
      return true;
    case 't':
      piece.text.push_back('\t');
      return true;
    case 'u':
      break;
    default:
      return false;
  }
  std::optional<std::uint32_t> code = hex_escape();
  if (!code) return false;
  if (*code >= 0xD800 && *code < 0xDC00 && peek() == '\\' && peek(1) == 'u') {
    const std::size_t back = at_;
    at_ += 2;
    const std::optional<std::uint32_t> low = hex_escape();
    if (low && *low >= 0xDC00 && *low < 0xE000)
      code = 0x10000U + ((*code - 0xD800U) << 10U) + (*low - 0xDC00U);
    else
      at_ = back;
  }
  append_utf8(piece.text, *code);
  return true;
}

std::optional<std::uint32_t> Lexer::hex_escape() {
  std::uint32_t code = 0;
  for (int i = 0; i < 4; ++i, ++at_) {
    const char c = peek();
    std::uint32_t digit = 0;
    if (is_ascii_digit(c))
      digit = static_cast<std::uint32_t>(c - '0');
    else if (c >= 'a' && c <= 'f')
      digit = static_cast<std::uint32_t>(c - 'a') + 10;
    else if (c >= 'A' && c <= 'F')
      digit = static_cast<std::uint32_t>(c - 'A') + 10;
    else
      return std::nullopt;
    code = code * 16 + digit;
  }
  return code;
}

std::pair<std::size_t, std::size_t> Lexer::position(std::string_view source, std::size_t offset) {
  std::size_t line = 1;
  std::size_t column = 1;
  for (std::size_t i = 0; i < std::min(offset, source.size()); ++i) {
    if (source[i] == '\n') {
      ++line;
      column = 1;
    } else if ((static_cast<unsigned char>(source[i]) & 0xC0U) != 0x80U) {
      ++column;
    }
  }
  return {line, column};
}

}  // namespace stepwell::expression::detail
