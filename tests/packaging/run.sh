#!/bin/sh
# SPDX-License-Identifier: MIT
# Installs smelt into a temporary folder and builds a small outside project by pkg-config and by CMake against it.
# usage: run.sh BUILD_FOLDER SOURCE_FOLDER
set -eu
build=$1
outside=$2/tests/packaging/outside
. "$(dirname "$0")/check.sh"
meson install -C "$build" --no-rebuild --destdir "$work/root" >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
config=$(find "$work/root" -name smelt.pc)
prefix=$(dirname "$config")/../..
while [ ! -d "$prefix/include/smelt" ]; do prefix=$prefix/..; done
prefix=$(cd "$prefix" && pwd)
library=$(dirname "$(find "$work/root" -name libsmelt.so)")

by_pkg_config()
{
    export PKG_CONFIG_PATH=$(dirname "$config")
    flags=$(pkg-config --define-variable=prefix="$prefix" --cflags --libs smelt)
    # shellcheck disable=SC2086 # flags are words
    cc -std=c11 -Wall -Wextra -Werror "$outside/main.c" -o "$work/by-pkg-config" $flags &&
        LD_LIBRARY_PATH=$library "$work/by-pkg-config"
}
statically()
{
    # shellcheck disable=SC2046 # flags are words
    cc -std=c11 "$outside/main.c" -o "$work/static" -I"$prefix/include" "$library/libsmelt.a" \
        $(PKG_CONFIG_PATH=$(dirname "$config") pkg-config --static --libs-only-l smelt | sed 's/-lsmelt//') &&
        "$work/static"
}
by_cmake()
{
    cmake -S "$outside" -B "$work/cmake" -DCMAKE_PREFIX_PATH="$prefix" && cmake --build "$work/cmake" &&
        "$work/cmake/outside"
}
modules()
{
    glslc --target-env=vulkan1.3 -I "$(cat "$work/cmake/glsl_dir")" "$outside/shader.comp" -o "$work/shader.spv"
}
every_header_and_module_is_installed()
{
    (cd "$2/include" && find smelt -name '*.h') >"$work/wanted"
    (cd "$2/glsl" && find smelt -name '*.glsl') >>"$work/wanted"
    while read -r file; do
        [ -f "$prefix/include/$file" ] || { echo "not installed: $file"; return 1; }
    done <"$work/wanted"
}

check "an outside project builds by pkg-config" by_pkg_config
check "an outside project links the static library" statically
check "an outside project builds by CMake" by_cmake
check "the installed modules compile with glslc -I" modules
check "every header and module is installed" every_header_and_module_is_installed "$1" "$2"
finish
