#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include "engine/kernel.h"

namespace scoresde {
namespace {

// A step that is a function of its part of the samples' rows.
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

simd::ConstMap source_from(const Run& run, const Place& place, Size row) {
  return {run.source(place).data + row * place.stride, place.stride};
}

simd::Map map_from(const Run& run, const Place& place, Size row) {
  return {run.map(place).data + row * place.stride, place.stride};
}

}  // namespace

KernelPtr make_silu(const Place& x, const Place& y) {
  return rows_kernel(y, [=](const Run& run, Run::Share share) {
    simd::silu(source_from(run, x, share.first), share.last - share.first, x.channels, map_from(run, y, share.first));
  });
}

KernelPtr make_add(const Place& a, const Place& b, double scale, const Place& y) {
  const auto factor = static_cast<float>(scale);
  if (a.rows == b.rows && a.shared == b.shared)
    return rows_kernel(y, [=](const Run& run, Run::Share share) {
      simd::add(source_from(run, a, share.first), source_from(run, b, share.first), share.last - share.first,
                y.channels, factor, map_from(run, y, share.first));
    });
  return rows_kernel(y, [=](const Run& run, Run::Share share) {
    for (Size row = share.first; row < share.last; ++row) {
      const Size other = b.shared ? row % y.rows % b.rows : row / y.rows * b.rows + row % y.rows % b.rows;
      simd::add(source_from(run, a, row), source_from(run, b, other), 1, y.channels, factor, map_from(run, y, row));
    }
  });
}

KernelPtr make_copy(const Place& x, const Place& y) {
  return rows_kernel(y, [=](const Run& run, Run::Share share) {
    for (Size row = share.first; row < share.last; ++row)
      std::copy_n(source_from(run, x, x.shared ? row % x.rows : row).data, x.channels, map_from(run, y, row).data);
  });
}

KernelPtr make_upsample(Size height, Size width, const Place& x, const Place& y) {
  const Size in_height = (height + 1) / 2, in_width = (width + 1) / 2;
  return rows_kernel(y, [=](const Run& run, Run::Share share) {
    for (Size row = share.first; row < share.last; ++row) {
      const Size sample = row / y.rows, i = row % y.rows / width, j = row % y.rows % width;
      const Size from = (sample * in_height + i / 2) * in_width + j / 2;
      std::copy_n(source_from(run, x, from).data, x.channels, map_from(run, y, row).data);
    }
  });
}

KernelPtr make_downsample(Size in_height, Size in_width, const Place& x, const Place& y) {
  const Size width = (in_width + 1) / 2;
  return rows_kernel(y, [=](const Run& run, Run::Share share) {
    for (Size row = share.first; row < share.last; ++row) {
      const Size sample = row / y.rows, i = row % y.rows / width * 2, j = row % y.rows % width * 2;
      const Size down = i + 1 < in_height ? in_width : 0,
                 across = j + 1 < in_width ? 1 : 0;  // an odd edge: itself again
      const Size corner = (sample * in_height + i) * in_width + j;
      const float* const a = source_from(run, x, corner).data;
      const float* const b = source_from(run, x, corner + across).data;
      const float* const c = source_from(run, x, corner + down).data;
      const float* const d = source_from(run, x, corner + down + across).data;
      float* const out = map_from(run, y, row).data;
      for (Size k = 0; k < x.channels; ++k) out[k] = ((a[k] + b[k]) + (c[k] + d[k])) * 0.25f;
    }
  });
}

KernelPtr make_global_mean(const Place& x, const Place& y) {
  return rows_kernel(y, [=](const Run& run, Run::Share share) {
    for (Size sample = share.first; sample < share.last; ++sample)
      for (Size k = 0; k < x.channels; ++k) {
        double sum = 0;
        for (Size row = 0; row < x.rows; ++row)
          sum += static_cast<double>(source_from(run, x, sample * x.rows + row).data[k]);
        map_from(run, y, sample).data[k] = static_cast<float>(sum / static_cast<double>(x.rows));
      }
  });
}

KernelPtr make_space_to_depth(Size height, Size width, int patch, const Place& x, const Place& y) {
  return rows_kernel(y, [=](const Run& run, Run::Share share) {
    for (Size row = share.first; row < share.last; ++row) {
      const Size sample = row / (height * width), i = row / width % height, j = row % width;
      float* const out = map_from(run, y, row).data;
      for (Size down = 0; down < patch; ++down)
        for (Size across = 0; across < patch; ++across) {
          const Size from = (sample * height * patch + i * patch + down) * width * patch + j * patch + across;
          const float* const in = source_from(run, x, from).data;
          for (Size c = 0; c < x.channels; ++c) out[(c * patch + down) * patch + across] = in[c];
        }
    }
  });
}

KernelPtr make_depth_to_space(Size height, Size width, int patch, const Place& x, const Place& y) {
  return rows_kernel(y, [=](const Run& run, Run::Share share) {
    for (Size row = share.first; row < share.last; ++row) {
      const Size sample = row / y.rows, i = row % y.rows / (width * patch), j = row % y.rows % (width * patch);
      const float* const in = source_from(run, x, (sample * height + i / patch) * width + j / patch).data;
      float* const out = map_from(run, y, row).data;
      for (Size c = 0; c < y.channels; ++c) out[c] = in[(c * patch + i % patch) * patch + j % patch];
    }
  });
}

KernelPtr make_scaled(double factor, const Place& x, const Place& y) {
  return rows_kernel(y, [=](const Run& run, Run::Share share) {
    for (Size row = share.first; row < share.last; ++row)
      for (Size k = 0; k < y.channels; ++k)
        map_from(run, y, row).data[k] = static_cast<float>(factor) * source_from(run, x, row).data[k];
  });
}

KernelPtr make_fourier(const float* frequencies, const Place& label, const Place& y) {
  const Size half = y.channels / 2;
  const std::vector<float> table(frequencies, frequencies + half);
  return rows_kernel(y, [=](const Run& run, Run::Share share) {
    for (Size row = share.first; row < share.last; ++row)
      for (Size k = 0; k < half; ++k) {
        const double angle = static_cast<double>(source_from(run, label, row).data[0]) *
                             static_cast<double>(table[static_cast<std::size_t>(k)]) * 2 * std::numbers::pi;
        map_from(run, y, row).data[k] = static_cast<float>(std::sin(angle));
        map_from(run, y, row).data[half + k] = static_cast<float>(std::cos(angle));
      }
  });
}

KernelPtr make_positional(double largest, const Place& label, const Place& y) {
  const Size half = y.channels / 2;
  const double step = -std::log(largest) / static_cast<double>(std::max<Size>(half - 1, 1));
  return rows_kernel(y, [=](const Run& run, Run::Share share) {
    for (Size row = share.first; row < share.last; ++row) {
      float* const out = map_from(run, y, row).data;
      for (Size k = 0; k < half; ++k) {
        const double angle =
            static_cast<double>(source_from(run, label, row).data[0]) * std::exp(static_cast<double>(k) * step);
        out[k] = static_cast<float>(std::sin(angle));
        out[half + k] = static_cast<float>(std::cos(angle));
      }
      if (y.channels % 2 == 1) out[y.channels - 1] = 0;
    }
  });
}

KernelPtr make_embedding(const float* table, Size rows, const Place& class_label, const Place& y) {
  const std::vector<float> values(table, table + rows * y.channels);
  return rows_kernel(y, [=](const Run& run, Run::Share share) {
    for (Size row = share.first; row < share.last; ++row) {
      const auto index = static_cast<Size>(source_from(run, class_label, row).data[0]);
      std::copy_n(values.data() + index * y.channels, y.channels, map_from(run, y, row).data);
    }
  });
}

}  // namespace scoresde
