// Splits the text of an expression into tokens, on demand. String literals are handed out piece by
// piece, because an interpolation inside one holds tokens again.
// Owned by one Parser; used by one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace stepwell::expression::detail {

enum class TokenKind : std::uint8_t {
  end,
  identifier,
  keyword,
  field,     // .name; the text is the name
  variable,  // $name; the text is the name
  format,    // @name, with the @
  number,    // the text is a JSON number
  quote,     // a string literal begins here: go on with string_piece()
  symbol,
  bad,  // the text says what is wrong
};

struct Token {
  TokenKind kind = TokenKind::end;
  std::string_view text;
  std::size_t offset = 0;

  bool is_symbol(std::string_view wanted) const {
    return kind == TokenKind::symbol && text == wanted;
  }
  bool is_keyword(std::string_view wanted) const {
    return kind == TokenKind::keyword && text == wanted;
  }
};

bool is_keyword(std::string_view word);

class Lexer {
 public:
  explicit Lexer(std::string_view source) : source_(source) {}

  Token next();

  struct Piece {
    std::string text;      // with its escapes resolved
    bool closes = false;   // the literal ends here; otherwise an interpolation's tokens follow
    std::string_view bad;  // what is wrong, where something is
    std::size_t offset = 0;
  };
  // The literal's next piece, from right behind its quote or an interpolation's ")".
  Piece string_piece();

  // Line and column, both from 1, of a byte offset; columns count characters.
  static std::pair<std::size_t, std::size_t> position(std::string_view source, std::size_t offset);

 private:
  void skip_blanks();
  Token number();
  Token word(TokenKind kind, std::size_t begin, std::size_t text_begin);
  Token symbol();
  bool escape(Piece& piece);
  std::optional<std::uint32_t> hex_escape();
  char peek(std::size_t ahead = 0) const {
    return at_ + ahead < source_.size() ? source_[at_ + ahead] : '\0';
  }

  std::string_view source_;
  std::size_t at_ = 0;
  std::string number_;  // a number's text where it had to be rewritten
};

}  // namespace stepwell::expression::detail
