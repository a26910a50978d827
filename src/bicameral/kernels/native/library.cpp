// What the library says about itself, and whose threads it borrows.
#include "simd.hpp"
#include "threads.hpp"

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
