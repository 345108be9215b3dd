#include <sys/mman.h>

#include <cstring>
#include <new>

#include "engine/kernel.h"

namespace scoresde {
namespace {

constexpr std::size_t large_page = std::size_t{2} << 20;

// From the system itself: zero without being written, so that it takes memory only where it is used.
float* mapped(std::size_t bytes) {
  const std::size_t reserved = bytes + large_page;
  void* const start = ::mmap(nullptr, reserved, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (start == MAP_FAILED) throw std::bad_alloc();
  auto* const first = static_cast<std::byte*>(start);
  const std::size_t before = (large_page - reinterpret_cast<std::uintptr_t>(first) % large_page) % large_page;
  if (before > 0) ::munmap(first, before);
  ::munmap(first + before + bytes, large_page - before);
#ifdef MADV_HUGEPAGE
  ::madvise(first + before, bytes, MADV_HUGEPAGE);
#endif
  return reinterpret_cast<float*>(first + before);
}

}  // namespace

AlignedFloats::AlignedFloats(Size size) {
  std::size_t bytes = (static_cast<std::size_t>(size) + 16) * sizeof(float);
  const bool large = bytes >= large_page;
  const std::size_t alignment = large ? 4096 : 64;
  bytes = (bytes + alignment - 1) / alignment * alignment;
  values_ = std::unique_ptr<float[], Free>(
      large ? mapped(bytes) : static_cast<float*>(std::aligned_alloc(alignment, bytes)), Free{large ? bytes : 0});
  if (!values_) throw std::bad_alloc();
  if (!large) std::memset(values_.get(), 0, bytes);
}

void AlignedFloats::Free::operator()(float* values) const {
  if (mapped == 0)
    std::free(values);
  else
    ::munmap(values, mapped);
}

}  // namespace scoresde
