// The backward pass: chunk by chunk from the end, first the recurrence, then what the chunk adds to the
// gradients of inputs and weights while its own gradients are still in cache.
//
// Sums over rows and frames are cut by columns, never by threads, so that no result depends on their number.
#pragma once
#include "gated_forward.hpp"
#include "gated_second_backward.hpp"
#include "gated_second_product.hpp"

namespace bicameral::gated {

constexpr long CHUNK_SUMS = 192;  // rows times frames summed into the gradients of the weights at once

// The memory of one call, beside the history.
template <class Cell>
struct Backward {
  static constexpr int STATE_SLOTS = Layout<Cell>::STATE_SLOTS;
  // Heights of the tiles in which the gradients of w_x and w_h are summed.
  static constexpr int X_ROWS = std::min(MOST_ROWS, SUMS / (Cell::BLOCKS * Cell::INPUT));
  static constexpr int H_ROWS = std::min(MOST_ROWS, SUMS / (Cell::BLOCKS * STATE_SLOTS));

  const Call& call;
  Layout<Cell> at;
  Order order;
  History<Cell> history;
  long chunk;
  bool weights;
  float *gradients, *dh, *dc, *to_h, *to_x, *extra;  // of gates, in a ring; of states; packed weights
  float *sum_x, *sum_h, *sum_bias, *sum_extra;       // over time
  float *tile_x, *tile_h;                            // the operands of a chunk
  float* second;                                     // of a second product
  Steps steps{};                                     // all of the chunk

  explicit Backward(const Call& call)
      : call(call), at(call), order(call), history(at, call),
        chunk(std::min<long>(call.frames, std::max<long>(1, CHUNK_SUMS / call.rows))), weights(call.dw_h) {
    static thread_local Scratch scratch;
    long sums = chunk * call.rows;
    const long sizes[] = {(chunk + 1) * call.rows * at.gates,
                          call.rows * at.shown,
                          call.rows * at.padded,
                          at.padded * STATE_SLOTS * at.shown,
                          call.w_x && call.dx ? at.padded * Cell::INPUT * whole(call.inputs) : 0,
                          at.padded * Cell::EXTRAS,
                          weights && call.w_x ? at.padded * Cell::INPUT * call.inputs : 0,
                          weights ? at.padded * STATE_SLOTS * call.outputs : 0,
                          at.gates,
                          at.padded * Cell::EXTRAS,
                          weights && call.w_x ? tiles(call.inputs, X_ROWS) * X_ROWS * sums : 0,
                          weights ? tiles(call.outputs, H_ROWS) * H_ROWS * sums : 0,
                          Cell::SECOND_SLOT ? SecondProduct<Cell>::size(call, at, chunk) : 0};
    float** const parts[] = {&gradients, &dh,       &dc,        &to_h,   &to_x,   &extra, &sum_x,
                             &sum_h,     &sum_bias, &sum_extra, &tile_x, &tile_h, &second};
    long total = 0;
    for (long size : sizes) total += size;
    float* memory = scratch.take(total);
    for (int i = 0; i < 13; memory += sizes[i++]) *parts[i] = memory;
    std::memset(sum_x, 0, (tile_x - sum_x) * sizeof(float));
    pack_extra(call, at, extra);
  }

  // Of the gates of all rows.
  float* gradient(long t) const { return gradients + t % (chunk + 1) * call.rows * at.gates; }
  SecondProduct<Cell> second_product() const { return {call, at, chunk, second}; }

  // Packed weights: [block of columns][unit, slot, lane][column].

  static int columns(long width, long block) { return columns_from(width, block * MOST_COLUMNS); }
  static long blocks(long width) { return tiles(tiles(width, LANES), MOST_COLUMNS); }

  void pack_block(float* to, const float* w, const int* gate, int gates, long width, long block) const {
    const int n = columns(width, block);
    to += block * MOST_COLUMNS * LANES * at.padded * gates;
    for (long v = 0; v < at.vectors; v++)
      for (int g = 0; g < gates; g++)
        for (long unit = v * LANES; unit < (v + 1) * LANES; unit++)
          for (int i = 0; i < n; i++, to += LANES) {
            long column = (block * MOST_COLUMNS + i) * LANES;
            bool real = unit < call.units;
            store(to,
                  real ? load(w + (gate[g] * call.units + unit) * width + column, width - column) : Vector{});
          }
  }

