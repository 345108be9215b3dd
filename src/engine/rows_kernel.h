#pragma once
#include "engine/kernel.h"

namespace scoresde {

/// A step that computes each row of y by itself: function(run, share of the rows).
template <class Function>
class RowsKernel : public Kernel {
 public:
  RowsKernel(const Place& y, Function function) : y_(y), function_(function) {}
  void run(const Run& run) const override { function_(run, run.share(run.rows(y_))); }

 private:
  Place y_;
  Function function_;
};

template <class Function>
KernelPtr rows_kernel(const Place& y, Function function) {
  return std::make_unique<RowsKernel<Function>>(y, function);
}

/// A step that computes one row of y at a time: function(run, row).
template <class Function>
KernelPtr row_kernel(const Place& y, Function function) {
  return rows_kernel(y, [function](const Run& run, Run::Share share) {
    for (Size row = share.first; row < share.last; ++row) function(run, row);
  });
}

inline const float* row_of(const Run& run, const Place& place, Size row) {
  return run.source(place).data + row * place.stride;
}

inline float* row_to(const Run& run, const Place& place, Size row) { return run.map(place).data + row * place.stride; }

}  // namespace scoresde
