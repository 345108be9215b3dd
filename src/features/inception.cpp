#include "core/digest.h"
#include "core/file.h"
#include "features/features.h"

namespace scoresde {

/// Only this file's features give a number the name FID. Pictures go in as 8-bit RGB; the module resizes them to
/// 299 x 299 as TensorFlow 1 did.
Features make_inception_features(const FeatureRequest& request) {
  constexpr std::string_view wanted = "f58cb9b6ec323ed63459aa4fb441fe750cfe39fafad6da5cb504a16f19e958f4";
  Digest digest;
  digest.add(read_bytes(request.file));
  const std::string found = digest.hex(32);
  if (found != wanted)
    fail(Failure::data, "{}: not the network of FID, inception-2015-12-05.pt: its SHA-256 is {}..., not {}...",
         request.file, found.substr(0, 8), wanted.substr(0, 8));
  if (!request.load_torchscript) fail(Failure::run, "{}: TorchScript needs LibTorch", request.file);
  return {request.load_torchscript(request.file, request.real.shape),
          {"inception", found, "tensorflow bilinear 299x299"}};
}

}  // namespace scoresde
