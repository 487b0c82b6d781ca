// SPDX-License-Identifier: Apache-2.0
#include "memory/base/result.h"

#include <string.h>

namespace sealvm {

std::string Error::ToString() const { return hint.empty() ? message : message + " (" + hint + ")"; }

std::unexpected<Error> SystemError(std::string_view call, std::string_view object, int err,
                                   std::string_view hint) {
  std::string message(call);
  if (!object.empty()) message.append("(").append(object).append(")");
  message.append(": ").append(strerrordesc_np(err) != nullptr ? strerrordesc_np(err) : "error");
  if (const char* name = strerrorname_np(err); name != nullptr) {
    message.append(" [").append(name).append("]");
  }
  return std::unexpected(Error{ErrorKind::kHost, std::move(message), std::string(hint), err});
}

std::unexpected<Error> InvalidInput(std::string message, std::string hint) {
  return std::unexpected(Error{ErrorKind::kInvalidInput, std::move(message), std::move(hint), 0});
}

std::unexpected<Error> HostError(std::string message, std::string hint) {
  return std::unexpected(Error{ErrorKind::kHost, std::move(message), std::move(hint), 0});
}

std::unexpected<Error> Refused(std::string message, std::string hint) {
  return std::unexpected(Error{ErrorKind::kRefused, std::move(message), std::move(hint), 0});
}

std::unexpected<Error> WithContext(Error error, std::string_view context) {
  error.message.insert(0, ": ").insert(0, context);
  return std::unexpected(std::move(error));
}

}  // namespace sealvm
