#pragma once
#include <map>
#include <string>
#include <vector>

#include "core/item_shape.h"
#include "core/safetensors.h"
#include "net/net_config.h"
#include "sde/sde.h"

namespace scoresde {

/// Everything that makes weights a model: stored as JSON in the checkpoint's __metadata__ (key "model"), so that a
/// checkpoint needs no flags to load.
struct ModelSpec {
  SdeConfig sde;
  NetConfig net;
  ItemShape shape;
  double data_std = 0.5;  ///< in model units; scales the network's input and the edm prediction
  std::string data;       ///< the data it was trained on, as the user named it
  std::vector<std::string> class_names;
  std::vector<double> column_mean, column_std;  ///< tables: value = x * std + mean
  long long images_seen = 0;

  static constexpr auto fields() {
    return std::tuple{
        field("sde", &ModelSpec::sde, "the SDE"),
        field("net", &ModelSpec::net, "the network"),
        field("shape", &ModelSpec::shape, "the form of a sample"),
        field("data_std", &ModelSpec::data_std, "standard deviation of the data in model units", {1e-9, 1e9}),
        field("data", &ModelSpec::data, "the data it was trained on"),
        field("class_names", &ModelSpec::class_names, "one name a class"),
        field("column_mean", &ModelSpec::column_mean, "tables: mean of each column"),
        field("column_std", &ModelSpec::column_std, "tables: standard deviation of each column"),
        field("images_seen", &ModelSpec::images_seen, "training items seen", {0, 9e15})};
  }
};

/// A model as it is on disk.
struct Model {
  ModelSpec spec;
  std::map<std::string, Tensor> weights;  ///< EMA weights, by parameter name
  std::string hash;                       ///< hex digest of weights and spec, for recipes
};

void write_model(const fs::path& path, const ModelSpec& spec, const std::map<std::string, Tensor>& weights);

/// A `.safetensors` file or a run folder (its checkpoints/latest/model.safetensors). Error{data} says what is wrong;
/// weights whose names or shapes do not fit the spec give a readable diff.
Model read_model(const fs::path& path);

/// The same with `checkpoint` "latest" or "best" for a run folder; a file is that file.
fs::path model_file(const fs::path& path, const std::string& checkpoint = "latest");

/// The first 128 bits of SHA-256 over the spec's JSON and every weight's name, format, shape and bytes, in hex. Of a
/// file the JSON is hashed as it stands there: a version of this program with more settings gives the same hash.
std::string model_hash(const ModelSpec& spec, const std::map<std::string, Tensor>& weights);
std::string model_hash(std::string_view spec_json, const std::map<std::string, Tensor>& weights);

/// Error{data} unless `weights` are exactly the parameters of `graph`, as float32 or float64: names up to five missing,
/// unknown and misshapen ones. `what` opens the sentence (a file name).
void check_weights(const Graph& graph, const std::map<std::string, Tensor>& weights, const std::string& what);

}  // namespace scoresde
