#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <sstream>
#include <string>
#include <string_view>

#include "core/sql/statement.h"

namespace dorsal::sql {
namespace {

constexpr std::string_view kSeparator = "| ";

using File = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;

std::string read_file(const char* path) {
  File file(std::fopen(path, "rb"), &std::fclose);
  std::string text;
  char buffer[4096];
  while (std::size_t count = file ? std::fread(buffer, 1, sizeof(buffer), file.get()) : 0) {
    text.append(buffer, count);
  }
  return text;
}

void write_file(const char* path, const std::string& text) {
  File file(std::fopen(path, "wb"), &std::fclose);
  ASSERT_TRUE(file && std::fwrite(text.data(), 1, text.size(), file.get()) == text.size());
}

// \n \t \r \\ and \xHH.
std::string unescaped(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      plain += text[i];
      continue;
    }
    char c = text[++i];
    if (c == 'x') {
      plain += static_cast<char>(std::stoi(std::string(text.substr(i + 1, 2)), nullptr, 16));
      i += 2;
    } else {
      plain += c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : c;
    }
  }
  return plain;
}

LexerMode mode_named(std::string_view name) {
  LexerMode mode;
  mode.ansi_quotes = name == "ansi_quotes";
  mode.no_backslash_escapes = name == "no_backslash_escapes";
  mode.ignore_space = name == "ignore_space";
  mode.single_byte_charset = name == "single_byte_charset";
  mode.unsafe_charset = name == "unsafe_charset";
  return mode;
}

void append_pins(std::string& line, char sign, Pins pins) {
  for (int i = 0; i < kPinCount; ++i) {
    auto pin = static_cast<Pin>(i);
    if (pins.has(pin)) line.append(" ").append(1, sign).append(to_string(pin));
  }
}

std::string show(const Statement& statement) {
  std::string line;
  line.append(to_string(statement.place)).append(" ").append(to_string(statement.kind));
  line.append(" ").append(statement.rule);
  if (statement.may_write) line += " writes";
  if (statement.several) line += " several";
  append_pins(line, '+', statement.pins);
  append_pins(line, '-', statement.unpins);
  if (statement.forced) line.append(" forced=").append(to_string(*statement.forced));
  if (statement.consistency) line.append(" ").append(to_string(*statement.consistency));
  if (statement.misspelt_hint) line += " misspelt_hint";
  return line;
}

std::string answer(const std::string& line, LexerMode& mode) {
  if (line.rfind("mode ", 0) == 0) mode = mode_named(line.substr(5));
  std::size_t bar = line.find(kSeparator);
  if (line.empty() || line[0] == '#' || bar == std::string::npos) return line;
  std::string statement = line.substr(bar + kSeparator.size());
  return show(classify(unescaped(statement), mode)) + " | " + statement;
}

TEST(GoldenRules, EveryStatementIsClassifiedAsTheTableSays) {
  const char* path = DORSAL_GOLDEN_RULES;
  bool update = std::getenv("DORSAL_UPDATE_GOLDEN") != nullptr;
  std::istringstream expected(read_file(path));
  std::string actual;
  LexerMode mode;
  int statements = 0;
  for (std::string line; std::getline(expected, line);) {
    std::string now = answer(line, mode);
    EXPECT_TRUE(update || now == line) << "table: " << line << "\n  now: " << now;
    actual += now + "\n";
    statements += now.find(kSeparator) != std::string::npos ? 1 : 0;
  }
  EXPECT_GT(statements, 400) << "read from " << path;
  if (update) write_file(path, actual);
}

}  // namespace
}  // namespace dorsal::sql
