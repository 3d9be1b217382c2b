#!/bin/sh
# Installs what oldiron needs to be built and run besides Rust: a C compiler (for linking and for one
# small file of the window library), pkg-config, ALSA headers and the X libraries. Quick and silent
# when nothing is missing. `cargo build --no-default-features` needs only the C compiler.
set -eu

case "$(uname -s)" in
Linux) ;;
Darwin)
    command -v cc >/dev/null 2>&1 && exit 0
    echo "setup.sh: install Apple's command line tools: xcode-select --install" >&2
    exit 1
    ;;
*)
    echo "setup.sh: on Windows install Rust with its MSVC tools (rustup offers them); nothing else is needed." >&2
    exit 0
    ;;
esac

has_library() {
    PATH="$PATH:/sbin:/usr/sbin" ldconfig -p 2>/dev/null | grep -q "$1"
}

missing=no
command -v gcc >/dev/null 2>&1 || missing=yes
command -v pkg-config >/dev/null 2>&1 || missing=yes
[ -e /usr/include/alsa/asoundlib.h ] || missing=yes
[ -e /usr/include/stdio.h ] || missing=yes
has_library 'libX11\.so\.6' || missing=yes
has_library 'libXcursor\.so\.1' || missing=yes
has_library 'libXi\.so\.6' || missing=yes
has_library 'libX11-xcb\.so\.1' || missing=yes
has_library 'libxkbcommon-x11\.so\.0' || missing=yes
[ $missing = yes ] || exit 0

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null 2>&1; then
        sudo "$@"
    else
        echo "setup.sh: run as root: $*" >&2
        exit 1
    fi
}

if command -v apt-get >/dev/null 2>&1; then
    as_root apt-get update -qq
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends \
        gcc libc6-dev pkg-config libasound2-dev libx11-6 libx11-xcb1 libxcursor1 libxi6 libxkbcommon-x11-0 >/dev/null
elif command -v dnf >/dev/null 2>&1; then
    # Untested.
    as_root dnf install -q -y gcc glibc-devel pkgconf-pkg-config alsa-lib-devel libX11 libX11-xcb libXcursor libXi libxkbcommon-x11
elif command -v pacman >/dev/null 2>&1; then
    # Untested.
    as_root pacman -S --needed --noconfirm --quiet gcc pkgconf alsa-lib libx11 libxcursor libxi libxkbcommon-x11
else
    echo "setup.sh: no apt, dnf or pacman here; install gcc, pkg-config, the ALSA headers, libX11, libX11-xcb, libXcursor, libXi and libxkbcommon-x11" >&2
    exit 1
fi
