// y = x / sqrt(mean(x^2) + EPS) * w of every row, and its gradients. A row is read from memory once: its
// second reading comes from the first-level cache.
#include "channels.hpp"
#include "interface.hpp"

using namespace bicameral;

namespace {

constexpr float EPS = 1e-6f;
constexpr int CHAINS = 4;  // sums that do not wait for each other

// Calls work(place, first, count) for every vector of a row; `place` goes round the chains.
template <class Work>
BICAMERAL_INLINE void for_vectors(long width, Work work) {
  long first = 0;
  for (; first + CHAINS * LANES <= width; first += CHAINS * LANES)
#pragma GCC unroll 4
    for (int place = 0; place < CHAINS; place++) work(place, first + place * LANES, long{LANES});
  for (int place = 0; first < width; first += LANES, place++) work(place, first, width - first);
}

BICAMERAL_INLINE float sum(const Vector* chains) {
  Vector whole = (chains[0] + chains[1]) + (chains[2] + chains[3]);
  float total = 0;
  for (int i = 0; i < LANES; i++) total += whole[i];
  return total;
}

BICAMERAL_INLINE float scale_of(float squares, long width) {
  return 1.f / __builtin_sqrtf(squares / width + EPS);
}

void forward(long width, const float* x, const float* w, float* y) {
  Vector squares[CHAINS] = {};
  for_vectors(width, [&](int place, long i, long count) __attribute__((always_inline)) {
    Vector v = load(x + i, count);
    squares[place] += v * v;
  });
  float scale = scale_of(sum(squares), width);
  for_vectors(width, [&](int, long i, long count) __attribute__((always_inline)) {
    store(y + i, load(x + i, count) * scale * load(w + i, count), count);
  });
}

// With s = 1 / sqrt(mean(x^2) + EPS):  dx = s (w dy - x s^2 mean(w dy x));  dw = sum over rows of dy x s
void backward(long width, const float* x, const float* w, const float* dy, float* dx, float* dw) {
  Vector squares[CHAINS] = {}, products[CHAINS] = {};
  for_vectors(width, [&](int place, long i, long count) __attribute__((always_inline)) {
    Vector v = load(x + i, count);
    squares[place] += v * v;
    products[place] += load(w + i, count) * load(dy + i, count) * v;
  });
  float scale = scale_of(sum(squares), width), pull = sum(products) / width * scale * scale;
  for_vectors(width, [&](int, long i, long count) __attribute__((always_inline)) {
    Vector v = load(x + i, count), g = load(dy + i, count);
    store(dx + i, scale * (load(w + i, count) * g - pull * v), count);
    store(dw + i, load(dw + i, count) + scale * g * v, count);
  });
}

}  // namespace

BICAMERAL_EXPORT void rms_norm_forward(long rows, long width, long threads, const float* x, const float* w,
                                       float* y) {
  parallel_for(rows, threads_for(rows * width, threads),
               [=](long row) { forward(width, x + row * width, w, y + row * width); });
}

// `dw` (blocks of `block` rows, width): one sum for every block, so that none depends on the number of
// threads.
BICAMERAL_EXPORT void rms_norm_backward(long rows, long width, long block, long threads, const float* x,
                                        const float* w, const float* dy, float* dx, float* dw) {
  parallel_for((rows + block - 1) / block, threads_for(rows * width, threads), [=](long part) {
    float* total = dw + part * width;
    std::fill(total, total + width, 0.f);
    for (long row = part * block; row < std::min(rows, (part + 1) * block); row++)
      backward(width, x + row * width, w, dy + row * width, dx + row * width, total);
  });
}

BICAMERAL_DESCRIBE(rms_norm_forward)
BICAMERAL_DESCRIBE(rms_norm_backward)
