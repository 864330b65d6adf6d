#include "core/sql/lexer.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "core/sql/ascii.h"
#include "core/sql/name_table.h"

namespace dorsal::sql {
namespace {

enum class Class : std::uint8_t {
  Symbol,
  Space,
  Letter,  // also _, $ and every byte from 0x80, as in utf8mb4
  Digit,
  Quote,
  DoubleQuote,
  BackTick,
  At,
  Hash,
  Dash,
  Slash,
  Star,
  Dot,
  Question,
  Zero,
};

constexpr std::array<Class, 256> make_classes() {
  std::array<Class, 256> classes{};
  for (std::size_t c = 0; c < 256; ++c) {
    bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c >= 0x80;
    if (letter || c == '_' || c == '$') classes[c] = Class::Letter;
    if (c >= '0' && c <= '9') classes[c] = Class::Digit;
    if (c == ' ' || (c >= '\t' && c <= '\r')) classes[c] = Class::Space;
  }
  classes['\''] = Class::Quote;
  classes['"'] = Class::DoubleQuote;
  classes['`'] = Class::BackTick;
  classes['@'] = Class::At;
  classes['#'] = Class::Hash;
  classes['-'] = Class::Dash;
  classes['/'] = Class::Slash;
  classes['*'] = Class::Star;
  classes['.'] = Class::Dot;
  classes['?'] = Class::Question;
  classes[0] = Class::Zero;
  return classes;
}

constexpr std::array<Class, 256> kClasses = make_classes();

Class class_of(char c) { return kClasses[static_cast<unsigned char>(c)]; }

bool in_identifier(char c) {
  Class of = class_of(c);
  return of == Class::Letter || of == Class::Digit;
}

bool is_hex_digit(char c) { return is_digit(c) || (to_lower(c) >= 'a' && to_lower(c) <= 'f'); }

// Every server that we support runs the code of a versioned comment up to this version.
constexpr int kOldestServer = 80000;

const char* find(const char* from, const char* end, char wanted) {
  return static_cast<const char*>(std::memchr(from, wanted, static_cast<std::size_t>(end - from)));
}

// The character sets in which a byte below 0x80 is always the ASCII character.
enum class Charset : std::uint8_t { Utf8, SingleByte };

constexpr std::string_view kUtf8Charsets = "utf8mb4 utf8mb3 utf8";
constexpr std::string_view kSingleByteCharsets =
    "ascii binary latin1 latin2 latin5 latin7 cp1250 cp1251 cp1256 cp1257 cp850 cp852 cp866 koi8r "
    "koi8u greek hebrew macce macroman dec8 hp8 armscii8 keybcs2 geostd8 tis620";

constexpr auto make_charsets() {
  std::array<NameRow<Charset>, count_words(kUtf8Charsets) + count_words(kSingleByteCharsets)>
      rows{};
  std::size_t next = add_words(rows, 0, kUtf8Charsets, Charset::Utf8);
  (void)add_words(rows, next, kSingleByteCharsets, Charset::SingleByte);
  return rows;
}

constexpr NameTable kCharsets(make_charsets());

// The server reports modes as a list of names between commas.
bool has_mode(std::string_view sql_mode, std::string_view wanted) {
  while (!sql_mode.empty()) {
    std::size_t comma = std::min(sql_mode.find(','), sql_mode.size());
    if (equal_words(sql_mode.substr(0, comma), wanted)) return true;
    sql_mode.remove_prefix(std::min(comma + 1, sql_mode.size()));
  }
  return false;
}

}  // namespace

LexerMode lexer_mode(std::string_view sql_mode, std::string_view character_set_client) {
  LexerMode mode;
  // ANSI stands for several modes, these two among them.
  mode.ansi_quotes = has_mode(sql_mode, "ansi_quotes") || has_mode(sql_mode, "ansi");
  mode.ignore_space = has_mode(sql_mode, "ignore_space") || has_mode(sql_mode, "ansi");
  mode.no_backslash_escapes = has_mode(sql_mode, "no_backslash_escapes");
  const Charset* charset = kCharsets.find(character_set_client);
  mode.unsafe_charset = charset == nullptr;
  mode.single_byte_charset = charset != nullptr && *charset == Charset::SingleByte;
  return mode;
}

void Lexer::next(Token& token) {
  const char* start = at_;
  if (next_ == Next::Dot) return dot(token, start);
  if (next_ == Next::Identifier) return identifier(token, start);
  while (at_ < end_ && class_of(*at_) == Class::Space) ++at_;
  start = at_;
  if (at_ == end_) {
    doubtful_ |= in_versioned_comment_;
    return finish(token, TokenKind::End, start);
  }
  switch (class_of(*at_)) {
    case Class::Letter:
      return word(token, start);
    case Class::Digit:
      return number(token, start);
    case Class::Quote:
      return quoted(token, start, TokenKind::String, !mode_.no_backslash_escapes);
    case Class::DoubleQuote:
      return double_quoted(token, start);
    case Class::BackTick:
      return quoted(token, start, TokenKind::QuotedIdentifier, false);
    case Class::At:
      return peek(1) == '@' ? system_variable(token, start) : user_variable(token, start);
    case Class::Hash:
      return line_comment(token, start);
    case Class::Dash:
      return starts_line_comment() ? line_comment(token, start) : symbol(token, start);
    case Class::Slash:
      return peek(1) == '*' ? block_comment(token, start) : symbol(token, start);
    case Class::Dot:
      return is_digit(peek(1)) ? fraction(token, start) : dot(token, start);
    case Class::Question:
      ++at_;
      return finish(token, TokenKind::Parameter, start);
    case Class::Star:
    case Class::Zero:
    case Class::Space:
    case Class::Symbol:
      return symbol(token, start);
  }
  return symbol(token, start);
}

void Lexer::finish(Token& token, TokenKind kind, const char* start) {
  token.kind = kind;
  token.keyword = Keyword::None;
  token.text = std::string_view(start, static_cast<std::size_t>(at_ - start));
}

void Lexer::skip_identifier() {
  unsigned bits = 0;
  for (; at_ < end_ && in_identifier(*at_); ++at_) bits |= static_cast<unsigned char>(*at_);
  // In latin1, for one, 0xA0 is white space.
  doubtful_ |= mode_.single_byte_charset && (bits & 0x80) != 0;
}

void Lexer::skip_digits() {
  while (at_ < end_ && is_digit(*at_)) ++at_;
}

// What the server does not even look up among its keywords: after a full stop, or with a digit in
// front. A full stop that touches its end, and touches another identifier, continues the name.
void Lexer::identifier(Token& token, const char* start) {
  skip_identifier();
  next_ = peek(0) == '.' && in_identifier(peek(1)) ? Next::Dot : Next::Anything;
  return finish(token, TokenKind::Word, start);
}

void Lexer::word(Token& token, const char* start) {
  char first = to_lower(*start);
  if (peek(1) == '\'' && (first == 'n' || first == 'x' || first == 'b')) {
    ++at_;
    return quoted(token, start, TokenKind::String, first == 'n' && !mode_.no_backslash_escapes);
  }
  identifier(token, start);
  if (next_ == Next::Anything) token.keyword = find_keyword(token.text);
  // To newer servers `$tag$ … $tag$` is a string, to older ones an identifier.
  doubtful_ |= *start == '$' && token.text.find('$', 1) != std::string_view::npos;
}

// A number ends where its digits end, so that a word may follow without white space: `1.5FOR`,
// `1e5FOR`. Digits that run into letters any other way are an identifier: `1for`, `2024_sales`.
void Lexer::number(Token& token, const char* start) {
  char base = peek(0) == '0' ? peek(1) : '\0';
  if (base == 'x' || base == 'b') {
    at_ += 2;
    const char* digits = at_;
    while (at_ < end_ && (base == 'x' ? is_hex_digit(*at_) : *at_ == '0' || *at_ == '1')) ++at_;
    if (at_ > digits && !in_identifier(peek(0))) return finish(token, TokenKind::Number, start);
    return identifier(token, start);
  }
  skip_digits();
  if (peek(0) == '.') return fraction(token, start);
  if (!in_identifier(peek(0))) return finish(token, TokenKind::Number, start);
  if (to_lower(peek(0)) == 'e') {
    std::size_t sign = peek(1) == '+' || peek(1) == '-' ? 1 : 0;
    if (is_digit(peek(1 + sign))) {
      at_ += 1 + sign;
      skip_digits();
      return finish(token, TokenKind::Number, start);
    }
  }
  return identifier(token, start);
}

// Stands on the full stop.
void Lexer::fraction(Token& token, const char* start) {
  ++at_;
  skip_digits();
  if (to_lower(peek(0)) == 'e') {
    ++at_;
    if (peek(0) == '+' || peek(0) == '-') ++at_;
    // `1.e(` drops the number from the statement on some servers, which has served to hide code.
    doubtful_ |= !is_digit(peek(0));
    skip_digits();
  }
  return finish(token, TokenKind::Number, start);
}

void Lexer::dot(Token& token, const char* start) {
  ++at_;
  next_ = in_identifier(peek(0)) ? Next::Identifier : Next::Anything;
  return finish(token, TokenKind::Punctuation, start);
}

// Stands behind the opening quote.
void Lexer::skip_quoted(char quote, bool backslash_escapes) {
  while (const char* close = find(at_, end_, quote)) {
    while (backslash_escapes && at_ < close) {
      const char* backslash = find(at_, close, '\\');
      if (backslash == nullptr) break;
      at_ = backslash + 2;
    }
    if (at_ > close) continue;  // the quote was escaped
    at_ = close + 1;
    if (peek(0) != quote) return;
    ++at_;
  }
  at_ = end_;
  doubtful_ = true;
}

// Stands on the opening quote.
void Lexer::quoted(Token& token, const char* start, TokenKind kind, bool backslash_escapes) {
  char quote = *at_++;
  skip_quoted(quote, backslash_escapes);
  next_ = Next::Anything;
  finish(token, kind, start);
  // The server ends a quoted identifier at a zero byte.
  doubtful_ |= kind == TokenKind::QuotedIdentifier && token.text.find('\0') != token.text.npos;
}

void Lexer::double_quoted(Token& token, const char* start) {
  if (mode_.ansi_quotes) return quoted(token, start, TokenKind::QuotedIdentifier, false);
  return quoted(token, start, TokenKind::String, !mode_.no_backslash_escapes);
}

void Lexer::user_variable(Token& token, const char* start) {
  ++at_;
  switch (class_of(peek(0))) {
    case Class::Quote:
      return quoted(token, start, TokenKind::UserVariable, !mode_.no_backslash_escapes);
    case Class::DoubleQuote:
      return quoted(token,
                    start,
                    TokenKind::UserVariable,
                    !mode_.ansi_quotes && !mode_.no_backslash_escapes);
    case Class::BackTick:
      return quoted(token, start, TokenKind::UserVariable, false);
    default:
      break;
  }
  while (at_ < end_ && (*at_ == '.' || in_identifier(*at_)) &&
         static_cast<unsigned char>(*at_) < 0x80) {
    ++at_;
  }
  return finish(token, TokenKind::UserVariable, start);
}

bool Lexer::starts_name(std::size_t ahead) const {
  char c = peek(ahead);
  return in_identifier(c) || c == '`' || (c == '"' && mode_.ansi_quotes);
}

void Lexer::system_variable(Token& token, const char* start) {
  ++at_;
  do {
    ++at_;
    if (starts_name(0) && !in_identifier(peek(0))) {
      quoted(token, start, TokenKind::QuotedIdentifier, false);
    } else {
      skip_identifier();
    }
  } while (peek(0) == '.' && starts_name(1));
  while (at_ < end_ && skip_distant_part()) {
  }
  return finish(token, TokenKind::SystemVariable, start);
}

// Blanks and comments may stand on both sides of the full stop. False, and nothing is skipped, if
// what follows is no part of the name.
bool Lexer::skip_distant_part() {
  Lexer ahead = *this;
  bool is_marked = false;
  auto next = [&] {
    Token token;
    do {
      ahead.next(token);
      is_marked |= token.kind == TokenKind::CodeMark;
    } while (token.kind >= TokenKind::Comment);
    return token;
  };
  if (!next().is('.')) return false;
  const TokenKind kind = next().kind;
  if (kind != TokenKind::Word && kind != TokenKind::QuotedIdentifier) return false;
  *this = ahead;
  // Without the marks around it, the name would be another one.
  doubtful_ |= is_marked;
  return true;
}

// "--" alone is two signs; the comment needs white space, a control character or the end behind.
bool Lexer::starts_line_comment() const {
  if (peek(1) != '-') return false;
  return static_cast<unsigned char>(peek(2)) <= ' ' || peek(2) == '\x7f';
}

void Lexer::line_comment(Token& token, const char* start) {
  const char* line_end = find(at_, end_, '\n');
  at_ = line_end == nullptr ? end_ : line_end;
  finish(token, TokenKind::Comment, start);
  // The server ends such a comment at a zero byte too, and what follows is code.
  doubtful_ |= token.text.find('\0') != std::string_view::npos;
}

void Lexer::block_comment(Token& token, const char* start) {
  if (peek(2) == '!') return versioned_comment(token, start);
  bool hint = peek(2) == '+';
  doubtful_ |= peek(2) == 'M' && peek(3) == '!';  // code to a MariaDB server
  at_ += 2;
  std::string_view rest(at_, static_cast<std::size_t>(end_ - at_));
  std::size_t close = rest.find("*/");
  doubtful_ |= close == rest.npos;
  rest = rest.substr(0, close);
  at_ = close == rest.npos ? end_ : at_ + close + 2;
  // A hint has strings and quoted names, in which the server does not look for the end.
  doubtful_ |= hint && rest.find_first_of("'\"`") != rest.npos;
  return finish(token, hint ? TokenKind::Hint : TokenKind::Comment, start);
}

// What stands inside is code, for every server at least as new as the five digits say; with no
// five digits it always is. Six digits mean one thing or another depending on the server.
void Lexer::versioned_comment(Token& token, const char* start) {
  at_ += 3;
  int version = 0;
  std::size_t digits = 0;
  for (; is_digit(peek(digits)); ++digits) {
    if (digits < 5) version = version * 10 + (peek(digits) - '0');
  }
  if (digits >= 5) at_ += 5;
  doubtful_ |= digits > 5 || (digits == 5 && version > kOldestServer);
  in_versioned_comment_ = true;
  return finish(token, TokenKind::CodeMark, start);
}

void Lexer::symbol(Token& token, const char* start) {
  doubtful_ |= *at_ == '\0';
  bool closes_code = in_versioned_comment_ && *at_ == '*' && peek(1) == '/';
  bool two = closes_code || (*at_ == ':' && peek(1) == '=');
  at_ += two ? 2 : 1;
  if (!closes_code) return finish(token, TokenKind::Punctuation, start);
  in_versioned_comment_ = false;
  return finish(token, TokenKind::CodeMark, start);
}

std::string_view unquoted(std::string_view text) {
  if (text.size() < 2 || text.front() != text.back()) return text;
  if (text.front() != '`' && text.front() != '"' && text.front() != '\'') return text;
  return text.substr(1, text.size() - 2);
}

bool equal_words(std::string_view left, std::string_view right) {
  return left.size() == right.size() &&
         std::equal(left.begin(), left.end(), right.begin(), [](char a, char b) {
           return to_lower(a) == to_lower(b);
         });
}

bool names(const Token& token, std::string_view name) {
  if (token.kind == TokenKind::Word) return equal_words(token.text, name);
  return token.kind == TokenKind::QuotedIdentifier && equal_words(unquoted(token.text), name);
}

bool is_word(const Token& token, std::string_view word) {
  return token.kind == TokenKind::Word && equal_words(token.text, word);
}

bool is_one_of(const Token& token, std::span<const std::string_view> words) {
  return std::any_of(words.begin(), words.end(), [&](std::string_view word) {
    return is_word(token, word);
  });
}

}  // namespace dorsal::sql
