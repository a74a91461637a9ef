#!/bin/sh
# SPDX-License-Identifier: MIT
# A build with -Dcompiler=disabled links no GLSL compiler and renders from bundles baked by a build that has one:
#     no_compiler.sh SOURCE MESON PROGRAM
set -eu
source=$1 meson=$2 program=$3
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT INT TERM

fail()
{
    echo "$*"
    echo "0 passed, 1 failed, 0 skipped"
    exit 1
}

"$meson" setup "$folder/build" "$source" -Dcompiler=disabled -Dtests=false -Dbench=false -Dtools=false \
    -Ddefault_library=static >"$folder/log" 2>&1 || fail "$(tail -n 20 "$folder/log")"
ninja -C "$folder/build" examples/neural-material/neural-material >"$folder/log" 2>&1 ||
    fail "$(tail -n 20 "$folder/log")"
bare=$folder/build/examples/neural-material/neural-material
if ldd "$bare" | grep -E 'shaderc|spirv|glslang'; then
    fail "it links a GLSL compiler"
fi

set -- --material metal053c --mesh sphere --size 64x48 --frames 1 --backend portable
"$bare" "$@" --output "$folder/a.png" >"$folder/log" 2>&1 && fail "it compiled a shader"
grep -q 'GLSL compiler.*-Dcompiler=disabled' "$folder/log" || fail "unexpected message: $(cat "$folder/log")"
[ "$(wc -l <"$folder/log")" = 1 ] || fail "wanted one line: $(cat "$folder/log")"
mkdir "$folder/bundles"
"$program" --material metal053c --bake "$folder/bundles" >"$folder/log" 2>&1 || fail "$(cat "$folder/log")"
"$bare" "$@" --bundles "$folder/bundles" --validate --output "$folder/a.png" >"$folder/log" 2>&1 ||
    fail "$(cat "$folder/log")"
"$program" "$@" --output "$folder/b.png" >"$folder/log" 2>&1 || fail "$(cat "$folder/log")"
cmp "$folder/a.png" "$folder/b.png" || fail "the pictures differ"
echo "1 passed, 0 failed, 0 skipped"