  void pack_weights(int thread, int threads) const {
    if constexpr (Cell::SECOND_SLOT > 0) second_product().prepare(thread, threads);
    Range mine = share(blocks(call.outputs), thread, threads);
    for (long block = mine.first; block < mine.end; block++)
      pack_block(to_h, call.w_h, Cell::state_gate, STATE_SLOTS, call.outputs, block);
    if (!call.w_x || !call.dx) return;
    mine = share(blocks(call.inputs), thread, threads);
    for (long block = mine.first; block < mine.end; block++)
      pack_block(to_x, call.w_x, Cell::input_gate, Cell::INPUT, call.inputs, block);
  }

  // Rows of gradients of the gates (from slot `first` on) times one block of packed weights.
  Product through(const float* packed, int slots, long width, long block) const {
    const int n = columns(width, block);
    bool gaps = slots < Cell::SLOTS;
    return {gaps ? at.vectors : 1,
            gaps ? slots * LANES : at.padded * slots,
            Cell::SLOTS * LANES,
            1,
            packed + block * MOST_COLUMNS * LANES * at.padded * slots,
            n * LANES,
            n,
            n,
            0,
            width - block * MOST_COLUMNS * LANES};
  }

  // The recurrence.

  void load_gradients(const Part& part) const {
    for (long i = 0; i < part.rows; i++) {
      long row = part.row(i), source = order.source[row];
      auto start = [&](float* to, const float* from, long width) {
        for_vectors(part, width, [&](long v, long count) {
          store(to + v * LANES, from ? load(from + source * width + v * LANES, count) : Vector{});
        });
      };
      start(dh + row * at.shown, call.dh_last, call.outputs);
      start(dc + row * at.padded, call.dc_last, call.units);
    }
  }

  void store_gradients(const Part& part) const {
    for (long i = 0; i < part.rows; i++) {
      long row = part.row(i), source = order.source[row];
      auto finish = [&](float* to, const float* from, long width) {
        for_vectors(part, width, [&](long v, long count) {
          if (to) store(to + source * width + v * LANES, load(from + v * LANES), count);
        });
      };
      finish(call.dh, dh + row * at.shown, call.outputs);
      finish(call.dc, dc + row * at.padded, call.units);
    }
  }

  template <class Visit>
  void for_vectors(const Part& part, long width, Visit visit) const {
    const bool last = part.panels.end == blocks(call.outputs);
    const long end = last ? tiles(width, LANES) : part.panels.end * MOST_COLUMNS;
    for (long v = part.panels.first * MOST_COLUMNS; v < end; v++) visit(v, count_of(width, v));
  }

  // dh of frame t is complete once the gates of frame t + 1 have added theirs; then the cell itself.
  void step(const Part& part, long t, std::vector<const float*>& from, std::vector<float*>& to) const {
    const long later = part.running(order, t + 1, part.rows), running = part.running(order, t, part.rows);
    const Frame frame = t < 0 ? Frame{} : history.frame(t);
    const float* coming = gradient(t + 1) + Cell::FIRST_STATE_SLOT * LANES;
    float* going = t < 0 ? nullptr : gradient(t);
    from.resize(later), to.resize(later);
    for (long i = 0; i < later; i++) {
      from[i] = coming + part.row(i) * at.gates;
      to[i] = dh + part.row(i) * at.shown;
    }
    for (long i = 0; i < part.panels.end - part.panels.first; i++) {
      long block = t & 1 ? part.panels.end - 1 - i : part.panels.first + i;
      Product p = through(to_h, STATE_SLOTS, call.outputs, block);
      p.offset = block * MOST_COLUMNS * LANES;
      multiply(p, later, from.data(), to.data(), to.data());
      if constexpr (!Cell::ROW_WISE)
        for (long i = 0; t >= 0 && i < running; i++) step_back(frame, going, t, part.row(i), block);
    }
    if constexpr (Cell::ROW_WISE)
      for (long i = 0; t >= 0 && i < running; i++) row_back(frame, going, t, part.row(i));
    if constexpr (Cell::SECOND_SLOT > 0)
      if (t >= 0) second_product_back(part, frame, going, t, running, from, to);
  }

