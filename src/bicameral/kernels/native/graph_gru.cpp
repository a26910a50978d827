// A GRU on every node of a graph, forwards and backwards: one example at a time through all frames, so that
// its state, what comes from the neighbours and the weights stay in the caches. Gates stand as r, u, c.
//
// To propagate is to multiply the nodes by the sparse matrix: it gives every node the features of all terms
// side by side, its own first. The transpose propagates the gradients.
#include <vector>

#include "gated_product.hpp"
#include "interface.hpp"
#include "sparse_rows.hpp"
#include "threads.hpp"

using namespace bicameral;

namespace {

constexpr long ROWS = 48;        // of a product, while a panel of its weights is in the first-level cache
constexpr long PROPAGATED = 64;  // floats a node: narrow inputs are propagated so many frames at once
constexpr long BEYOND = gated::MOST_COLUMNS * LANES;  // floats that whole vectors may read behind a matrix

using Floats = std::vector<float>;

struct Shape {
  long batch, frames, nodes, inputs, width, terms;
  long state() const { return nodes * width; }
  long gates() const { return nodes * 3 * width; }
  // Frames propagated at once.
  long together() const { return std::max(1L, std::min(frames, PROPAGATED / inputs)); }
};

// Rows of a left factor: elements `step` apart, in `runs` runs that begin `run_pitch` apart.
struct Left {
  const float* data;
  long pitch, step = 1, runs = 1, run_pitch = 0;
};

// A right factor, whose rows are `pitch` apart; or packed in panels of a few vectors of columns (pitch 0).
struct Right {
  const float* data;
  long depth, columns, pitch = 0;
};

template <class Visit>
void for_panels(long columns, Visit visit) {
  long vectors = (columns + LANES - 1) / LANES,
       panels = (vectors + gated::MOST_COLUMNS - 1) / gated::MOST_COLUMNS;
  for (long panel = 0; panel < panels; panel++) {
    auto [first, end] = share(vectors, panel, panels);
    visit(first, end - first);
  }
}

struct Packed {
  long depth, columns;
  Floats data;
  operator Right() const { return {data.data(), depth, columns}; }
};
Packed pack(const float* from, long depth, long columns) {
  Packed to = {depth, columns, Floats((columns + LANES) * depth)};
  for_panels(columns, [&](long first, long count) {
    float* panel = to.data.data() + first * LANES * depth;
    for (long k = 0; k < depth; k++)
      for (long j = 0; j < std::min(count * LANES, columns - first * LANES); j++)
        panel[k * count * LANES + j] = from[k * columns + first * LANES + j];
  });
  return to;
}

// out = start + a w for `rows` rows, all `pitch` apart in `out` and `start_pitch` in `start`.
void multiply(long rows, Left a, const Right& w, const float* start, long start_pitch, float* out,
              long pitch) {
  const float *a_rows[ROWS], *start_rows[ROWS];
  float* out_rows[ROWS];
  for (long first = 0; first < rows; first += ROWS) {
    long count = std::min(ROWS, rows - first);
    for (long r = 0; r < count; r++) {
      a_rows[r] = a.data + (first + r) * a.pitch;
      start_rows[r] = start + (first + r) * start_pitch;
      out_rows[r] = out + (first + r) * pitch;
    }
    for_panels(w.columns, [&](long vector, long vectors) {
      const long at = vector * LANES;
      const int columns = static_cast<int>(vectors);
      const float* panel = w.data + at * (w.pitch ? 1 : w.depth);
      gated::Product product = {
          a.runs,  w.depth / a.runs, a.run_pitch, a.step,         panel, w.pitch ? w.pitch : vectors * LANES,
          columns, columns,          0,           w.columns - at, at};
      gated::multiply(product, count, a_rows, start_rows, out_rows);
    });
  }
}

// Calls with every vector of features of every node: where it stands in a state, among three gates a node,
// among two, and how many of its lanes exist.
template <class Visit>
void for_units(const Shape& s, Visit visit) {
  for (long node = 0; node < s.nodes; node++)
    for (long j = 0; j < s.width; j += LANES)
      visit(node * s.width + j, node * 3 * s.width + j, node * 2 * s.width + j, s.width - j);
}

struct Weights {
  const float *input, *gates, *candidate, *bias;
};

// The inputs of each node's neighbours, some frames at once: [node][term][frame][feature].
struct Inputs {
  Shape s;
  SparseRows adjacency;
  Floats frames, neighbours;
  long first = -1, count = 0;
  Inputs(const Shape& s, SparseRows adjacency)
      : s(s), adjacency(adjacency), frames(s.nodes * s.together() * s.inputs),
        neighbours(s.nodes * s.terms * s.together() * s.inputs + BEYOND) {}

