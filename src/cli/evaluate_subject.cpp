#include "cli/calibration_store.h"
#include "cli/evaluate.h"
#include "cli/model_score.h"
#include "cli/outputs.h"
#include "core/noise.h"
#include "data/image.h"
#include "features/statistics_file.h"

namespace scoresde {
namespace {

/// As an 8-bit file would have them: every reference rounds before it measures.
Batch rounded_pictures(const Batch& rows, const ItemShape& shape) {
  Batch result(rows.rows(), rows.cols());
  const std::vector<Image> images = batch_to_images(rows, shape);
  for (Index i = 0; i < rows.rows(); ++i) result.row(i) = image_to_row(images[static_cast<std::size_t>(i)]).row(0);
  return result;
}

Batch standardised(Batch rows, const Dataset& like) {
  for (Index j = 0; j < rows.cols(); ++j) {
    const auto column = static_cast<std::size_t>(j);
    rows.col(j) = (rows.col(j) - like.column_mean[column]) / like.column_std[column];
  }
  return rows;
}

/// `like` null: tables as the file has them.
Batch rows_at(const Dataset& data, std::span<const std::uint32_t> which, const Dataset* like) {
  if (data.shape.image) return data.batch(which);
  Batch rows(static_cast<Index>(which.size()), data.shape.size());
  for (Index i = 0; i < rows.rows(); ++i) {
    const auto row = data.row(which[static_cast<std::size_t>(i)]);
    for (Index j = 0; j < rows.cols(); ++j) rows(i, j) = row[static_cast<std::size_t>(j)];
  }
  return like ? standardised(std::move(rows), *like) : rows;
}

std::vector<std::uint32_t> random_order(const Dataset& data) {
  return permutation(0, Purpose::subset, 0, static_cast<std::uint32_t>(data.count));
}

}  // namespace

struct Subject::Drawn {
  Model model;
  DrawPlan plan;
  int threads;
  std::unique_ptr<Sde> sde = make_sde(model.spec.sde);
  std::unique_ptr<Score> score = {};

  Batch rows(std::size_t first, std::size_t count) {
    if (!score) score = load_score({}, std::move(model), -1, threads);
    plan.ids.clear();
    for (std::size_t k = 0; k < count; ++k) plan.ids.push_back(first + k);
    Batch result(static_cast<Index>(count), model.spec.shape.size());
    Index filled = 0;
    draw(*sde, *score, plan, true, [&](const DrawnBatch& batch) {
      result.middleRows(filled, batch.samples.x.rows()) = batch.samples.x;
      filled += batch.samples.x.rows();
    });
    return result;
  }
};

bool is_model(const fs::path& path) { return path.extension() == ".safetensors" || fs::exists(path / "checkpoints"); }

Subject::Subject(const EvaluateFlags& flags, const CommonFlags& common) {
  if (!is_model(flags.samples)) {
    data_ = load_dataset(flags.samples);
    return;
  }
  drawn_.reset(new Drawn{read_model(flags.samples), flags.plan, thread_count(common)});
  drawn_->plan.seed = static_cast<std::uint64_t>(flags.seed);
  if (flags.budget_alone) apply_calibration(flags.samples, drawn_->model, drawn_->plan);
  resolve(*drawn_->sde, drawn_->plan);  // what is wrong in the call is told before anything is drawn
}

Subject::~Subject() = default;

const ItemShape& Subject::shape() const { return drawn_ ? drawn_->model.spec.shape : data_.shape; }

std::size_t Subject::most() const { return drawn_ ? std::size_t{1} << 40 : data_.count; }

Json Subject::identity() const {
  if (!drawn_) return {{"data", data_digest(data_)}};
  return recipe(drawn_->model.hash, *drawn_->sde, drawn_->plan, resolve(*drawn_->sde, drawn_->plan), -1, 1);
}

ItemSource Subject::items(const Dataset* like) {
  if (!drawn_)
    return [this, like, order = random_order(data_)](std::size_t first, std::size_t count) {
      return rows_at(data_, std::span(order).subspan(first, count), like);
    };
  return [this, like](std::size_t first, std::size_t count) {
    const Batch rows = drawn_->rows(first, count);
    return as_compared(rows, drawn_->model.spec, like);
  };
}

Batch as_compared(const Batch& samples, const ModelSpec& spec, const Dataset* like) {
  if (spec.shape.image) return rounded_pictures(samples, spec.shape);
  const Batch rows = to_data_units(samples, spec);
  return like ? standardised(rows, *like) : rows;
}

Batch chosen_rows(const Dataset& data, std::size_t n, std::size_t part, const Dataset& like) {
  return rows_at(data, std::span<const std::uint32_t>(random_order(data)).subspan(part * n, n), &like);
}

}  // namespace scoresde
