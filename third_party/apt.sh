# SPDX-License-Identifier: MIT
# Debian's packages: installed as root, or fetched by lists of their own in a folder. Sourced.

APT_KEY=/usr/share/keyrings/debian-archive-keyring.gpg

# Runs apt-get as root.
apt_root() {
    local root=()
    [ "$(id -u)" = 0 ] || root=(sudo)
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 "$@"
}

# apt_install LOG PACKAGE...: installs those that are missing, with at most one update of the lists.
# Uses `say` and `die` of the script.
apt_install() {
    local log=$1 missing=() package
    shift
    for package in "$@"; do
        if [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" != installed ]; then
            missing+=("$package")
        fi
    done
    if [ ${#missing[@]} = 0 ]; then
        return
    fi
    if [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null; then
        die "found neither root nor sudo, expected one of them to install ${missing[*]}"
    fi
    say "installing ${missing[*]} (minutes, by the speed of the network; log: $log)"
    if ! { apt_root update && apt_root install -y --no-install-recommends "${missing[@]}"; } \
        </dev/null >"$log" 2>&1; then
        tail -n 5 "$log" >&2
        die "apt-get could not install the packages (all of its output: $log)"
    fi
}

# apt_apart apt-get|apt-cache FOLDER ARGUMENTS...: a tool of apt that knows the sources of apt_prepare and no others.
apt_apart() {
    local tool=$1 apt=$2
    shift 2
    "$tool" -q -o "Dir::Etc::sourcelist=$apt/sources.list" -o Dir::Etc::sourceparts=/dev/null \
        -o "Dir::State::Lists=$apt/lists" -o "Dir::Cache=$apt/cache" -o APT::Sandbox::User=root \
        -o APT::Update::Post-Invoke::= -o APT::Update::Post-Invoke-Success::= "$@"
}

# apt_prepare FOLDER deb|deb-src SUITE...: fetches the suites' lists. Their address is that of the
# machine's own package source.
apt_prepare() {
    local apt=$1 type=$2 uri suite
    shift 2
    mkdir -p "$apt/lists/partial" "$apt/cache"
    uri=$(apt-get indextargets --format '$(REPO_URI)' 'Codename: bookworm' | head -n 1)
    [ -n "$uri" ] || uri=$(apt-get indextargets --format '$(REPO_URI)' 'Suite: bookworm' | head -n 1)
    [ -n "$uri" ] || return 1
    for suite in "$@"; do
        echo "$type [signed-by=$APT_KEY] $uri $suite main"
    done >"$apt/sources.list"
    apt_apart apt-get "$apt" update
}
