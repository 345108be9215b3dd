#include <sys/mman.h>

#include <cstring>
#include <new>

#include "engine/kernel.h"

namespace scoresde {

AlignedFloats::AlignedFloats(Size size) {
  constexpr std::size_t large_page = std::size_t{2} << 20;
  std::size_t bytes = (static_cast<std::size_t>(size) + 16) * sizeof(float);
  const std::size_t alignment = bytes >= large_page ? large_page : 64;
  bytes = (bytes + alignment - 1) / alignment * alignment;
  values_.reset(static_cast<float*>(std::aligned_alloc(alignment, bytes)));
  if (!values_) throw std::bad_alloc();
#ifdef MADV_HUGEPAGE
  if (alignment == large_page) ::madvise(values_.get(), bytes, MADV_HUGEPAGE);
#endif
  std::memset(values_.get(), 0, bytes);
}

}  // namespace scoresde
