#!/usr/bin/env bash
# Install what the functional tests need from Debian 12's packages: clients, engines, the peer registry, Ceph.
#
#   tests/install.sh            install what is missing; at once when nothing is
#   tests/install.sh --check    only say what is missing; exit status 1 when anything is
#
# The tests start what they need by themselves, on free ports.  So no package may start a service of its own (Debian's
# docker-registry would take port 5000, nginx port 80), neither now nor at the next boot.
set -euo pipefail

packages=(
    docker.io containerd podman buildah skopeo uidmap   # clients and engines
    docker-registry                                     # the peer that benchmarks compare with
    ceph-mon ceph-osd ceph-common radosgw               # an object store
    slapd ldap-utils                                    # a directory, for logging in
    gcc python3-dev libldap-dev libsasl2-dev            # and what its client is compiled with (objreg[ldap])
    busybox-static                                      # the content of test images
    nginx-light apache2-utils                           # a proxy in front, htpasswd files
    chromium chromium-driver                            # a browser, for the pages of the hub
    python3-venv ca-certificates openssl
)
services=(docker-registry nginx slapd docker docker.socket containerd podman.socket podman-auto-update.timer)

missing=()
for package in "${packages[@]}"; do
    [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || missing+=("$package")
done
if ((${#missing[@]} == 0)); then
    exit 0
fi
if [[ ${1:-} == --check ]]; then
    echo "missing: ${missing[*]}"
    exit 1
fi

as_root=()
if ((EUID != 0)); then
    command -v sudo >/dev/null || { echo "as root: apt-get install --no-install-recommends ${missing[*]}" >&2; exit 1; }
    as_root=(sudo)
fi

# services that ran before stay as they are
present=()
for service in "${services[@]}"; do
    if command -v systemctl >/dev/null && systemctl cat "$service" >/dev/null 2>&1; then
        present+=("$service")
    fi
done

# Debian's way to say that package scripts must start nothing
policy=/usr/sbin/policy-rc.d
if [[ ! -e $policy ]]; then
    trap '"${as_root[@]}" rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
    "${as_root[@]}" chmod 755 "$policy"
fi


"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends -o Dpkg::Use-Pty=0 "${missing[@]}" >/dev/null

if [[ -d /run/systemd/system ]]; then
    for service in "${services[@]}"; do
        if [[ " ${present[*]} " != *" $service "* ]] && systemctl cat "$service" >/dev/null 2>&1; then
            "${as_root[@]}" systemctl disable --quiet "$service"
        fi
    done
fi
