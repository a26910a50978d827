// The forward pass: a chunk of frames is projected at once, then the recurrence runs over it.
#pragma once
#include "gated_call.hpp"

namespace bicameral::gated {

constexpr long CHUNK_ROWS = 128;  // rows projected at once: enough to pay for reading the weights

// Interleaves `gates` blocks of rows of w (gates units, depth) into panels [k][vector][gate][lane].
template <class Cell>
void pack_panel(const Call& call, float* to, const float* w, long panel, int blocks, const int* gate, int gates,
                long depth) {
  const long pitch = blocks * gates * LANES;
  for (int block = 0; block < blocks; block++)
    for (int g = 0; g < gates; g++) {
      long unit = (panel * Cell::BLOCKS + block) * LANES;
      const float* from = w + (gate[g] * call.units + unit) * depth;
      for (long k = 0; k < depth; k += LANES)
        transpose(to + k * pitch + (block * gates + g) * LANES, pitch, from + k, depth,
                  std::min<long>(LANES, call.units - unit), std::min<long>(LANES, depth - k), true);
    }
}

template <class Cell>
void pack_biases(const Call& call, const Layout<Cell>& at) {
  std::memset(call.packed, 0, at.gates * sizeof(float));
  for (long unit = 0; unit < call.units; unit++)
    for (int slot = 0; slot < Cell::SLOTS; slot++) {
      float& bias = call.packed[(unit / LANES * Cell::SLOTS + slot) * LANES + unit % LANES];
      if (slot < Cell::INPUT && call.b_x) bias += call.b_x[Cell::input_gate[slot] * call.units + unit];
      if (slot >= Cell::FROM && call.b_h) bias += call.b_h[Cell::state_gate[slot - Cell::FROM] * call.units + unit];
    }
}

// Anew for every call: they are few, and may be put together for it.
template <class Cell>
void pack_extra(const Call& call, const Layout<Cell>& at, float* to) {
  for (int i = 0; i < Cell::EXTRAS; i++)
    for (long unit = 0; unit < at.padded; unit++)
      to[i * at.padded + unit] = unit < call.units ? call.extra[i * call.units + unit] : 0;
}

template <class Cell>
void pack(const Call& call) {
  Layout<Cell> at(call);
  pack_biases(call, at);
  long threads = at.packed_size(call) < TINY ? 1 : call.threads;
  parallel_for(at.panels(), threads, [&](long panel) {
    int blocks = at.blocks(panel);
    pack_panel<Cell>(call, call.packed + at.w_h(call, panel), call.w_h, panel, blocks, Cell::state_gate,
                     at.HEARING, call.units);
    if (call.w_x)
      pack_panel<Cell>(call, call.packed + at.w_x(call, panel), call.w_x, panel, blocks,
                       Cell::input_gate, Cell::INPUT, call.inputs);
  });
}

template <class Cell>
struct Forward {
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
      for_vectors([&](long v, long count) {
        long to = row * at.padded + v * LANES;
        store(history.h(0) + to, load(call.h + source * call.h_row + v * LANES, count));
        if (Cell::CELL) store(history.c(0) + to, load(call.c + source * call.c_row + v * LANES, count));
      });
    }
  }

  void store_states() {
    for (long i = 0; i < part.rows; i++) {
      long row = part.row(i), source = order.source[row], last = order.lengths[row];
      for_vectors([&](long v, long count) {
        long unit = v * LANES, from = row * at.padded + unit, to = source * call.units + unit;
        store(call.h_last + to, load(history.h(last) + from), count);
        if (Cell::CELL) store(call.c_last + to, load(history.c(last) + from), count);
        for (long t = last; t < call.frames; t++)
          store(call.y + (source * call.frames + t) * call.units + unit, Vector{}, count);
      });
    }
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
      if (!call.w_x || Cell::INPUT < Cell::SLOTS) start_gates(panel);
      if (!call.w_x) continue;
      int columns = at.blocks(panel) * Cell::INPUT;
      Product p{1, call.inputs, 0, 1, call.packed + at.w_x(call, panel), columns * LANES,
                columns, Cell::INPUT, Cell::SLOTS * LANES, at.gates, at.unit(panel) * Cell::SLOTS};
      multiply(p, to.size(), from.data(), start.data(), to.data());
    }
  }

  // Biases, and the input where it comes projected.
  void start_gates(long panel) {
    const int first = call.w_x ? Cell::INPUT : 0;
    for (size_t i = 0; i < to.size(); i++)
      for (long v = panel * Cell::BLOCKS; v < panel * Cell::BLOCKS + at.blocks(panel); v++)
        for (int slot = first; slot < Cell::SLOTS; slot++) {
          long place = (v * Cell::SLOTS + slot) * LANES;
          Vector value = load(call.packed + place);
          if (slot < Cell::INPUT)
            value += load(from[i] + Cell::input_gate[slot] * call.units + v * LANES, at.count(call, v));
          store(to[i] + place, value);
        }
  }

  // One frame of the first `running` of our rows.
  void step(long t, long running) {
    const Frame frame = history.frame(t);
    from.resize(running), to.resize(running);
    for (long i = 0; i < running; i++) {
      from[i] = frame.h + part.row(i) * at.padded;
      to[i] = frame.gates + part.row(i) * at.gates;
    }
    for (long i = 0; i < part.panels.end - part.panels.first; i++) {
      // Back and forth through the weights: those used last are still in cache.
      long panel = t & 1 ? part.panels.end - 1 - i : part.panels.first + i;
      int columns = at.blocks(panel) * at.HEARING;
      Product p{1, call.units, 0, 1, call.packed + at.w_h(call, panel), columns * LANES,
                columns, at.HEARING, Cell::SLOTS * LANES, at.gates,
                at.unit(panel) * Cell::SLOTS + Cell::FROM * LANES};
      multiply(p, running, from.data(), to.data(), to.data());
      if constexpr (!Cell::MIXES)
        for (long i = 0; i < running; i++) update(frame, t, part.row(i), panel);
    }
    if constexpr (Cell::MIXES)
      for (long i = 0; i < running; i++) update_row(frame, t, part.row(i));
  }

  void update_row(const Frame& frame, long t, long row) const {
    const Row whole = row_of(call, at, frame, row, extra);
    float* y = call.y + (order.source[row] * call.frames + t) * call.units;
    Cell::forward(whole);
    for_vectors([&](long v, long count) { store(y + v * LANES, load(whole.next_h + v * LANES), count); });
  }

  // The units of one panel, their pre-activations being complete.
  void update(const Frame& frame, long t, long row, long panel) const {
    float* y = call.y + (order.source[row] * call.frames + t) * call.units;
    for (long v = panel * Cell::BLOCKS; v < panel * Cell::BLOCKS + at.blocks(panel); v++) {
      const long unit = v * LANES, place = row * at.padded + unit;
      float* gates = frame.gates + row * at.gates + unit * Cell::SLOTS;
      Vector s[Cell::SLOTS];
      for (int n = 0; n < Cell::SLOTS; n++) s[n] = load(gates + n * LANES);
      State state{load(frame.h + place), Cell::CELL ? load(frame.c + place) : Vector{}};
      Cell::forward(s, state, Extra{extra + unit, at.padded});
      store(frame.next_h + place, state.h);
      if (Cell::CELL) store(frame.next_c + place, state.c);
      store(y + unit, state.h, at.count(call, v));
      if (call.workspace)
        for (int n = 0; n < Cell::SLOTS; n++) store(gates + n * LANES, s[n]);
    }
  }

  template <class Visit>
  void for_vectors(Visit visit) const {
    long end = std::min(part.panels.end * Cell::BLOCKS, at.vectors);
    for (long v = part.panels.first * Cell::BLOCKS; v < end; v++) visit(v, at.count(call, v));
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
  auto history = call.workspace ? History<Cell>(at, call)
                                : History<Cell>(at, call, scratch.take(History<Cell>::size(at, call, chunk, 2, 1)), chunk, 2, 1);
  auto [wanted, rows] = sharing(call, at);
  parallel(wanted, [&, rows = rows](int thread, int threads) {
    Part part = part_of(call.rows, at.panels(), rows, thread, threads);
    Forward<Cell>{call, at, order, history, extra, part}.run(chunk, threads);
  });
}

}  // namespace bicameral::gated
