#!/bin/sh
# Install Slurm and munge from the distribution's packages (Debian, Ubuntu); needs root, is safe
# to repeat. No system daemon is started: the tests run a cluster of their own.
set -eu
export DEBIAN_FRONTEND=noninteractive
packages="slurmctld slurmd slurm-client munge util-linux procps"
missing=""
for package in $packages; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' ||
    missing="$missing $package"
done
[ -n "$missing" ] || exit 0
policy=/usr/sbin/policy-rc.d
made=""
if [ ! -e "$policy" ]; then # without an init the packages must not try to start daemons
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod +x "$policy"
  made=1
fi
trap '[ -z "$made" ] || rm -f "$policy"' EXIT
apt-get update -qq
# shellcheck disable=SC2086
apt-get install -y -qq --no-install-recommends $missing
