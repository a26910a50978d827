// Vectors of floats by the extensions of GCC and Clang: one source for SSE, AVX2, AVX-512 and NEON.
//
// `Vector` is as wide as the instruction set it is compiled for (`LANES` floats); + - * / and comparisons
// work on it lane by lane, and `a < b ? x : y` selects. NaN and infinities come through every function as
// they should; nothing here may be compiled with -ffast-math.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>
#include <utility>
#if defined(__SSE__)
#include <immintrin.h>
#endif

#define BICAMERAL_INLINE static inline __attribute__((always_inline))
// What Python may call.
#define BICAMERAL_EXPORT extern "C" __attribute__((visibility("default")))

namespace bicameral {

#if defined(__AVX512F__)
constexpr int LANES = 16;
#elif defined(__AVX2__)
constexpr int LANES = 8;
#else
constexpr int LANES = 4;
#endif

typedef float Vector __attribute__((vector_size(LANES * 4)));
typedef int32_t Integers __attribute__((vector_size(LANES * 4)));
// The same lanes at an address that need not be a multiple of their size.
typedef float Unaligned __attribute__((vector_size(LANES * 4), aligned(4), may_alias));

// Memory.

BICAMERAL_INLINE Vector load(const float* from) { return *reinterpret_cast<const Unaligned*>(from); }
BICAMERAL_INLINE void store(float* to, Vector v) { *reinterpret_cast<Unaligned*>(to) = v; }

// Only the first `count` lanes are read (the others are 0) or written; count <= 0 touches nothing.
BICAMERAL_INLINE Vector load(const float* from, long count) {
  if (count >= LANES) return load(from);
  Vector v = {};
  for (int i = 0; i < LANES; i++)
    if (i < count) v[i] = from[i];
  return v;
}
BICAMERAL_INLINE void store(float* to, Vector v, long count) {
  if (count >= LANES) return store(to, v);
  for (int i = 0; i < LANES; i++)
    if (i < count) to[i] = v[i];
}

// Writes past the caches, to an address that is a multiple of the vector's size: for results too large to
// stay in them, which then need not be read in before they are overwritten. Call finish_stream before others
// may look.
BICAMERAL_INLINE void stream(float* to, Vector v) {
#if defined(__AVX512F__)
  _mm512_stream_ps(to, reinterpret_cast<__m512>(v));
#elif defined(__AVX2__)
  _mm256_stream_ps(to, reinterpret_cast<__m256>(v));
#elif defined(__SSE__)
  _mm_stream_ps(to, reinterpret_cast<__m128>(v));
#else
  store(to, v);
#endif
}
BICAMERAL_INLINE void finish_stream() {
#if defined(__SSE__)
  _mm_sfence();
#endif
}

BICAMERAL_INLINE Vector splat(float x) { return Vector{} + x; }

// Lanes.

template <class Pick, int... I>
BICAMERAL_INLINE Vector shuffle(Vector a, Vector b, std::integer_sequence<int, I...>) {
#if defined(__clang__)
  return __builtin_shufflevector(a, b, Pick::from(I)...);
#else
  return __builtin_shuffle(a, b, Integers{Pick::from(I)...});
#endif
}
// Lane i of the result is lane Pick::from(i) of `a` followed by `b`; `from` is a static constexpr function.
template <class Pick>
BICAMERAL_INLINE Vector shuffle(Vector a, Vector b) {
  return shuffle<Pick>(a, b, std::make_integer_sequence<int, LANES>{});
}

// Arithmetic.

// A NaN in `x` wins; one in `bound` does not. Single instructions, where a compiler makes two of the
// selection.
#if defined(__AVX512F__)
BICAMERAL_INLINE Vector at_most(Vector x, float bound) {
  return _mm512_maskz_min_ps(0xffff, splat(bound), x);
}
BICAMERAL_INLINE Vector at_least(Vector x, float bound) {
  return _mm512_maskz_max_ps(0xffff, splat(bound), x);
}
#elif defined(__AVX2__)
BICAMERAL_INLINE Vector at_most(Vector x, float bound) { return _mm256_min_ps(splat(bound), x); }
BICAMERAL_INLINE Vector at_least(Vector x, float bound) { return _mm256_max_ps(splat(bound), x); }
#else
BICAMERAL_INLINE Vector at_most(Vector x, float bound) { return splat(bound) < x ? splat(bound) : x; }
BICAMERAL_INLINE Vector at_least(Vector x, float bound) { return splat(bound) > x ? splat(bound) : x; }
#endif

BICAMERAL_INLINE Vector bits_of(Integers i) {
  Vector v;
  std::memcpy(&v, &i, sizeof v);
  return v;
}
BICAMERAL_INLINE Integers bits_of(Vector v) {
  Integers i;
  std::memcpy(&i, &v, sizeof i);
  return i;
}
BICAMERAL_INLINE Vector absolute(Vector x) { return bits_of(bits_of(x) & 0x7fffffff); }
BICAMERAL_INLINE Vector with_sign_of(Vector magnitude, Vector sign) {
  return bits_of((bits_of(magnitude) & 0x7fffffff) | (bits_of(sign) & ~0x7fffffff));
}

BICAMERAL_INLINE Vector square_root(Vector x) {
  Vector root;
  for (int i = 0; i < LANES; i++) root[i] = __builtin_sqrtf(x[i]);
  return root;
}

// e^x = 2^n e^r with |r| <= ln(2) / 2: returns e^r - 1 by the polynomial of Cephes' expf, and n.
struct Exponential {
  Vector excess;
  Integers power;
};
BICAMERAL_INLINE Exponential exponential(Vector x) {
  const float shift = 12582912.f;  // 1.5 * 2^23: adding it leaves the nearest integer in the low bits
  Vector n = x * 1.44269504f + shift;
  Integers power = bits_of(n) - bits_of(splat(shift));
  n -= shift;
  Vector r = x - n * 0.693359375f + n * 2.12194440e-4f;  // ln(2) in two pieces
  Vector p = 1.9875691500e-4f * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  return {p * (r * r) + r, power};
}
BICAMERAL_INLINE Vector two_to_the(Integers power) { return bits_of((power + 127) << 23); }

// e^x, over the whole range, denormals included.
BICAMERAL_INLINE Vector exp(Vector x) {
  auto [excess, power] = exponential(at_least(at_most(x, 89.f), -104.f));
  Integers half = power >> 1;  // 2^power itself may be too large or too small for a float
  return (excess + 1.f) * two_to_the(half) * two_to_the(power - half);
}

// e^x where a result below 1e-38 may be 0 and one above 2e38 infinite.
BICAMERAL_INLINE Vector exp_coarse(Vector x) {
  auto [excess, power] = exponential(at_least(at_most(x, 88.7f), -88.f));
  return (excess + 1.f) * two_to_the(power);
}

// e^x - 1, right to the last places near 0 as well; infinite above 88.
BICAMERAL_INLINE Vector expm1(Vector x) {
  auto [excess, power] = exponential(at_least(at_most(x, 88.f), -88.f));
  Vector scale = two_to_the(power);
  return x > 88.f ? splat(INFINITY) : excess * scale + (scale - 1.f);
}

BICAMERAL_INLINE Vector sigmoid(Vector x) { return 1.f / (1.f + exp_coarse(-x)); }

// x + x^3 P(x^2) near 0 (Cephes' tanhf), 1 - 2 / (e^2|x| + 1) elsewhere.
BICAMERAL_INLINE Vector tanh(Vector x) {
  Vector z = x * x, size = at_most(absolute(x), 10.f);
  Vector p = -5.70498872745e-3f * z + 2.06390887954e-2f;
  p = p * z - 5.37397155531e-2f;
  p = p * z + 1.33314422036e-1f;
  p = p * z - 3.33332819422e-1f;
  Vector far = 1.f - 2.f / (exp_coarse(size + size) + 1.f);
  return size < 0.625f ? p * z * x + x : with_sign_of(far, x);
}

}  // namespace bicameral
