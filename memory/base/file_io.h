// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_MEMORY_BASE_FILE_IO_H_
#define SEALVM_MEMORY_BASE_FILE_IO_H_

#include <stddef.h>
#include <stdint.h>

#include <expected>
#include <span>
#include <string_view>

namespace sealvm {

// read(2) and write(2) until all is done, through interruptions by signals. Errors are values of
// errno, which holds them too: only the caller knows what the file is to the user. Thread-safe.

// Writes all of `bytes`; 0, or why not all was written.
int WriteAll(int fd, std::span<const uint8_t> bytes);
int WriteAll(int fd, std::string_view text);

// Reads until `out` is full or the file ends; how many bytes that were.
std::expected<size_t, int> ReadUpTo(int fd, std::span<uint8_t> out);

}  // namespace sealvm

#endif  // SEALVM_MEMORY_BASE_FILE_IO_H_
