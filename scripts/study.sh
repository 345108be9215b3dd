#!/usr/bin/env bash
# The study of docs/evaluation.md: the experiments of Song et al. (2021) on small models of one data set.
#   scripts/study.sh SCORESDE DATA TEST OUT [JUDGE] -- RUN...
# DATA: what the runs were trained on; TEST: held-out items, or "" for those that training held out; JUDGE: a run of
# `train --preset classifier`, whose last hidden layer is then the feature space. Pages go to OUT; one that is there is
# kept. STEPS, SNR_STEPS, N, ITEMS, NFE and SNR scale the tables; BUDGETS, PATHS and SAMPLES calibration; QUALITY is the
# number of samples by which it is judged, THREADS that of cores.
set -euo pipefail
usage() { sed -n '2,7s/^# \{0,1\}//p' "$0" >&2; exit 2; }
[ $# -ge 6 ] || usage
scoresde=$1 data=$2 test=$3 out=$4
shift 4
features=random
[ "$1" = "--" ] || { features="classifier:$1"; shift; }
[ "$1" = "--" ] || usage
shift
mkdir -p "$out"

page() {  # table, further options
  local table=$1
  shift
  [ -e "$out/$table.md" ] && return
  "$scoresde" compare "${runs[@]}" --against "$data" --features "$features" -n "${N:-1000}" --table "$table" \
    --threads "$threads" --markdown "$out/$table.md" --html "$out/$table.html" "$@" > "$out/$table.txt"
}

runs=("$@") threads=${THREADS:-0} budgets=${BUDGETS:-5,6,8,10,20}
page predictors-correctors --steps "${STEPS:-100}" ${SNR:+--snr "$SNR"}
page tolerance
page likelihood ${test:+--test "$test"} --items "${ITEMS:-100}"
page solvers --nfe "${NFE:-5,6,8,10,20,50}"
page snr --steps "${SNR_STEPS:-${STEPS:-100}}" ${SNR:+--snr "$SNR"}

for run in "${runs[@]}"; do
  name=$(basename "$run")
  for law in "--paths ${PATHS:-64}" "--stochastic --samples ${SAMPLES:-400}"; do
    file="$out/calibrate-$name.txt"
    [[ $law == --paths* ]] || file="$out/calibrate-stochastic-$name.txt"
    # shellcheck disable=SC2086
    [ -e "$file" ] || "$scoresde" calibrate "$run" --nfe "$budgets" $law --threads "$threads" > "$file"
  done
  for nfe in "8" "8 --uncalibrated" "16 --uncalibrated"; do
    file="$out/quality-$name-${nfe// /}.txt"
    # shellcheck disable=SC2086
    [ -e "$file" ] || "$scoresde" evaluate "$run" --against "$data" --features "$features" -n "${QUALITY:-4000}" --nfe $nfe \
      --threads "$threads" --metrics fd,kid,coverage > "$file"
  done
done
