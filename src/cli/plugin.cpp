#include <dlfcn.h>
#include <unistd.h>

#include <climits>
#include <cstdlib>

#include "cli/torch_backend.h"
#include "core/error.h"
#include "core/file.h"

namespace scoresde {
namespace {

fs::path program_folder() {
  char path[PATH_MAX];
  const ssize_t length = readlink("/proc/self/exe", path, sizeof path);
  return length > 0 ? fs::path(std::string(path, static_cast<std::size_t>(length))).parent_path() : fs::path(".");
}

const TorchBackend& open_backend() {
  // Read by libgomp when it is loaded, which LibTorch does: threads that wait for work must sleep, not spin (beside a
  // busy neighbour a 2-thread training step was measured at 411 ms alone, 1,430 to 1,970 spinning, 910 sleeping).
  setenv("OMP_WAIT_POLICY", "passive", 0);
  const fs::path folder = program_folder();
  std::string reason;
  for (const fs::path& path : {folder / "libscoresde_torch.so", folder / ".." / "lib" / "libscoresde_torch.so"}) {
    if (!fs::exists(path)) continue;
    if (void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_GLOBAL)) {
      using Entry = const TorchBackend* (*)();
      if (auto entry = reinterpret_cast<Entry>(dlsym(library, "scoresde_torch_backend"))) return *entry();
    }
    reason = dlerror();
  }
  fail(Failure::run, "this command needs libscoresde_torch.so beside the program or in ../lib{}",
       reason.empty() ? "" : ": " + reason);
}

}  // namespace

const TorchBackend& torch_backend() {
  static const TorchBackend& backend = open_backend();
  return backend;
}

}  // namespace scoresde
