// The forward pass: a chunk of frames is projected at once, then the recurrence runs over it.
#pragma once
#include "gated_call.hpp"

namespace bicameral::gated {

constexpr long CHUNK_ROWS = 128;  // rows projected at once: enough to pay for reading the weights

// Interleaves `gates` blocks of rows of w (gates units, depth), `blocks` vectors of each, into
// [k][vector][gate][lane].
inline void pack_panel(float* to, const float* w, long units, long vector, int blocks, const int* gate,
                       int gates, long depth) {
  const long pitch = blocks * gates * LANES;
  for (int block = 0; block < blocks; block++, vector++)
    for (int g = 0; g < gates; g++) {
      const float* from = w + (gate[g] * units + vector * LANES) * depth;
      for (long k = 0; k < depth; k += LANES)
        transpose(to + k * pitch + (block * gates + g) * LANES, pitch, from + k, depth,
                  count_of(units, vector), std::min<long>(LANES, depth - k), true);
    }
}

template <class Cell>
void pack_biases(const Call& call, const Layout<Cell>& at) {
  std::memset(call.packed, 0, at.gates * sizeof(float));
  for (long unit = 0; unit < call.units; unit++)
    for (int slot = 0; slot < Cell::SLOTS; slot++) {
      float& bias = call.packed[(unit / LANES * Cell::SLOTS + slot) * LANES + unit % LANES];
      int of_state = at.state_bias(slot);
      if (slot < Cell::INPUT && call.b_x) bias += call.b_x[Cell::input_gate[slot] * call.units + unit];
      if (of_state >= 0 && call.b_h) bias += call.b_h[of_state * call.units + unit];
    }
}

// Anew for every call: they are few, and may be put together for it.
template <class Cell>
void pack_extra(const Call& call, const Layout<Cell>& at, float* to) {
  for (int i = 0; i < Cell::EXTRAS; i++)
    for (long unit = 0; unit < at.padded; unit++)
      to[i * at.padded + unit] = unit < call.units ? call.extra[i * call.units + unit] : 0;
}

// Weights of the second product, for its operand's units padded to whole vectors.
template <class Cell>
void pack_second_weights(const Call& call, const Layout<Cell>& at) {
  const int whole[] = {0};
  float* to = call.packed + at.second_weights(call);
  for (long v = 0; v * LANES < at.shown; v += MOST_COLUMNS) {
    const int columns = columns_from(at.shown, v);
    std::memset(to + call.units * columns * LANES, 0,
                (at.padded - call.units) * columns * LANES * sizeof(float));
    pack_panel(to, Cell::weights(call), call.outputs, v, columns, whole, 1, call.units);
    to += at.padded * columns * LANES;
  }
}

template <class Cell>
void pack(const Call& call) {
  Layout<Cell> at(call);
  pack_biases(call, at);
  if constexpr (Cell::SECOND_SLOT > 0) pack_second_weights(call, at);
  long threads = at.packed_size(call) < TINY ? 1 : call.threads;
  parallel_for(at.panels(), threads, [&](long panel) {
    const int blocks = at.blocks(panel);
    const long first = panel * Cell::BLOCKS;
    pack_panel(call.packed + at.w_h(call, panel), call.w_h, call.units, first, blocks, Cell::state_gate,
               at.STATE_SLOTS, call.outputs);
    if (call.w_x)
      pack_panel(call.packed + at.w_x(call, panel), call.w_x, call.units, first, blocks, Cell::input_gate,
                 Cell::INPUT, call.inputs);
  });
}

template <class Cell>
struct Forward {
  static constexpr int STARTED =
      std::max(Cell::INPUT, Cell::FIRST_STATE_SLOT + Layout<Cell>::STATE_SLOTS);  // slots, before a sum

  const Call& call;
  const Layout<Cell>& at;
  const Order& order;
  const History<Cell>& history;
  const float* extra;
  Part part;
  std::vector<const float*> from{}, start{};
  std::vector<float*> to{};

