// The sLSTM recurrence, forwards and backwards: every head of a few rows by itself, its state in the
// first-level cache. Gates stand as i, f, z, o. The stabiliser m counts as a constant in the gradients:
// outputs do not depend on it.
#include "interface.hpp"
#include "tile.hpp"

using namespace bicameral;

namespace {

constexpr long MOST = 512;                  // units of a head; cpu.py knows it too
constexpr long PAD = TILE_COLUMNS * LANES;  // whole tiles of columns may be read and written
constexpr int KEPT = 5;  // values a unit keeps for its backward pass: e^i, e^f, tanh(z), σ(o), σ(-f)

struct Shape {
  long rows, frames, heads, size;
  long width() const { return heads * size; }
};

// out[row][column] += sum over k of a[row][k] w[k][column]; columns in whole tiles, k in order.
template <int Rows>
void multiply(long depth, long columns, const float* w, const float (*a)[4 * MOST + PAD],
              float (*out)[4 * MOST + PAD]) {
  for (long first = 0; first < columns; first += TILE_COLUMNS * LANES) {
    Tile<Rows> sums;
    for (int r = 0; r < Rows; r++)
      for (int n = 0; n < TILE_COLUMNS; n++) sums[r][n] = load(out[r] + first + n * LANES);
    const float* row = w + first;
    for (long k = 0; k < depth; k++, row += columns)
      for (int n = 0; n < TILE_COLUMNS; n++) {
        Vector column = load(row + n * LANES);
        for (int r = 0; r < Rows; r++) sums[r][n] += a[r][k] * column;
      }
    for (int r = 0; r < Rows; r++)
      for (int n = 0; n < TILE_COLUMNS; n++) store(out[r] + first + n * LANES, sums[r][n]);
  }
}

using Buffer = float[TILE_ROWS][4 * MOST + PAD];

void copy(float* to, const float* from, long count) { std::memcpy(to, from, count * sizeof(float)); }

// log(1 + y) for 0 <= y <= 1, by the series of the inverse hyperbolic tangent.
BICAMERAL_INLINE Vector log_of_one_more(Vector y) {
  Vector s = y / (y + 2.f), z = s * s;
  Vector p = z * (1.f / 11) + 1.f / 9;
  p = p * z + 1.f / 7;
  p = p * z + 1.f / 5;
  p = p * z + 1.f / 3;
  return 2.f * s * (p * z + 1.f);
}

struct Forward {
  const float *x, *r, *h, *c, *n, *m;  // x: frames of 4 gates of all heads; r: heads of (size, 4 size)
  float *ys, *cs, *ns, *ms, *kept;     // kept: frames of KEPT values of all heads, or null
};

template <int Rows>
void forward(Shape shape, const Forward& f, long head, long row) {
  static thread_local Buffer gates, h, c, n, m;
  const long size = shape.size, width = shape.width(), own = head * size;
  for (int r = 0; r < Rows; r++) {
    long at = (row + r) * width + own;
    copy(h[r], f.h + at, size), copy(c[r], f.c + at, size), copy(n[r], f.n + at, size),
        copy(m[r], f.m + at, size);
  }
  for (long t = 0; t < shape.frames; t++) {
    for (int r = 0; r < Rows; r++)
      for (int gate = 0; gate < 4; gate++)
        copy(gates[r] + gate * size, f.x + (((row + r) * shape.frames + t) * 4 + gate) * width + own, size);
    multiply<Rows>(size, 4 * size, f.r + head * size * 4 * size, h, gates);
    for (int r = 0; r < Rows; r++) {
      long frame = (row + r) * shape.frames + t, at = frame * width + own;
      for (long j = 0; j < size; j += LANES) {
        const float* pre = gates[r] + j;
        long count = size - j;
        Vector forget = load(pre + size), small = exp_coarse(-absolute(forget)), in = load(pre);
        Vector kept = at_most(forget, 0.f) - log_of_one_more(small) + load(m[r] + j);  // log σ(f) + m
        Vector most = kept > in ? kept : in;
        Vector i = exp_coarse(in - most), fg = exp_coarse(kept - most), z = tanh(load(pre + 2 * size));
        Vector o = sigmoid(load(pre + 3 * size));
        Vector cell = fg * load(c[r] + j) + i * z, norm = fg * load(n[r] + j) + i;
        store(c[r] + j, cell), store(n[r] + j, norm), store(m[r] + j, most), store(h[r] + j, o * cell / norm);
        if (!f.kept) continue;
        const Vector values[] = {i, fg, z, o, (forget > 0.f ? small : splat(1.f)) / (small + 1.f)};
        for (int k = 0; k < KEPT; k++) store(f.kept + (frame * KEPT + k) * width + own + j, values[k], count);
      }
      copy(f.ys + at, h[r], size), copy(f.cs + at, c[r], size), copy(f.ns + at, n[r], size);
      copy(f.ms + at, m[r], size);
    }
  }
}

// Lanes beyond a head hold whatever, NaN included, and go nowhere.
struct Backward {
  const float *r, *c, *n, *cs, *ns, *kept;  // r: heads of (4 size, size)
  const float *dys, *dcs, *dns;             // the last two may be null
  float *dx, *dh, *dc, *dn;
};

template <int Rows>
void backward(Shape shape, const Backward& b, long head, long row) {
  static thread_local Buffer gates, dh, dc, dn;
  const long size = shape.size, width = shape.width(), own = head * size;
  for (int r = 0; r < Rows; r++)
    for (auto* part : {dh[r], dc[r], dn[r]}) std::fill(part, part + size + PAD, 0.f);
  for (long t = shape.frames - 1; t >= 0; t--) {
    for (int r = 0; r < Rows; r++) {
      long frame = (row + r) * shape.frames + t, at = frame * width + own, start = (row + r) * width + own;
      const float *c_before = t ? b.cs + at - width : b.c + start,
                  *n_before = t ? b.ns + at - width : b.n + start;
      for (long j = 0; j < size; j += LANES) {
        long count = size - j;
        Vector v[KEPT];
        for (int k = 0; k < KEPT; k++) v[k] = load(b.kept + (frame * KEPT + k) * width + own + j, count);
        auto [i, fg, z, o, shut] = v;
        Vector n = load(b.ns + at + j, count), c = load(b.cs + at + j, count);
        Vector d = (load(dh[r] + j) + load(b.dys + at + j, count)) / n, ratio = c / n;
        Vector d_cell = load(dc[r] + j) + d * o, d_norm = load(dn[r] + j) - d * o * ratio;
        if (b.dcs) d_cell += load(b.dcs + at + j, count);
        if (b.dns) d_norm += load(b.dns + at + j, count);
        Vector d_forget = d_cell * load(c_before + j, count) + d_norm * load(n_before + j, count);
        store(gates[r] + j, (d_cell * z + d_norm) * i, count);
        store(gates[r] + size + j, d_forget * fg * shut, count);
        store(gates[r] + 2 * size + j, d_cell * i * (1.f - z * z), count);
        store(gates[r] + 3 * size + j, d * c * o * (1.f - o), count);
        store(dc[r] + j, d_cell * fg), store(dn[r] + j, d_norm * fg);
      }
      for (int gate = 0; gate < 4; gate++)
        copy(b.dx + (frame * 4 + gate) * width + own, gates[r] + gate * size, size);
      std::fill(dh[r], dh[r] + size + PAD, 0.f);
    }
    multiply<Rows>(4 * size, size, b.r + head * 4 * size * size, gates, dh);
  }
  for (int r = 0; r < Rows; r++) {
    long at = (row + r) * width + own;
    copy(b.dh + at, dh[r], size), copy(b.dc + at, dc[r], size), copy(b.dn + at, dn[r], size);
  }
}

// Calls work(rows, head, row) with `rows` as a constant, `wanted` of the tallest tile's or fewer.
template <int Rows = TILE_ROWS, class Work>
void with_rows(long wanted, long head, long row, Work work) {
  if constexpr (Rows > 1)
    if (wanted < Rows) return with_rows<Rows - 1>(wanted, head, row, work);
  work(std::integral_constant<int, Rows>{}, head, row);
}

// Covers every head of every row with tiles; the sums of a row do not depend on its tile.
template <class Work>
void visit(Shape shape, long threads, Work work) {
  long tiles = (shape.rows + TILE_ROWS - 1) / TILE_ROWS;
  parallel_for(shape.heads * tiles, threads, [&](long task) {
    Range rows = share(shape.rows, task % tiles, tiles);
    with_rows(rows.end - rows.first, task / tiles, rows.first, work);
  });
}

}  // namespace

// The weights are followed by at least 64 floats that may be read.
BICAMERAL_EXPORT void slstm_forward(long rows, long frames, long heads, long size, long threads,
                                    const float* x, const float* r, const float* h, const float* c,
                                    const float* n, const float* m, float* ys, float* cs, float* ns,
                                    float* ms, float* kept) {
  Shape shape = {rows, frames, heads, size};
  Forward f = {x, r, h, c, n, m, ys, cs, ns, ms, kept};
  visit(shape, threads, [&](auto count, long head, long row) { forward<count>(shape, f, head, row); });
}

BICAMERAL_EXPORT void slstm_backward(long rows, long frames, long heads, long size, long threads,
                                     const float* r, const float* c, const float* n, const float* cs,
                                     const float* ns, const float* kept, const float* dys, const float* dcs,
                                     const float* dns, float* dx, float* dh, float* dc, float* dn) {
  Shape shape = {rows, frames, heads, size};
  Backward b = {r, c, n, cs, ns, kept, dys, dcs, dns, dx, dh, dc, dn};
  visit(shape, threads, [&](auto count, long head, long row) { backward<count>(shape, b, head, row); });
}

BICAMERAL_DESCRIBE(slstm_forward)
BICAMERAL_DESCRIBE(slstm_backward)
