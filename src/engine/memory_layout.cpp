#include "engine/memory_layout.h"

#include <algorithm>

namespace scoresde {

int MemoryLayout::add(Size floats) {
  pieces_.push_back({floats});
  return static_cast<int>(pieces_.size()) - 1;
}

void MemoryLayout::touch(int piece, int when) {
  Piece& p = pieces_[static_cast<std::size_t>(piece)];
  p.first = p.first < 0 ? when : std::min(p.first, when);
  p.last = std::max(p.last, when);
}

void MemoryLayout::arrange() {
  std::vector<Piece*> order;
  for (Piece& piece : pieces_) order.push_back(&piece);
  std::stable_sort(order.begin(), order.end(), [](const Piece* a, const Piece* b) { return a->floats > b->floats; });
  std::vector<const Piece*> placed;
  for (Piece* piece : order) {
    std::vector<const Piece*> beside;
    for (const Piece* other : placed)
      if (piece->first <= other->last && other->first <= piece->last) beside.push_back(other);
    std::sort(beside.begin(), beside.end(), [](const Piece* a, const Piece* b) { return a->offset < b->offset; });
    for (const Piece* other : beside) {
      if (piece->offset + piece->floats <= other->offset) break;
      piece->offset = std::max(piece->offset, other->offset + other->floats);
    }
    placed.push_back(piece);
    floats_ = std::max(floats_, piece->offset + piece->floats);
  }
}

}  // namespace scoresde
