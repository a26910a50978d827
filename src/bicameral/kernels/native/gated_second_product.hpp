// Gated cells with a second product: it reads what the first one's gates leave in slot SECOND_SLOT.
//
// `second_operand` fills that slot, the product of it is written into next_h, and `forward` makes it the
// output. `backward` says what comes back through the product; that stands in slot SECOND_SLOT when
// `second_backward` goes on from there, and leaves the operand itself in its place, for the gradient of the
// product's weights.
#pragma once
#include "gated_call.hpp"

namespace bicameral::gated {

// h = (1 - z) n + z h with n = tanh(W x + U (r h)): slots n, r, z, r h.
struct ResetBeforeGru : CellTraits {
  static constexpr int SLOTS = 4, INPUT = 3, FIRST_STATE_SLOT = 1, SECOND_SLOT = 3, FIRST_BIAS = 2;
  static constexpr bool CELL = false, ROW_WISE = true;
  static constexpr int input_gate[] = {2, 0, 1}, state_gate[] = {0, 1};
  static constexpr long PITCH = SLOTS * LANES;

  // What the second product multiplies by, (outputs units), and where its gradient goes.
  static const float* weights(const Call& call) { return call.w_h + 2 * call.units * call.units; }
  static float* gradient(const Call& call) { return call.dw_h + 2 * call.units * call.units; }

  static void second_operand(const Row& row) {
    for (long v = 0; v < row.vectors(); v++) {
      float* s = row.gates + v * PITCH;
      Vector r = fast_sigmoid(load(s + LANES));
      store(s + LANES, r), store(s + 2 * LANES, fast_sigmoid(load(s + 2 * LANES)));
      store(s + 3 * LANES, r * load(row.h + v * LANES));
    }
  }

  static void forward(const Row& row) {
    for (long v = 0; v < row.vectors(); v++) {
      float* s = row.gates + v * PITCH;
      Vector n = fast_tanh(load(s) + load(row.next_h + v * LANES));
      store(s, n);
      store(row.next_h + v * LANES, n + load(s + 2 * LANES) * (load(row.h + v * LANES) - n));
    }
  }

  static void backward(const Row& row, float* going, float* dh, float* coming) {
    for (long v = 0; v < row.vectors(); v++) {
      const float* s = row.gates + v * PITCH;
      float* d = going + v * PITCH;
      Vector n = load(s), z = load(s + 2 * LANES), d_h = load(dh + v * LANES),
             d_n = tanh_backward(d_h * (1.f - z), n);
      store(coming + v * LANES, d_n), store(d, d_n);
      store(d + 2 * LANES, sigmoid_backward(d_h * (load(row.h + v * LANES) - n), z));
      store(dh + v * LANES, d_h * z);
    }
  }

  static void second_backward(const Row& row, float* going, float* dh, float*) {
    for (long v = 0; v < row.vectors(); v++) {
      const float* s = row.gates + v * PITCH;
      float* d = going + v * PITCH;
      Vector r = load(s + LANES), d_operand = load(d + 3 * LANES);
      store(d + LANES, sigmoid_backward(d_operand * load(row.h + v * LANES), r));
      store(dh + v * LANES, load(dh + v * LANES) + d_operand * r);
      store(d + 3 * LANES, load(s + 3 * LANES));
    }
  }
};

// h = P (σ(o) tanh(c)), c = σ(f) c + σ(i) tanh(g): slots i, f, g, o, σ(o) tanh(c).
struct ProjectedLstm : CellTraits {
  static constexpr int SLOTS = 5, INPUT = 4, FIRST_STATE_SLOT = 0, SECOND_SLOT = 4;
  static constexpr bool CELL = true, ROW_WISE = true, PROJECTS = true;
  static constexpr int input_gate[] = {0, 1, 2, 3}, state_gate[] = {0, 1, 2, 3};
  static constexpr long PITCH = SLOTS * LANES;

  static const float* weights(const Call& call) { return call.extra; }
  static float* gradient(const Call& call) { return call.d_extra; }

  static void second_operand(const Row& row) {
    for (long v = 0; v < row.vectors(); v++) {
      Vector s[SLOTS];
      for (int n = 0; n < SECOND_SLOT; n++) s[n] = load(row.gates + v * PITCH + n * LANES);
      State state{Vector{}, load(row.c + v * LANES)};
      Lstm::forward(s, state, Extra{});
      s[SECOND_SLOT] = state.h;
      for (int n = 0; n < SLOTS; n++) store(row.gates + v * PITCH + n * LANES, s[n]);
      store(row.next_c + v * LANES, state.c);
    }
  }

  static void forward(const Row&) {}

  static void backward(const Row& row, float*, float* dh, float* coming) {
    std::memcpy(coming, dh, row.shown * sizeof(float));
    std::memset(dh, 0, row.shown * sizeof(float));
  }

  static void second_backward(const Row& row, float* going, float*, float* dc) {
    for (long v = 0; v < row.vectors(); v++) {
      Vector s[SLOTS];
      for (int n = 0; n < SLOTS; n++) s[n] = load(row.gates + v * PITCH + n * LANES);
      State before{Vector{}, load(row.c + v * LANES)}, after{Vector{}, load(row.next_c + v * LANES)};
      State d{load(going + v * PITCH + SECOND_SLOT * LANES), load(dc + v * LANES)};
      Lstm::backward(s, before, after, d, Extra{});
      for (int n = 0; n < SLOTS; n++) store(going + v * PITCH + n * LANES, s[n]);
      store(dc + v * LANES, d.c);
    }
  }
};

}  // namespace bicameral::gated
