#!/usr/bin/env bash
# Fails when a folder of src/ includes from a folder above it (lowest first), when a header pulls in all of ATen, or
# when anything includes torch/torch.h: either would cost every file that includes it seconds of compilation.
set -euo pipefail
cd "$(dirname "$0")/../src"
order=(core io kernels nets transforms flow data config pictures train commands)
status=0

# refuse MESSAGE: prints it and the lines on stdin, if there are any.
refuse() {
  local lines
  lines=$(cat)
  [ -n "$lines" ] || return 0
  echo "$1:"
  echo "$lines"
  status=1
}

allowed=
for folder in "${order[@]}"; do
  allowed+="${allowed:+|}$folder"
  [ -d "$folder" ] || continue
  refuse "src/$folder may include only from ${allowed//|/ }" \
    < <(grep -rnE '#include "' "$folder" | grep -vE "#include \"($allowed)/")
done
refuse "folders without a place in the order of $0" \
  < <(find . -mindepth 1 -maxdepth 1 -type d -printf '%f\n' | grep -vxE "$allowed")
refuse "headers include narrow headers of ATen" \
  < <(grep -rn '#include <ATen/ATen.h>' --include='*.h' --exclude=precompiled.h .)
refuse "torch/torch.h is never needed" < <(grep -rn '#include <torch/torch.h>' . ../tests)
exit $status
