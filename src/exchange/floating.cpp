#include <bit>
#include <cstring>

#include "exchange/import_model.h"

namespace scoresde {
namespace {

// IEEE 754 binary16; numbers below 2^-14 have no leading 1.
float from_half(std::uint16_t half) {
  const std::uint32_t sign = static_cast<std::uint32_t>(half & 0x8000) << 16, exponent = half >> 10 & 31,
                      fraction = half & 0x3ff;
  if (exponent == 0) {
    const float value = static_cast<float>(fraction) * 0x1p-24f;
    return sign ? -value : value;
  }
  const std::uint32_t wide = exponent == 31 ? 255 : exponent + 112;
  return std::bit_cast<float>(sign | wide << 23 | fraction << 13);
}

float from_bfloat16(std::uint16_t half) { return std::bit_cast<float>(static_cast<std::uint32_t>(half) << 16); }

}  // namespace

Tensor floating(const ArrayView& array, const std::string& name) {
  Tensor tensor = array.copy();
  if (tensor.dtype == Dtype::f32 || tensor.dtype == Dtype::f64) return tensor;
  if (tensor.dtype != Dtype::f16 && tensor.dtype != Dtype::bf16)
    fail(Failure::data, "{} holds {} where weights are floating-point numbers", name, dtype_name(tensor.dtype));
  std::vector<float> values(static_cast<std::size_t>(tensor.size()));
  for (std::size_t k = 0; k < values.size(); ++k) {
    std::uint16_t half;
    std::memcpy(&half, tensor.bytes.data() + 2 * k, 2);
    values[k] = tensor.dtype == Dtype::f16 ? from_half(half) : from_bfloat16(half);
  }
  return Tensor::of(tensor.shape, values);
}

}  // namespace scoresde
