// h_t = max(0, u h_{t-1} + x_t) and its gradients; u is the same in every frame. One pass over memory in each
// direction, the state of a block of channels in the first-level cache.
#include "channels.hpp"
#include "interface.hpp"

using namespace bicameral;

namespace {

template <class Lane>
BICAMERAL_INLINE Lane get(const float* from) {
  Lane lane;
  std::memcpy(&lane, from, sizeof lane);
  return lane;
}
template <class Lane>
BICAMERAL_INLINE void put(float* to, Lane lane) {
  std::memcpy(to, &lane, sizeof lane);
}

struct Extent {
  long frames, pitch, count;  // floats from one frame to the next; channels of the block
};
template <class Lane>
struct Steps {  // over the lanes of a frame
  static constexpr long SIZE = sizeof(Lane) / sizeof(float), MOST = BLOCK / SIZE + 1;
  long count, lanes = (count + SIZE - 1) / SIZE;
  long operator[](long i) const { return offset(i, SIZE, count); }
};

// A NaN must stay one: it is not below zero.
template <class Lane>
void forward(Extent extent, const float* u, const float* x, const float* h, float* y) {
  Steps<Lane> at{extent.count};
  Lane state[at.MOST];
  for (long i = 0; i < at.lanes; i++) state[i] = get<Lane>(h + at[i]);
  for (long t = 0; t < extent.frames; t++, x += extent.pitch, y += extent.pitch)
    for (long i = 0; i < at.lanes; i++) {
      Lane sum = get<Lane>(u + at[i]) * state[i] + get<Lane>(x + at[i]);
      put(y + at[i], state[i] = sum < Lane{} ? Lane{} : sum);
    }
}

// dx_t = [y_t > 0] (dy_t + u dx_{t+1});  du = sum_t dx_t h_{t-1};  dh = u dx_1
template <class Lane>
void backward(Extent extent, const float* u, const float* h, const float* y, const float* dy, float* dx,
              float* du, float* dh) {
  Steps<Lane> at{extent.count};
  Lane carry[at.MOST], sum[at.MOST];
  for (long i = 0; i < at.lanes; i++) carry[i] = sum[i] = Lane{};
  for (long t = extent.frames - 1; t >= 0; t--) {
    const float* before = t ? y + (t - 1) * extent.pitch : h;
    for (long i = 0; i < at.lanes; i++) {
      long now = t * extent.pitch + at[i];
      Lane g = get<Lane>(dy + now) + carry[i];
      g = get<Lane>(y + now) > Lane{} ? g : Lane{};
      put(dx + now, g);
      sum[i] += g * get<Lane>(before + at[i]);
      carry[i] = g * get<Lane>(u + at[i]);
    }
  }
  for (long i = 0; i < at.lanes; i++) put(dh + at[i], carry[i]), put(du + at[i], sum[i]);
}

// Calls work(lane, start, state, first, extent): a lane as wide as fits, where the block starts in sequences,
// in states and in u.
template <class Work>
void visit(long size, long frames, long width, long threads, Work work) {
  threads = threads_for(size * frames * width, threads);
  for_blocks(size, width, LANES, threads, [&](long row, long first, long count) {
    Extent extent = {frames, width, count};
    long start = row * frames * width + first, state = row * width + first;
    count < LANES ? work(float{}, start, state, first, extent) : work(Vector{}, start, state, first, extent);
  });
}

}  // namespace

BICAMERAL_EXPORT void relu_scan_forward(long size, long frames, long width, long threads, const float* u,
                                        const float* x, const float* h, float* y) {
  visit(size, frames, width, threads, [=](auto lane, long o, long s, long first, Extent extent) {
    forward<decltype(lane)>(extent, u + first, x + o, h + s, y + o);
  });
}

BICAMERAL_EXPORT void relu_scan_backward(long size, long frames, long width, long threads, const float* u,
                                         const float* h, const float* y, const float* dy, float* dx,
                                         float* du, float* dh) {
  visit(size, frames, width, threads, [=](auto lane, long o, long s, long first, Extent extent) {
    backward<decltype(lane)>(extent, u + first, h + s, y + o, dy + o, dx + o, du + s, dh + s);
  });
}

BICAMERAL_DESCRIBE(relu_scan_forward)
BICAMERAL_DESCRIBE(relu_scan_backward)
