// The gated recurrences by number; bicameral/kernels/gated/cells.py counts them in the same order.
#include "gated_backward.hpp"
#include "interface.hpp"

namespace bicameral::gated {

// One cell: what Python must know of it too, and what computes it.
struct Entry {
  const char* name;
  long states, input_gates, state_gates, extras, projects;
  int slots;
  void (*pack)(const Call&);
  void (*forward)(const Call&);
  void (*backward)(const Call&);
  int64_t (*packed_size)(const Call&);
};

template <class Cell>
constexpr Entry entry(const char* name) {
  return {name,
          Cell::CELL ? 2 : 1,
          Cell::INPUT,
          Layout<Cell>::STATE_GATES,
          Cell::EXTRAS,
          Cell::PROJECTS,
          Cell::SLOTS,
          pack<Cell>,
          forward<Cell>,
          backward<Cell>,
          [](const Call& call) -> int64_t { return Layout<Cell>(call).packed_size(call); }};
}

constexpr Entry CELLS[] = {entry<Lstm>("lstm"),
                           entry<Gru>("gru"),
                           entry<TanhRnn>("tanh_rnn"),
                           entry<ReluRnn>("relu_rnn"),
                           entry<PeepholeLstm>("peephole_lstm"),
                           entry<CoupledLstm>("coupled_lstm"),
                           entry<SigLstm>("sig_lstm"),
                           entry<SigGru>("sig_gru"),
                           entry<LayerNormLstm>("layer_norm_lstm"),
                           entry<ResetBeforeGru>("reset_before_gru"),
                           entry<ProjectedLstm>("projected_lstm")};
constexpr long NUM_CELLS = sizeof(CELLS) / sizeof(Entry);

#define FIELD(name) {#name, offsetof(Call, name)}
constexpr Field FIELDS[] = {
    FIELD(rows),  FIELD(frames),  FIELD(inputs),  FIELD(units),   FIELD(outputs), FIELD(threads),
    FIELD(x),     FIELD(x_row),   FIELD(x_frame), FIELD(lengths), FIELD(h),       FIELD(c),
    FIELD(h_row), FIELD(c_row),   FIELD(w_x),     FIELD(w_h),     FIELD(b_x),     FIELD(b_h),
    FIELD(extra), FIELD(packed),  FIELD(y),       FIELD(h_last),  FIELD(c_last),  FIELD(workspace),
    FIELD(dy),    FIELD(dh_last), FIELD(dc_last), FIELD(dx),      FIELD(dw_x),    FIELD(dw_h),
    FIELD(db_x),  FIELD(db_h),    FIELD(d_extra), FIELD(dh),      FIELD(dc),      {nullptr, sizeof(Call)}};

}  // namespace bicameral::gated

using bicameral::gated::Call;
using bicameral::gated::CELLS;
using bicameral::gated::NUM_CELLS;

BICAMERAL_EXPORT const bicameral::Field* gated_call_fields() { return bicameral::gated::FIELDS; }
// The name of a cell, null behind the last one, and into `facts` what the fields of Entry between name and
// slots say.
BICAMERAL_EXPORT const char* gated_cell(long cell, long* facts) {
  if (cell >= NUM_CELLS) return nullptr;
  const auto& entry = CELLS[cell];
  const long values[] = {entry.states, entry.input_gates, entry.state_gates, entry.extras, entry.projects};
  std::copy(std::begin(values), std::end(values), facts);
  return entry.name;
}

BICAMERAL_EXPORT int64_t gated_packed_size(int cell, const Call* call) {
  return CELLS[cell].packed_size(*call);
}
// What a workspace holds a unit, its units counted in whole vectors: every frame's slots, and the states
// around it.
BICAMERAL_EXPORT int gated_lanes() { return bicameral::LANES; }
BICAMERAL_EXPORT int gated_slots(int cell) { return CELLS[cell].slots; }
BICAMERAL_EXPORT void gated_pack(int cell, const Call* call) { CELLS[cell].pack(*call); }
BICAMERAL_EXPORT void gated_forward(int cell, const Call* call) { CELLS[cell].forward(*call); }
BICAMERAL_EXPORT void gated_backward(int cell, const Call* call) { CELLS[cell].backward(*call); }
