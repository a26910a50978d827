// Work shared by the threads that PyTorch already has; one thread where its OpenMP runtime was not found.
#pragma once
#include <algorithm>

namespace bicameral {

// The entry points of the OpenMP runtime in this process, handed over once by Python.
struct Runtime {
  void (*parallel)(void (*run)(void*), void* data, unsigned threads, unsigned flags);
  void (*barrier)();
  int (*thread)();
  int (*threads)();
};
extern Runtime runtime;

// The half-open range of `count` things that falls to one of `parts`.
struct Range {
  long first, end;
};
inline Range share(long count, long part, long parts) {
  return {count * part / parts, count * (part + 1) / parts};
}

inline void barrier(int threads) {
  if (threads > 1) runtime.barrier();
}

// Calls work(thread, threads) on as many as `wanted` threads at once. Fewer may come: `threads` says how
// many.
template <class Work>
void parallel(long wanted, Work work) {
  if (wanted <= 1 || !runtime.parallel) return work(0, 1);
  auto run = [](void* data) { (*static_cast<Work*>(data))(runtime.thread(), runtime.threads()); };
  runtime.parallel(run, &work, static_cast<unsigned>(wanted), 0);
}

// Calls work(i) for every i below `count`, in no order.
template <class Work>
void parallel_for(long count, long wanted, Work work) {
  parallel(std::min(count, wanted), [&](int thread, int threads) {
    Range mine = share(count, thread, threads);
    for (long i = mine.first; i < mine.end; i++) work(i);
  });
}

}  // namespace bicameral
