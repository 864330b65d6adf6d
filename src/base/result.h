// A value, or an Error that says what the caller can do about it.
//
// Member names follow std::expected, which g++ 12 has only in C++23 mode. Nothing here throws:
// reading the value of a failed Result is a broken invariant and aborts.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "base/check.h"

namespace dorsal {

// What a caller can do about a failure. A kind is added only when a caller would act differently.
enum class ErrorKind {
  Invalid,      // the request itself is wrong; repeating it is useless
  NotFound,     // what was asked for does not exist
  Conflict,     // somebody else was first; look again, then decide anew
  Corrupt,      // bytes from outside are not what their format allows
  Timeout,      // the deadline passed; whether the request took effect may be unknown
  Unavailable,  // the other side cannot be reached or refuses for now; later may work
};

std::string_view to_string(ErrorKind kind);

struct [[nodiscard]] Error {
  ErrorKind kind = ErrorKind::Invalid;
  std::string message;

  // The same error with "context: " in front of its message.
  Error in(std::string_view context) const;
};

// Shorthands, so that a failing line reads `return corrupt("row is cut short");`.
Error invalid(std::string message);
Error not_found(std::string message);
Error conflict(std::string message);
Error corrupt(std::string message);
Error timeout(std::string message);
Error unavailable(std::string message);

template <class T>
class [[nodiscard]] Result {
 public:
  using value_type = T;

  // NOLINTNEXTLINE(google-explicit-constructor): so that a function may return its value
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  // NOLINTNEXTLINE(google-explicit-constructor): or its error
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  bool has_value() const { return state_.index() == 0; }
  explicit operator bool() const { return has_value(); }

  T& value() & {
    DORSAL_CHECK(has_value());
    return std::get<0>(state_);
  }
  const T& value() const& {
    DORSAL_CHECK(has_value());
    return std::get<0>(state_);
  }
  T&& value() && {
    DORSAL_CHECK(has_value());
    return std::get<0>(std::move(state_));
  }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  const Error& error() const {
    DORSAL_CHECK(!has_value());
    return std::get<1>(state_);
  }

  // The same result; a failure gets "context: " in front of its message.
  Result in(std::string_view context) && {
    if (has_value()) return std::move(*this);
    return error().in(context);
  }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> : public Result<std::monostate> {
 public:
  Result() : Result<std::monostate>(std::monostate{}) {}
  // NOLINTNEXTLINE(google-explicit-constructor): as above
  Result(Error error) : Result<std::monostate>(std::move(error)) {}

  Result in(std::string_view context) && {
    if (has_value()) return {};
    return error().in(context);
  }
};

}  // namespace dorsal

#define DORSAL_CONCAT_INNER(a, b) a##b
#define DORSAL_CONCAT(a, b) DORSAL_CONCAT_INNER(a, b)

// `DORSAL_TRY(auto rows, read_rows())` declares rows, or returns the failure from this function.
#define DORSAL_TRY(declaration, expression) \
  DORSAL_TRY_INNER(return, DORSAL_CONCAT(dorsal_result_, __LINE__), declaration, expression)

// The same inside a coroutine that returns Task<Result<…>>.
#define DORSAL_CO_TRY(declaration, expression) \
  DORSAL_TRY_INNER(co_return, DORSAL_CONCAT(dorsal_result_, __LINE__), declaration, expression)

// Names and keywords cannot stand in parentheses.
// NOLINTBEGIN(bugprone-macro-parentheses)
#define DORSAL_TRY_INNER(leave, result, declaration, expression) \
  auto result = (expression);                                    \
  if (!result) leave result.error();                             \
  declaration = *std::move(result)
// NOLINTEND(bugprone-macro-parentheses)

// For a Result<void>, or a value that is not wanted.
#define DORSAL_TRY_VOID(expression)                                                         \
  do {                                                                                      \
    if (auto dorsal_outcome = (expression); !dorsal_outcome) return dorsal_outcome.error(); \
  } while (false)

#define DORSAL_CO_TRY_VOID(expression)                                                         \
  do {                                                                                         \
    if (auto dorsal_outcome = (expression); !dorsal_outcome) co_return dorsal_outcome.error(); \
  } while (false)
