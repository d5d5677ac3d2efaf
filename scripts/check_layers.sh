#!/usr/bin/env bash
# Fails when a folder of src/ includes from a folder above it (lowest first); when a header pulls in all of ATen or
# anything includes torch/torch.h, which would cost whoever includes it seconds of compilation; or when two headers
# define types of one name, which the linker would silently take for one.
set -euo pipefail
cd "$(dirname "$0")/../src"
order=(core io kernels nets transforms flow data config terminal learn runs inference pictures train commands)
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

allowed='' # so far; commit.h is written by the build
for folder in "${order[@]}"; do
  allowed+="${allowed:+|}$folder"
  [ -d "$folder" ] || continue
  refuse "src/$folder may include only from ${allowed//|/ }" \
    < <(grep -rnE '#include "' "$folder" | grep -vE "#include \"(($allowed)/|commit.h\")")
done
refuse "folders without a place in the order of $0" \
  < <(find . -mindepth 1 -maxdepth 1 -type d -printf '%f\n' | grep -vxE "$allowed")
refuse "headers include narrow headers of ATen" \
  < <(grep -rn '#include <ATen/ATen.h>' --include='*.h' --exclude=precompiled.h .)
refuse "torch/torch.h is never needed" < <(grep -rn '#include <torch/torch.h>' . ../tests)
refuse "types of one name" \
  < <(grep -rhE '^(class|struct|enum class) \w+ .*\{' --include='*.h' . | sed -E 's/ (final|:|\{).*//' | sort | uniq -d)
exit $status
