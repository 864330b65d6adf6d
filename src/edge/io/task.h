// The coroutine type of edge and service.
//
// A Task starts when it is awaited (or spawned in a Scope, see scope.h) and runs on one Loop. Its
// parameters are passed by value or refer to something that outlives it.
//
// Cancellation. When a Scope cancels, the operation in which each of its tasks is suspended ends at
// once, and every further one ends without starting:
//   - one that returns a Result says Unavailable "cancelled";
//   - Loop::sleep_until() and Event::wait() return false.
// Nothing is thrown, so a task ends along its normal paths and can still await its own children
// (Scope::cancel_and_join() always waits). A loop that carries on after failures must look:
//
//   while (!co_await cancelled()) { ... }
//
// As a safety net, a task that ignores a thousand such answers gets the exception
// asio::error::operation_aborted from the next one, which ends it.
#pragma once

#include <asio/awaitable.hpp>
#include <asio/io_context.hpp>
#include <asio/use_awaitable.hpp>

namespace dorsal::io {

using Executor = asio::io_context::executor_type;

template <class T = void>
using Task = asio::awaitable<T, Executor>;

// The completion token that makes an Asio operation a Task: `co_await asio::post(use_task)`.
using UseTask = asio::use_awaitable_t<Executor>;
inline constexpr UseTask use_task{};

// True once the Scope of the calling task wants it to end. Never suspends.
Task<bool> cancelled();

}  // namespace dorsal::io
