// A row-wise gated cell: layer norm over all its gates, and over its new cell.
//
// It takes a whole row once its pre-activations are complete, where the others take a vector of units.
#pragma once
#include "gated_cells.hpp"

namespace bicameral::gated {

// One row of one frame, its units `padded` to whole vectors, its outputs to `shown` floats; lanes beyond have
// weights and gains of zero.
struct Row {
  long units, padded, shown;
  float* gates;
  const float *h, *c;
  float *next_h, *next_c;
  const float* extra;  // rows of `padded` floats

  long vectors() const { return padded / LANES; }
  Extra extras(long vector) const { return {extra + vector * LANES, padded}; }
};

template <int Distance>
struct Across {
  static constexpr int from(int i) { return i ^ Distance; }
};
template <int Distance = LANES / 2>
BICAMERAL_INLINE float total(Vector v) {
  v += shuffle<Across<Distance>>(v, v);
  if constexpr (Distance > 1)
    return total<Distance / 2>(v);
  else
    return v[0];
}
BICAMERAL_INLINE Vector first_lanes(Vector v, long count) {
  if (count < LANES)
    for (int i = 0; i < LANES; i++) v[i] = i < count ? v[i] : 0.f;
  return v;
}

// Mean and reciprocal deviation of `blocks` vectors a vector of units, `pitch` floats from one to the next.
struct Norm {
  float mean, scale;

  Norm(const Row& row, const float* values, int blocks, long pitch) {
    const float share = 1.f / static_cast<float>(blocks * row.units);
    Vector sum{}, squares{};
    for (long v = 0; v < row.vectors(); v++)
      for (int n = 0; n < blocks; n++)
        sum += first_lanes(load(values + v * pitch + n * LANES), row.units - v * LANES);
    mean = total(sum) * share;
    for (long v = 0; v < row.vectors(); v++)
      for (int n = 0; n < blocks; n++) {
        Vector off = first_lanes(load(values + v * pitch + n * LANES) - mean, row.units - v * LANES);
        squares += off * off;
      }
    scale = 1.f / __builtin_sqrtf(total(squares) * share + 1e-5f);
  }
};

// What a norm takes from each gradient that comes back through it: its mean, and what goes along with the
// value.
struct Sums {
  Vector plain{}, along{};
  void add(Vector d, Vector normal) { plain += d, along += d * normal; }
};
struct NormBackward {
  float scale, plain, along;
  NormBackward(float scale, const Sums& sums, long count)
      : scale(scale), plain(total(sums.plain) / static_cast<float>(count)),
        along(total(sums.along) / static_cast<float>(count)) {}
  Vector operator()(Vector d, Vector normal) const { return scale * (d - plain - normal * along); }
};

// An LSTM whose gates see norm(U h) times a gain each, and whose output sees the norm of the cell.
// Slots 0-3: what the input says to i f g o, then the gates; 4: the normal cell; 5: the scales of the two
// norms, in the first vector; 6-9: what the state says, then its norm. Backwards, 4 and 5 are what a step
// adds to the gradients of the cell's bias and gain.
struct LayerNormLstm : CellTraits {
  static constexpr int SLOTS = 10, INPUT = 4, FIRST_STATE_SLOT = 6, EXTRAS = 6;
  static constexpr bool CELL = true, ROW_WISE = true;
  static constexpr int input_gate[] = {0, 1, 2, 3}, state_gate[] = {0, 1, 2, 3};
  static constexpr long PITCH = SLOTS * LANES;

  static void forward(const Row& row) {
    const Norm seen(row, row.gates + FIRST_STATE_SLOT * LANES, 4, PITCH);
    for (long v = 0; v < row.vectors(); v++) {
      float* s = row.gates + v * PITCH;
      Vector active[4];
      for (int n = 0; n < 4; n++) {
        Vector normal = (load(s + (FIRST_STATE_SLOT + n) * LANES) - seen.mean) * seen.scale;
        store(s + (FIRST_STATE_SLOT + n) * LANES, normal);
        Vector a = load(s + n * LANES) + row.extras(v)[n] * normal;
        store(s + n * LANES, active[n] = n == 2 ? fast_tanh(a) : fast_sigmoid(a));
      }
      store(row.next_c + v * LANES, active[1] * load(row.c + v * LANES) + active[0] * active[2]);
    }
    const Norm cell(row, row.next_c, 1, LANES);
    for (long v = 0; v < row.vectors(); v++) {
      float* s = row.gates + v * PITCH;
      Vector normal = (load(row.next_c + v * LANES) - cell.mean) * cell.scale;
      store(s + 4 * LANES, normal);
      store(row.next_h + v * LANES,
            load(s + 3 * LANES) * fast_tanh(row.extras(v)[4] * normal + row.extras(v)[5]));
    }
    row.gates[5 * LANES] = seen.scale, row.gates[5 * LANES + 1] = cell.scale;
  }

  // dh and dc: in, of the states after; out, of those before, but for what goes through the product.
  static void backward(const Row& row, float* going, float* dh, float* dc) {
    const NormBackward cell(row.gates[5 * LANES + 1], into_output(row, going, dh), row.units);
    const NormBackward seen(row.gates[5 * LANES], into_gates(row, going, dc, cell), 4 * row.units);
    for (long v = 0; v < row.vectors(); v++)
      for (int n = 0; n < 4; n++) {
        Vector d = load(going + v * PITCH + n * LANES) * row.extras(v)[n];
        long place = v * PITCH + (FIRST_STATE_SLOT + n) * LANES;
        store(going + place, seen(d, load(row.gates + place)));
      }
  }

  static Sums into_output(const Row& row, float* going, float* dh) {
    Sums sums;
    for (long v = 0; v < row.vectors(); v++) {
      const float* s = row.gates + v * PITCH;
      float* d = going + v * PITCH;
      Vector o = load(s + 3 * LANES), normal = load(s + 4 * LANES), d_h = load(dh + v * LANES);
      Vector tanh_c = fast_tanh(row.extras(v)[4] * normal + row.extras(v)[5]),
             d_n = tanh_backward(d_h * o, tanh_c);
      store(d + 3 * LANES, sigmoid_backward(d_h * tanh_c, o));
      store(d + 4 * LANES, d_n), store(d + 5 * LANES, d_n * normal);
      sums.add(d_n * row.extras(v)[4], normal);
      store(dh + v * LANES, Vector{});
    }
    return sums;
  }

  static Sums into_gates(const Row& row, float* going, float* dc, const NormBackward& cell) {
    Sums sums;
    for (long v = 0; v < row.vectors(); v++) {
      const float* s = row.gates + v * PITCH;
      float* d = going + v * PITCH;
      Vector i = load(s), f = load(s + LANES), g = load(s + 2 * LANES);
      Vector d_c = load(dc + v * LANES) + cell(load(d + 4 * LANES) * row.extras(v)[4], load(s + 4 * LANES));
      store(d, sigmoid_backward(d_c * g, i)),
          store(d + LANES, sigmoid_backward(d_c * load(row.c + v * LANES), f));
      store(d + 2 * LANES, tanh_backward(d_c * i, g)), store(dc + v * LANES, d_c * f);
      for (int n = 0; n < 4; n++)
        sums.add(load(d + n * LANES) * row.extras(v)[n], load(s + (FIRST_STATE_SLOT + n) * LANES));
    }
    return sums;
  }

  BICAMERAL_INLINE Vector extra_gradient(int which, const Vector* d, const Vector* s, Vector, Vector) {
    return which < 4 ? d[which] * s[FIRST_STATE_SLOT + which] : d[9 - which];
  }
};

}  // namespace bicameral::gated
