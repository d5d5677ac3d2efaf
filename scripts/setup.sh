# shellcheck shell=bash
# What scripts/run, scripts/test and .ci/run share; to be sourced. `prepare TARGET…` leaves the targets built in $build
# and all that they need installed. It prints one line a step to stderr, and nothing where there is nothing to do.
#
# LibTorch is the first of these that there is: the one that the variables name, the one of the last build here, the
# PyTorch that python3 has, one fetched from the Python package index.
#
#   CMAKE_PREFIX_PATH, Torch_DIR   take the LibTorch found there
#   DIFFEO_TORCH=fetch             otherwise fetch one, whatever the last build and python3 have
#   DIFFEO_CUDA=1                  fetch one for CUDA instead of one for the CPU, and build in build-cuda/
set -euo pipefail

root=$(cd -P "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=$root/.cache
if [ "${DIFFEO_CUDA:-0}" = 1 ]; then
  build=$root/build-cuda
  torch=torch==2.14.1
  torch_index=https://download.pytorch.org/whl/cu130
else
  build=$root/build
  torch=torch==2.13.0+cpu
  torch_index=https://download.pytorch.org/whl/cpu
fi
unpacked=$cache/${torch/==/-}
libtorch=''
version_header=include/torch/headeronly/version.h

packages=(cmake ninja-build g++ libcli11-dev libspdlog-dev libyaml-cpp-dev nlohmann-json3-dev libpng-dev libjpeg-dev
  zlib1g-dev libxxhash-dev libgtest-dev)
dataset="dataset-fashion-mnist"

prepare() {
  trap 'exit 130' INT TERM # pip would end as if it had merely failed
  mkdir -p "$cache" "$build"
  exec 9>"$cache/lock"
  flock --nonblock 9 || {
    step "waiting for another build in this folder"
    flock 9
  }
  choose_libtorch
  local wanted=("${packages[@]}")
  needs_libtorch && wanted+=(python3-pip)
  if command -v apt-get >/dev/null; then
    install "${wanted[@]}"
    install_dataset
  else
    check_without_apt
  fi
  if needs_libtorch; then fetch_libtorch; fi
  configure
  compile "$@"
  exec 9>&-
  trap - INT TERM
}

step() { echo "diffeo: $*" >&2; }

give_up() {
  step "$*"
  exit 2
}

# Runs a command with its output in a log, which show_log prints if need be.
quietly() { "$@" </dev/null >"$cache/log" 2>&1; }
show_log() { cat "$cache/log" >&2; }

# Those of the named packages that are not installed.
missing_packages() {
  local installed package
  # shellcheck disable=SC2016 # dpkg-query's own variables
  installed=$(dpkg-query --show --showformat='${Package} ${db:Status-Status}\n' "$@" 2>/dev/null || true)
  for package in "$@"; do
    grep -qx "$package installed" <<<"$installed" || echo "$package"
  done
}

# With no lists of packages (a new machine) or outdated ones the first try fails.
apt_install() {
  local apt=(env DEBIAN_FRONTEND=noninteractive apt-get -qq)
  local install=("${apt[@]}" install --yes --no-install-recommends "$@")
  quietly "${install[@]}" || { quietly "${apt[@]}" update && quietly "${install[@]}"; }
}

install() {
  local missing
  mapfile -t missing < <(missing_packages "$@")
  [ ${#missing[@]} -gt 0 ] || return 0
  if [ "$(id -u)" != 0 ]; then
    if apt-cache show $dataset >/dev/null 2>&1; then mapfile -t missing < <(missing_packages "$@" $dataset); fi
    give_up "system packages are missing; run: sudo apt-get install ${missing[*]}"
  fi
  step "installing ${missing[*]}"
  apt_install "${missing[@]}" || { show_log && give_up "could not install ${missing[*]}"; }
}

# The images of the quickstart. Everything else works without them, so their lack is told once and stops nothing.
install_dataset() {
  local told=$cache/no-dataset
  { [ ! -e "$told" ] && [ -n "$(missing_packages $dataset)" ]; } || return 0
  if [ "$(id -u)" = 0 ]; then
    step "installing $dataset"
    apt_install $dataset && return
  fi
  step "warning: the quickstart's images are missing; to have them: sudo apt-get install $dataset"
  touch "$told"
}

# Another distribution: says what is missing, before LibTorch is fetched.
check_without_apt() {
  local tool missing=()
  for tool in cmake ninja c++ python3; do
    command -v "$tool" >/dev/null || missing+=("$tool")
  done
  [ ${#missing[@]} = 0 ] || give_up "missing, and there is no apt-get to install them: ${missing[*]}"
  [ ! -e "$build/build.ninja" ] || return 0
  quietly cmake -S "$root" -B "$cache/probe" -G Ninja || ! grep -q 'does not find these packages' "$cache/log" || {
    show_log
    give_up "packages are missing, and there is no apt-get to install them"
  }
}

# Sets $libtorch, the folder that encloses torch/, unless variables name one. The choice is kept in $build: another
# one, as when a virtual environment comes and goes, would cost a whole build each time.
choose_libtorch() {
  [ -z "${CMAKE_PREFIX_PATH:-}${Torch_DIR:-}" ] || return 0
  case ${DIFFEO_TORCH:-} in
  fetch) libtorch=$unpacked ;;
  '') libtorch=$(cat "$build/libtorch" 2>/dev/null || true) ;;
  *) give_up "DIFFEO_TORCH: expected fetch or nothing, found '$DIFFEO_TORCH'" ;;
  esac
  [ "$libtorch" = "$unpacked" ] || [ -e "$libtorch/torch/$version_header" ] || libtorch=''
  [ -n "$libtorch" ] || [ "${DIFFEO_CUDA:-0}" = 1 ] || take_torch_of_python
  libtorch=${libtorch:-$unpacked}
  echo "$libtorch" >"$build/libtorch"
}

# The PyTorch of python3 is found without running it, which would take seconds.
take_torch_of_python() {
  local folder version
  folder=$(python3 -c 'import sys
sys.path = [path for path in sys.path if path]
import importlib.util
print(importlib.util.find_spec("torch").submodule_search_locations[0])' 2>/dev/null) || return 0
  if [ ! -e "$folder/$version_header" ] || [ ! -e "$folder/lib/libtorch_cpu.so" ]; then
    step "python3 has a PyTorch without its C++ files, which is of no use: $folder"
    return 0
  fi
  version=$(sed -nE 's/^#define TORCH_VERSION_(MAJOR|MINOR|PATCH) //p' "$folder/$version_header" | paste -sd.)
  if is_in_range "$version"; then
    step "taking the PyTorch $version of python3 (DIFFEO_TORCH=fetch fetches one): $folder"
    libtorch=$(dirname "$folder")
  else
    step "not taking the PyTorch $version of python3, as Diffeo is made for $(range_end oldest) to" \
      "$(range_end newest): $folder"
  fi
}

range_end() { sed -n "s/^set(libtorch_$1 \(.*\))/\1/p" "$root/scripts/LibTorch.cmake"; }

is_in_range() {
  local series
  series=$(cut -d. -f1,2 <<<"$1")
  printf '%s\n' "$(range_end oldest)" "$series" "$(range_end newest)" | sort --version-sort --check=quiet
}

needs_libtorch() {
  [ -z "${CMAKE_PREFIX_PATH:-}${Torch_DIR:-}" ] && [ "$libtorch" = "$unpacked" ] && ! is_whole "$unpacked"
}

# A folder is given its name only when it is complete; the list of its files' sizes tells what happened to it since.
is_whole() { [ -s "$1/sizes" ] && [ -z "$(sizes "$1" | LC_ALL=C comm -13 - "$1/sizes")" ]; }
sizes() { find "$1/" \( -path '*/include/*' -o -name '*.so*' \) -type f -printf '%s %P\n' | LC_ALL=C sort; }

fetch_libtorch() {
  local partial=$unpacked.partial
  [ ! -e "$unpacked" ] || step "$unpacked is damaged"
  rm -rf "$partial" "$unpacked"
  mkdir -p "$partial/wheels"
  step "fetching $torch"
  download "$partial/wheels" --no-deps "$torch"
  unpack "$partial"
  if [ "${DIFFEO_CUDA:-0}" = 1 ]; then fetch_cuda_libraries "$partial"; fi
  rm -r "$partial/wheels"
  sizes "$partial" >"$partial/sizes"
  mv "$partial" "$unpacked"
}

# download FOLDER ARGUMENTS…: wheels for Python 3.11, whatever is installed here: we take only the libraries in them.
download() {
  local index failures='' pip=(python3 -m pip download --dest "$1" --only-binary=:all: --python-version 3.11)
  shift
  for index in '' "$torch_index"; do
    quietly "${pip[@]}" ${index:+--index-url "$index"} "$@" && return
    failures+=$(cat "$cache/log")$'\n'
  done
  echo -n "$failures" >&2
  give_up "could not fetch ${*: -1}, neither from the configured package index nor from $torch_index;" \
    "CMAKE_PREFIX_PATH=FOLDER takes a LibTorch that you have"
}

unpack() {
  local wheel
  step "unpacking"
  for wheel in "$1"/wheels/*.whl; do
    quietly python3 -m zipfile --extract "$wheel" "$1" || { show_log && give_up "could not unpack $wheel"; }
    rm "$wheel"
  done
}

# The wheel of CUDA's LibTorch loads the libraries of CUDA from the wheels that it depends on.
fetch_cuda_libraries() {
  local requirements
  mapfile -t requirements < <(
    sed -nE 's/^Requires-Dist: ((nvidia-|cuda-toolkit)[^;]*[^; ]).*/\1/p' "$1"/torch-*.dist-info/METADATA
  )
  step "fetching the libraries of CUDA"
  download "$1/wheels" "${requirements[@]}"
  unpack "$1"
}

# What CMake's last run has to say, from its first Error or Warning to where it tells which files had led there.
show_complaint() { sed -n "/^CMake $1/,\$p" "$cache/log" | sed '/^Call Stack/,$d' >&2; }

# Configures again only when asked for another LibTorch or moved; ninja sees to the rest.
configure() {
  local prefix=${CMAKE_PREFIX_PATH:-} settings
  [ -n "$prefix${Torch_DIR:-}" ] || prefix=$libtorch/torch
  settings=(-S "$root" -B "$build" -G Ninja "-DCMAKE_PREFIX_PATH=${prefix//:/;}" "-DTorch_DIR=${Torch_DIR:-}")
  [ ! -e "$build/build.ninja" ] || [ "$(cat "$build/settings" 2>/dev/null)" != "${settings[*]}" ] || return 0
  rm -rf "$build/settings" "$build/CMakeCache.txt" "$build/CMakeFiles"
  quietly cmake "${settings[@]}" || {
    show_complaint Error
    give_up "could not configure the build; all of CMake's output is in $cache/log"
  }
  show_complaint 'Warning at scripts.LibTorch'
  step "configured with$(sed -n 's/^-- \(LibTorch \)/ \1/p' "$cache/log")"
  echo "${settings[*]}" >"$build/settings"
}

# As many as there are processors, but no more than memory allows: a compiler takes up to 1.7 GB.
job_count() {
  local processors free_kib fit
  processors=$(nproc)
  free_kib=$(sed -n 's/^MemAvailable: *\([0-9]*\).*/\1/p' /proc/meminfo)
  fit=$((free_kib / 1700000))
  echo $((fit < 1 ? 1 : fit < processors ? fit : processors))
}

compile() {
  local status=0
  NINJA_STATUS='[%f/%t] ' ninja -C "$build" -j "$(job_count)" "$@" </dev/null 2>&1 |
    tee "$cache/log" | show_progress || status=$?
  [ $status = 0 ] || {
    grep -v '^\[' "$cache/log" >&2
    exit 1
  }
}

# Reads ninja's output, which has a line for each file done. Silent if there is nothing to build (ninja then ends at
# once); counts on a terminal.
show_progress() {
  local line count='' said=''
  while IFS= read -r -t 3 line || [ $? -gt 128 ]; do
    [[ -z $line || $line == \[[1-9]* ]] || continue
    if [ -t 2 ]; then
      [ -z "$line" ] || count=${line%% *}
      printf '\rdiffeo: building %s ' "$count" >&2
    elif [ -z "$said" ]; then
      step "building"
    fi
    said=1
  done
  if [ -t 2 ] && [ -n "$said" ]; then echo >&2; fi
}
