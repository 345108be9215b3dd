#include <algorithm>
#include <cmath>

#include "core/noise.h"
#include "inverse/members.h"
#include "inverse/solve.h"
#include "inverse/spectrum.h"

namespace scoresde {
namespace {

/// Some of the sample's values, in their order.
class Selection : public Operator {
 public:
  Selection(const ItemShape& shape, const Eigen::ArrayXd& seen)
      : shape_(shape), spectrum_(pointwise_spectrum((seen > 0).cast<double>())) {
    for (Index i = 0; i < seen.size(); ++i)
      if (seen[i] > 0) places_.push_back(i);
    if (places_.empty()) fail(Failure::data, "nothing is measured: no value of the mask is 1");
  }

  Index inputs() const override { return shape_.size(); }
  Index outputs() const override { return static_cast<Index>(places_.size()); }
  std::shared_ptr<const Spectrum> spectrum() const override { return spectrum_; }

  Vector apply(const Vector& x) const override { return x(places_); }
  Vector adjoint(const Vector& y) const override {
    Vector x = Vector::Zero(inputs());
    x(places_) = y;
    return x;
  }

  /// Total variation: smooth across what is missing.
  Vector baseline(const Vector& y, double sigma) const override {
    if (!shape_.image) return adjoint(y);
    return total_variation(*this, y, shape_, std::max(0.01, sigma * sigma * 10), 500);
  }

  ItemShape measured_shape() const override { return outputs() == inputs() ? shape_ : Operator::measured_shape(); }

 private:
  ItemShape shape_;
  std::vector<Index> places_;
  std::shared_ptr<const Spectrum> spectrum_;
};

/// A mask of pixels for every channel.
Eigen::ArrayXd of_all_channels(const ItemShape& shape, const Eigen::ArrayXd& pixels) {
  return pixels.replicate(shape.channels, 1);
}

Eigen::ArrayXd outside_of(const ItemShape& shape, int left, int top, int width, int height) {
  Eigen::ArrayXd seen = Eigen::ArrayXd::Ones(Index{1} * shape.height * shape.width);
  for (int i = top; i < top + height; ++i)
    for (int j = left; j < left + width; ++j) seen[Index{1} * i * shape.width + j] = 0;
  return of_all_channels(shape, seen);
}

}  // namespace

std::vector<Index> random_choice(Index all, Index n, long long seed) {
  const auto order =
      permutation(static_cast<std::uint64_t>(seed), Purpose::measurement, 0, static_cast<std::uint32_t>(all));
  std::vector<Index> chosen(order.begin(), order.begin() + n);
  std::sort(chosen.begin(), chosen.end());
  return chosen;
}

std::unique_ptr<Operator> make_denoise(const ItemShape& shape, const OperatorOptions&, const OperatorInputs&) {
  return std::make_unique<Selection>(shape, Eigen::ArrayXd::Ones(shape.size()));
}

std::unique_ptr<Operator> make_inpaint(const ItemShape& shape, const OperatorOptions&, const OperatorInputs& inputs) {
  const Index pixels = Index{1} * shape.height * shape.width, values = inputs.mask.size();
  if (values != pixels && values != shape.size())
    fail(Failure::data, "the mask has {} values, but a sample of {} has {} pixels", values, to_text(shape), pixels);
  if (!inputs.mask.isFinite().all()) fail(Failure::data, "a value of the mask is not a finite number");
  const Eigen::ArrayXd seen = (inputs.mask > 0.5).cast<double>();
  return std::make_unique<Selection>(shape, values == pixels ? of_all_channels(shape, seen) : seen);
}

std::unique_ptr<Operator> make_inpaint_centre(const ItemShape& shape, const OperatorOptions& options,
                                              const OperatorInputs&) {
  require_picture(shape, "inpaint-centre");
  const int least = std::min(shape.height, shape.width), side = options.hole > 0 ? options.hole : least / 2;
  if (side >= least) fail(Failure::usage, "hole = {} leaves nothing of a side of {} pixels", side, least);
  return std::make_unique<Selection>(
      shape, outside_of(shape, (shape.width - side) / 2, (shape.height - side) / 2, side, side));
}

std::unique_ptr<Operator> make_inpaint_box(const ItemShape& shape, const OperatorOptions& options,
                                           const OperatorInputs&) {
  require_picture(shape, "inpaint-box");
  const std::vector<int>& box = options.box;
  if (box.size() != 4) fail(Failure::usage, "box needs 4 numbers: left, top, width, height");
  if (box[0] < 0 || box[1] < 0 || box[2] < 1 || box[3] < 1 || box[2] > shape.width - box[0] ||
      box[3] > shape.height - box[1])
    fail(Failure::usage, "the box of {} x {} pixels at ({}, {}) does not lie in a picture of {} x {}", box[2], box[3],
         box[0], box[1], shape.width, shape.height);
  return std::make_unique<Selection>(shape, outside_of(shape, box[0], box[1], box[2], box[3]));
}

std::unique_ptr<Operator> make_inpaint_random(const ItemShape& shape, const OperatorOptions& options,
                                              const OperatorInputs&) {
  const Index places = shape.image ? Index{1} * shape.height * shape.width : shape.size();
  const Index kept = std::max<Index>(1, std::llround(options.keep * static_cast<double>(places)));
  Eigen::ArrayXd seen = Eigen::ArrayXd::Zero(places);
  for (Index place : random_choice(places, kept, options.seed)) seen[place] = 1;
  return std::make_unique<Selection>(shape, shape.image ? of_all_channels(shape, seen) : seen);
}

}  // namespace scoresde
