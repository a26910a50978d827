// What Python asks of a gated recurrence, how its memory is laid out, and how its work is shared.
//
// Inside, everything is [time][row][vector of units][slot][lane], rows ordered by falling length, so that the
// rows still running are always the first ones. CellTraits are padded to whole vectors.
#pragma once
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "gated_layer_norm.hpp"
#include "gated_product.hpp"
#include "threads.hpp"

namespace bicameral::gated {

// One layer over whole sequences; bicameral/kernels/gated/cpu.py has the same fields in the same order.
struct Call {
  int64_t rows, frames, inputs, units, outputs, threads;  // outputs: units, if nothing projects them
  const float* x;  // (rows frames inputs), or the gates' pre-activations where w_x is null
  int64_t x_row, x_frame;
  const int64_t* lengths;  // or null
  const float *h, *c;      // (rows outputs) and (rows units), rows `h_row` and `c_row` floats apart
  int64_t h_row, c_row;
  const float *w_x, *w_h, *b_x, *b_h;  // PyTorch's layout; biases may be null
  const float* extra;                  // (EXTRAS units), or (outputs units)
  float* packed;                       // from `pack`, packed_size floats
  float* y;                            // (rows frames outputs)
  float *h_last, *c_last;              // (rows outputs) and (rows units)
  float* workspace;                    // a History; null where no backward pass will follow
  const float* dy;                     // (rows frames outputs); each gradient coming in may be null, for zero
  const float *dh_last, *dc_last;      // (rows outputs) and (rows units)
  float *dx, *dw_x, *dw_h, *db_x, *db_h, *d_extra;  // each gradient going out may be null, for not wanted
  float *dh, *dc;                                   // (rows outputs) and (rows units)
};

// Memory that a thread keeps from call to call: fresh pages cost more than the arithmetic done in them.
class Scratch {
 public:
  ~Scratch() { std::free(memory_); }
  float* take(long size) {
    if (size > size_) {
      std::free(memory_);
      size_ = size + size / 4;
      memory_ = static_cast<float*>(std::aligned_alloc(64, (size_ * 4 + 63) / 64 * 64));
    }
    return memory_;
  }

 private:
  float* memory_ = nullptr;
  long size_ = 0;
};

inline long tiles(long count, int size) { return (count + size - 1) / size; }
inline long whole(long count) { return tiles(count, LANES) * LANES; }
// How many vectors are multiplied at once, from one on.
inline int columns_from(long width, long vector) {
  return static_cast<int>(std::min<long>(MOST_COLUMNS, tiles(width, LANES) - vector));
}
// How many of `width` floats fall to this vector.
inline long count_of(long width, long vector) { return std::min<long>(LANES, width - vector * LANES); }

template <class Cell>
struct Layout {
  static constexpr int STATE_SLOTS =
      (Cell::SECOND_SLOT ? Cell::SECOND_SLOT : Cell::SLOTS) - Cell::FIRST_STATE_SLOT;  // they see the state
  static constexpr int STATE_GATES = STATE_SLOTS + (Cell::FIRST_BIAS >= 0);  // blocks of w_h and of b_h
  long vectors, padded, gates, shown;  // of units; floats of units, of their gates, of outputs

  explicit Layout(const Call& call)
      : vectors(tiles(call.units, LANES)), padded(vectors * LANES), gates(padded * Cell::SLOTS),
        shown(whole(call.outputs)) {}

  long panels() const { return (vectors + Cell::BLOCKS - 1) / Cell::BLOCKS; }
  int blocks(long panel) const {
    return static_cast<int>(std::min<long>(Cell::BLOCKS, vectors - panel * Cell::BLOCKS));
  }
  static long unit(long panel) { return panel * Cell::BLOCKS * LANES; }

