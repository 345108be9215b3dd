#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace scoresde {

/// SHA-256 (FIPS 180-4): names weights and recipes by their content.
class Digest {
 public:
  void add(std::span<const std::uint8_t> bytes);
  void add(std::string_view text);

  /// The first `bytes` (at most 32) of the digest in hex. Ends the computation.
  std::string hex(std::size_t bytes = 16);

 private:
  void block(const std::uint8_t* data);

  std::array<std::uint32_t, 8> state_ = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                         0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  std::array<std::uint8_t, 64> buffer_{};
  std::uint64_t length_ = 0;
};

}  // namespace scoresde
