// The micro-kernel of the gated cells: rows scattered anywhere times packed weights, summed in registers.
//
// Every sum runs over k in one order, whatever the height of its tile: a row's result depends neither on the
// other rows of its batch nor on the number of threads.
#pragma once
#include <algorithm>
#include <array>
#include <utility>

#include "simd.hpp"

namespace bicameral::gated {

#if defined(__AVX512F__) || defined(__aarch64__)
constexpr int SUMS = 24;  // of 32 registers
#else
constexpr int SUMS = 12;  // of 16 registers
#endif
constexpr int MOST_ROWS = SUMS / 3, MOST_COLUMNS = 4;

// out[row][column] = start[row][column] + sum over outer, k of a[row][outer * a_pitch + k * step]
// w[k][column]
struct Product {
  long outer, depth;   // the sum is cut into `outer` runs of `depth`
  long a_pitch, step;  // from one run, and from one k, to the next in `a`
  const float* w;      // packed: all k of all runs, `w_pitch` floats apart
  long w_pitch;
  int columns;          // vectors
  int together, pitch;  // `together` of them stand side by side in `out`, such groups `pitch` floats apart
  long width;           // floats of `out` that exist, counted from its first
  long offset = 0;      // where in each row of `start` and `out` the columns begin
};

BICAMERAL_INLINE long place(const Product& p, int column) {
  return column / p.together * p.pitch + column % p.together * LANES;
}

template <int Rows, int Columns>
__attribute__((noinline)) void product(const Product& p, const float* const* a, const float* const* start,
                                       float* const* out) {
  Vector sums[Rows][Columns] = {};
  const float* row[Rows];
  for (int r = 0; r < Rows; r++) row[r] = a[r];
  const float* w = p.w;
  const long step = p.step, w_pitch = p.w_pitch;
  for (long run = 0; run < p.outer; run++) {
    long at = run * p.a_pitch;
#pragma GCC unroll 1
    for (long k = 0; k < p.depth; k++, at += step, w += w_pitch) {
      Vector column[Columns];
#pragma GCC unroll 4
      for (int n = 0; n < Columns; n++) column[n] = load(w + n * LANES);
#pragma GCC unroll 12
      for (int r = 0; r < Rows; r++)
#pragma GCC unroll 4
        for (int n = 0; n < Columns; n++) sums[r][n] += row[r][at] * column[n];
    }
  }
  long to[Columns], count[Columns];
  for (int n = 0; n < Columns; n++) to[n] = p.offset + place(p, n), count[n] = p.width - place(p, n);
  if (count[Columns - 1] >= LANES) {  // the last one is the furthest to the right
#pragma GCC unroll 12
    for (int r = 0; r < Rows; r++)
#pragma GCC unroll 4
      for (int n = 0; n < Columns; n++) store(out[r] + to[n], load(start[r] + to[n]) + sums[r][n]);
    return;
  }
#pragma GCC unroll 12
  for (int r = 0; r < Rows; r++)
#pragma GCC unroll 4
    for (int n = 0; n < Columns; n++)
      store(out[r] + to[n], load(start[r] + to[n], count[n]) + sums[r][n], count[n]);
}

// Where sums without a beginning start.
inline constexpr long MOST_SLOTS = 10;
alignas(64) inline const float ZEROS[MOST_COLUMNS * MOST_SLOTS * LANES] = {};

using Kernel = void (*)(const Product&, const float* const*, const float* const*, float* const*);

// Null where the sums would not fit in the registers.
template <int Rows, int Columns>
constexpr Kernel kernel() {
  if constexpr (Rows * Columns <= SUMS)
    return product<Rows, Columns>;
  else
    return nullptr;
}
template <int... I>
constexpr auto all_kernels(std::integer_sequence<int, I...>) {
  return std::array<Kernel, sizeof...(I)>{kernel<I / MOST_COLUMNS + 1, I % MOST_COLUMNS + 1>()...};
}
inline constexpr auto KERNELS = all_kernels(std::make_integer_sequence<int, MOST_ROWS * MOST_COLUMNS>{});

// Covers `count` rows with tiles of nearly equal height: a low one at the end would wait for its operands.
inline void multiply(const Product& p, long count, const float* const* a, const float* const* start,
                     float* const* out) {
  const long most = std::min(MOST_ROWS, SUMS / p.columns), tiles = (count + most - 1) / most;
  for (long tile = 0, first = 0; tile < tiles; tile++) {
    long end = count * (tile + 1) / tiles;
    KERNELS[(end - first - 1) * MOST_COLUMNS + p.columns - 1](p, a + first, start + first, out + first);
    first = end;
  }
}

// Lane by lane, LANES rows of `from` become columns of `to`, `count` of them.
struct Interleave {
  template <int Distance, bool High>
  struct Pick {
    static constexpr int from(int i) {
      return High ? (i & Distance ? i + LANES : i ^ Distance) : (i & Distance ? (i ^ Distance) + LANES : i);
    }
  };
  template <int Distance>
  BICAMERAL_INLINE void stage(Vector* v) {
    for (int j = 0; j < LANES; j++)
      if (!(j & Distance)) {
        Vector x = v[j], y = v[j | Distance];
        v[j] = shuffle<Pick<Distance, false>>(x, y);
        v[j | Distance] = shuffle<Pick<Distance, true>>(x, y);
      }
  }
  template <int Distance = 1>
  BICAMERAL_INLINE void all(Vector* v) {
    stage<Distance>(v);
    if constexpr (Distance * 2 < LANES) all<Distance * 2>(v);
  }
};

// to[j][i] = from[i][j] for `rows` <= LANES rows and `columns` <= LANES columns; lanes of `to` beyond `rows`
// become zero where `padded`, and stay untouched otherwise.
inline void transpose(float* to, long to_pitch, const float* from, long from_pitch, long rows, long columns,
                      bool padded) {
  Vector v[LANES];
  for (int i = 0; i < LANES; i++) v[i] = i < rows ? load(from + i * from_pitch, columns) : Vector{};
  Interleave::all(v);
  for (long j = 0; j < columns; j++) store(to + j * to_pitch, v[j], padded ? LANES : rows);
}

}  // namespace bicameral::gated