  const float* output_gradient(long t, long row) const {
    return call.dy ? call.dy + (order.source[row] * call.frames + t) * call.outputs : nullptr;
  }

  void row_back(const Frame& frame, float* going, long t, long row) const {
    const float* dy = output_gradient(t, row);
    float *d_h = dh + row * at.shown, *beside = dc + row * at.padded;
    if constexpr (Cell::SECOND_SLOT > 0) beside = second_product().coming(t) + row * at.shown;
    for (long v = 0; dy && v * LANES < at.shown; v++)
      store(d_h + v * LANES, load(d_h + v * LANES) + load(dy + v * LANES, count_of(call.outputs, v)));
    Cell::backward(row_of(call, at, frame, row, extra), going + row * at.gates, d_h, beside);
  }

  void second_product_back(const Part& part, const Frame& frame, float* going, long t, long running,
                           std::vector<const float*>& from, std::vector<float*>& to) const {
    second_product().back(part, t, running, going, from, to);
    for (long i = 0; i < running; i++) {
      long row = part.row(i);
      Cell::second_backward(row_of(call, at, frame, row, extra), going + row * at.gates, dh + row * at.shown,
                            dc + row * at.padded);
    }
  }

  void step_back(const Frame& frame, float* going, long t, long row, long block) const {
    const float* dy = output_gradient(t, row);
    for (long v = block * MOST_COLUMNS; v < std::min((block + 1) * MOST_COLUMNS, at.vectors); v++) {
      const long unit = v * LANES, place = row * at.padded + unit,
                 gates = row * at.gates + unit * Cell::SLOTS;
      Vector s[Cell::SLOTS];
      for (int n = 0; n < Cell::SLOTS; n++) s[n] = load(frame.gates + gates + n * LANES);
      State before{load(frame.h + place), Cell::CELL ? load(frame.c + place) : Vector{}};
      State after{Vector{}, Cell::CELL ? load(frame.next_c + place) : Vector{}};
      State d{load(dh + place), Cell::CELL ? load(dc + place) : Vector{}};
      if (dy) d.h += load(dy + unit, count_of(call.units, v));
      Cell::backward(s, before, after, d, Extra{extra + unit, at.padded});
      for (int n = 0; n < Cell::SLOTS; n++) store(going + gates + n * LANES, s[n]);
      store(dh + place, d.h);
      if (Cell::CELL) store(dc + place, d.c);
    }
  }

  // The gradients of inputs and weights.

  const float* input(long t, long row) const {
    return call.x + order.source[row] * call.x_row + t * call.x_frame;
  }

  void list_steps(long first, long end) {
    steps.clear();
    for (long t = first; t < end; t++)
      for (long row = 0; row < call.rows && order.lengths[row] > t; row++) steps.emplace_back(t, row);
  }

  long input_width() const { return call.w_x ? call.inputs : Cell::INPUT * call.units; }
  float* input_gradient(long t, long row) const {
    return call.dx + (order.source[row] * call.frames + t) * input_width();
  }

  void inputs(Range mine) const {
    std::vector<const float*> from;
    std::vector<float*> to;
    for (long i = mine.first; i < mine.end; i++) {
      auto [t, row] = steps[i];
      from.push_back(gradient(t) + row * at.gates), to.push_back(input_gradient(t, row));
      if (!call.w_x) scatter(from.back(), to.back());
    }
    if (!call.w_x) return;
    const std::vector<const float*> start(to.size(), ZEROS);
    for (long block = 0; block < blocks(call.inputs); block++) {
      multiply(through(to_x, Cell::INPUT, call.inputs, block), to.size(), from.data(), start.data(),
               to.data());
      for (float*& row : to) row += MOST_COLUMNS * LANES;
    }
  }

  // Gradients of pre-activations back into the order in which they came.
  void scatter(const float* from, float* to) const {
    for (long v = 0; v < at.vectors; v++)
      for (int slot = 0; slot < Cell::INPUT; slot++)
        store(to + Cell::input_gate[slot] * call.units + v * LANES,
              load(from + (v * Cell::SLOTS + slot) * LANES), count_of(call.units, v));
  }

