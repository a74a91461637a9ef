// SPDX-License-Identifier: MIT
// convolution2d_check_tmpl.glsl: checks the parameters of convolution2d_tmpl.glsl, which includes it.
//
// what    an #error that names the parameter for each one that is missing or out of range
// params  those of convolution2d_tmpl.glsl
// makes   nothing
// errors  none (no arithmetic)
// needs   convolution2d_tmpl.glsl around it
// source  convolution2d_tmpl.glsl
#ifndef SMELT_BASE_GLSL
#error "convolution2d_tmpl.glsl: include smelt/base.glsl first"
#endif
#include "smelt/activation.glsl"
#ifndef SMELT_CONVOLUTION2D
#error "convolution2d_tmpl.glsl: SMELT_CONVOLUTION2D (name of the op) is not defined"
#endif
#ifndef SMELT_CONVOLUTION2D_SCOPE
#error "convolution2d_tmpl.glsl: SMELT_CONVOLUTION2D_SCOPE (invocations that work together) is not defined"
#endif
#if SMELT_CONVOLUTION2D_SCOPE < SMELT_SCOPE_THREAD || SMELT_CONVOLUTION2D_SCOPE > SMELT_SCOPE_WORKGROUP
#error                                                                                                       \
    "convolution2d_tmpl.glsl: SMELT_CONVOLUTION2D_SCOPE must be SMELT_SCOPE_THREAD, _SUBGROUP or _WORKGROUP"
#endif
#ifndef SMELT_CONVOLUTION2D_M
#error "convolution2d_tmpl.glsl: SMELT_CONVOLUTION2D_M (pixels and channels of the tile) is not defined"
#endif
#ifndef SMELT_CONVOLUTION2D_N
#error "convolution2d_tmpl.glsl: SMELT_CONVOLUTION2D_N (pixels and channels of the tile) is not defined"
#endif
#ifndef SMELT_CONVOLUTION2D_IMAGE_LAYOUT
#error "convolution2d_tmpl.glsl: SMELT_CONVOLUTION2D_IMAGE_LAYOUT (SMELT_LAYOUT_x) is not defined"
#endif
#ifndef SMELT_CONVOLUTION2D_WEIGHT_LAYOUT
#error "convolution2d_tmpl.glsl: SMELT_CONVOLUTION2D_WEIGHT_LAYOUT (SMELT_LAYOUT_x) is not defined"
#endif
#if SMELT_CONVOLUTION2D_IMAGE_LAYOUT != SMELT_LAYOUT_NHWC &&                                                 \
    SMELT_CONVOLUTION2D_IMAGE_LAYOUT != SMELT_LAYOUT_NCHW
#error                                                                                                       \
    "convolution2d_tmpl.glsl: SMELT_CONVOLUTION2D_IMAGE_LAYOUT must be SMELT_LAYOUT_NHWC or SMELT_LAYOUT_NCHW"
#endif
#if SMELT_CONVOLUTION2D_WEIGHT_LAYOUT < SMELT_LAYOUT_HWIO ||                                                 \
    SMELT_CONVOLUTION2D_WEIGHT_LAYOUT > SMELT_LAYOUT_IOHW
#error                                                                                                       \
    "convolution2d_tmpl.glsl: SMELT_CONVOLUTION2D_WEIGHT_LAYOUT must be SMELT_LAYOUT_HWIO, _OHWI, _OIHW or _IOHW"
#endif
#ifndef SMELT_CONVOLUTION2D_KERNEL_H
#error                                                                                                       \
    "convolution2d_tmpl.glsl: SMELT_CONVOLUTION2D_KERNEL_H (of the weight; 0: known at run time) is not defined"
#endif
#ifndef SMELT_CONVOLUTION2D_KERNEL_W
#error                                                                                                       \
    "convolution2d_tmpl.glsl: SMELT_CONVOLUTION2D_KERNEL_W (of the weight; 0: known at run time) is not defined"
#endif
#ifndef SMELT_CONVOLUTION2D_CHANNELS
#error                                                                                                       \
    "convolution2d_tmpl.glsl: SMELT_CONVOLUTION2D_CHANNELS (of the image in a group; 0: known at run time) is not defined"
