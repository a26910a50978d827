// A sparse matrix times the nodes of one example. The features of a node are summed in registers.
#pragma once
#include <algorithm>

#include "simd.hpp"

namespace bicameral {

// By its rows: entry k, starts[r] <= k < starts[r + 1], stands in row r.
struct SparseRows {
  const int* starts;  // one more than there are rows
  const int* columns;
  const float* values;
};

// `Vectors` vectors of features of one row; short ones take several entries at once, to hide latency.
template <int Vectors>
BICAMERAL_INLINE void sum_row(SparseRows m, long row, const float* x, long width, float* y) {
  constexpr int AT_ONCE = Vectors == 1 ? 4 : Vectors == 2 ? 2 : 1;
  Vector sums[AT_ONCE][Vectors] = {};
  auto add = [&](int u, long k) __attribute__((always_inline)) {
    const float* from = x + m.columns[k] * width;
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; v++) sums[u][v] += m.values[k] * load(from + v * LANES);
  };
  long k = m.starts[row], end = m.starts[row + 1];
  for (; k + AT_ONCE <= end; k += AT_ONCE)
#pragma GCC unroll 4
    for (int u = 0; u < AT_ONCE; u++) add(u, k + u);
  for (; k < end; k++) add(0, k);
#pragma GCC unroll 4
  for (int v = 0; v < Vectors; v++) {
#pragma GCC unroll 4
    for (int u = 1; u < AT_ONCE; u++) sums[0][v] += sums[u][v];
    store(y + v * LANES, sums[0][v]);
  }
}

// Where a node has fewer features than a vector has lanes.
BICAMERAL_INLINE void sum_few(SparseRows m, long row, const float* x, long width, float* y) {
  for (long i = 0; i < width; i++) y[i] = 0;
  for (long k = m.starts[row]; k < m.starts[row + 1]; k++)
    for (long i = 0; i < width; i++) y[i] += m.values[k] * x[m.columns[k] * width + i];
}

// One example.
inline void sum_rows(SparseRows m, long rows, long width, const float* x, float* y) {
  for (long row = 0; row < rows; row++, y += width) {
    if (width < LANES) {
      sum_few(m, row, x, width, y);
      continue;
    }
    long from = 0;
    for (; from + 4 * LANES <= width; from += 4 * LANES) sum_row<4>(m, row, x + from, width, y + from);
    for (; from + 2 * LANES <= width; from += 2 * LANES) sum_row<2>(m, row, x + from, width, y + from);
    for (; from < width; from += LANES) {  // the last vector overlaps its neighbour
      long at = std::min(from, width - LANES);
      sum_row<1>(m, row, x + at, width, y + at);
    }
  }
}

}  // namespace bicameral
