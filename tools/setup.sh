#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Makes sure that what a build (or, beyond that, the tests) needs is there: tools/setup.sh build | test [--no-python]
# Only what is missing is installed, through apt as root or with sudo; without either it names the packages and ends with 2.
# The Python environment of the tests is made by tools/python_env.sh, outside the clone. Silent when all is there.
set -eu
cd "$(dirname "$0")/.."
what=${1:-build}
python=yes
[ "${2:-}" = --no-python ] && python=no
case $what in
build | test) ;;
*) echo "usage: tools/setup.sh build | test [--no-python]" >&2; exit 2 ;;
esac

missing=
need() { # need PACKAGE COMMAND...: the package is missing when the command fails
    package=$1
    shift
    "$@" >/dev/null 2>&1 || missing="$missing $package"
}
compiles() { # compiles COMPILER LANGUAGE HEADER: the compiler and that library's headers work
    echo "#include <$3>" | "$1" -x "$2" -E - >/dev/null
}

list_missing() {
    missing=
    need cmake cmake --version
    need ninja-build ninja --version
    need gcc gcc --version
    need libc6-dev compiles gcc c stdio.h
    need pkg-config pkg-config --version
    need libjansson-dev pkg-config --exists jansson
    need libpcre2-dev pkg-config --exists libpcre2-8
    need libutf8proc-dev pkg-config --exists libutf8proc
    if [ "$what" = test ]; then
        need g++ compiles g++ c++ cstdio
        need clang clang --version
        need libcmocka-dev pkg-config --exists cmocka
        need spin spin -V
        need python3 python3 --version
        need python3-venv python3 -c 'import ensurepip, venv'
        if [ "$(uname -m)" = x86_64 ]; then # the NEON kernels, run by an emulator
            need gcc-aarch64-linux-gnu aarch64-linux-gnu-gcc --version
            need libc6-dev-arm64-cross compiles aarch64-linux-gnu-gcc c stdio.h
            need qemu-user-static sh -c 'command -v qemu-aarch64-static || command -v qemu-aarch64'
        fi
    fi
}

say_what_is_needed() {
    echo "tools/setup.sh: $1. These packages (Debian's names) are missing; install them and run this again:" >&2
    echo "  apt-get install$missing" >&2
    exit 2
}

list_missing
if [ -n "$missing" ]; then
    command -v apt-get >/dev/null 2>&1 || say_what_is_needed "there is no apt-get here"
    if [ "$(id -u)" = 0 ]; then
        as_root=
    elif command -v sudo >/dev/null 2>&1 && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then
        as_root=sudo
    else
        say_what_is_needed "installing takes root or sudo"
    fi
    echo "installing:$missing"
    # shellcheck disable=SC2086 # a list of words, and a command that may be empty
    install_missing() {
        $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing
    }
    log=$(mktemp)
    trap 'rm -f "$log"' EXIT
    if ! install_missing >"$log" 2>&1; then # most likely the package lists are old or absent
        { $as_root apt-get update -q && install_missing; } >>"$log" 2>&1 || {
            tail -n 20 "$log" >&2
            say_what_is_needed "apt-get failed"
        }
    fi
    list_missing
    [ -z "$missing" ] || say_what_is_needed "something is still missing after the installation"
fi

if [ "$what" = test ] && [ "$python" = yes ]; then
    tools/python_env.sh >/dev/null
fi
