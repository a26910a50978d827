// The backward pass through the second product of a cell that has one (gated_second_product.hpp).
#pragma once
#include <utility>
#include <vector>

#include "gated_call.hpp"

namespace bicameral::gated {

using Steps = std::vector<std::pair<long, long>>;  // (t, row)

// Cuts `width` floats into tiles of Rows, `pitch` floats apart: operands to be read down a chunk of steps.
template <int Rows>
void cut(float* tile, const float* from, long width, long pitch) {
  for (; width >= Rows; width -= Rows, from += Rows, tile += pitch)
    std::memcpy(tile, from, Rows * sizeof(float));
  for (long i = 0; i < width; i++) tile[i] = from[i];
}

template <class Cell>
struct SecondProduct {
  static constexpr int ROWS = SUMS / MOST_COLUMNS;  // height of the tiles in which gradients are summed

  const Call& call;
  const Layout<Cell>& at;
  long chunk;
  float *packed, *ring,
      *tile;  // weights; what comes back into the product, of a chunk; the same as an operand

  SecondProduct(const Call& call, const Layout<Cell>& at, long chunk, float* memory)
      : call(call), at(at), chunk(chunk), packed(memory), ring(packed + call.outputs * at.padded),
        tile(ring + chunk * call.rows * at.shown) {}
  static long size(const Call& call, const Layout<Cell>& at, long chunk) {
    return call.outputs * at.padded + chunk * call.rows * (at.shown + tiles(call.outputs, ROWS) * ROWS);
  }

  // Of all rows: gradients of what the product gave.
  float* coming(long t) const { return ring + t % chunk * call.rows * at.shown; }

  // Visits our groups of vectors of units, `columns` of them from `v` on.
  template <class Visit>
  void for_groups(int thread, int threads, Visit visit) const {
    Range mine = share(tiles(at.vectors, MOST_COLUMNS), thread, threads);
    for (long v = mine.first * MOST_COLUMNS; v < std::min(mine.end * MOST_COLUMNS, at.vectors);
         v += MOST_COLUMNS)
      visit(v, columns_from(at.padded, v));
  }

  void prepare(int thread, int threads) const {
    for_groups(thread, threads, [&](long v, int columns) {
      float* to = packed + v * LANES * call.outputs;
      for (long k = 0; k < call.outputs; k++)
        for (long n = v; n < v + columns; n++, to += LANES)
          store(to, load(Cell::weights(call) + k * call.units + n * LANES, count_of(call.units, n)));
    });
    Range mine = share(call.outputs, thread, threads);
    if (call.dw_h)
      std::memset(Cell::gradient(call) + mine.first * call.units, 0,
                  (mine.end - mine.first) * call.units * sizeof(float));
  }

  // From `coming` into slot SECOND_SLOT of the gates' gradients.
  void back(const Part& part, long t, long running, float* gradients, std::vector<const float*>& from,
            std::vector<float*>& to) const {
    const std::vector<const float*> start(running, ZEROS);
    from.resize(running), to.resize(running);
    for (long i = 0; i < running; i++) {
      from[i] = coming(t) + part.row(i) * at.shown;
      to[i] = gradients + part.row(i) * at.gates + Cell::SECOND_SLOT * LANES;
    }
    for_groups(0, 1, [&](long v, int columns) {
      const long pitch = Cell::SLOTS * LANES;
      multiply({1, call.outputs, 0, 1, packed + v * LANES * call.outputs, columns * LANES, columns, 1, pitch,
                columns * pitch},
               running, from.data(), start.data(), to.data());
      for (float*& row : to) row += columns * pitch;
    });
  }

  void cut_steps(const Steps& steps, Range mine) const {
    const long pitch = static_cast<long>(steps.size()) * ROWS;
    for (long i = mine.first; i < mine.end; i++)
      cut<ROWS>(tile + i * ROWS, coming(steps[i].first) + steps[i].second * at.shown, call.outputs, pitch);
  }

  // Adds a chunk to the gradient of the weights; gates(t, row) is where the operand stands now.
  template <class Gates>
  void sum(const Steps& steps, int thread, int threads, std::vector<float>& operands, Gates gates) const {
    const long depth = static_cast<long>(steps.size());
    for_groups(thread, threads, [&](long v, int columns) {
      operands.resize((depth * columns + 1) * LANES);
      float* operand = operands.data();
      for (auto [t, row] : steps)
        for (long n = v; n < v + columns; n++, operand += LANES)
          store(operand, load(gates(t, row) + (n * Cell::SLOTS + Cell::SECOND_SLOT) * LANES));
      for (long first = 0; first < call.outputs; first += ROWS) {
        const float* from[ROWS];
        float* to[ROWS];
        const long count = std::min<long>(ROWS, call.outputs - first);
        for (long i = 0; i < count; i++) {
          from[i] = tile + first * depth + i;
          to[i] = Cell::gradient(call) + (first + i) * call.units + v * LANES;
        }
        multiply({1, depth, 0, ROWS, operands.data(), columns * LANES, columns, columns, 0,
                  call.units - v * LANES},
                 count, from, to, to);
      }
    });
  }
};

}  // namespace bicameral::gated
