#!/bin/sh
# SPDX-License-Identifier: MIT
# Builds smelt a second time with -Dcompiler=disabled and lets that build render what this one has baked.
# usage: no_compiler.sh BUILD_FOLDER SOURCE_FOLDER
set -eu
. "$(dirname "$0")/check.sh"
with=$1
source=$2
without=$work/build
bundles=$work/bundles
example=examples/neural-material/neural-material
export XDG_CACHE_HOME="$work/cache"
# Programs of this build hold the library; those of the second one load theirs, also where $ORIGIN has no meaning.
export LD_LIBRARY_PATH="$without/src"
unset SMELT_BACKEND

builds()
{
    # A source that wants a compiler's header gets one that does not compile.
    mkdir -p "$work/headers/shaderc" "$work/headers/spirv_cross"
    for header in shaderc/shaderc.h spirv_cross/spirv_cross_c.h spirv_cross_c.h; do
        echo '#error "a header of the GLSL compiler in a build without it"' >"$work/headers/$header"
    done
    CFLAGS="-I$work/headers" meson setup "$without" "$source" -Dcompiler=disabled -Dtests=false -Dbench=false \
        -Ddefault_library=both -Donnx=disabled -Dbuildtype=plain -Dwerror=true && ninja -C "$without"
}

# Debian 12's shaderc is linked as archives, which no NEEDED entry tells: so by symbols, too.
compiler_symbols()
{
    nm "$1" | grep -iE 'shaderc|spvc_|glslang|spirv_cross'
}

links_no_compiler()
{
    library=$without/src/libsmelt.so
    ldd "$library"
    if ldd "$library" | grep -iE 'shaderc|spirv|glslang|vulkan'; then return 1; fi
    if nm -D --undefined-only "$library" | grep -E ' (shaderc_|spvc_|vk[A-Z])'; then return 1; fi
    if compiler_symbols "$library"; then return 1; fi
    compiler_symbols "$with/src/libsmelt.so" >/dev/null || { echo "nm does not see the compiler where it is"; return 1; }
}

bakes()
{ # bakes MATERIAL
    mkdir -p "$bundles"
    "$with/$example" --material "$1" --bake "$bundles"
}

draws()
{ # draws BUILD OUTPUT OPTIONS...
    folder=$1
    output=$2
    shift 2
    "$folder/$example" --mesh sphere --size 64x48 --samples 1 --frames 1 --validate --output "$output" "$@"
}

draws_the_same()
{ # draws_the_same MATERIAL PRECISION
    draws "$with" "$work/with.png" --material "$1" --precision "$2" &&
        draws "$without" "$work/without.png" --material "$1" --precision "$2" --bundles "$bundles" &&
        cmp "$work/with.png" "$work/without.png"
}

# It fails with one line on standard error that has all of these words, and writes no picture.
refuses()
{ # refuses WORDS OPTIONS...
    words=$1
    shift
    status=0
    draws "$without" "$work/refused.png" "$@" 2>"$work/line" || status=$?
    cat "$work/line"
    [ "$status" = 1 ] && [ "$(wc -l <"$work/line")" = 1 ] && [ ! -e "$work/refused.png" ] || return 1
    for word in $words; do
        grep -qF -e "$word" "$work/line" || { echo "not said: $word"; return 1; }
    done
}

# A model of many kinds of operators, baked by the build with the compiler, gives the same bytes in both.
runs_the_same()
{
    smelt=tools/smelt/smelt
    "$with/$smelt" pack "$source/tests/data/pytorch/convnet_opset18/model.onnx" -o "$work/baked.safetensors" --bake --shape image=2,3,16,16 &&
        "$with/$smelt" run "$work/baked.safetensors" --random --shape image=2,3,16,16 --output "$work/with.npy" &&
        "$without/$smelt" run "$work/baked.safetensors" --random --shape image=2,3,16,16 --output "$work/without.npy" &&
        cmp "$work/with.npy" "$work/without.npy"
}

lacks_a_variant()
{
    smelt=$without/tools/smelt/smelt
    if "$smelt" run "$work/baked.safetensors" --dtype f16 --backend portable --random --shape image=2,3,16,16 2>"$work/line"; then return 1; fi
    cat "$work/line"
    for word in "of f16 on portable" "no SPIR-V of this variant" "smelt pack --bake"; do
        grep -qF -e "$word" "$work/line" || return 1
    done
}

check "a build without the compiler has no warnings and reads none of its headers" builds
check "it links neither shaderc nor SPIRV-Cross nor libvulkan" links_no_compiler
for material in rock053 metal053c; do
    check "$material is baked for all backends" bakes $material
    check "$material looks the same from its bundle" draws_the_same $material auto
done
if "$with/tools/smelt/smelt" devices --json 2>/dev/null | grep -q '"float16":[[:space:]]*true'; then
    check "and in f16" draws_the_same rock053 f16
else
    skip "and in f16" "no device has float16"
fi
mkdir "$work/empty"
check "without a bundle it is told what is wanted" refuses "GLSL compiler --bundles --bake"
check "a bundle that is not there is named" refuses "$work/empty .frag.safetensors" --bundles "$work/empty"
if "$with/tools/smelt/smelt" pack "$source/tests/data/pytorch/convnet_opset18/model.onnx" -o "$work/plain.safetensors"; then
    check "a network that was baked gives the same without the compiler" runs_the_same
    check "a variant that was not baked is named" lacks_a_variant
else
    skip "networks without the compiler" "this build has no ONNX importer"
fi
check "the smelt command without the compiler passes its tests" env SMELT_HAVE_COMPILER=0 SMELT_HAVE_ONNX=0 SMELT_SOURCE_ROOT="$source" \
    "$source/tests/tool/test_tool.py" "$without/tools/smelt/smelt"
finish