#endif
#ifndef SMELT_CONVOLUTION2D_STRIDE_Y
#error "convolution2d_tmpl.glsl: SMELT_CONVOLUTION2D_STRIDE_Y (1 or more) is not defined"
#endif
#ifndef SMELT_CONVOLUTION2D_STRIDE_X
#error "convolution2d_tmpl.glsl: SMELT_CONVOLUTION2D_STRIDE_X (1 or more) is not defined"
#endif
#ifndef SMELT_CONVOLUTION2D_DILATION_Y
#error "convolution2d_tmpl.glsl: SMELT_CONVOLUTION2D_DILATION_Y (1 or more) is not defined"
#endif
#ifndef SMELT_CONVOLUTION2D_DILATION_X
#error "convolution2d_tmpl.glsl: SMELT_CONVOLUTION2D_DILATION_X (1 or more) is not defined"
#endif
#ifndef SMELT_CONVOLUTION2D_GROUPS
#error "convolution2d_tmpl.glsl: SMELT_CONVOLUTION2D_GROUPS (1 or more) is not defined"
#endif
#ifndef SMELT_CONVOLUTION2D_PADDING_TOP
#error "convolution2d_tmpl.glsl: SMELT_CONVOLUTION2D_PADDING_TOP (0 or more) is not defined"
#endif
#ifndef SMELT_CONVOLUTION2D_PADDING_LEFT
#error "convolution2d_tmpl.glsl: SMELT_CONVOLUTION2D_PADDING_LEFT (0 or more) is not defined"
#endif
#ifndef SMELT_CONVOLUTION2D_PADDING_BOTTOM
#error "convolution2d_tmpl.glsl: SMELT_CONVOLUTION2D_PADDING_BOTTOM (0 or more) is not defined"
#endif
#ifndef SMELT_CONVOLUTION2D_PADDING_RIGHT
#error "convolution2d_tmpl.glsl: SMELT_CONVOLUTION2D_PADDING_RIGHT (0 or more) is not defined"
#endif
#ifndef SMELT_CONVOLUTION2D_OUTPUT_PADDING_Y
#error "convolution2d_tmpl.glsl: SMELT_CONVOLUTION2D_OUTPUT_PADDING_Y (0 or more) is not defined"
#endif
#ifndef SMELT_CONVOLUTION2D_OUTPUT_PADDING_X
#error "convolution2d_tmpl.glsl: SMELT_CONVOLUTION2D_OUTPUT_PADDING_X (0 or more) is not defined"
#endif
#ifndef SMELT_CONVOLUTION2D_LITERAL
#error                                                                                                       \
    "convolution2d_tmpl.glsl: SMELT_CONVOLUTION2D_LITERAL (1: strides and so on are literals, 0: expressions) is not defined"
#endif
#ifndef SMELT_CONVOLUTION2D_TRANSPOSED
#error "convolution2d_tmpl.glsl: SMELT_CONVOLUTION2D_TRANSPOSED (1 or 0) is not defined"
#endif
#ifndef SMELT_CONVOLUTION2D_BIAS
#error "convolution2d_tmpl.glsl: SMELT_CONVOLUTION2D_BIAS (1 or 0) is not defined"
#endif
#ifndef SMELT_CONVOLUTION2D_ACTIVATION
#error "convolution2d_tmpl.glsl: SMELT_CONVOLUTION2D_ACTIVATION (SMELT_ACTIVATION_x) is not defined"
#endif
#ifndef SMELT_CONVOLUTION2D_EPILOGUE
#error                                                                                                       \
    "convolution2d_tmpl.glsl: SMELT_CONVOLUTION2D_EPILOGUE (1: NAME_element is declared, 0: there is none) is not defined"
#endif
#ifndef SMELT_CONVOLUTION2D_STORED_LEFT
#error "convolution2d_tmpl.glsl: SMELT_CONVOLUTION2D_STORED_LEFT (SMELT_DTYPE_x) is not defined"
#endif
#ifndef SMELT_CONVOLUTION2D_STORED
#error "convolution2d_tmpl.glsl: SMELT_CONVOLUTION2D_STORED (SMELT_DTYPE_x) is not defined"
#endif
#ifndef SMELT_CONVOLUTION2D_COMPUTED
#error "convolution2d_tmpl.glsl: SMELT_CONVOLUTION2D_COMPUTED (SMELT_DTYPE_x) is not defined"
#endif
#ifndef SMELT_CONVOLUTION2D_ACCUMULATED
#error "convolution2d_tmpl.glsl: SMELT_CONVOLUTION2D_ACCUMULATED (SMELT_DTYPE_x) is not defined"
#endif
#ifndef SMELT_CONVOLUTION2D_ALIGNMENT
#error "convolution2d_tmpl.glsl: SMELT_CONVOLUTION2D_ALIGNMENT (of an operand, in elements) is not defined"
#endif
#ifndef SMELT_CONVOLUTION2D_WEIGHT_ALIGNMENT
#error                                                                                                       \
    "convolution2d_tmpl.glsl: SMELT_CONVOLUTION2D_WEIGHT_ALIGNMENT (of an operand, in elements) is not defined"
