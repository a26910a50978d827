// The gated recurrences by number; bicameral/kernels/gated/cells.py counts them in the same order.
#include "gated_backward.hpp"

namespace bicameral::gated {

struct Entry {
  void (*pack)(const Call&);
  void (*forward)(const Call&);
  void (*backward)(const Call&);
  int64_t (*packed_size)(const Call&);
  int64_t (*samples)(const Call&);
  int slots;
};

// Sixty-odd of the values, spread out.
inline uint64_t sample(uint64_t hash, const float* values, long count) {
  for (long i = 0; values && i < count; i += count / 61 + 1) {
    uint32_t bits;
    std::memcpy(&bits, values + i, sizeof bits);
    hash = (hash ^ bits) * 1099511628211u;
  }
  return hash;
}

template <class Cell>
int64_t samples(const Call& call) {
  uint64_t hash = sample(14695981039346656037u, call.w_h, Layout<Cell>::SEEN * call.units * call.outputs);
  if constexpr (Cell::MIDDLE > 0) hash = sample(hash, Cell::weights(call), call.units * call.outputs);
  hash = sample(hash, call.w_x, Cell::INPUT * call.units * call.inputs);
  hash = sample(hash, call.b_x, Cell::INPUT * call.units);
  return sample(hash, call.b_h, Layout<Cell>::SEEN * call.units);
}

template <class Cell>
constexpr Entry entry() {
  return {pack<Cell>, forward<Cell>, backward<Cell>,
          [](const Call& call) -> int64_t { return Layout<Cell>(call).packed_size(call); },
          samples<Cell>, Cell::SLOTS};
}

constexpr Entry CELLS[] = {entry<Lstm>(),   entry<Gru>(),         entry<TanhRnn>(), entry<ReluRnn>(),
                           entry<PeepholeLstm>(), entry<CoupledLstm>(), entry<SigLstm>(), entry<SigGru>(),
                           entry<LayerNormLstm>(),  entry<ResetBeforeGru>(), entry<ProjectedLstm>()};

}  // namespace bicameral::gated

using bicameral::gated::Call;
using bicameral::gated::CELLS;

BICAMERAL_EXPORT int64_t gated_packed_size(int cell, const Call* call) { return CELLS[cell].packed_size(*call); }
// What a workspace holds a unit, its units counted in whole vectors: every frame's slots, and the states around it.
BICAMERAL_EXPORT int gated_lanes() { return bicameral::LANES; }
BICAMERAL_EXPORT int gated_slots(int cell) { return CELLS[cell].slots; }
BICAMERAL_EXPORT int64_t gated_samples(int cell, const Call* call) { return CELLS[cell].samples(*call); }
BICAMERAL_EXPORT void gated_pack(int cell, const Call* call) { CELLS[cell].pack(*call); }
BICAMERAL_EXPORT void gated_forward(int cell, const Call* call) { CELLS[cell].forward(*call); }
BICAMERAL_EXPORT void gated_backward(int cell, const Call* call) { CELLS[cell].backward(*call); }
