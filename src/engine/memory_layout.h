#pragma once
#include <vector>

#include "engine/kernel.h"

namespace scoresde {

/// Pieces of one block of memory, each alive during [first, last] of a sequence of steps; those that are never alive
/// together share their places.
class MemoryLayout {
 public:
  int add(Size floats);

  /// The piece is written or read at step `when`.
  void touch(int piece, int when);

  int first(int piece) const { return pieces_[static_cast<std::size_t>(piece)].first; }

  /// Largest first, each at the lowest place that is free during its life.
  void arrange();

  // After arrange():
  Size offset(int piece) const { return pieces_[static_cast<std::size_t>(piece)].offset; }
  Size floats() const { return floats_; }

 private:
  struct Piece {
    Size floats = 0;
    int first = -1, last = -1;
    Size offset = 0;
  };

  std::vector<Piece> pieces_;
  Size floats_ = 0;
};

}  // namespace scoresde