  void propagate(const float* x, long t) {
    long block = t / s.together() * s.together();
    if (block == first) return;
    first = block, count = std::min(s.together(), s.frames - first);
    for (long node = 0; node < s.nodes; node++)
      for (long i = 0; i < count; i++)
        std::memcpy(&frames[(node * count + i) * s.inputs], x + ((first + i) * s.nodes + node) * s.inputs,
                    s.inputs * sizeof(float));
    sum_rows(adjacency, s.nodes * s.terms, count * s.inputs, frames.data(), neighbours.data());
  }
  const float* at(long t) const { return neighbours.data() + (t - first) * s.inputs; }
  long term_pitch() const { return count * s.inputs; }
};

struct Forward {
  SparseRows adjacency;
  const float *x, *h;
  const long* lengths;      // or null
  float *ys, *last, *kept;  // kept: r, u and c of every frame, or null
};

struct Layer {
  Shape s;
  const float* bias;
  Packed input, gates, candidate;
  Layer(const Shape& s, const Weights& w)
      : s(s), bias(w.bias), input(pack(w.input, s.terms * s.inputs, 3 * s.width)),
        gates(pack(w.gates, s.terms * s.width, 2 * s.width)),
        candidate(pack(w.candidate, s.terms * s.width, s.width)) {}
};

void forward(const Layer& layer, const Forward& f, long example) {
  const Shape& s = layer.s;
  const long e = s.width, length = f.lengths ? f.lengths[example] : s.frames;
  const float *x = f.x + example * s.frames * s.nodes * s.inputs, *h = f.h + example * s.state();
  float* ys = f.ys + example * s.frames * s.state();
  Floats own_gates(f.kept ? 0 : s.gates()), neighbours(s.state() * s.terms), reset(s.state());
  Inputs inputs(s, f.adjacency);
  const Left hidden = {neighbours.data(), s.terms * e};
  for (long t = 0; t < length; t++) {
    float *gates = f.kept ? f.kept + (example * s.frames + t) * s.gates() : own_gates.data(),
          *y = ys + t * s.state();
    inputs.propagate(x, t);
    multiply(s.nodes, {inputs.at(t), s.terms * inputs.term_pitch(), 1, s.terms, inputs.term_pitch()},
             layer.input, layer.bias, 0, gates, 3 * e);
    sum_rows(f.adjacency, s.nodes * s.terms, e, h, neighbours.data());
    multiply(s.nodes, hidden, layer.gates, gates, 3 * e, gates, 3 * e);
    for_units(s, [&](long i, long gate, long, long count) {
      Vector r = sigmoid(load(gates + gate, count)), u = sigmoid(load(gates + gate + e, count));
      store(gates + gate, r, count), store(gates + gate + e, u, count);
      store(&reset[i], r * load(h + i, count), count);
    });
    sum_rows(f.adjacency, s.nodes * s.terms, e, reset.data(), neighbours.data());
    multiply(s.nodes, hidden, layer.candidate, gates + 2 * e, 3 * e, gates + 2 * e, 3 * e);
    for_units(s, [&](long i, long gate, long, long count) {
      Vector u = load(gates + gate + e, count), c = tanh(load(gates + gate + 2 * e, count));
      store(gates + gate + 2 * e, c, count);
      store(y + i, c + u * (load(h + i, count) - c), count);
    });
    h = y;
  }
  std::fill(ys + length * s.state(), ys + s.frames * s.state(), 0.f);
  std::memcpy(f.last + example * s.state(), h, s.state() * sizeof(float));
}

struct Backward {
  SparseRows transposed;
  const float *x, *h, *ys, *kept, *dys, *dlast;
  const long* lengths;
  float *dx, *dh;  // dx may be null
  float *dinput_gates, *dinput_candidate, *dgates, *dcandidate,
      *dbias;  // one of each a group, zeros at first
};

// The weights from (term, gate) to what was propagated.
struct BackwardLayer {
  Shape s;
  Packed input_gates, input_candidate, gates, candidate;
  BackwardLayer(const Shape& s, const Weights& w)
      : s(s), input_gates(turned(w.input, s.inputs, 2 * s.width, 3 * s.width)),
        input_candidate(turned(w.input + 2 * s.width, s.inputs, s.width, 3 * s.width)),
        gates(turned(w.gates, s.width, 2 * s.width, 2 * s.width)),
        candidate(turned(w.candidate, s.width, s.width, s.width)) {}

