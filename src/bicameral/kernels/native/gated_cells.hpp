// One step of every gated cell, for one vector of units: forwards, and backwards through it.
//
// A cell has SLOTS pre-activations a unit. Slots 0 .. INPUT-1 take the projected input, slots
// FIRST_STATE_SLOT .. SLOTS-1 the projected state, so a gate that does not see the state stands before
// FIRST_STATE_SLOT. `input_gate` and `state_gate` say which block of rows of the weights (in PyTorch's order)
// belongs to which of these slots. BLOCKS vectors of units are multiplied at once, so that a tile has about
// four columns.
//
// A ROW_WISE cell computes with all units of a row, so it takes rows instead (gated_layer_norm.hpp), and so
// does one with a second product, which reads slot SECOND_SLOT (gated_second_product.hpp).
//
// forward: pre-activations in, what backward needs out. backward: that in, gradients of pre-activations out.
#pragma once
#include "simd.hpp"

namespace bicameral::gated {

struct State {
  Vector h, c;
};

// The parameters of a unit besides matrices and biases, and whatever else is looked up by unit.
struct Extra {
  const float* at;
  long pitch;
  Vector operator[](int i) const { return load(at + i * pitch); }
};

// tanh by a ratio of polynomials in x^2, the best of its degree up to where it is 1 to the last bit: half the
// work of the one by exponentials, and as exact near 0.
BICAMERAL_INLINE Vector fast_tanh(Vector x) {
  x = at_least(at_most(x, 7.90531110763549805f), -7.90531110763549805f);
  Vector z = x * x;
  Vector over = -2.76076847742355e-16f * z + 2.00018790482477e-13f;
  over = over * z - 8.60467152213735e-11f;
  over = over * z + 5.12229709037114e-08f;
  over = over * z + 1.48572235717979e-05f;
  over = over * z + 6.37261928875436e-04f;
  over = over * z + 4.89352455891786e-03f;
  Vector under = 1.19825839466702e-06f * z + 1.18534705686654e-04f;
  under = under * z + 2.26843463243900e-03f;
  under = under * z + 4.89352518554385e-03f;
  return x * over / under;
}

// 1 / (1 + e^-x) with 2^y, y = -x / ln(2), in one piece: as near to the truth as a float of its size near
// 1/2, where a sigmoid right in its last places would take half as long again.
BICAMERAL_INLINE Vector fast_sigmoid(Vector x) {
  const float shift = 12582912.f;  // 1.5 * 2^23: adding it leaves the nearest integer in the low bits
  Vector y = at_least(at_most(x, 87.f), -87.f) * -1.44269504f, n = y + shift, r = y - (n - shift);
  Vector p = 1.326472731307149e-3f * r + 9.671512991189957e-3f;
  p = p * r + 5.550733581185341e-2f;
  p = p * r + 2.402224242687225e-1f;
  p = p * r + 6.931470036506653e-1f;
  p = p * r + 1.f;
  return 1.f / (1.f + p * two_to_the(bits_of(n)));  // what else n holds is shifted out
}

// What most cells are: without a second product, and computed unit by unit.
struct CellTraits {
  static constexpr int BLOCKS = 1, EXTRAS = 0, SECOND_SLOT = 0;
  static constexpr int FIRST_BIAS =
      -1;  // which block of b_h slot 0 takes, although it does not see the state
  static constexpr bool ROW_WISE = false, PROJECTS = false;
};

BICAMERAL_INLINE Vector sigmoid_backward(Vector d, Vector y) { return d * y * (1.f - y); }
BICAMERAL_INLINE Vector tanh_backward(Vector d, Vector y) { return d * (1.f - y * y); }

// h = σ(o) tanh(c), c = σ(f) c + σ(i) tanh(g).
struct Lstm : CellTraits {
  static constexpr int SLOTS = 4, INPUT = 4, FIRST_STATE_SLOT = 0;
  static constexpr bool CELL = true;
  static constexpr int input_gate[] = {0, 1, 2, 3}, state_gate[] = {0, 1, 2, 3};

  BICAMERAL_INLINE void forward(Vector* s, State& state, Extra) {
    s[0] = fast_sigmoid(s[0]), s[1] = fast_sigmoid(s[1]), s[2] = fast_tanh(s[2]), s[3] = fast_sigmoid(s[3]);
    state.c = s[1] * state.c + s[0] * s[2];
    state.h = s[3] * fast_tanh(state.c);
  }
  BICAMERAL_INLINE void backward(Vector* s, State before, State after, State& d, Extra) {
    Vector i = s[0], f = s[1], g = s[2], o = s[3], tanh_c = fast_tanh(after.c);
    Vector dc = d.c + tanh_backward(d.h * o, tanh_c);
    s[0] = sigmoid_backward(dc * g, i), s[1] = sigmoid_backward(dc * before.c, f);
    s[2] = tanh_backward(dc * i, g), s[3] = sigmoid_backward(d.h * tanh_c, o);
    d = {Vector{}, dc * f};
  }
};

// The forget gate does not see the state: it stands first.
struct SigLstm : Lstm {
  static constexpr int FIRST_STATE_SLOT = 1;
  static constexpr int input_gate[] = {1, 0, 2, 3}, state_gate[] = {0, 1, 2};

