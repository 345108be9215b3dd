#!/usr/bin/env bash
# Checks that need no build: who includes whom, LibTorch's doors, global randomness, format.
set -uo pipefail
cd "$(dirname "$0")/.."
mkdir -p build
failed=0
complain() { printf '%s\n' "$1" >&2; failed=1; }

# folder: the folders it may include besides itself (DEVELOPING.md explains the order)
layers="
core:
sde: core
score: core sde
ode: core
sampler: core sde score ode
likelihood: core sde score ode
inverse: core sde score sampler
net: core sde
engine: core sde score net
data: core
metrics: core
features: core sde net engine data metrics
report: core
nn: core sde score net engine
objective: core sde score net nn
train: core sde score net nn objective data report
exchange: core sde net
verify: core sde score ode sampler likelihood inverse metrics report
"
for folder in src/*/; do
  name=$(basename "$folder")
  [ "$name" = cli ] && continue
  allowed=$(printf '%s' "$layers" | awk -F: -v name="$name" '$1 == name {print name " " $2; found = 1} END {if (!found) print "?"}')
  [ "$allowed" = "?" ] && { complain "src/$name is not in the list of layers (scripts/check.sh)"; continue; }
  while IFS=: read -r file line include; do
    target=$(printf '%s' "$include" | sed -E 's/.*"([a-z]+)\/.*/\1/')
    case " $allowed " in *" $target "*) ;; *) complain "$file:$line: $name may not include $target/ (it may: $allowed)";; esac
  done < <(grep -rnE '^#include "[a-z]+/' "$folder" | grep -vE '(_test\.cpp|/test_[a-z_]+\.h):')
done

torch_outside=$(grep -rnE '#include [<"](torch|ATen|c10)/' src --include='*.h' --include='*.cpp' |
                grep -vE '^src/(nn|objective|train)/|^src/cli/torch_' || true)
[ -n "$torch_outside" ] && complain "LibTorch outside nn/, objective/, train/ and cli/torch_*: $torch_outside"
torch_whole=$(grep -rnE '#include [<"](torch/(torch|all|nn)\.h|ATen/ATen\.h)' src tests || true)
[ -n "$torch_whole" ] && complain "LibTorch's whole header (27 CPU-seconds a file): $torch_whole"
random=$(grep -rnE '(torch::rand|at::rand|manual_seed|std::mt19937|std::random_device|[^_a-z]rand\(\))' src || true)
[ -n "$random" ] && complain "Randomness other than core/noise.h: $random"

if ! command -v clang-format >/dev/null; then
  [ -n "${CI:-}" ] && complain "clang-format is missing" || echo "clang-format is missing: the format was not checked"
else
  git ls-files 'src/*.cpp' 'src/*.h' 'tests/*.cpp' 'tests/*.h' | xargs -r clang-format --dry-run -Werror 2>build/format.log ||
    { head -n 20 build/format.log >&2; complain "clang-format -i is needed (see build/format.log)"; }
fi
[ "$failed" = 0 ] && echo "checks: layers, LibTorch doors, randomness, format: fine"
exit "$failed"
