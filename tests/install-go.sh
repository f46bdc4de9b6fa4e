#!/usr/bin/env bash
# Build the clients and the conformance suite that come through the Go module proxy, into .cache/go/bin of this checkout.
#
#   tests/install-go.sh          build what is missing; at once when nothing is
set -euo pipefail
cd "$(dirname "$0")/.."

bin=$PWD/.cache/go/bin
declare -A tools=(
    [crane]=github.com/google/go-containerregistry/cmd/crane@v0.20.6
    [regctl]=github.com/regclient/regclient/cmd/regctl@v0.9.2
    [oras]=oras.land/oras/cmd/oras@v1.3.0
    [helm]=helm.sh/helm/v3/cmd/helm@v3.17.3
    [buildctl]=github.com/moby/buildkit/cmd/buildctl@v0.17.3
    [buildkitd]=github.com/moby/buildkit/cmd/buildkitd@v0.17.3
    [fake-gcs-server]=github.com/fsouza/fake-gcs-server@v1.56.1
    [conformance]=github.com/opencontainers/distribution-spec/conformance@v0.0.0-20260831232431-97274622c111
)

export PATH=$PATH:/usr/local/go/bin
command -v go >/dev/null || { echo 'Go is needed (1.26 or newer)' >&2; exit 1; }
mkdir -p "$bin"
for tool in "${!tools[@]}"; do
    stamp=$bin/.$tool-${tools[$tool]##*@}
    [[ -e $stamp && -x $bin/$tool ]] && continue
    GOBIN=$bin GOFLAGS=-mod=mod CGO_ENABLED=0 go install -trimpath -ldflags=-s "${tools[$tool]}"
    touch "$stamp"
done
