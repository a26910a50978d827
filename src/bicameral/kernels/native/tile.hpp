// The register tile: some rows of a batch times four vectors of columns, summed without touching memory.
//
// Everything that multiplies matrices is a loop around `multiply_add`. Weights are packed once so that one
// step of the inner sum reads its columns next to each other: [k][column vector][lane].
#pragma once
#include "simd.hpp"
#include "threads.hpp"

namespace bicameral {

// How many rows of four sums fit in the registers beside the operands.
#if defined(__AVX512F__) || defined(__aarch64__)
constexpr int TILE_ROWS = 6;  // of 32 registers
#else
constexpr int TILE_ROWS = 3;  // of 16 registers
#endif
constexpr int TILE_COLUMNS = 4;

template <int Rows>
using Tile = Vector[Rows][TILE_COLUMNS];

// Which of a tile's four columns a packed matrix feeds.
template <int... Column>
struct Columns {};
using AllColumns = Columns<0, 1, 2, 3>;

// tile[row][Column...] += a[row, :] @ weights, over `depth` products.
// a: rows `row_stride` floats apart, elements `step` floats apart.
// weights: packed, `pitch` floats from one k to the next.
template <int Rows, int... Column>
BICAMERAL_INLINE void multiply_add(Tile<Rows>& tile, Columns<Column...>, long depth, const float* a,
                                   long row_stride, long step, const float* weights, long pitch) {
  constexpr int N = sizeof...(Column), column[] = {Column...};
  constexpr int UNROLL = Rows == 1 ? 4 : Rows == 2 ? 2 : 1;  // few rows: more sums at once, to hide latency
  Vector sums[UNROLL][Rows][N] = {};
  auto one_k = [&](int u, long k) __attribute__((always_inline)) {
    Vector w[N];
#pragma GCC unroll 4
    for (int n = 0; n < N; n++) w[n] = load(weights + k * pitch + n * LANES);
#pragma GCC unroll 8
    for (int row = 0; row < Rows; row++)
#pragma GCC unroll 4
      for (int n = 0; n < N; n++) sums[u][row][n] += a[row * row_stride + k * step] * w[n];
  };
  long k = 0;
#pragma GCC unroll 1
  for (; k + UNROLL <= depth; k += UNROLL)
#pragma GCC unroll 4
    for (int u = 0; u < UNROLL; u++) one_k(u, k + u);
#pragma GCC unroll 1
  for (; k < depth; k++) one_k(0, k);
#pragma GCC unroll 8
  for (int row = 0; row < Rows; row++)
#pragma GCC unroll 4
    for (int n = 0; n < N; n++)
#pragma GCC unroll 4
      for (int u = 0; u < UNROLL; u++) tile[row][column[n]] += sums[u][row][n];
}

// Covers rows first..end with the tallest tiles that fit: visit(row, tile) gets a tile of zeros.
template <int Rows = TILE_ROWS, class Visit>
BICAMERAL_INLINE void for_tiles(long first, long end, Visit visit) {
  for (; first + Rows <= end; first += Rows) {
    Tile<Rows> tile = {};
    visit(first, tile);
  }
  if constexpr (Rows > 1)
    if (first < end) for_tiles<Rows - 1>(first, end, visit);
}

// The rows that fall to one of `parts`: whole tiles but at the end, because low tiles sum in another order
// and results must not depend on the number of threads.
BICAMERAL_INLINE Range share_rows(long rows, long part, long parts) {
  Range tiles = share((rows + TILE_ROWS - 1) / TILE_ROWS, part, parts);
  return {std::min(rows, tiles.first * TILE_ROWS), std::min(rows, tiles.end * TILE_ROWS)};
}

}  // namespace bicameral
