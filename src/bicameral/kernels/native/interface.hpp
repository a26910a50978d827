// What the library says about its own interface: Python compares it with what it is about to call.
#pragma once
#include <cstddef>
#include <type_traits>

#include "simd.hpp"

namespace bicameral {

// 256 for every integer and 1 for every address of a function that takes addresses last; -1 for any other.
template <class... Argument>
constexpr long signature(void (*)(Argument...)) {
  static_assert(sizeof(long) == 8);
  const bool address[] = {std::is_pointer_v<Argument>...},
             known[] = {std::is_pointer_v<Argument> || std::is_same_v<Argument, long>...};
  long counted = 0;
  for (size_t i = 0; i < sizeof...(Argument); i++) {
    if (!known[i] || (i > 0 && address[i - 1] && !address[i])) return -1;
    counted += address[i] ? 1 : 256;
  }
  return counted;
}

// A field of a structure and how many bytes stand before it; after the last one no name, and the size of all.
struct Field {
  const char* name;
  long offset;
};

}  // namespace bicameral

#define BICAMERAL_DESCRIBE(function) \
  BICAMERAL_EXPORT long function##_signature() { return bicameral::signature(function); }