  // Packed for the forward pass: biases, panels of w_h, of the second product, of w_x.
  long w_h(const Call& call, long panel) const { return gates + unit(panel) * STATE_SLOTS * call.outputs; }
  long second_weights(const Call& call) const { return gates + padded * STATE_SLOTS * call.outputs; }
  long w_x(const Call& call, long panel) const {
    return second_weights(call) + (Cell::SECOND_SLOT ? padded * shown : 0) +
           unit(panel) * Cell::INPUT * call.inputs;
  }
  long packed_size(const Call& call) const {
    return w_x(call, 0) + (call.w_x ? padded * Cell::INPUT * call.inputs : 0);
  }
  // Which block of b_h a slot takes; none below zero.
  static int state_bias(int slot) {
    if (slot == 0 && Cell::FIRST_STATE_SLOT > 0) return Cell::FIRST_BIAS;
    return slot >= Cell::FIRST_STATE_SLOT && slot < Cell::FIRST_STATE_SLOT + STATE_SLOTS
               ? Cell::state_gate[slot - Cell::FIRST_STATE_SLOT]
               : -1;
  }
};

// Gates of a frame and the states around it, of all rows.
struct Frame {
  float *gates, *h, *c, *next_h, *next_c;
};

template <class Cell>
Row row_of(const Call& call, const Layout<Cell>& at, const Frame& frame, long row, const float* extra) {
  const long h = row * at.shown, c = row * at.padded;
  return {call.units,  at.padded,   at.shown,         frame.gates + row * at.gates,
          frame.h + h, frame.c + c, frame.next_h + h, frame.next_c + c,
          extra};
}

// Gates and states of all frames; rings where fewer are kept than run.
template <class Cell>
struct History {
  float *gates_, *h_, *c_;
  long kept_gates, kept_h, kept_c, rows;
  Layout<Cell> at;

  float* gates(long t) const { return gates_ + t % kept_gates * rows * at.gates; }
  float* h(long t) const { return h_ + t % kept_h * rows * at.shown; }
  float* c(long t) const { return c_ + t % kept_c * rows * at.padded; }
  Frame frame(long t) const { return {gates(t), h(t), c(t), h(t + 1), c(t + 1)}; }

  static long size(const Layout<Cell>& at, const Call& call, long gates, long h, long c) {
    return call.rows * (gates * at.gates + h * at.shown + (Cell::CELL ? c * at.padded : 0));
  }
  History(const Layout<Cell>& at, const Call& call, float* memory, long gates, long h, long c)
      : gates_(memory), kept_gates(gates), kept_h(h), kept_c(c), rows(call.rows), at(at) {
    h_ = gates_ + gates * rows * at.gates;
    c_ = h_ + h * rows * at.shown;
  }
  // The history a backward pass will read.
  History(const Layout<Cell>& at, const Call& call)
      : History(at, call, call.workspace, call.frames, call.frames + 1, call.frames + 1) {}
};

// Rows by falling length: `source` is where a row stands in the batch.
struct Order {
  std::vector<long> source, lengths;

  explicit Order(const Call& call) : source(call.rows), lengths(call.rows, call.frames) {
    for (long row = 0; row < call.rows; row++) source[row] = row;
    if (!call.lengths) return;
    std::stable_sort(source.begin(), source.end(),
                     [&](long a, long b) { return call.lengths[a] > call.lengths[b]; });
    for (long row = 0; row < call.rows; row++) lengths[row] = call.lengths[source[row]];
  }
};

// What one thread does of every step: all units of every so manieth row, or all rows of some panels of units.
struct Part {
  long first, stride, rows;
  Range panels;
  bool whole_rows;  // no other thread's step is waited for

  // How many of its rows are longer than t, given that `most` or fewer are.
  long running(const Order& order, long t, long most) const {
    while (most && order.lengths[row(most - 1)] <= t) most--;
    return most;
  }
  long row(long i) const { return first + i * stride; }
};

inline Part part_of(long rows, long panels, bool by_rows, int thread, int threads) {
  if (!by_rows) return {0, 1, rows, share(panels, thread, threads), threads == 1};
  return {thread, threads, (rows - thread + threads - 1) / threads, {0, panels}, true};
}

// Multiply-adds of vectors: a call that no second thread would speed up, a step that is not worth a barrier.
constexpr long TINY = 100000, SMALL_STEP = 12000;

// How many threads come, and whether rows are shared out among them or panels of units.
struct Sharing {
  long threads;
  bool rows;
};
inline long threads_worth(const Call& call, long step) {
  if (step * call.frames / LANES < TINY) return 1;
  if (step < SMALL_STEP * LANES) return std::min(call.threads, call.rows);
  return call.threads;
}
// Many rows are shared out; few are not, because each thread would read all weights for them; those of a cell
// that mixes their units always are.
template <class Cell>
Sharing sharing(const Call& call, const Layout<Cell>& at) {
  const long step = call.rows * at.padded * at.STATE_SLOTS * call.outputs,
             threads = threads_worth(call, step);
  if (Cell::ROW_WISE) return {std::min(threads, call.rows), true};
  return {threads, call.rows >= MOST_ROWS * threads || step < SMALL_STEP * LANES};
}

}  // namespace bicameral::gated
