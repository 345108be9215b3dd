#include "core/simd_noise.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/simd_noise.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace scoresde::simd::HWY_NAMESPACE {
#if HWY_TARGET == HWY_SCALAR  // one lane: core/noise.cpp's own code does as well

std::uint64_t normal_blocks(const PhiloxStream&, std::uint64_t, std::uint64_t, double*) { return 0; }
std::uint64_t uniform_blocks(const PhiloxStream&, std::uint64_t, std::uint64_t, double*) { return 0; }

#else
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::CappedTag<double, 8>;
using U = hn::RebindToUnsigned<D>;
using Reals = hn::Vec<D>;
using Words = hn::Vec<U>;  // 64 bits a lane; of Philox's words the lower 32 count

constexpr std::uint64_t lower_half = 0xFFFFFFFFull;

HWY_INLINE Reals real(double x) { return hn::Set(D(), x); }
HWY_INLINE Words word(std::uint64_t x) { return hn::Set(U(), x); }

/// Whole numbers below 2^52, exactly: as the fraction of a number between 2^52 and 2^53.
HWY_INLINE Reals real_of(Words n) {
  return hn::Sub(hn::BitCast(D(), hn::Or(n, word(0x4330000000000000ull))), real(4503599627370496.0));
}

// Sums and products are rounded one by one, as the scalar code's: never MulAdd.
HWY_INLINE Reals plus_times(Reals a, Reals b, Reals c) { return hn::Add(a, hn::Mul(b, c)); }

struct Block {
  Words w[4];
};

HWY_INLINE Words wide_product(Words a, std::uint64_t factor) {
  const hn::Repartition<std::uint32_t, U> halves;
  return hn::MulEven(hn::BitCast(halves, a), hn::BitCast(halves, word(factor)));
}

HWY_INLINE Block philox_blocks(const PhiloxStream& stream, Words index) {
  Block b{{index, word(stream.place[0]), word(stream.place[1]), word(stream.place[2])}};
  std::uint32_t k0 = stream.key[0], k1 = stream.key[1];
  for (int round = 0; round < 10; ++round, k0 += 0x9E3779B9u, k1 += 0xBB67AE85u) {
    const Words p0 = wide_product(b.w[0], 0xD2511F53u), p1 = wide_product(b.w[2], 0xCD9E8D57u);
    b = {{hn::Xor(hn::Xor(hn::ShiftRight<32>(p1), b.w[1]), word(k0)), p1,
          hn::Xor(hn::Xor(hn::ShiftRight<32>(p0), b.w[3]), word(k1)), p0}};
  }
  for (Words& w : b.w) w = hn::And(w, word(lower_half));
  return b;
}

// portable_log of core/noise.cpp for x in (0, 1).
HWY_INLINE Reals log_of(Reals x) {
  constexpr std::uint64_t root_half = 0x3FE6A09E667F3BCDull;
  const Words shifted = hn::Sub(hn::BitCast(U(), x), word(root_half));
  const Words biased = hn::ShiftRight<52>(hn::Add(shifted, word(1024ull << 52)));
  const Reals exponent = hn::Sub(real_of(biased), real(1024));
  const Reals m = hn::BitCast(D(), hn::Add(hn::And(shifted, word(0x000FFFFFFFFFFFFFull)), word(root_half)));
  const Reals r = hn::Div(hn::Sub(m, real(1)), hn::Add(m, real(1)));
  const Reals q = hn::Mul(r, r);
  Reals series = real(1.0 / 21);
  for (int k = 19; k >= 1; k -= 2) series = hn::Add(hn::Mul(series, q), real(1.0 / k));
  const Reals low = plus_times(hn::Mul(hn::Mul(real(2), r), series), exponent, real(1.90821492927058770002e-10));
  return hn::Add(hn::Mul(exponent, real(6.93147180369123816490e-01)), low);
}

struct Pair {
  Reals cos, sin;
};

