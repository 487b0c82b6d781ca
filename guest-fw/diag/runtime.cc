// SPDX-License-Identifier: Apache-2.0
// What compilers call even in freestanding code (GCC manual, "Language Standards Supported by
// GCC").

#include <stddef.h>
#include <stdint.h>

extern "C" {

void* memcpy(void* to, const void* from, size_t size) {
  void* result = to;
  asm volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(size)::"memory");
  return result;
}

void* memmove(void* to, const void* from, size_t size) {
  auto* t = static_cast<uint8_t*>(to);
  const auto* f = static_cast<const uint8_t*>(from);
  if (t <= f) {
    return memcpy(to, from, size);
  }
  while (size > 0) {
    --size;
    reinterpret_cast<volatile uint8_t*>(t)[size] = f[size];
  }
  return to;
}

void* memset(void* to, int value, size_t size) {
  void* result = to;
  asm volatile("rep stosb" : "+D"(to), "+c"(size) : "a"(value) : "memory");
  return result;
}

int memcmp(const void* a, const void* b, size_t size) {
  const auto* x = static_cast<const volatile uint8_t*>(a);
  const auto* y = static_cast<const volatile uint8_t*>(b);
  for (size_t i = 0; i < size; ++i) {
    if (x[i] != y[i]) {
      return x[i] < y[i] ? -1 : 1;
    }
  }
  return 0;
}

size_t strlen(const char* text) {
  const auto* p = reinterpret_cast<const volatile char*>(text);
  size_t size = 0;
  while (p[size] != 0) {
    ++size;
  }
  return size;
}

}  // extern "C"