  Packed turned(const float* from, long features, long gates, long pitch) {
    Floats to(s.terms * gates * features);
    for (long term = 0; term < s.terms; term++)
      for (long feature = 0; feature < features; feature++)
        for (long j = 0; j < gates; j++)
          to[(term * gates + j) * features + feature] = from[(term * features + feature) * pitch + j];
    return pack(to.data(), s.terms * gates, features);
  }
};

// Gradients of gates as the nodes get them back, of all terms: these give those of features and weights
// alike.
struct Returned {
  const Shape& s;
  long columns;  // all terms of the gates
  Floats d;
  Returned(const Shape& s, long gates) : s(s), columns(s.terms * gates), d(s.nodes * columns + BEYOND) {}

  void propagate(const SparseRows& back, const Floats& from) {
    sum_rows(back, s.nodes * s.terms, columns / s.terms, from.data(), d.data());
  }
  void add_to_features(const Packed& weights, float* to) const {
    multiply(s.nodes, {d.data(), columns}, weights, to, weights.columns, to, weights.columns);
  }
  void add_to_weights(const float* features, long count, float* to) const {
    multiply(count, {features, 1, count}, {d.data(), s.nodes, columns, columns}, to, columns, to, columns);
  }
};

void backward(const BackwardLayer& layer, const Backward& b, long example, long group) {
  const Shape& s = layer.s;
  const long e = s.width, length = b.lengths ? b.lengths[example] : s.frames, frame = s.nodes * s.inputs;
  const float *x = b.x + example * s.frames * frame, *ys = b.ys + example * s.frames * s.state();
  const float* dys = b.dys + example * s.frames * s.state();
  float *dh = b.dh + example * s.state(), *dx = b.dx ? b.dx + example * s.frames * frame : nullptr;
  float* dbias = b.dbias + group * 3 * e;
  auto of_group = [&](float* d, long features, long gates) { return d + group * features * s.terms * gates; };
  Floats dgates(2 * s.state()), dcandidate(s.state()), reset(s.state()), dreset(s.state());
  Returned gates_back(s, 2 * e), candidate_back(s, e);
  std::memcpy(dh, b.dlast + example * s.state(), s.state() * sizeof(float));
  if (dx) std::fill(dx, dx + s.frames * frame, 0.f);
  for (long t = length - 1; t >= 0; t--) {
    const float *h = t ? ys + (t - 1) * s.state() : b.h + example * s.state(), *dy = dys + t * s.state();
    const float *kept = b.kept + (example * s.frames + t) * s.gates(), *x_t = x + t * frame;
    for_units(s, [&](long i, long gate, long at, long count) {
      Vector r = load(kept + gate, count), u = load(kept + gate + e, count);
      Vector c = load(kept + gate + 2 * e, count), before = load(h + i, count);
      Vector grad = load(dh + i, count) + load(dy + i, count);
      store(&dgates[at + e], grad * (before - c) * u * (1.f - u), count);
      store(&dcandidate[i], grad * (1.f - u) * (1.f - c * c), count);
      store(&reset[i], r * before, count);
      store(&dreset[i], Vector{}, count);
      store(dh + i, grad * u, count);
    });
    candidate_back.propagate(b.transposed, dcandidate);
    candidate_back.add_to_features(layer.candidate, dreset.data());
    candidate_back.add_to_weights(reset.data(), e, of_group(b.dcandidate, e, e));
    for_units(s, [&](long i, long gate, long at, long count) {
      Vector r = load(kept + gate, count), grad = load(&dreset[i], count);
      store(&dgates[at], grad * load(h + i, count) * r * (1.f - r), count);
      store(dh + i, load(dh + i, count) + grad * r, count);
    });
    gates_back.propagate(b.transposed, dgates);
    gates_back.add_to_features(layer.gates, dh);
    gates_back.add_to_weights(h, e, of_group(b.dgates, e, 2 * e));
    gates_back.add_to_weights(x_t, s.inputs, of_group(b.dinput_gates, s.inputs, 2 * e));
    candidate_back.add_to_weights(x_t, s.inputs, of_group(b.dinput_candidate, s.inputs, e));
    if (dx) {
      gates_back.add_to_features(layer.input_gates, dx + t * frame);
      candidate_back.add_to_features(layer.input_candidate, dx + t * frame);
    }
    for (long node = 0; node < s.nodes; node++) {
      for (long j = 0; j < 2 * e; j++) dbias[j] += dgates[node * 2 * e + j];
      for (long j = 0; j < e; j++) dbias[2 * e + j] += dcandidate[node * e + j];
    }
  }
}

}  // namespace