  // Operands read down the chunk: [tile of columns][step][column].
  void transpose_tiles(Range mine) const {
    const long depth = static_cast<long>(steps.size());
    for (long i = mine.first; i < mine.end; i++) {
      auto [t, row] = steps[i];
      if (call.w_x) cut<X_ROWS>(tile_x + i * X_ROWS, input(t, row), call.inputs, depth * X_ROWS);
      cut<H_ROWS>(tile_h + i * H_ROWS, history.h(t) + row * at.shown, call.outputs, depth * H_ROWS);
    }
    if constexpr (Cell::SECOND_SLOT > 0) second_product().cut_steps(steps, mine);
  }

  // One panel of units: all its sums, or one of several parts of them.
  void sum_panel(long panel, long part, long parts, std::vector<float>& packed) const {
    const int slots = at.blocks(panel) * Cell::SLOTS;
    packed.resize(steps.size() * slots * LANES + LANES);
    float* to = packed.data();
    for (auto [t, row] : steps) {
      const float* from = gradient(t) + row * at.gates + at.unit(panel) * Cell::SLOTS;
      for (int n = 0; n < slots; n++, to += LANES) store(to, load(from + n * LANES));
    }
    if (part == 0) sum_units(panel, packed.data());
    long tiles_x = call.w_x ? tiles(call.inputs, X_ROWS) : 0, tiles_h = tiles(call.outputs, H_ROWS);
    Range mine = share(tiles_x + tiles_h, part, parts);
    for (long tile = mine.first; tile < mine.end; tile++)
      if (tile < tiles_x)
        sum_tile(sum_x, tile_x, X_ROWS, call.inputs, Cell::INPUT, packed.data(), panel, tile);
      else
        sum_tile(sum_h, tile_h, H_ROWS, call.outputs, STATE_SLOTS,
                 packed.data() + Cell::FIRST_STATE_SLOT * LANES, panel, tile - tiles_x);
  }

  void sum_tile(float* sums, const float* operand, int rows, long width, int slots, const float* packed,
                long panel, long tile) const {
    const int columns = at.blocks(panel) * slots;
    const long depth = steps.size(), pitch = columns * LANES,
               count = std::min<long>(rows, width - tile * rows);
    const float* from[MOST_ROWS];
    float* to[MOST_ROWS];
    for (int i = 0; i < count; i++) {
      from[i] = operand + tile * rows * depth + i;
      to[i] = sums + at.unit(panel) * slots * width + (tile * rows + i) * pitch;
    }
    Product p{1, depth, 0, rows, packed, at.blocks(panel) * Cell::SLOTS * LANES, columns, columns, 0, pitch};
    multiply(p, count, from, to, to);
  }

  // What needs no product: biases and parameters of single units.
  void sum_units(long panel, const float* packed) const {
    const int slots = at.blocks(panel) * Cell::SLOTS;
    for (size_t i = 0; i < steps.size(); i++, packed += slots * LANES) {
      float* bias = sum_bias + at.unit(panel) * Cell::SLOTS;
      for (int n = 0; n < slots; n++)
        store(bias + n * LANES, load(bias + n * LANES) + load(packed + n * LANES));
      if constexpr (Cell::EXTRAS > 0) {
        auto [t, row] = steps[i];
        long unit = at.unit(panel);
        long place = row * at.padded + unit;
        const float* kept = history.gates(t) + row * at.gates + unit * Cell::SLOTS;
        Vector d[Cell::SLOTS], s[Cell::SLOTS], before = load(history.c(t) + place),
                                               after = load(history.c(t + 1) + place);
        for (int n = 0; n < Cell::SLOTS; n++) d[n] = load(packed + n * LANES), s[n] = load(kept + n * LANES);
        for (int which = 0; which < Cell::EXTRAS; which++) {
          float* sum = sum_extra + which * at.padded + unit;
          store(sum, load(sum) + Cell::extra_gradient(which, d, s, before, after));
        }
      }
    }
  }

