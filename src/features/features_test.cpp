#include <gtest/gtest.h>

#include <filesystem>

#include "core/error.h"
#include "data/npy.h"
#include "features/statistics_file.h"
#include "test_paths.h"

namespace scoresde {
namespace {

class FeatureFiles : public testing::Test {
 protected:
  FeatureFiles() {
    std::string pattern = (fs::temp_directory_path() / "scoresde_features_XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
  }
  ~FeatureFiles() override { fs::remove_all(folder_); }

  const Dataset digits_ = load_dataset("digits");
  fs::path folder_;
};

TEST_F(FeatureFiles, EverySpaceWithoutAFileMapsRowByRow) {
  const Batch items = digits_.rows(70);
  for (const FeatureEntry& entry : feature_spaces()) {
    if (entry.needs_file) continue;
    const Features one = make_features(std::string(entry.name), {.real = digits_, .threads = 2});
    const Features two = make_features(std::string(entry.name), {.real = digits_, .threads = 1});
    EXPECT_TRUE(one.identity == two.identity) << entry.name;
    const Batch all = (*one.space)(items);
    EXPECT_EQ(all.cols(), one.space->dimension());
    EXPECT_TRUE(all.isFinite().all());
    for (const Index i : {0, 13, 69})
      EXPECT_TRUE(((*two.space)(items.row(i)).row(0) == all.row(i)).all()) << entry.name << " row " << i;
    EXPECT_GT((all.rowwise() - all.row(0)).abs().maxCoeff(), 1e-3) << entry.name;
  }
}

TEST_F(FeatureFiles, ComponentsAreWhite) {
  const Features pca = make_features("pca", {.real = digits_});
  Moments moments(pca.space->dimension());
  moments.add((*pca.space)(digits_.rows(digits_.count)));
  EXPECT_LT(moments.mean().cwiseAbs().maxCoeff(), 1e-9);
  EXPECT_LT((moments.covariance() - Eigen::MatrixXd::Identity(moments.dimension(), moments.dimension())).norm(), 1e-8);
}

TEST_F(FeatureFiles, RandomFeaturesTellDigitsApart) {
  // What makes a space of use: classes differ more than halves of one class do.
  const Features random = make_features("random", {.real = digits_});
  std::vector<std::uint32_t> ones, zeros, rest;
  for (std::uint32_t i = 0; i < digits_.count; ++i)
    if (digits_.labels[i] < 2) (digits_.labels[i] == 0 ? zeros : ones).push_back(i);
  const auto moments_of = [&](std::span<const std::uint32_t> which) {
    Moments moments(random.space->dimension());
    moments.add((*random.space)(digits_.batch(which)));
    return moments;
  };
  const std::span<const std::uint32_t> all(zeros);
  const double same = frechet_distance(moments_of(all.first(80)), moments_of(all.subspan(80, 80)));
  const double other = frechet_distance(moments_of(all.first(80)), moments_of(std::span(ones).first(80)));
  EXPECT_GT(other, 5 * same);
}

TEST_F(FeatureFiles, WrongRequestsSayWhatIsWrong) {
  const Dataset moons = load_dataset("moons");
  const auto message = [](const std::string& text, const Dataset& data) {
    try {
      make_features(text, {.real = data});
      return std::string("nothing");
    } catch (const Error& error) {
      return std::string(error.what());
    }
  };
  EXPECT_NE(message("pixls", digits_).find("did you mean 'pixels'"), std::string::npos);
  EXPECT_NE(message("classifier", digits_).find("classifier:FILE"), std::string::npos);
  EXPECT_NE(message("random", moons).find("is a table"), std::string::npos);
  EXPECT_NE(message("pca:x", digits_).find("no file"), std::string::npos);
  write_npy(folder_ / "fake.pt", to_tensor(Batch::Zero(2, 2)));
  EXPECT_NE(message("inception:" + (folder_ / "fake.pt").string(), digits_).find("SHA-256"), std::string::npos);
}

TEST_F(FeatureFiles, StatisticsComeBackAsTheyWere) {
  const Features pca = make_features("pca", {.real = digits_});
  Moments moments(pca.space->dimension());
  moments.add((*pca.space)(digits_.rows(500)));
  write_statistics(folder_ / "s.npz", {moments, pca.identity, data_digest(digits_)});
  ASSERT_TRUE(is_statistics_file(folder_ / "s.npz"));
  const FeatureStatistics read = read_statistics(folder_ / "s.npz");
  EXPECT_EQ(read.moments.count(), 500);
  EXPECT_NEAR(frechet_distance(read.moments, moments), 0, 1e-7);  // roots of rounding errors
  ASSERT_TRUE(read.identity);
  EXPECT_TRUE(*read.identity == pca.identity);
  EXPECT_EQ(read.data_digest, data_digest(digits_));
  require_same_features(read, pca.identity, moments.dimension(), "s.npz");
  FeatureIdentity other = pca.identity;
  other.resize = "bilinear";
  EXPECT_THROW(require_same_features(read, other, moments.dimension(), "s.npz"), Error);
  EXPECT_THROW(require_same_features(read, pca.identity, moments.dimension() + 1, "s.npz"), Error);
}

TEST_F(FeatureFiles, LayoutsOfTheField) {
  const Batch rows = digits_.rows(100).leftCols(40);
  Moments moments(40);
  moments.add(rows.cast<float>().cast<double>());
  const Batch covariance = moments.covariance().array();
  const Tensor mu = Tensor::of({40}, std::span(moments.mean().data(), 40)),
               sigma = Tensor::of({40, 40}, std::span(covariance.data(), 1600)), features = to_tensor(rows);
  const std::vector<NamedArrays> layouts = {{{"mu", mu}, {"sigma", sigma}},
                                            {{"mu_s", mu}, {"sigma_s", sigma}},
                                            {{"pool_3", features}},
                                            {{"feats", features}}};
  for (const NamedArrays& layout : layouts) {
    const fs::path file = folder_ / (layout[0].first + ".npz");
    write_npz(file, layout);
    EXPECT_TRUE(is_statistics_file(file));
    const FeatureStatistics read = read_statistics(file);
    EXPECT_NEAR(frechet_distance(read.moments, moments), 0, 1e-6) << layout[0].first;
    // A file that does not say is believed to be Inception's only where it has 2,048 numbers.
    EXPECT_THROW(require_same_features(read, {"inception", "", ""}, 40, file.string()), Error);
  }
  write_npz(folder_ / "images.npz", {{"arr_0", features}});
  EXPECT_FALSE(is_statistics_file(folder_ / "images.npz"));
  write_npz(folder_ / "bad.npz", {{"mu", mu}, {"sigma", mu}});
  EXPECT_THROW(read_statistics(folder_ / "bad.npz"), Error);
}

TEST(MobileNetFeatures, AreThoseOfTheOriginal) {
  fs::path folder = fs::path(SCORESDE_SOURCE_DIR) / "../shared/data/mobilenet-v1-features";
  if (const char* named = std::getenv("SCORESDE_SHARED_DATA")) folder = fs::path(named) / "mobilenet-v1-features";
  const fs::path file = folder / "mobilenet_v1_1.0_224_upto_pw12.safetensors";
  if (!fs::exists(file)) GTEST_SKIP() << "MobileNet's weights are not here (" << file << ")";
  NamedArrays golden = read_npz(folder / "golden.npz");
  write_npy(fs::temp_directory_path() / "scoresde_golden_images.npy", golden[0].second);
  const Dataset images = load_dataset((fs::temp_directory_path() / "scoresde_golden_images.npy").string());
  fs::remove(fs::temp_directory_path() / "scoresde_golden_images.npy");
  const Features net = make_features("mobilenet:" + file.string(), {.real = images});
  const Batch found = (*net.space)(images.rows(images.count)), wanted = to_batch(golden[1].second, "golden");
  ASSERT_EQ(found.rows(), wanted.rows());
  EXPECT_LT((found - wanted).abs().maxCoeff(), 1e-3);  // values up to 6, float32 through 25 layers
}

}  // namespace
}  // namespace scoresde