#endif
#ifndef SMELT_CONVOLUTION2D_BACKEND
#error "convolution2d_tmpl.glsl: SMELT_CONVOLUTION2D_BACKEND (SMELT_BACKEND_x) is not defined"
#endif
#if SMELT_CONVOLUTION2D_COMPUTED == SMELT_DTYPE_I8
#if SMELT_CONVOLUTION2D_STORED_LEFT != SMELT_DTYPE_I8 && SMELT_CONVOLUTION2D_STORED_LEFT != SMELT_DTYPE_U8
#error "convolution2d_tmpl.glsl: SMELT_CONVOLUTION2D_STORED_LEFT must be I8 or U8 with COMPUTED I8"
#endif
#if SMELT_CONVOLUTION2D_STORED != SMELT_DTYPE_I8 && SMELT_CONVOLUTION2D_STORED != SMELT_DTYPE_U8
#error "convolution2d_tmpl.glsl: SMELT_CONVOLUTION2D_STORED must be I8 or U8 with COMPUTED I8"
#endif
#ifndef SMELT_CONVOLUTION2D_ZERO_POINTS
#error                                                                                                       \
    "convolution2d_tmpl.glsl: SMELT_CONVOLUTION2D_ZERO_POINTS (1: NAME_zero_image, NAME_zero_weight are declared) is not defined"
#endif
#if SMELT_CONVOLUTION2D_ACCUMULATED != SMELT_DTYPE_I32
#error "convolution2d_tmpl.glsl: SMELT_CONVOLUTION2D_ACCUMULATED (of the sums) must be I32 with COMPUTED I8"
#endif
#if SMELT_CONVOLUTION2D_ACTIVATION != SMELT_ACTIVATION_NONE &&                                               \
    SMELT_CONVOLUTION2D_ACTIVATION != SMELT_ACTIVATION_RELU
#error "convolution2d_tmpl.glsl: SMELT_CONVOLUTION2D_ACTIVATION must be NONE or RELU with COMPUTED I8"
#endif
#else
#if SMELT_CONVOLUTION2D_STORED_LEFT < SMELT_DTYPE_F32 || SMELT_CONVOLUTION2D_STORED_LEFT > SMELT_DTYPE_F8E5M2
#error "convolution2d_tmpl.glsl: SMELT_CONVOLUTION2D_STORED_LEFT must be F32, F16, BF16, F8E4M3 or F8E5M2"
#endif
#if SMELT_CONVOLUTION2D_STORED < SMELT_DTYPE_F32 || SMELT_CONVOLUTION2D_STORED > SMELT_DTYPE_F8E5M2
#error "convolution2d_tmpl.glsl: SMELT_CONVOLUTION2D_STORED must be F32, F16, BF16, F8E4M3 or F8E5M2"
#endif
#if defined SMELT_CONVOLUTION2D_ZERO_POINTS
#error                                                                                                       \
    "convolution2d_tmpl.glsl: SMELT_CONVOLUTION2D_ZERO_POINTS is defined, but SMELT_CONVOLUTION2D_COMPUTED is not I8"
#endif
#endif
#if SMELT_CONVOLUTION2D_ALIGNMENT != 1 && SMELT_CONVOLUTION2D_ALIGNMENT != 2 &&                              \
    SMELT_CONVOLUTION2D_ALIGNMENT != 4 && SMELT_CONVOLUTION2D_ALIGNMENT != 8
#error "convolution2d_tmpl.glsl: SMELT_CONVOLUTION2D_ALIGNMENT must be 1, 2, 4 or 8"
#endif
#if SMELT_CONVOLUTION2D_WEIGHT_ALIGNMENT != 1 && SMELT_CONVOLUTION2D_WEIGHT_ALIGNMENT != 2 &&                \
    SMELT_CONVOLUTION2D_WEIGHT_ALIGNMENT != 4 && SMELT_CONVOLUTION2D_WEIGHT_ALIGNMENT != 8
#error "convolution2d_tmpl.glsl: SMELT_CONVOLUTION2D_WEIGHT_ALIGNMENT must be 1, 2, 4 or 8"
#endif
#if SMELT_CONVOLUTION2D_LITERAL
#if SMELT_CONVOLUTION2D_STRIDE_Y < 1
#error "convolution2d_tmpl.glsl: SMELT_CONVOLUTION2D_STRIDE_Y must be a literal, 1 or more (or LITERAL 0)"
#endif
#if SMELT_CONVOLUTION2D_STRIDE_X < 1
#error "convolution2d_tmpl.glsl: SMELT_CONVOLUTION2D_STRIDE_X must be a literal, 1 or more (or LITERAL 0)"
#endif
#if SMELT_CONVOLUTION2D_DILATION_Y < 1
#error "convolution2d_tmpl.glsl: SMELT_CONVOLUTION2D_DILATION_Y must be a literal, 1 or more (or LITERAL 0)"
#endif
#if SMELT_CONVOLUTION2D_DILATION_X < 1
#error "convolution2d_tmpl.glsl: SMELT_CONVOLUTION2D_DILATION_X must be a literal, 1 or more (or LITERAL 0)"
#endif
#if SMELT_CONVOLUTION2D_GROUPS < 1
#error "convolution2d_tmpl.glsl: SMELT_CONVOLUTION2D_GROUPS must be a literal, 1 or more (or LITERAL 0)"
#endif
#if SMELT_CONVOLUTION2D_PADDING_TOP < 0
#error "convolution2d_tmpl.glsl: SMELT_CONVOLUTION2D_PADDING_TOP must be a literal, 0 or more (or LITERAL 0)"
#endif
#if SMELT_CONVOLUTION2D_PADDING_LEFT < 0
#error "convolution2d_tmpl.glsl: SMELT_CONVOLUTION2D_PADDING_LEFT must be a literal, 0 or more (or LITERAL 0)"
#endif
#if SMELT_CONVOLUTION2D_PADDING_BOTTOM < 0
#error                                                                                                       \
    "convolution2d_tmpl.glsl: SMELT_CONVOLUTION2D_PADDING_BOTTOM must be a literal, 0 or more (or LITERAL 0)"
