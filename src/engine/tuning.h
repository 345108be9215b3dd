#pragma once
#include <map>
#include <string>
#include <string_view>

#include "core/file.h"
#include "engine/kernel.h"
#include "net/graph.h"

namespace scoresde {

/// Which convolutions are done by Winograd's method where measurements on some machine speak against the fixed rule
/// prefers_winograd(). The choice changes the last bits of a result, so a table belongs to a model, is part of every
/// recipe by its identity, and is never measured in passing.
class Tuning {
 public:
  Tuning() = default;

  /// The content of a file such as {"3x3 128>256 16x16": "winograd"}; "" is no table. Error{data} where it is
  /// something else; `where` opens the sentence.
  Tuning(std::string_view text, const std::string& where);

  bool winograd(const ConvShape& shape, Size in, Size out) const;
  void choose(const ConvShape& shape, Size in, Size out, bool winograd);

  /// As a file has it, and what recipes call it: a digest of that, "" without a table.
  std::string text() const;
  std::string identity() const;

 private:
  std::map<std::string, bool> winograd_;
};

/// The table that `scoresde bench --tune` left beside a model's file (model.tuning.json beside model.safetensors); none
/// where there is no such file.
fs::path tuning_file(const fs::path& model_file);
Tuning read_tuning(const fs::path& model_file);

/// Both methods timed on this machine.
struct TunedShape {
  std::string key;
  double direct, winograd;  ///< seconds a sample by one thread, the geometric mean over runs of 1 and of 8 samples
};

/// Times each convolution of the graph that Winograd's method can do, and fills `tuning` with the faster one.
std::vector<TunedShape> measure_tuning(const Graph& graph, Tuning& tuning);

}  // namespace scoresde
