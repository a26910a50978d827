// What the library says about itself, and whose threads it borrows.
#include "interface.hpp"
#include "simd.hpp"
#include "threads.hpp"
#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace bicameral {
Runtime runtime = {};
}

#if defined(__clang__)
#define COMPILER "clang " __clang_version__
#else
#define COMPILER "gcc " __VERSION__
#endif

BICAMERAL_EXPORT const char* bicameral_compiler() { return COMPILER; }
BICAMERAL_EXPORT const char* bicameral_variant() { return BICAMERAL_VARIANT; }
BICAMERAL_EXPORT const char* bicameral_sources() { return BICAMERAL_SOURCES; }

BICAMERAL_EXPORT void bicameral_use_threads(void* parallel, void* barrier, void* thread, void* threads) {
  using namespace bicameral;
  runtime = {reinterpret_cast<decltype(Runtime::parallel)>(parallel), reinterpret_cast<void (*)()>(barrier),
             reinterpret_cast<int (*)()>(thread), reinterpret_cast<int (*)()>(threads)};
}
BICAMERAL_EXPORT int bicameral_has_threads() { return bicameral::runtime.parallel != nullptr; }
BICAMERAL_EXPORT void bicameral_nothing() {}

// Fresh memory is handed out by pages as it is first written; by pages of 2 MiB that costs a third.
BICAMERAL_EXPORT void bicameral_ask_for_huge_pages(long bytes, char* memory) {
#if defined(__linux__)
  const uintptr_t PAGE = 4096, first = (reinterpret_cast<uintptr_t>(memory) + PAGE - 1) / PAGE * PAGE;
  madvise(reinterpret_cast<void*>(first), memory + bytes - reinterpret_cast<char*>(first), MADV_HUGEPAGE);
#endif
}

BICAMERAL_DESCRIBE(bicameral_ask_for_huge_pages)