#endif
#if SMELT_CONVOLUTION2D_PADDING_RIGHT < 0
#error                                                                                                       \
    "convolution2d_tmpl.glsl: SMELT_CONVOLUTION2D_PADDING_RIGHT must be a literal, 0 or more (or LITERAL 0)"
#endif
#if SMELT_CONVOLUTION2D_OUTPUT_PADDING_Y < 0
#error                                                                                                       \
    "convolution2d_tmpl.glsl: SMELT_CONVOLUTION2D_OUTPUT_PADDING_Y must be a literal, 0 or more (or LITERAL 0)"
#endif
#if SMELT_CONVOLUTION2D_OUTPUT_PADDING_X < 0
#error                                                                                                       \
    "convolution2d_tmpl.glsl: SMELT_CONVOLUTION2D_OUTPUT_PADDING_X must be a literal, 0 or more (or LITERAL 0)"
#endif
#if SMELT_CONVOLUTION2D_OUTPUT_PADDING_Y > 0 && !SMELT_CONVOLUTION2D_TRANSPOSED
#error "convolution2d_tmpl.glsl: SMELT_CONVOLUTION2D_OUTPUT_PADDING_Y must be 0 unless TRANSPOSED"
#endif
#if SMELT_CONVOLUTION2D_OUTPUT_PADDING_X > 0 && !SMELT_CONVOLUTION2D_TRANSPOSED
#error "convolution2d_tmpl.glsl: SMELT_CONVOLUTION2D_OUTPUT_PADDING_X must be 0 unless TRANSPOSED"
#endif
#endif

#if SMELT_CONVOLUTION2D_SCOPE == SMELT_SCOPE_THREAD && defined SMELT_CONVOLUTION2D_RELAXED
#error "convolution2d_tmpl.glsl: SMELT_CONVOLUTION2D_RELAXED is defined, but THREAD scope rounds no operand"
#endif

// Values for which 0 has a meaning. An error here names what is wrong.
void SMELT_CAT(SMELT_CONVOLUTION2D, _parameters)()
{
    const int literal = SMELT_CAT(smelt_flag_is_, SMELT_CONVOLUTION2D_LITERAL);
    const int transposed = SMELT_CAT(smelt_flag_is_, SMELT_CONVOLUTION2D_TRANSPOSED);
    const int bias = SMELT_CAT(smelt_flag_is_, SMELT_CONVOLUTION2D_BIAS);
    const int epilogue = SMELT_CAT(smelt_flag_is_, SMELT_CONVOLUTION2D_EPILOGUE);
#if SMELT_CONVOLUTION2D_COMPUTED == SMELT_DTYPE_I8
    const int zero_points = SMELT_CAT(smelt_flag_is_, SMELT_CONVOLUTION2D_ZERO_POINTS);
#endif
    uint kernel = SMELT_CONVOLUTION2D_KERNEL_H + SMELT_CONVOLUTION2D_KERNEL_W + SMELT_CONVOLUTION2D_CHANNELS;
    uint output_padding = SMELT_CONVOLUTION2D_OUTPUT_PADDING_Y + SMELT_CONVOLUTION2D_OUTPUT_PADDING_X;
#if SMELT_CONVOLUTION2D_SCOPE == SMELT_SCOPE_THREAD
    const int depthwise = SMELT_CAT(smelt_flag_is_, SMELT_CONVOLUTION2D_DEPTHWISE);
#else
    const int weight_strided = SMELT_CAT(smelt_flag_is_, SMELT_CONVOLUTION2D_WEIGHT_STRIDED);
    const int whole = SMELT_CAT(smelt_flag_is_, SMELT_CONVOLUTION2D_WHOLE);
    const int relaxed = SMELT_CAT(smelt_flag_is_, SMELT_CONVOLUTION2D_RELAXED);
#endif
}
