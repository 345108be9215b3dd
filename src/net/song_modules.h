#pragma once
#include <initializer_list>
#include <string>
#include <string_view>

#include "net/graph_builder.h"
#include "net/net_config.h"

namespace scoresde {

/// Error{usage} naming `setting` unless `value` is among `allowed`.
void require_one_of(std::string_view setting, const std::string& value,
                    std::initializer_list<std::string_view> allowed);

/// The activation that net.nonlinearity names: swish, elu, relu or lrelu (slope 0.2).
int activation(GraphBuilder& b, const NetConfig& config, int x);

/// ln(sigma / alpha) of each sample from the time label of net.prediction, where pixels run from 0 to 1 for the
/// predictions song-score and song-level; for step labels the logarithm of the label itself, as score_sde feeds it to
/// Fourier features.
int log_sigma_label(GraphBuilder& b, const NetConfig& config);

/// The number a positional embedding is made of: step labels as they are, levels as 0 .. net.levels - 1, sigma as it
/// is, ln(sigma / alpha) / 4 times 250 (the embedding's frequencies 1 to 1e-4 were made for step numbers up to 1000).
int position_label(GraphBuilder& b, const NetConfig& config);

/// The place of the noise in the table of net.levels levels from net.sigma_max (0) down to net.sigma_min
/// (net.levels - 1), geometric; not a whole number in general.
int level_label(GraphBuilder& b, const NetConfig& config);

/// x / sigma. Error{usage} where the time label of net.prediction does not tell sigma.
int divide_by_sigma(GraphBuilder& b, const NetConfig& config, int x);

enum class Resample { none, up, down };

/// Writes score_sde's networks module by module; the parameters of module k are called all_modules.k.<name>, in the
/// order in which PyTorch lists them (an EMA list has no names).
class SongModules {
 public:
  /// most_groups: of every GroupNorm; 0: min(C / 4, 32).
  SongModules(GraphBuilder& b, const NetConfig& config, int most_groups, double branch_scale);

  /// The time embedding L2(act(L1(features))) of 4 * net.channels values plus that of the class, activated for the
  /// blocks; without parameters where net.conditional is off.
  void time_embedding();
  void use_time(int activated) { time_ = activated; }  ///< an embedding from elsewhere instead

  int conv3(int x, std::int64_t out, double init_scale = 1);
  int norm_conv3(int x, std::int64_t out, double init_scale);  ///< conv3(act(GN(x))): two modules

  /// h = Conv_1(drop(act(GN(Conv_0(resample(act(GN(x)))) + Dense_0(time))))), sum with the resampled shortcut. The
  /// shortcut is Conv_2 1 x 1 (resblock biggan) or NIN_0 where channels or size change, else x.
  int block(int x, std::int64_t out, Resample resample = Resample::none);
  int attention(int x);
  bool attends(int x) const;

  int downsample(int x);  ///< a module of its own: by net.resample_conv with or without a convolution
  int upsample(int x);
  /// 3 x 3 convolution at half or double size: with net.fir the filter and the convolution as one filter without
  /// padding between them (StyleGAN2's), else a strided convolution or nearest neighbours and a convolution.
  int conv_resample(int x, std::int64_t out, Resample resample);
  int plain_resample(int x, Resample resample) const;  ///< no module, no parameters

  /// Conv_0 1 x 1 of the pyramid, added to h or put beside it (net.combine).
  int combine(int pyramid, int h);
  int residual_sum(int a, int b) const;  ///< a + b, over sqrt(2) with net.skip_rescale

 private:
  std::string next() { return "all_modules." + std::to_string(module_++); }
  int act(int x) const { return activation(b_, config_, x); }
  int norm(const std::string& name, int x) const { return b_.group_norm(name, x, most_groups_); }

  GraphBuilder& b_;
  const NetConfig& config_;
  int most_groups_;
  double branch_scale_;  ///< initialisation of the last layer of a residual branch
  int time_ = -1, module_ = 0;
};

/// Checks that are common to ncsnpp and ddpm: levels that halve exactly, settings that do not belong to them.
void require_song_settings(const NetConfig& config, const ItemShape& shape);

}  // namespace scoresde
