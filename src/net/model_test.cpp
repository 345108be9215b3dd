#include "net/model.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

namespace scoresde {
namespace {

class ModelFile : public testing::Test {
 protected:
  ModelFile() : folder_(fs::temp_directory_path() / fmt::format("scoresde_model_{}", ::getpid())) {
    fs::create_directories(folder_);
    spec_.net.name = "mlp";
    spec_.net.channels = 4;
    spec_.net.depth = 1;
    spec_.shape = {2, 1, 1, false};
    spec_.data = "moons";
    spec_.column_mean = {0.25, -1};
    spec_.column_std = {1, 3};
    for (const Parameter& parameter : build_net(spec_.net, spec_.shape).parameters) {
      std::vector<float> values(static_cast<std::size_t>(element_count(parameter.shape)));
      for (std::size_t i = 0; i < values.size(); ++i) values[i] = 0.5f * static_cast<float>(i) - 1;
      weights_[parameter.name] = Tensor::of(parameter.shape, std::span<const float>(values));
    }
  }
  ~ModelFile() override { fs::remove_all(folder_); }

  std::string error_of(const fs::path& path) const {
    try {
      read_model(path);
    } catch (const Error& error) {
      EXPECT_EQ(error.failure(), Failure::data);
      return error.what();
    }
    return "";
  }

  fs::path folder_;
  ModelSpec spec_;
  std::map<std::string, Tensor> weights_;
};

TEST_F(ModelFile, GoesRoundAsAFileAndAsARunFolder) {
  fs::create_directories(folder_ / "checkpoints" / "latest");
  const fs::path file = folder_ / "checkpoints" / "latest" / "model.safetensors";
  write_model(file, spec_, weights_);
  for (const fs::path& path : {file, folder_}) {
    const Model model = read_model(path);
    EXPECT_EQ(to_json(model.spec), to_json(spec_));
    ASSERT_EQ(model.weights.size(), weights_.size());
    for (const auto& [name, tensor] : weights_) EXPECT_EQ(model.weights.at(name).bytes, tensor.bytes) << name;
    EXPECT_EQ(model.hash, model_hash(spec_, weights_));
    EXPECT_EQ(model.hash.size(), 32u);
  }
}

TEST_F(ModelFile, TheHashSeesEveryWeightAndSetting) {
  const std::string hash = model_hash(spec_, weights_);
  auto other_weights = weights_;
  other_weights["out.bias"].bytes.back() ^= 1;
  EXPECT_NE(model_hash(spec_, other_weights), hash);
  ModelSpec other_spec = spec_;
  other_spec.images_seen = 1;
  EXPECT_NE(model_hash(other_spec, weights_), hash);
}

// A file of an older version, which knew fewer settings, is still the model that recipes name.
TEST_F(ModelFile, TheHashOfAFileIsThatOfItsOwnText) {
  Json spec = to_json(spec_);
  spec["net"].erase("dropout");
  const fs::path file = folder_ / "old.safetensors";
  write_safetensors(file, {weights_, {{"model", spec.dump()}}});
  EXPECT_EQ(read_model(file).hash, model_hash(spec.dump(), weights_));
  EXPECT_NE(read_model(file).hash, model_hash(spec_, weights_));
}

TEST_F(ModelFile, WhatIsWrongIsNamed) {
  EXPECT_NE(error_of(folder_ / "nothing").find("no such file or run folder"), std::string::npos);
  EXPECT_NE(error_of(folder_).find("no checkpoint"), std::string::npos);

  const fs::path file = folder_ / "m.safetensors";
  write_safetensors(file, {weights_, {}});
  EXPECT_NE(error_of(file).find("no entry 'model'"), std::string::npos);
  write_safetensors(file, {weights_, {{"model", "{"}}});
  EXPECT_NE(error_of(file).find("is not JSON"), std::string::npos);
  write_safetensors(file, {weights_, {{"model", R"({"net": {"depht": 2}})"}}});
  EXPECT_NE(error_of(file).find("did you mean 'net.depth'"), std::string::npos);
  write_safetensors(file, {weights_, {{"model", R"({"net": {"name": "resnet"}})"}}});
  EXPECT_NE(error_of(file).find("no network 'resnet'"), std::string::npos);

  auto weights = weights_;
  weights.erase("out.bias");
  write_model(file, spec_, weights);
  EXPECT_NE(error_of(file).find("missing: out.bias"), std::string::npos);
  weights = weights_;
  weights["out.bias"] = Tensor::of({2}, std::span<const std::int64_t>(std::vector<std::int64_t>{1, 2}));
  write_model(file, spec_, weights);
  EXPECT_NE(error_of(file).find("out.bias holds I64 and should hold F32"), std::string::npos);
}

TEST_F(ModelFile, HostileDescriptionsAreRefused) {
  const fs::path file = folder_ / "m.safetensors";
  const auto refusal_of = [&](const std::string& description) {
    write_safetensors(file, {weights_, {{"model", description}}});
    return error_of(file);
  };
  EXPECT_NE(
      refusal_of(R"({"data_std":)" + std::string(200'000, '[') + std::string(200'000, ']') + "}").find("not JSON"),
      std::string::npos);

  // Read at load, a table's path would show any file of the reader's machine in a message, or wait for a FIFO.
  ModelSpec other = spec_;
  other.sde.name = "table";
  for (const char* table : {"", "/etc/passwd"}) {
    other.sde.table = table;
    EXPECT_NE(refusal_of(to_json(other).dump()).find("table is not in the file"), std::string::npos) << table;
  }

  for (const auto& [means, deviations] : {std::pair{0, 1}, std::pair{2, 1}, std::pair{0, 2}, std::pair{3, 3}}) {
    other = spec_;
    other.column_mean.assign(static_cast<std::size_t>(means), 0.0);
    other.column_std.assign(static_cast<std::size_t>(deviations), 1.0);
    EXPECT_NE(refusal_of(to_json(other).dump()).find("column_"), std::string::npos) << means << " " << deviations;
  }
}

TEST_F(ModelFile, NamesThatAreNotUtf8AreNoObstacle) {
  spec_.data = "caf\xe9.csv";
  spec_.class_names = {"\xff"};
  const fs::path file = folder_ / "m.safetensors";
  write_model(file, spec_, weights_);
  const Model model = read_model(file);
  EXPECT_EQ(model.spec.data, "caf\xef\xbf\xbd.csv");
  EXPECT_EQ(model.hash, model_hash(spec_, weights_));
}

TEST_F(ModelFile, AFlippedBitIsSeen) {
  const fs::path file = folder_ / "m.safetensors";
  write_model(file, spec_, weights_);
  std::string bytes = read_text(file);
  bytes[bytes.size() - 3] ^= 4;
  std::ofstream(file, std::ios::binary) << bytes;
  EXPECT_NE(error_of(file).find("damaged"), std::string::npos);
}

}  // namespace
}  // namespace scoresde
