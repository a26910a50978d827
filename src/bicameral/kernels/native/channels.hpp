// Sequences of shape (batch, frames, width), the channels next to each other, cut up among the threads.
#pragma once
#include "simd.hpp"
#include "threads.hpp"

namespace bicameral {

constexpr long BLOCK = 1024;   // channels visited together: 4 KiB of state stay in the first-level cache
constexpr long GRAIN = 32768;  // values worth waking a thread for

inline long threads_for(long values, long threads) { return std::min(threads, std::max(1L, values / GRAIN)); }

// Calls work(row, first, count) for blocks of channels that together cover every row, on up to `threads`
// threads. Only the last block of a row is not a multiple of `lanes`, so that every channel is computed by
// the same instructions whatever the number of threads.
template <class Work>
void for_blocks(long batch, long width, long lanes, long threads, Work work) {
  if (!batch || !width) return;
  long units = std::max(1L, width / lanes), longest = std::max(1L, BLOCK / lanes);
  long blocks = std::max((units + longest - 1) / longest, (threads + batch - 1) / batch);
  blocks = std::min(blocks, units);
  parallel_for(batch * blocks, threads, [&](long i) {
    auto [first, end] = share(units, i % blocks, blocks);
    long last = end == units ? width : end * lanes;
    work(i / blocks, first * lanes, last - first * lanes);
  });
}

// Where the i-th vector of a block starts. The last one overlaps its neighbour where lanes do not divide the
// count: both then compute the same values, each from a state of its own.
BICAMERAL_INLINE long offset(long i, long lanes, long count) { return std::min(i * lanes, count - lanes); }

}  // namespace bicameral
