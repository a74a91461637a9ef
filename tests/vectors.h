// SPDX-License-Identifier: MIT
// The beginning of shaders of tests and benches over vectors: `source` is one of f32 that is read, `result` one that is
// written, both of any extent.
#ifndef SMELT_TEST_VECTORS_H
#define SMELT_TEST_VECTORS_H

#define VECTORS_GLSL                                                                                         \
    "#version 460\n"                                                                                         \
    "#include \"smelt/base.glsl\"\n"                                                                         \
    "#define SMELT_TENSOR source\n"                                                                          \
    "#define SMELT_DTYPE SMELT_DTYPE_F32\n"                                                                  \
    "#define SMELT_RANK 1\n"                                                                                 \
    "#define SMELT_ACCESS SMELT_ACCESS_READ\n"                                                               \
    "#define SMELT_EXTENT0 0\n"                                                                              \
    "#include \"smelt/tensor_tmpl.glsl\"\n"                                                                  \
    "#define SMELT_TENSOR result\n"                                                                          \
    "#define SMELT_DTYPE SMELT_DTYPE_F32\n"                                                                  \
    "#define SMELT_RANK 1\n"                                                                                 \
    "#define SMELT_ACCESS SMELT_ACCESS_WRITE\n"                                                              \
    "#define SMELT_EXTENT0 0\n"                                                                              \
    "#include \"smelt/tensor_tmpl.glsl\"\n"

#endif
