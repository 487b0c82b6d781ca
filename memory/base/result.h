// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_MEMORY_BASE_RESULT_H_
#define SEALVM_MEMORY_BASE_RESULT_H_

#include <expected>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace sealvm {

// Who has to act on an error. The command line maps it to its exit code.
enum class ErrorKind {
  kHost,          // the VMM or the host failed: exit code 1
  kInvalidInput,  // an option, a file or a configuration key is wrong: exit code 2
  kRefused,       // the requested isolation is not available: exit code 5
};

// An error as a value. `message` is one line that says what was tried and on what; `hint`, when not
// empty, says what the user can do. `os_error` is the errno of the failed call, or 0.
struct Error {
  ErrorKind kind = ErrorKind::kHost;
  std::string message;
  std::string hint;
  int os_error = 0;

  // "message (hint)", for a log line.
  std::string ToString() const;
};

template <typename T = void>
using Result = std::expected<T, Error>;

// Makes "call(object): strerror(err)" of kind kHost.
std::unexpected<Error> SystemError(std::string_view call, std::string_view object, int err,
                                   std::string_view hint = {});

std::unexpected<Error> InvalidInput(std::string message, std::string hint = {});
std::unexpected<Error> HostError(std::string message, std::string hint = {});
std::unexpected<Error> Refused(std::string message, std::string hint = {});

// Puts "context: " before the message of an error on its way up.
std::unexpected<Error> WithContext(Error error, std::string_view context);

namespace internal {

// The value of a result that holds one. Unlike operator* its value may be ignored.
template <typename T>
T TakeValue(Result<T>&& result) {
  if constexpr (!std::is_void_v<T>) return *std::move(result);
}

}  // namespace internal

}  // namespace sealvm

// Evaluates `expression`, a Result; returns its error from the enclosing function or yields its
// value. A GNU statement expression: both supported compilers have it.
#define SEALVM_TRY(expression)                                      \
  __extension__({                                                   \
    auto sealvm_try_result = (expression);                          \
    if (!sealvm_try_result) {                                       \
      return std::unexpected(std::move(sealvm_try_result).error()); \
    }                                                               \
    ::sealvm::internal::TakeValue(std::move(sealvm_try_result));    \
  })

#endif  // SEALVM_MEMORY_BASE_RESULT_H_
