#pragma once
#include <string>

#include "core/noise.h"
#include "inverse/operator.h"

namespace scoresde::test {

inline Vector vector_of_noise(std::uint64_t sample, Index size) {
  Vector x(size);
  fill_normal({.purpose = Purpose::test, .sample = sample}, std::span(x.data(), static_cast<std::size_t>(size)));
  return x;
}

/// The shapes that every operator is tried with; each fits at least one.
inline const std::vector<ItemShape>& test_shapes() {
  static const std::vector<ItemShape> shapes = {
      {1, 8, 8, true}, {3, 6, 8, true}, {2, 8, 6, true}, {1, 7, 5, true}, {10, 1, 1, false}};
  return shapes;
}

/// An operator of the table with small settings; null where it is not of this shape.
inline std::shared_ptr<const Operator> test_operator(const OperatorEntry& entry, const ItemShape& shape) {
  OperatorOptions options;
  const auto reads = [&](std::string_view name) { return entry.reads.find(name) != std::string_view::npos; };
  if (reads("factor")) options.factor = 2;
  if (reads("angles")) options.angles = 7;
  if (reads("keep")) options.keep = 0.4;
  if (reads("hole")) options.hole = 3;
  if (reads("box")) options.box = {1, 2, 3, 2};
  if (reads("acceleration")) options.acceleration = 2;
  if (reads("width")) options.width = 0.8;
  if (reads("length")) options.length = 3;
  OperatorInputs inputs;
  const Index pixels = Index{1} * shape.height * shape.width;
  if (entry.inputs == "mask") {
    inputs.mask = Eigen::ArrayXd::Ones(shape.image ? pixels : shape.size());
    for (Index i = 0; i < inputs.mask.size(); i += 3) inputs.mask[i] = 0;
  }
  if (entry.inputs == "matrix") {
    Eigen::MatrixXd dense(4, shape.size());
    for (Index i = 0; i < 4; ++i) dense.row(i) = vector_of_noise(20 + static_cast<std::uint64_t>(i), shape.size());
    inputs.matrix = dense.sparseView();
  }
  try {
    return make_operator(entry.name, shape, options, inputs);
  } catch (const Error&) {
    return nullptr;
  }
}

}  // namespace scoresde::test