  void load_states() {
    for (long i = 0; i < part.rows; i++) {
      long row = part.row(i), source = order.source[row];
      for_vectors(call.outputs, [&](long v, long count) {
        store(history.h(0) + row * at.shown + v * LANES,
              load(call.h + source * call.h_row + v * LANES, count));
      });
      if (!Cell::CELL) continue;
      for_vectors(call.units, [&](long v, long count) {
        store(history.c(0) + row * at.padded + v * LANES,
              load(call.c + source * call.c_row + v * LANES, count));
      });
    }
  }

  void store_states() {
    for (long i = 0; i < part.rows; i++) {
      long row = part.row(i), source = order.source[row], last = order.lengths[row];
      for_vectors(call.outputs, [&](long v, long count) {
        Vector h = load(history.h(last) + row * at.shown + v * LANES);
        store(call.h_last + source * call.outputs + v * LANES, h, count);
        for (long t = last; t < call.frames; t++) store(output(row, t) + v * LANES, Vector{}, count);
      });
      if (!Cell::CELL) continue;
      for_vectors(call.units, [&](long v, long count) {
        Vector c = load(history.c(last) + row * at.padded + v * LANES);
        store(call.c_last + source * call.units + v * LANES, c, count);
      });
    }
  }

  float* output(long row, long t) const {
    return call.y + (order.source[row] * call.frames + t) * call.outputs;
  }

  // Pre-activations without the state: of every row that runs, for frames first..end.
  void project(long first, long end) {
    from.clear(), to.clear();
    for (long t = first, running = part.rows; t < end; t++) {
      running = part.running(order, t, running);
      for (long i = 0; i < running; i++) {
        from.push_back(call.x + order.source[part.row(i)] * call.x_row + t * call.x_frame);
        to.push_back(history.gates(t) + part.row(i) * at.gates);
      }
    }
    start.assign(to.size(), call.packed);  // the biases
    for (long panel = part.panels.first; panel < part.panels.end; panel++) {
      if (!call.w_x || Cell::INPUT < STARTED) start_gates(panel);
      if (!call.w_x) continue;
      int columns = at.blocks(panel) * Cell::INPUT;
      Product p{1,
                call.inputs,
                0,
                1,
                call.packed + at.w_x(call, panel),
                columns * LANES,
                columns,
                Cell::INPUT,
                Cell::SLOTS * LANES,
                at.gates,
                at.unit(panel) * Cell::SLOTS};
      multiply(p, to.size(), from.data(), start.data(), to.data());
    }
  }

  // Biases, and the input where it comes projected.
  void start_gates(long panel) {
    const int first = call.w_x ? Cell::INPUT : 0;
    for (size_t i = 0; i < to.size(); i++)
      for (long v = panel * Cell::BLOCKS; v < panel * Cell::BLOCKS + at.blocks(panel); v++)
        for (int slot = first; slot < STARTED; slot++) {
          long place = (v * Cell::SLOTS + slot) * LANES;
          Vector value = load(call.packed + place);
          if (slot < Cell::INPUT)
            value += load(from[i] + Cell::input_gate[slot] * call.units + v * LANES, count_of(call.units, v));
          store(to[i] + place, value);
        }
  }

  // One frame of the first `running` of our rows.
  void step(long t, long running) {
    const Frame frame = history.frame(t);
    from.resize(running), to.resize(running);
    for (long i = 0; i < running; i++) {
      from[i] = frame.h + part.row(i) * at.shown;
      to[i] = frame.gates + part.row(i) * at.gates;
    }
    for (long i = 0; i < part.panels.end - part.panels.first; i++) {
      // Back and forth through the weights: those used last are still in cache.
      long panel = t & 1 ? part.panels.end - 1 - i : part.panels.first + i;
      int columns = at.blocks(panel) * at.STATE_SLOTS;
      Product p{1,
                call.outputs,
                0,
                1,
                call.packed + at.w_h(call, panel),
                columns * LANES,
                columns,
                at.STATE_SLOTS,
                Cell::SLOTS * LANES,
                at.gates,
                at.unit(panel) * Cell::SLOTS + Cell::FIRST_STATE_SLOT * LANES};
      multiply(p, running, from.data(), to.data(), to.data());
      if constexpr (!Cell::ROW_WISE)
        for (long i = 0; i < running; i++) update(frame, t, part.row(i), panel);
    }
    if constexpr (Cell::SECOND_SLOT > 0) second_product(frame, running);
    if constexpr (Cell::ROW_WISE)
      for (long i = 0; i < running; i++) update_row(frame, t, part.row(i));
  }

