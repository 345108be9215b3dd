#pragma once
#include "core/config.h"
#include "core/file.h"
#include "train/config.h"
#include "train/trainer.h"

namespace scoresde {

/// Error{usage} naming the first setting in which `now` differs from what the run began with. Budget, checkpoint and
/// log settings may change: they decide when a run ends and what is written, not what is learned.
void require_same_settings(const RunConfig& now, const Json& then);

/// Makes the run folder. Error{usage} where files are there that are not a run's, or where a run is there and neither
/// resume nor force was asked for.
void prepare_folder(const TrainOptions& options);

/// Removes what an earlier run left in a folder that prepare_folder accepted.
void remove_old_run(const fs::path& folder);

/// One process a run folder: the lock goes with the process, however it ends. Error{run} where another one has it.
class FolderLock {
 public:
  explicit FolderLock(const fs::path& folder);
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  int descriptor_;
};

}  // namespace scoresde
