# Sourced by ./quickstart, ./test and .ci/run: installs what is missing and builds.
# install_packages GROUP...   Debian packages of packages.txt that are not there yet
# build_release [TARGET...]   configures build/release once and builds

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }

install_packages() {
  local wanted missing="" package root=""
  wanted=$(awk -v groups=" $* " '$1 !~ /^#/ && index(groups, " " $1 " ") {print $2}' packages.txt)
  if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
    if [ -n "${CMAKE_PREFIX_PATH:-}" ]; then return 0; fi  # the user has pointed to a LibTorch: trust the rest
    cat >&2 <<TXT
This is not a Debian system, so nothing was installed. Please install a C++20 compiler, CMake, Ninja, Eigen 3,
fmt, nlohmann-json, toml++, CLI11, Highway, FFTW, libpng, libjpeg-turbo, giflib, zlib (and GoogleTest for ./test), unpack a LibTorch
(any from 1.13 to the newest 2.x, the cxx11-ABI build, from pytorch.org) and point to it:
  CMAKE_PREFIX_PATH=/path/to/libtorch $0
Fashion-MNIST: put the four IDX .gz files into a folder and set SCORESDE_FASHION_MNIST=/that/folder.
TXT
    exit 1
  fi
  for package in $wanted; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
  done
  [ -z "$missing" ] && return 0
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || { echo "Run as root, or install:$missing" >&2; exit 1; }
    root="sudo"
  fi
  say "Installing$missing"
  # shellcheck disable=SC2086
  { $root apt-get update -qq && DEBIAN_FRONTEND=noninteractive $root apt-get install -y -qq --no-install-recommends $missing; } \
    >build/apt.log 2>&1 || { tail -n 20 build/apt.log >&2; echo "apt-get failed; its output is in build/apt.log" >&2; exit 1; }
}

build_release() {
  [ -f build/release/build.ninja ] || say "Configuring"
  cmake --preset release ${SCORESDE_CMAKE_FLAGS:-} >build/configure.log 2>&1 || { cat build/configure.log >&2; exit 1; }
  say "Building (a first build takes a few minutes)"
  cmake --build --preset release -j "$(nproc)" --target "${@:-all}"
}