  // The second product, into the states to come.
  void second_product(const Frame& frame, long running) {
    start.assign(running, ZEROS);
    for (long i = 0; i < running; i++) {
      Cell::second_operand(row_of(call, at, frame, part.row(i), extra));
      from[i] = frame.gates + part.row(i) * at.gates + Cell::SECOND_SLOT * LANES;
      to[i] = frame.next_h + part.row(i) * at.shown;
    }
    const float* packed = call.packed + at.second_weights(call);
    for (long v = 0; v * LANES < at.shown; v += MOST_COLUMNS) {
      const int columns = columns_from(at.shown, v);
      const long width = columns * LANES;
      multiply({at.vectors, LANES, Cell::SLOTS * LANES, 1, packed, width, columns, columns, 0, width},
               running, from.data(), start.data(), to.data());
      for (float*& row : to) row += width;
      packed += at.padded * width;
    }
  }

  void update_row(const Frame& frame, long t, long row) const {
    const Row whole = row_of(call, at, frame, row, extra);
    float* y = output(row, t);
    Cell::forward(whole);
    for_vectors(call.outputs,
                [&](long v, long count) { store(y + v * LANES, load(whole.next_h + v * LANES), count); });
  }

  // The units of one panel, their pre-activations being complete.
  void update(const Frame& frame, long t, long row, long panel) const {
    float* y = output(row, t);
    for (long v = panel * Cell::BLOCKS; v < panel * Cell::BLOCKS + at.blocks(panel); v++) {
      const long unit = v * LANES, place = row * at.padded + unit;
      float* gates = frame.gates + row * at.gates + unit * Cell::SLOTS;
      Vector s[Cell::SLOTS];
      for (int n = 0; n < Cell::SLOTS; n++) s[n] = load(gates + n * LANES);
      State state{load(frame.h + place), Cell::CELL ? load(frame.c + place) : Vector{}};
      Cell::forward(s, state, Extra{extra + unit, at.padded});
      store(frame.next_h + place, state.h);
      if (Cell::CELL) store(frame.next_c + place, state.c);
      store(y + unit, state.h, count_of(call.units, v));
      if (call.workspace)
        for (int n = 0; n < Cell::SLOTS; n++) store(gates + n * LANES, s[n]);
    }
  }

  // Our vectors of a row of so many floats.
  template <class Visit>
  void for_vectors(long width, Visit visit) const {
    const bool last = part.panels.end == at.panels();
    const long end = last ? tiles(width, LANES) : part.panels.end * Cell::BLOCKS;
    for (long v = part.panels.first * Cell::BLOCKS; v < end; v++) visit(v, count_of(width, v));
  }

  void run(long chunk, int threads) {
    load_states();
    long running = part.rows;
    for (long first = 0; first < call.frames; first += chunk) {
      long end = std::min<long>(first + chunk, call.frames);
      project(first, end);
      for (long t = first; t < end; t++) {
        if (!part.whole_rows) barrier(threads);
        running = part.running(order, t, running);
        step(t, running);
      }
    }
    store_states();
  }
};

template <class Cell>
void forward(const Call& call) {
  static thread_local Scratch scratch, extras;
  Layout<Cell> at(call);
  Order order(call);
  float* extra = extras.take(at.padded * Cell::EXTRAS);
  pack_extra(call, at, extra);
  long chunk = std::min<long>(call.frames, std::max<long>(1, CHUNK_ROWS / call.rows));
  auto history =
      call.workspace
          ? History<Cell>(at, call)
          : History<Cell>(at, call, scratch.take(History<Cell>::size(at, call, chunk, 2, 1)), chunk, 2, 1);
  auto [wanted, rows] = sharing(call, at);
  parallel(wanted, [&, rows = rows](int thread, int threads) {
    Part part = part_of(call.rows, at.panels(), rows, thread, threads);
    Forward<Cell>{call, at, order, history, extra, part}.run(chunk, threads);
  });
}

}  // namespace bicameral::gated
