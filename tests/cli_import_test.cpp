#include <gtest/gtest.h>

#include "core/config.h"
#include "core/file.h"
#include "process.h"

namespace scoresde::test {
namespace {

const std::string checkpoints = std::string(SCORESDE_SOURCE_DIR) + "/tests/checkpoints/";
const std::string tiny_ve = checkpoints + "ncsnpp_ve_tiny_legacy.pth --preset cifar10-ncsnpp-ve --size 8";
const std::string tiny_vp = checkpoints + "ddpmpp_vp_tiny.pth --preset cifar10-ddpmpp-vp --size 8";

TEST(Import, ACheckpointBecomesARunThatSamples) {
  const TemporaryFolder folder;
  for (const std::string& file : {tiny_ve, tiny_vp}) {
    const std::string run = folder / (file == tiny_ve ? "ve" : "vp");
    const Outcome imported = scoresde("import " + file + " --out " + run);
    ASSERT_EQ(imported.exit, 0) << imported.err;
    EXPECT_EQ(imported.out.find("assumed"), std::string::npos) << "a preset leaves nothing open\n" << imported.out;
    EXPECT_EQ(scoresde("info " + run).exit, 0);
    const Outcome again = scoresde("import " + file + " --out " + run);
    EXPECT_EQ(again.exit, 2) << "an existing run is not overwritten";
    for (const std::string& weights : {run, run + "/checkpoints/latest/raw.safetensors"}) {
      const Outcome sampled = scoresde("sample " + weights + " --out " + (folder / "x.npy") +
                                       " --force -n 2 --solver reverse-diffusion --nfe 3");
      EXPECT_EQ(sampled.exit, 0) << sampled.err;
    }
  }
}

TEST(Import, RawWeightsOnDemand) {
  const TemporaryFolder folder;
  const std::string raw = folder / "raw.safetensors", run = folder / "run";
  ASSERT_EQ(scoresde("import " + tiny_ve + " --weights raw --out " + raw).exit, 0);
  ASSERT_EQ(scoresde("import " + tiny_ve + " --out " + run).exit, 0);
  EXPECT_EQ(content(raw), content(run + "/checkpoints/best/raw.safetensors"));
  EXPECT_NE(content(raw), content(run + "/checkpoints/best/model.safetensors"));
}

TEST(Import, ExportedFilesComeBackAsTheyWere) {
  const TemporaryFolder folder;
  const std::string run = folder / "run", pth = folder / "model.pth", back = folder / "back";
  ASSERT_EQ(scoresde("import " + tiny_ve + " --out " + run).exit, 0);
  ASSERT_EQ(scoresde("export " + run + " --out " + pth).exit, 0);
  const Outcome imported = scoresde("import " + pth + " --out " + back);
  ASSERT_EQ(imported.exit, 0) << imported.err;
  for (const char* name : {"/checkpoints/latest/model.safetensors", "/checkpoints/latest/raw.safetensors"})
    EXPECT_EQ(content(run + name), content(back + name)) << name;
}

TEST(Import, HostileFilesEndInExit3) {
  const TemporaryFolder folder;
  const std::string whole = content(checkpoints + "ddpmpp_vp_tiny.pth"), file = folder / "broken.pth";
  for (const std::size_t size : {std::size_t{0}, std::size_t{3}, whole.size() / 2, whole.size() - 1}) {
    std::ofstream(file, std::ios::binary) << whole.substr(0, size);
    const Outcome outcome =
        scoresde("import " + file + " --preset cifar10-ddpmpp-vp --size 8 --out " + (folder / "run"));
    EXPECT_EQ(outcome.exit, 3) << size;
    EXPECT_NE(outcome.err.find(file), std::string::npos) << outcome.err;
  }
  std::ofstream(file, std::ios::binary) << std::string("\x80\x02") + "cposix\nsystem\nU\x07touch x\x85R.";
  const Outcome outcome = scoresde("import " + file + " --out " + (folder / "run"));
  EXPECT_EQ(outcome.exit, 3);
  EXPECT_NE(outcome.err.find("posix.system"), std::string::npos) << outcome.err;
}

TEST(Import, DebiansPyTorchReadsWhatIsExported) {
  const std::string python = "/usr/bin/python3";
  if (shell(python + " -c 'import torch'").exit != 0) GTEST_SKIP() << "there is no " << python << " with PyTorch here";
  const TemporaryFolder folder;
  const std::string run = folder / "run", pth = folder / "model.pth", script = folder / "compare.py";
  ASSERT_EQ(scoresde("import " + tiny_ve + " --out " + run).exit, 0);
  ASSERT_EQ(scoresde("export " + run + " --out " + pth).exit, 0);
  std::ofstream(script) << R"(
import sys, torch
theirs, ours = (torch.load(path, map_location="cpu") for path in sys.argv[1:])
names = [name for name in theirs["model"] if name != "module.sigmas"]
assert names == list(ours["model"]), "names"
pairs = [(theirs["model"][n], ours["model"][n]) for n in names]
pairs += zip(theirs["ema"]["shadow_params"], ours["ema"]["shadow_params"])
assert len(theirs["ema"]["shadow_params"]) == len(ours["ema"]["shadow_params"]) == 156
for a, b in pairs:
    assert a.dtype == b.dtype and torch.equal(a, b)
assert ours["step"] == 3
print(len(pairs), "tensors")
)";
  const Outcome outcome = shell(python + " " + script + " " + checkpoints + "ncsnpp_ve_tiny_legacy.pth " + pth);
  EXPECT_EQ(outcome.exit, 0) << outcome.err;
  EXPECT_EQ(outcome.out, "313 tensors\n");
}

}  // namespace
}  // namespace scoresde::test
