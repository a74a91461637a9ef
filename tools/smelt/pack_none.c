// SPDX-License-Identifier: MIT
// smelt pack in a build without the ONNX importer: says so.
#include "tool.h"

int tool_pack(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return tool_fail(
        "this build has no ONNX importer: it was configured without protobuf-c or the ONNX schema "
        "(packages protobuf-c-compiler, libprotobuf-c-dev, libonnx-dev; meson option onnx)");
}
