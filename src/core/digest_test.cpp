#include "core/digest.h"

#include <gtest/gtest.h>

namespace scoresde {
namespace {

std::string sha256(std::string_view text) {
  Digest digest;
  digest.add(text);
  return digest.hex(32);
}

// FIPS 180-4 examples and the empty message.
TEST(Digest, PublishedValues) {
  EXPECT_EQ(sha256(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(sha256(std::string(1'000'000, 'a')), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Digest, PiecesAreTheWhole) {
  const std::string text(300, 'q');
  for (const std::size_t cut : {0u, 1u, 63u, 64u, 65u, 200u}) {
    Digest digest;
    digest.add(std::string_view(text).substr(0, cut));
    digest.add(std::string_view(text).substr(cut));
    EXPECT_EQ(digest.hex(32), sha256(text)) << cut;
  }
}

}  // namespace
}  // namespace scoresde
