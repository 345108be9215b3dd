#pragma once
#include <string>

#include "net/net_config.h"

namespace scoresde::testing_support {

struct SmallNet {
  NetConfig config;
  ItemShape shape;
};

/// A small example of a net of the table that uses what it can: attention, classes, dropout.
inline SmallNet small_net(std::string_view name) {
  SmallNet net{{}, {1, 6, 8, true}};
  net.config.name = name;
  // 36 channels give ddpm, which has up to 32 groups, two channels a group.
  net.config.channels = name == "ddpm" ? 36 : 8;
  net.config.channel_mult = {1, 2};
  net.config.attention = {3};
  net.config.heads = 2;
  net.config.dropout = 0.2;
  if (name == "mlp") net.shape = {3, 1, 1, false};
  if (name == "mlp") net.config.embedding = "positional";
  net.config.levels = 4;
  net.config.classes = name == "ncsn" || name == "ncsnv2" ? 0 : 3;
  net.config.scale_by_sigma = name == "ncsnv2";
  return net;
}

inline bool gives_logits(std::string_view net) { return net == "classifier" || net == "wide-resnet"; }

}  // namespace scoresde::testing_support
