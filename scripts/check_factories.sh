#!/usr/bin/env bash
# Fails when src/ creates a tensor without the options of another: it would land on the CPU in single precision,
# whatever the model is on. A call passes if its arguments name options (`x.options()`, `site.options`, …) or the meta
# device, where there are only shapes.
set -euo pipefail
cd "$(dirname "$0")/.."

# "FILE: CALL", each with the reason why its tensor belongs where it is, whatever the model is on.
allowed=(
  # Starting values are drawn on the host in one precision, then moved: they are the same on every device.
  'src/core/site.cpp: at::empty(sizes, at::kFloat)'
)

factories='arange|empty|empty_strided|eye|from_blob|full|hann_window|linspace|logspace|normal|ones|rand|randint|randn'
factories+='|randperm|range|scalar_tensor|tensor|tril_indices|triu_indices|zeros'

# shellcheck disable=SC2016 # Perl's own variables
calls=$(find src -name '*.cpp' -o -name '*.h' | sort | xargs perl -0777 -ne '
  s{//[^\n]*}{}g;
  while (/\b(?:at|torch)::(?:'"$factories"')\s*(\((?:[^()]++|(?1))*\))/g) {
    my ($call, $arguments) = ($&, $1);
    print "$ARGV: ", $call =~ s/\s+/ /gr, "\n" unless $arguments =~ /options|kMeta/;
  }')
refused=$(grep -vxF -f <(printf '%s\n' "${allowed[@]}") <<<"$calls" || true)
outdated=$(printf '%s\n' "${allowed[@]}" | grep -vxF -f <(echo "$calls") || true)

if [ -n "$refused" ]; then
  echo "tensors created without the options of another:"
  echo "$refused"
fi
if [ -n "$outdated" ]; then
  echo "allowed in $0, but no longer in the source:"
  echo "$outdated"
fi
[ -z "$refused$outdated" ]
