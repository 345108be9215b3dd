#include <vector>

#include "core/error.h"
#include "net/builders.h"
#include "net/song_modules.h"

namespace scoresde {
namespace {

class Ncsnpp {
 public:
  Ncsnpp(GraphBuilder& b, const NetConfig& config)
      : b_(b), config_(config), m_(b, config, 0, config.init_scale), biggan_(config.resblock == "biggan") {}

  void write() {
    m_.time_embedding();
    way_down();
    h_ = m_.block(h_, b_.channels(h_));
    h_ = m_.attention(h_);
    h_ = m_.block(h_, b_.channels(h_));
    way_up();
    if (config_.progressive == "output_skip")
      h_ = pyramid_;
    else
      h_ = m_.norm_conv3(h_, b_.channels(b_.input()), config_.init_scale);
    if (config_.scale_by_sigma) divide_by_sigma(b_, config_, h_);
  }

 private:
  std::int64_t width(std::size_t level) const { return std::int64_t{config_.channels} * config_.channel_mult[level]; }
  std::size_t last() const { return config_.channel_mult.size() - 1; }

  void way_down();
  void shrink();
  void way_up();
  void grow_pyramid(bool lowest);

  GraphBuilder& b_;
  const NetConfig& config_;
  SongModules m_;
  bool biggan_;
  int h_ = -1, input_pyramid_ = -1, pyramid_ = -1;
  std::vector<int> skips_;
};

void Ncsnpp::way_down() {
  input_pyramid_ = b_.input();
  skips_.push_back(h_ = m_.conv3(b_.input(), config_.channels));
  for (std::size_t level = 0; level <= last(); ++level) {
    for (int i = 0; i < config_.blocks; ++i) {
      h_ = m_.block(h_, width(level));
      if (m_.attends(h_)) h_ = m_.attention(h_);
      skips_.push_back(h_);
    }
    if (level != last()) shrink();
  }
}

void Ncsnpp::shrink() {
  h_ = biggan_ ? m_.block(h_, b_.channels(h_), Resample::down) : m_.downsample(h_);
  if (config_.progressive_input == "input_skip") {
    input_pyramid_ = m_.plain_resample(input_pyramid_, Resample::down);
    h_ = m_.combine(input_pyramid_, h_);
  } else if (config_.progressive_input == "residual") {
    input_pyramid_ = m_.conv_resample(input_pyramid_, b_.channels(h_), Resample::down);
    h_ = input_pyramid_ = m_.residual_sum(input_pyramid_, h_);
  }
  skips_.push_back(h_);
}

void Ncsnpp::way_up() {
  for (std::size_t level = last() + 1; level-- > 0;) {
    for (int i = 0; i <= config_.blocks; ++i) {
      h_ = m_.block(b_.concat(h_, skips_.back()), width(level));
      skips_.pop_back();
    }
    if (m_.attends(h_)) h_ = m_.attention(h_);
    if (config_.progressive != "none") grow_pyramid(level == last());
    if (level != 0) h_ = biggan_ ? m_.block(h_, b_.channels(h_), Resample::up) : m_.upsample(h_);
  }
}

void Ncsnpp::grow_pyramid(bool lowest) {
  const std::int64_t colours = b_.channels(b_.input());
  if (config_.progressive == "output_skip") {
    if (!lowest) pyramid_ = m_.plain_resample(pyramid_, Resample::up);
    const int here = m_.norm_conv3(h_, colours, config_.init_scale);
    pyramid_ = lowest ? here : b_.add(pyramid_, here);
  } else if (lowest) {
    pyramid_ = m_.norm_conv3(h_, b_.channels(h_), 1);
  } else {
    pyramid_ = m_.conv_resample(pyramid_, b_.channels(h_), Resample::up);
    h_ = pyramid_ = m_.residual_sum(pyramid_, h_);
  }
}

}  // namespace

Graph build_ncsnpp(const NetConfig& config, const ItemShape& shape) {
  require_song_settings(config, shape);
  require_one_of("net.resblock", config.resblock, {"biggan", "ddpm"});
  require_one_of("net.progressive", config.progressive, {"none", "output_skip", "residual"});
  require_one_of("net.progressive_input", config.progressive_input, {"none", "input_skip", "residual"});
  require_one_of("net.combine", config.combine, {"sum", "cat"});
  if (config.fir && config.fir_kernel.size() < 2)
    fail(Failure::usage, "net.fir_kernel has {} taps; a filter that halves and doubles has at least 2",
         config.fir_kernel.size());
  GraphBuilder b({shape.channels, shape.height, shape.width}, config.classes);
  Ncsnpp(b, config).write();
  return std::move(b).finish();
}

}  // namespace scoresde