  void unpack_panel(long panel) const {
    unpack(call.dw_h, sum_h, panel, Cell::state_gate, STATE_SLOTS, call.outputs);
    if (call.w_x) unpack(call.dw_x, sum_x, panel, Cell::input_gate, Cell::INPUT, call.inputs);
    for (int block = 0; block < at.blocks(panel); block++) {
      long vector = panel * Cell::BLOCKS + block, count = count_of(call.units, vector);
      for (int slot = 0; slot < Cell::SLOTS; slot++) {
        Vector sum = load(sum_bias + (vector * Cell::SLOTS + slot) * LANES);
        if (slot < Cell::INPUT && call.db_x)
          store(call.db_x + Cell::input_gate[slot] * call.units + vector * LANES, sum, count);
        if (at.state_bias(slot) >= 0 && call.db_h)
          store(call.db_h + at.state_bias(slot) * call.units + vector * LANES, sum, count);
      }
      for (int which = 0; which < Cell::EXTRAS; which++)
        store(call.d_extra + which * call.units + vector * LANES,
              load(sum_extra + which * at.padded + vector * LANES), count);
    }
  }

  void unpack(float* to, const float* sums, long panel, const int* gate, int gates, long width) const {
    const long pitch = at.blocks(panel) * gates * LANES;
    const float* from = sums + at.unit(panel) * gates * width;
    for (int n = 0; n < at.blocks(panel) * gates; n++) {
      long unit = (panel * Cell::BLOCKS + n / gates) * LANES,
           count = std::min<long>(LANES, call.units - unit);
      for (long k = 0; k < width; k += LANES)
        untranspose(to + (gate[n % gates] * call.units + unit) * width + k, width,
                    from + k * pitch + n * LANES, pitch, std::min<long>(LANES, width - k), count);
    }
  }
  // `rows` rows of sums, one lane a unit, into `count` rows of weights.
  static void untranspose(float* to, long width, const float* from, long pitch, long rows, long count) {
    if (rows == LANES && count == LANES) return transpose(to, width, from, pitch, LANES, LANES, true);
    for (long unit = 0; unit < count; unit++)
      for (long k = 0; k < rows; k++) to[unit * width + k] = from[k * pitch + unit];
  }

  // All of it.

  void gather(int thread, int threads, std::vector<float>& packed) const {
    if (call.dx) inputs(share(steps.size(), thread, threads));
    if (!weights) return;
    transpose_tiles(share(steps.size(), thread, threads));
    barrier(threads);
    const long parts = (threads + at.panels() - 1) / at.panels();
    Range mine = share(at.panels() * parts, thread, threads);
    for (long i = mine.first; i < mine.end; i++) sum_panel(i / parts, i % parts, parts, packed);
    if constexpr (Cell::SECOND_SLOT > 0)
      second_product().sum(steps, thread, threads, packed,
                           [&](long t, long row) { return gradient(t) + row * at.gates; });
  }

  void finish(int thread, int threads) const {
    Range mine = share(at.panels(), thread, threads);
    for (long panel = mine.first; weights && panel < mine.end; panel++) unpack_panel(panel);
    mine = share(call.rows, thread, threads);
    for (long row = mine.first; call.dx && row < mine.end; row++) {
      long last = order.lengths[row];
      std::memset(input_gradient(last, row), 0, (call.frames - last) * input_width() * sizeof(float));
    }
  }

  void run(int thread, int threads, bool rows) {
    Part part = part_of(call.rows, blocks(call.outputs), rows, thread, threads);
    std::vector<const float*> from;
    std::vector<float*> to;
    std::vector<float> packed;
    pack_weights(thread, threads);
    load_gradients(part);
    for (long end = call.frames; end > 0;) {
      long first = std::max<long>(0, end - chunk);
      if (thread == 0) list_steps(first, end);
      barrier(threads);
      for (long t = end - 1; t >= first; t--) {
        if (!part.whole_rows) barrier(threads);
        step(part, t, from, to);
      }
      barrier(threads);
      gather(thread, threads, packed);
      barrier(threads);
      end = first;
    }
    step(part, -1, from, to);
    store_gradients(part);
    finish(thread, threads);
  }
};

template <class Cell>
void backward(const Call& call) {
  Backward<Cell> all(call);
  auto [wanted, rows] = sharing(call, all.at);
  parallel(wanted, [&, rows = rows](int thread, int threads) { all.run(thread, threads, rows); });
}

}  // namespace bicameral::gated
