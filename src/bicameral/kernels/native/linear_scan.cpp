// h_t = a_t h_{t-1} + x_t and its gradients, real and complex. One pass over memory in each direction: rows
// are read in the order they lie in, the state of a block of channels stays in the first-level cache.
#include "channels.hpp"
#include "interface.hpp"

using namespace bicameral;

namespace {

// Results as large as this leave the caches before they are read: measured with a reader following.
constexpr long STREAM_BYTES = 8 << 20;

// What is scanned: each kind of number as a vector, and alone where the rows are narrower than a vector.

struct Reals {
  static constexpr long SIZE = LANES, FLOATS = 1;
  Vector v;
};
struct Real {
  static constexpr long SIZE = 1, FLOATS = 1;
  float v;
};
struct Complexes {  // real and imaginary parts alternate
  static constexpr long SIZE = LANES / 2, FLOATS = 2;
  Vector v;
};
struct Complex {
  static constexpr long SIZE = 1, FLOATS = 2;
  float re, im;
};

template <class Lane>
BICAMERAL_INLINE Lane get(const float* from) {
  Lane lane;
  std::memcpy(&lane, from, sizeof lane);
  return lane;
}
template <bool Stream = false, class Lane>
BICAMERAL_INLINE void put(float* to, Lane lane) {
  if constexpr (Stream)
    stream(to, lane.v);
  else
    std::memcpy(to, &lane, sizeof lane);
}

struct Even {
  static constexpr int from(int i) { return i & ~1; }
};
struct Odd {
  static constexpr int from(int i) { return i | 1; }
};
struct Swapped {
  static constexpr int from(int i) { return i ^ 1; }
};
struct Alternating {
  static constexpr int from(int i) { return i & 1 ? LANES + i : i; }
};

BICAMERAL_INLINE Reals operator*(Reals a, Reals b) { return {a.v * b.v}; }
BICAMERAL_INLINE Reals operator+(Reals a, Reals b) { return {a.v + b.v}; }
BICAMERAL_INLINE Reals conjugate(Reals a) { return a; }
BICAMERAL_INLINE Real operator*(Real a, Real b) { return {a.v * b.v}; }
BICAMERAL_INLINE Real operator+(Real a, Real b) { return {a.v + b.v}; }
BICAMERAL_INLINE Real conjugate(Real a) { return a; }
BICAMERAL_INLINE Complexes operator*(Complexes a, Complexes b) {
  Vector cross = shuffle<Swapped>(a.v, a.v) * shuffle<Odd>(b.v, b.v);
  return {a.v * shuffle<Even>(b.v, b.v) + shuffle<Alternating>(-cross, cross)};
}
BICAMERAL_INLINE Complexes operator+(Complexes a, Complexes b) { return {a.v + b.v}; }
BICAMERAL_INLINE Complexes conjugate(Complexes a) { return {shuffle<Alternating>(a.v, -a.v)}; }
BICAMERAL_INLINE Complex operator*(Complex a, Complex b) {
  return {a.re * b.re - a.im * b.im, a.im * b.re + a.re * b.im};
}
BICAMERAL_INLINE Complex operator+(Complex a, Complex b) { return {a.re + b.re, a.im + b.im}; }
BICAMERAL_INLINE Complex conjugate(Complex a) { return {a.re, -a.im}; }

// One block of channels.

struct Extent {
  long frames, pitch, count;  // floats from one frame to the next; floats of the block
};
template <class Lane>
struct Steps {  // over the lanes of a frame; the state of each lane is its own
  static constexpr long STEP = Lane::SIZE * Lane::FLOATS, MOST = BLOCK / Lane::SIZE + 1;
  long count, lanes = (count + STEP - 1) / STEP;
  long operator[](long i) const { return offset(i, STEP, count); }
};

template <class Lane, bool Stream>
void forward(Extent extent, const float* a, const float* x, const float* h, float* y) {
  Steps<Lane> at{extent.count};
  Lane state[at.MOST];
  for (long i = 0; i < at.lanes; i++) state[i] = get<Lane>(h + at[i]);
  for (long t = 0; t < extent.frames; t++, a += extent.pitch, x += extent.pitch, y += extent.pitch)
    for (long i = 0; i < at.lanes; i++) {
      state[i] = get<Lane>(a + at[i]) * state[i] + get<Lane>(x + at[i]);
      put<Stream>(y + at[i], state[i]);
    }
}

// dx_t = dy_t + a*_{t+1} dx_{t+1};  da_t = dx_t h*_{t-1};  dh = a*_1 dx_1
// Channels run backwards as well as frames: prefetching then follows, four times as fast.
template <class Lane, bool Stream>
void backward(Extent extent, const float* a, const float* h, const float* y, const float* dy, float* da,
              float* dx, float* dh) {
  Steps<Lane> at{extent.count};
  Lane carry[at.MOST];
  for (long i = 0; i < at.lanes; i++) carry[i] = Lane{};
  for (long t = extent.frames - 1; t >= 0; t--) {
    const float* before = t ? y + (t - 1) * extent.pitch : h;
    for (long i = at.lanes - 1; i >= 0; i--) {
      long now = t * extent.pitch + at[i];
      Lane g = get<Lane>(dy + now) + carry[i];
      put<Stream>(dx + now, g);
      put<Stream>(da + now, g * conjugate(get<Lane>(before + at[i])));
      carry[i] = g * conjugate(get<Lane>(a + now));
    }
  }
  for (long i = 0; i < at.lanes; i++) put(dh + at[i], carry[i]);
}

// Whole batches.

struct Batch {
  long size, frames, width, threads;
};

bool streams(const float* result, Batch batch, long floats) {
  long row = batch.width * floats;
  bool aligned = reinterpret_cast<uintptr_t>(result) % sizeof(Vector) == 0 && row % LANES == 0;
  return aligned && batch.size * batch.frames * row * 4 >= STREAM_BYTES;
}

// Calls work(lane, stream, start, state, extent): a lane of the right kind, whether to write past the caches,
// the first float of the block in the sequences and in the states, and its extent.
template <class Wide, class Narrow, class Work>
void visit(Batch batch, bool stream, Work work) {
  constexpr long FLOATS = Wide::FLOATS;
  long pitch = batch.width * FLOATS;
  long threads = threads_for(batch.size * batch.frames * pitch, batch.threads);
  for_blocks(batch.size, batch.width, Wide::SIZE, threads, [&](long row, long first, long count) {
    long start = row * batch.frames * pitch + first * FLOATS, state = row * pitch + first * FLOATS;
    Extent extent = {batch.frames, pitch, count * FLOATS};
    if (count < Wide::SIZE) return work(Narrow{}, std::false_type{}, start, state, extent);
    if (!stream) return work(Wide{}, std::false_type{}, start, state, extent);
    work(Wide{}, std::true_type{}, start, state, extent);
    finish_stream();
  });
}

template <class Wide, class Narrow>
void forward(Batch batch, const float* a, const float* x, const float* h, float* y) {
  visit<Wide, Narrow>(batch, streams(y, batch, Wide::FLOATS),
                      [=](auto lane, auto stream, long o, long s, Extent e) {
                        forward<decltype(lane), stream>(e, a + o, x + o, h + s, y + o);
                      });
}

template <class Wide, class Narrow>
void backward(Batch batch, const float* a, const float* h, const float* y, const float* dy, float* da,
              float* dx, float* dh) {
  bool both = streams(da, batch, Wide::FLOATS) && streams(dx, batch, Wide::FLOATS);
  visit<Wide, Narrow>(batch, both, [=](auto lane, auto stream, long o, long s, Extent e) {
    backward<decltype(lane), stream>(e, a + o, h + s, y + o, dy + o, da + o, dx + o, dh + s);
  });
}

}  // namespace

#define ENTRY(name, wide, narrow)                                                                       \
  BICAMERAL_EXPORT void linear_scan_forward_##name(long size, long frames, long width, long threads,    \
                                                   const float* a, const float* x, const float* h,      \
                                                   float* y) {                                          \
    forward<wide, narrow>({size, frames, width, threads}, a, x, h, y);                                  \
  }                                                                                                     \
  BICAMERAL_EXPORT void linear_scan_backward_##name(long size, long frames, long width, long threads,   \
                                                    const float* a, const float* h, const float* y,     \
                                                    const float* dy, float* da, float* dx, float* dh) { \
    backward<wide, narrow>({size, frames, width, threads}, a, h, y, dy, da, dx, dh);                    \
  }
ENTRY(real, Reals, Real)
ENTRY(complex, Complexes, Complex)

BICAMERAL_DESCRIBE(linear_scan_forward_real)
BICAMERAL_DESCRIBE(linear_scan_backward_real)
BICAMERAL_DESCRIBE(linear_scan_forward_complex)
BICAMERAL_DESCRIBE(linear_scan_backward_complex)
