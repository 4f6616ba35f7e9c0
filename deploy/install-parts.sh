#!/bin/sh
# Installs Debian packages that are missing, if this is Debian and we may. Otherwise it says which are missing;
# the tests that need them then skip by name, and fail in CI.
missing=""
for package in "$@"; do
    dpkg -s "$package" >/dev/null 2>&1 || missing="$missing $package"
done
[ -z "$missing" ] && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "installing:$missing"
    apt-get update -qq
    # shellcheck disable=SC2086 -- a list of words is meant
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null && exit 0
fi
echo "NOT INSTALLED:$missing (the tests that need them will be skipped; in CI they fail)" >&2
[ "${CI:-}" = true ] && exit 1
exit 0
