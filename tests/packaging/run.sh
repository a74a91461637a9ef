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

# The pkg-config of a user after installation: it finds smelt where it was installed to here.
mkdir "$work/bin"
cat >"$work/bin/pkg-config" <<TXT
#!/bin/sh
PKG_CONFIG_PATH=$(dirname "$config") exec $(command -v pkg-config) --define-variable=prefix="$prefix" "\$@"
TXT
chmod +x "$work/bin/pkg-config"

# The first block of C in docs/getting-started.md, by the command that stands above it.
first_program()
{
    awk '/^```c$/ { inside = 1; next } inside && /^```$/ { exit } inside' "$1" >"$work/first.c"
    command=$(sed -n 's/.*`\(cc first\.c [^`]*\)`.*/\1/p' "$1")
    [ -n "$command" ] || { echo "no \`cc first.c ...\` in $1"; return 1; }
    (cd "$work" && PATH=$work/bin:$PATH && eval "$command -Wall -Wextra -Werror" && LD_LIBRARY_PATH=$library ./a.out >first.out) &&
        printf '4 5\n10 11\n' | diff - "$work/first.out"
}
# Its commands for programs and shaders of one's own.
commands_after_installation()
{
    cp "$outside/main.c" "$work/program.c" && cp "$outside/shader.comp" "$work/shader.comp"
    sed -n '/^After installation:$/,/^With CMake/p' "$1" | awk '/^```sh$/ { inside = 1; next } /^```$/ { inside = 0 } inside' >"$work/commands.sh"
    [ "$(wc -l <"$work/commands.sh")" = 2 ] || { cat "$work/commands.sh"; return 1; }
    (cd "$work" && rm -f a.out && PATH=$work/bin:$PATH sh -e commands.sh && LD_LIBRARY_PATH=$library ./a.out && [ -s shader.spv ])
}
statically()
{
    # shellcheck disable=SC2046 # flags are words
    cc -std=c11 -Wall -Wextra -Werror "$outside/main.c" -o "$work/static" -I"$prefix/include" "$library/libsmelt.a" \
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
    glslc --target-env=vulkan1.3 -I "$(cat "$work/cmake/glsl_dir")" "$outside/shader.comp" -o "$work/by-cmake.spv"
}
every_header_and_module_is_installed()
{
    (cd "$2/include" && find smelt -name '*.h') >"$work/wanted"
    (cd "$2/glsl" && find smelt -name '*.glsl') >>"$work/wanted"
    while read -r file; do
        [ -f "$prefix/include/$file" ] || { echo "not installed: $file"; return 1; }
    done <"$work/wanted"
}

check "the first program of the docs builds as they say, and runs" first_program "$2/docs/getting-started.md"
check "a program and a shader build by the commands of the docs" commands_after_installation "$2/docs/getting-started.md"
check "an outside project links the static library" statically
check "an outside project builds by CMake" by_cmake
check "the installed modules compile with glslc -I" modules
check "every header and module is installed" every_header_and_module_is_installed "$1" "$2"
finish
