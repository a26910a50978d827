// RG-LRU: h_t = a_t h_{t-1} + m_t i_t x_t with log a_t = r_t log_a, m = sqrt(1 - a^2) and r, i the sigmoids
// of their pre-activations. Gates are computed anew in the backward pass: that costs less than storing them.
#include "channels.hpp"
#include "interface.hpp"

using namespace bicameral;

namespace {

constexpr float FLATTEST = 1e-3f;  // the square root is differentiated as if it were at least half of this
constexpr long MOST = BLOCK / LANES + 1;  // vectors of a block

struct Inputs {
  const float *x, *gate_a, *gate_x;  // (batch, frames, width)
  const float *log_a, *h;            // (width), (batch, width)
  const bool* resets;                // (batch, frames) or null
};
struct Gradients {
  float *x, *gate_a, *gate_x, *log_a, *h;  // log_a: (batch, width), a sum for each row
};
struct Batch {
  long size, frames, width, threads;
};

struct Gates {
  Vector r, i, a, m;
};
BICAMERAL_INLINE Gates gates(Vector gate_a, Vector gate_x, Vector log_a) {
  Vector r = sigmoid(gate_a), lost = expm1(r * log_a);  // a - 1: 1 - a^2 would cancel where a is close to 1
  return {r, sigmoid(gate_x), lost + 1.f, square_root(-lost * (lost + 2.f))};
}

void forward(Batch batch, Inputs in, float* y) {
  long threads = threads_for(batch.size * batch.frames * batch.width, batch.threads);
  for_blocks(batch.size, batch.width, LANES, threads, [&](long row, long first, long count) {
    long lanes = (count + LANES - 1) / LANES;
    Vector log_a[MOST], state[MOST];
    for (long n = 0; n < lanes; n++) {
      long c = first + offset(n, LANES, count);
      log_a[n] = load(in.log_a + c);
      state[n] = load(in.h + row * batch.width + c);
    }
    for (long t = row * batch.frames; t < (row + 1) * batch.frames; t++) {
      float keep = in.resets && in.resets[t] ? 0.f : 1.f;
      for (long n = 0; n < lanes; n++) {
        long at = t * batch.width + first + offset(n, LANES, count);
        Gates g = gates(load(in.gate_a + at), load(in.gate_x + at), log_a[n]);
        state[n] = keep * g.a * state[n] + g.m * (g.i * load(in.x + at));
        store(y + at, state[n]);
      }
    }
  });
}

void backward(Batch batch, Inputs in, const float* y, const float* dy, Gradients out) {
  long threads = threads_for(batch.size * batch.frames * batch.width, batch.threads);
  for_blocks(batch.size, batch.width, LANES, threads, [&](long row, long first, long count) {
    long lanes = (count + LANES - 1) / LANES, start = row * batch.frames;
    Vector log_a[MOST], carry[MOST], sum[MOST];
    for (long n = 0; n < lanes; n++) {
      log_a[n] = load(in.log_a + first + offset(n, LANES, count));
      carry[n] = sum[n] = Vector{};
    }
    for (long t = start + batch.frames - 1; t >= start; t--) {
      float keep = in.resets && in.resets[t] ? 0.f : 1.f;
      const float* before = t > start ? y + (t - 1) * batch.width : in.h + row * batch.width;
      for (long n = lanes - 1; n >= 0; n--) {  // backwards, as the frames: prefetching then follows
        long c = first + offset(n, LANES, count), at = t * batch.width + c;
        Gates g = gates(load(in.gate_a + at), load(in.gate_x + at), log_a[n]);
        Vector x = load(in.x + at), dh = load(dy + at) + carry[n], kept = keep * g.a * dh;
        Vector dm = dh * g.i * x, di = dh * g.m * x;
        Vector dlog = kept * load(before + c) - 2.f * g.a * g.a * dm / at_least(2.f * g.m, FLATTEST);
        store(out.x + at, dh * g.m * g.i);
        store(out.gate_x + at, di * g.i * (1.f - g.i));
        store(out.gate_a + at, dlog * log_a[n] * g.r * (1.f - g.r));
        sum[n] += dlog * g.r;
        carry[n] = kept;
      }
    }
    for (long n = 0; n < lanes; n++) {
      long c = row * batch.width + first + offset(n, LANES, count);
      store(out.log_a + c, sum[n]);
      store(out.h + c, carry[n]);
    }
  });
}

}  // namespace

BICAMERAL_EXPORT void rg_lru_forward(long size, long frames, long width, long threads, const float* x,
                                     const float* gate_a, const float* gate_x, const float* log_a,
                                     const float* h, const bool* resets, float* y) {
  forward({size, frames, width, threads}, {x, gate_a, gate_x, log_a, h, resets}, y);
}
BICAMERAL_EXPORT void rg_lru_backward(long size, long frames, long width, long threads, const float* x,
                                      const float* gate_a, const float* gate_x, const float* log_a,
                                      const float* h, const bool* resets, const float* y, const float* dy,
                                      float* dx, float* dgate_a, float* dgate_x, float* dlog_a, float* dh) {
  backward({size, frames, width, threads}, {x, gate_a, gate_x, log_a, h, resets}, y, dy,
           {dx, dgate_a, dgate_x, dlog_a, dh});
}

BICAMERAL_DESCRIBE(rg_lru_forward)
BICAMERAL_DESCRIBE(rg_lru_backward)