  BICAMERAL_INLINE void forward(Vector* s, State& state, Extra extra) {
    std::swap(s[0], s[1]);
    Lstm::forward(s, state, extra);
    std::swap(s[0], s[1]);
  }
  BICAMERAL_INLINE void backward(Vector* s, State before, State after, State& d, Extra extra) {
    std::swap(s[0], s[1]);
    Lstm::backward(s, before, after, d, extra);
    std::swap(s[0], s[1]);
  }
};

// i and f also see the cell before, o the cell after; extra: the three diagonals.
struct PeepholeLstm : Lstm {
  static constexpr int EXTRAS = 3;

  BICAMERAL_INLINE void forward(Vector* s, State& state, Extra extra) {
    s[0] = fast_sigmoid(s[0] + extra[0] * state.c), s[1] = fast_sigmoid(s[1] + extra[1] * state.c),
    s[2] = fast_tanh(s[2]);
    state.c = s[1] * state.c + s[0] * s[2];
    s[3] = fast_sigmoid(s[3] + extra[2] * state.c);
    state.h = s[3] * fast_tanh(state.c);
  }
  BICAMERAL_INLINE void backward(Vector* s, State before, State after, State& d, Extra extra) {
    Vector i = s[0], f = s[1], g = s[2], o = s[3], tanh_c = fast_tanh(after.c);
    s[3] = sigmoid_backward(d.h * tanh_c, o);
    Vector dc = d.c + tanh_backward(d.h * o, tanh_c) + s[3] * extra[2];
    s[0] = sigmoid_backward(dc * g, i), s[1] = sigmoid_backward(dc * before.c, f),
    s[2] = tanh_backward(dc * i, g);
    d = {Vector{}, dc * f + s[0] * extra[0] + s[1] * extra[1]};
  }
  // What a step adds to the gradients of the diagonals.
  BICAMERAL_INLINE Vector extra_gradient(int which, const Vector* d, const Vector*, Vector before,
                                         Vector after) {
    return which == 2 ? d[3] * after : d[which] * before;
  }
};

// The input gate is what the forget gate leaves: slots f, g, o.
struct CoupledLstm : CellTraits {
  static constexpr int SLOTS = 3, INPUT = 3, FIRST_STATE_SLOT = 0;
  static constexpr bool CELL = true;
  static constexpr int input_gate[] = {0, 1, 2}, state_gate[] = {0, 1, 2};

  BICAMERAL_INLINE void forward(Vector* s, State& state, Extra) {
    s[0] = fast_sigmoid(s[0]), s[1] = fast_tanh(s[1]), s[2] = fast_sigmoid(s[2]);
    state.c = s[1] + s[0] * (state.c - s[1]);
    state.h = s[2] * fast_tanh(state.c);
  }
  BICAMERAL_INLINE void backward(Vector* s, State before, State after, State& d, Extra) {
    Vector f = s[0], g = s[1], o = s[2], tanh_c = fast_tanh(after.c);
    Vector dc = d.c + tanh_backward(d.h * o, tanh_c);
    s[0] = sigmoid_backward(dc * (before.c - g), f), s[1] = tanh_backward(dc * (1.f - f), g);
    s[2] = sigmoid_backward(d.h * tanh_c, o);
    d = {Vector{}, dc * f};
  }
};

// h = (1 - z) n + z h with n = tanh(W x + r (U h + b)): slots W x of n, r, z, U h of n.
struct Gru : CellTraits {
  static constexpr int SLOTS = 4, INPUT = 3, FIRST_STATE_SLOT = 1;
  static constexpr bool CELL = false;
  static constexpr int input_gate[] = {2, 0, 1}, state_gate[] = {0, 1, 2};

  BICAMERAL_INLINE void forward(Vector* s, State& state, Extra) {
    s[1] = fast_sigmoid(s[1]), s[2] = fast_sigmoid(s[2]);
    s[0] = fast_tanh(s[0] + s[1] * s[3]);
    state.h = s[0] + s[2] * (state.h - s[0]);
  }
  BICAMERAL_INLINE void backward(Vector* s, State before, State, State& d, Extra) {
    Vector n = s[0], r = s[1], z = s[2];
    s[0] = tanh_backward(d.h * (1.f - z), n);
    s[1] = sigmoid_backward(s[0] * s[3], r), s[2] = sigmoid_backward(d.h * (before.h - n), z),
    s[3] = s[0] * r;
    d.h *= z;
  }
};

// The reset gate does not see the state.
struct SigGru : Gru {
  static constexpr int FIRST_STATE_SLOT = 2;
  static constexpr int state_gate[] = {0, 1};
};

struct TanhRnn : CellTraits {
  static constexpr int SLOTS = 1, INPUT = 1, FIRST_STATE_SLOT = 0, BLOCKS = 4;
  static constexpr bool CELL = false;
  static constexpr int input_gate[] = {0}, state_gate[] = {0};

  BICAMERAL_INLINE void forward(Vector* s, State& state, Extra) { state.h = s[0] = fast_tanh(s[0]); }
  BICAMERAL_INLINE void backward(Vector* s, State, State, State& d, Extra) {
    s[0] = tanh_backward(d.h, s[0]);
    d.h = Vector{};
  }
};

struct ReluRnn : TanhRnn {
  BICAMERAL_INLINE void forward(Vector* s, State& state, Extra) {
    state.h = s[0] = s[0] < 0.f ? Vector{} : s[0];
  }
  BICAMERAL_INLINE void backward(Vector* s, State, State, State& d, Extra) {
    s[0] = s[0] > 0.f ? d.h : Vector{};
    d.h = Vector{};
  }
};

}  // namespace bicameral::gated