// portable_sincos_turn of core/noise.cpp.
HWY_INLINE Pair cos_sin_turn(Words k) {
  const Words quarter = hn::ShiftRight<30>(hn::And(hn::Add(k, word(0x20000000)), word(lower_half)));
  const Words rest = hn::And(hn::Add(hn::Sub(k, hn::ShiftLeft<30>(quarter)), word(0x20000000)), word(lower_half));
  const Reals a = hn::Mul(hn::Sub(real_of(rest), real(0x20000000)), real(1.4629180792671596e-9));
  const Reals q = hn::Mul(a, a);
  Reals s = hn::Sub(real(1.0 / 6227020800.0), hn::Mul(q, real(1.0 / 1307674368000.0)));
  for (const double c : {-1.0 / 39916800, 1.0 / 362880, -1.0 / 5040, 1.0 / 120, -1.0 / 6, 1.0})
    s = plus_times(real(c), q, s);
  s = hn::Mul(a, s);
  Reals c = plus_times(real(-1.0 / 87178291200.0), q, real(1.0 / 20922789888000.0));
  for (const double f : {1.0 / 479001600.0, -1.0 / 3628800, 1.0 / 40320, -1.0 / 720, 1.0 / 24, -0.5, 1.0})
    c = plus_times(real(f), q, c);
  const auto swap = hn::MaskFromVec(hn::BitCast(D(), hn::Sub(word(0), hn::And(quarter, word(1)))));
  const auto signed_by = [](Reals x, Words bit) HWY_ATTR {
    return hn::BitCast(D(), hn::Xor(hn::BitCast(U(), x), hn::ShiftLeft<62>(hn::And(bit, word(2)))));
  };
  return {signed_by(hn::IfThenElse(swap, s, c), hn::Add(quarter, word(1))),
          signed_by(hn::IfThenElse(swap, c, s), quarter)};
}

HWY_INLINE Pair box_muller(Words first, Words second) {
  const Reals u = hn::Mul(hn::Add(real_of(first), real(0.5)), real(1.0 / 4294967296.0));
  const Reals radius = hn::Sqrt(hn::Mul(real(-2), log_of(u)));
  const Pair angle = cos_sin_turn(second);
  return {hn::Mul(radius, angle.cos), hn::Mul(radius, angle.sin)};
}

HWY_INLINE Reals open_unit(Words high, Words low) {
  const Words bits = hn::Or(hn::ShiftLeft<20>(high), hn::ShiftRight<12>(low));
  return hn::Mul(hn::Add(real_of(bits), real(0.5)), real(1.0 / 4503599627370496.0));
}

template <class Each>
HWY_INLINE std::uint64_t whole_vectors(const PhiloxStream& stream, std::uint64_t first, std::uint64_t blocks,
                                       Each each) {
  const U u;
  const std::uint64_t lanes = hn::Lanes(u);
  std::uint64_t done = 0;
  for (; done + lanes <= blocks; done += lanes) each(philox_blocks(stream, hn::Iota(u, first + done)), done);
  return done;
}

std::uint64_t normal_blocks(const PhiloxStream& stream, std::uint64_t first, std::uint64_t blocks, double* out) {
  return whole_vectors(stream, first, blocks, [&](const Block& b, std::uint64_t done) HWY_ATTR {
    const Pair z = box_muller(b.w[0], b.w[1]), y = box_muller(b.w[2], b.w[3]);
    hn::StoreInterleaved4(z.cos, z.sin, y.cos, y.sin, D(), out + 4 * done);
  });
}

std::uint64_t uniform_blocks(const PhiloxStream& stream, std::uint64_t first, std::uint64_t blocks, double* out) {
  return whole_vectors(stream, first, blocks, [&](const Block& b, std::uint64_t done) HWY_ATTR {
    hn::StoreInterleaved2(open_unit(b.w[0], b.w[1]), open_unit(b.w[2], b.w[3]), D(), out + 2 * done);
  });
}

#endif
}  // namespace scoresde::simd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace scoresde::simd {

HWY_EXPORT(normal_blocks);
HWY_EXPORT(uniform_blocks);

std::uint64_t normal_blocks(const PhiloxStream& stream, std::uint64_t first, std::uint64_t blocks, double* out) {
  return HWY_DYNAMIC_DISPATCH(normal_blocks)(stream, first, blocks, out);
}

std::uint64_t uniform_blocks(const PhiloxStream& stream, std::uint64_t first, std::uint64_t blocks, double* out) {
  return HWY_DYNAMIC_DISPATCH(uniform_blocks)(stream, first, blocks, out);
}

}  // namespace scoresde::simd
#endif