// `starts`, `columns` and `values` are a sparse matrix: for every node, a row for every term.
BICAMERAL_EXPORT void graph_gru_forward(long batch, long frames, long nodes, long inputs, long width,
                                        long terms, long threads, const int* starts, const int* columns,
                                        const float* values, const float* w_input, const float* w_gates,
                                        const float* w_candidate, const float* bias, const float* x,
                                        const float* h, const long* lengths, float* ys, float* last,
                                        float* kept) {
  Layer layer({batch, frames, nodes, inputs, width, terms}, {w_input, w_gates, w_candidate, bias});
  Forward f = {{starts, columns, values}, x, h, lengths, ys, last, kept};
  parallel_for(batch, threads, [&](long example) { forward(layer, f, example); });
}

// Here the matrix of every term is transposed. Gradients of weights: (group, feature, term, gate); examples
// of one group share their sums, whatever the number of threads.
BICAMERAL_EXPORT void graph_gru_backward(long batch, long frames, long nodes, long inputs, long width,
                                         long terms, long groups, long threads, const int* starts,
                                         const int* columns, const float* values, const float* w_input,
                                         const float* w_gates, const float* w_candidate, const float* x,
                                         const float* h, const long* lengths, const float* ys,
                                         const float* kept, const float* dys, const float* dlast, float* dx,
                                         float* dh, float* dinput_gates, float* dinput_candidate,
                                         float* dgates, float* dcandidate, float* dbias) {
  BackwardLayer layer({batch, frames, nodes, inputs, width, terms}, {w_input, w_gates, w_candidate, nullptr});
  Backward b = {
      {starts, columns, values}, x,      h,          ys,   kept, dys, dlast, lengths, dx, dh, dinput_gates,
      dinput_candidate,          dgates, dcandidate, dbias};
  parallel_for(groups, threads, [&](long group) {
    Range mine = share(batch, group, groups);
    for (long example = mine.first; example < mine.end; example++) backward(layer, b, example, group);
  });
}

BICAMERAL_DESCRIBE(graph_gru_forward)
BICAMERAL_DESCRIBE(graph_gru_backward)
