// SPDX-License-Identifier: MIT
// convolution2d_tmpl.glsl: a two-dimensional convolution of images in device memory.
//
// what    d[n][y][x][o] = sum over ky, kx, i of a[n][Y][X][g I + i] b[ky][kx][i][o], for the group g of output channel o,
//         with Y = y STRIDE_Y - PADDING_TOP + ky DILATION_Y and X likewise; what lies outside the image counts as 0.
//         TRANSPOSED (the gradient of that, "deconvolution"): the same sum over the ky, kx and elements of the image
//         with y = Y STRIDE_Y - PADDING_TOP + ky DILATION_Y. Then bias, activation, and `element`.
//         SMELT_SCOPE_SUBGROUP and _WORKGROUP: a group makes a tile of M pixels by N channels (an implicit matrix
//         product: matmul2d_cooperative_tmpl.glsl, whose left operand is gathered). Pixels are numbered over the whole
//         batch, n slowest, x fastest. SMELT_SCOPE_THREAD: an invocation makes N channels of one pixel, in any stage
// params  all required, all undefined afterwards:
//         SMELT_CONVOLUTION2D                 name of the op
//         SMELT_CONVOLUTION2D_SCOPE           SMELT_SCOPE_THREAD, _SUBGROUP or _WORKGROUP
//         SMELT_CONVOLUTION2D_M _N            SUBGROUP, WORKGROUP: the tile, as in matmul2d_cooperative_tmpl.glsl (NCHW:
//                                             M a multiple of 8 too); THREAD: 1, and 1 to 32 channels
//         SMELT_CONVOLUTION2D_IMAGE_LAYOUT    SMELT_LAYOUT_NHWC or _NCHW: of a and of what is stored
//         SMELT_CONVOLUTION2D_WEIGHT_LAYOUT   SMELT_LAYOUT_HWIO, _OHWI, _OIHW or _IOHW: of b. I is input channels / GROUPS
//                                             and O all output channels; in IOHW I is all input channels and O is output
//                                             channels / GROUPS, as transposed convolutions come
//         SMELT_CONVOLUTION2D_KERNEL_H _KERNEL_W   decimal literals, or 0: extents of b, known at run time
//         SMELT_CONVOLUTION2D_CHANNELS        input channels of a group, a decimal literal, or 0: of b, at run time
//         SMELT_CONVOLUTION2D_STRIDE_Y _X, _DILATION_Y _X, _GROUPS   1 or more
//         SMELT_CONVOLUTION2D_PADDING_TOP _LEFT _BOTTOM _RIGHT       0 or more
//         SMELT_CONVOLUTION2D_OUTPUT_PADDING_Y _X   rows and columns added at the end of d; 0 unless TRANSPOSED
//         SMELT_CONVOLUTION2D_LITERAL         1: these are decimal literals; 0: uint expressions, such as names of
//                                             specialization constants, which are not checked here
//         SMELT_CONVOLUTION2D_TRANSPOSED      1 or 0
//         SMELT_CONVOLUTION2D_BIAS            1 or 0
//         SMELT_CONVOLUTION2D_ACTIVATION      SMELT_ACTIVATION_x (activation.glsl)
//         SMELT_CONVOLUTION2D_EPILOGUE        1: `float NAME_element(float v, uvec4 place)` is declared before; place is
//                                             (n, y, x, channel) in d; it is called for places outside d too, whose
//                                             values are dropped; 0: there is none. With COMPUTED I8 of int
//         SMELT_CONVOLUTION2D_STORED_LEFT    SMELT_DTYPE_x of a: F32 F16 BF16 F8E4M3 F8E5M2; I8 U8 with COMPUTED I8
//         SMELT_CONVOLUTION2D_STORED          the same of b and bias; bias is of ACCUMULATED with COMPUTED I8
//         SMELT_CONVOLUTION2D_COMPUTED, _ACCUMULATED   as in matmul2d_tmpl.glsl
//         SMELT_CONVOLUTION2D_ZERO_POINTS     with COMPUTED I8 only. 1: a - x and b - y[o] are multiplied, and what lies outside
//                                             the image counts as x, for `int NAME_zero_image()` and `int
//                                             NAME_zero_weight(uint channel)`, declared before; the latter also answers for
//                                             channels beyond d. 0: there are none
//         SMELT_CONVOLUTION2D_ALIGNMENT       1, 2, 4 or 8 elements: a promise that the extent along the last dimension
//                                             (of a group) and the other strides of a, and its address, are multiples of so many.
//                                             1 also permits any strides; above 1 the last dimension's is 1
//         SMELT_CONVOLUTION2D_WEIGHT_ALIGNMENT   the same of b, of rows of its innermost dimension (OHWI: of I; OIHW: of
//                                             I H W; HWIO: of O, and of O / GROUPS). b is packed; 1 with THREAD or
//                                             WEIGHT_STRIDED permits any strides
//         SMELT_CONVOLUTION2D_BACKEND         SMELT_BACKEND_PORTABLE; SUBGROUP, WORKGROUP also what matmul2d_tmpl.glsl has
//         SUBGROUP, WORKGROUP: SMELT_CONVOLUTION2D_TILE_K, _ACCUMULATE (1: run adds to the result), _SUBGROUP_SIZE,
//         _SUBGROUPS_M, _SUBGROUPS_N, _FRAGMENT_M, _FRAGMENT_N, _FRAGMENT_K, _SCRATCH as in
//         matmul2d_cooperative_tmpl.glsl; SMELT_CONVOLUTION2D_WEIGHT_STRIDED 1: b is read by its strides, whatever they
//         are, element by element; 0: it is packed
//         SUBGROUP, WORKGROUP: SMELT_CONVOLUTION2D_WHOLE 1: a promise that CHANNELS is a multiple of TILE_K, the output
//         channels of a group are one of N, the kernel has at most 32 taps, and with TRANSPOSED the strides are 1; COOPMAT and
//         COOPMAT2, NHWC with HWIO or OHWI of F16, ALIGNMENT and WEIGHT_ALIGNMENT 8. The strides of b may then be any
//         multiples of 8, and matrices walk from tap to tap, which is faster. 0: any extents
//         SUBGROUP, WORKGROUP: SMELT_CONVOLUTION2D_RELAXED as SMELT_MATMUL2D_RELAXED
//         THREAD: SMELT_CONVOLUTION2D_DEPTHWISE 1: every channel is a group and has one output channel
// makes   for the name NAME:
//         NAME_image_<stored_image>_4_r, NAME_weight_<stored>_4_r, NAME_bias_<stored>_1_r   tensor types, extents at
//                                         run time
//         uvec4 NAME_extents(IMAGE a, WEIGHT b)     (n, h, w, channels) of d
//         SUBGROUP, WORKGROUP, with tile = (group, first pixel, first channel of the group):
//         NAME_result                     a cooperative tensor of ACCUMULATED, M pixels x N channels
//         void NAME_run(inout NAME_result d, IMAGE a, WEIGHT b, uvec3 tile)
//         void NAME_finish(inout NAME_result d, BIAS bias, uvec4 extents, uvec3 tile)   without `bias` when BIAS is 0
//         const uint NAME_scratch         and the rest of a matmul2d of that name; convolution2d_store_tmpl.glsl stores
//         THREAD: struct NAME_result { float v[N]; }, with COMPUTED I8 int
//         NAME_result NAME_run(IMAGE a, WEIGHT b, BIAS bias, uvec4 place)   of the N channels from place.w on, all of one
//                                         group unless DEPTHWISE; channels beyond d are 0
// errors  as matmul2d_cooperative_tmpl.glsl (THREAD: matmul2d_tmpl.glsl) with K = KERNEL_H KERNEL_W CHANNELS terms
// needs   base.glsl first; image height and width below 2^30; what matmul2d_tmpl.glsl needs
// source  matmul2d_tmpl.glsl; Chellapilla, Puri, Simard 2006, High Performance Convolutional Neural Networks for Document
//         Processing, section 3; Dumoulin, Visin 2016, A guide to convolution arithmetic for deep learning
#include "smelt/convolution2d_check_tmpl.glsl"
#include "smelt/memory.glsl"
#if SMELT_CONVOLUTION2D_COMPUTED == SMELT_DTYPE_I8
#include "smelt/integer.glsl"
#endif
#include "smelt/convolution2d_geometry_tmpl.glsl"

#if SMELT_CONVOLUTION2D_SCOPE == SMELT_SCOPE_THREAD
#include "smelt/convolution2d_thread_tmpl.glsl"
#else
#include "smelt/convolution2d_cooperative_tmpl.glsl"
#endif

#undef SMELT_CONVOLUTION2D
#undef SMELT_CONVOLUTION2D_SCOPE
#undef SMELT_CONVOLUTION2D_M
#undef SMELT_CONVOLUTION2D_N
#undef SMELT_CONVOLUTION2D_IMAGE_LAYOUT
#undef SMELT_CONVOLUTION2D_WEIGHT_LAYOUT
#undef SMELT_CONVOLUTION2D_KERNEL_H
#undef SMELT_CONVOLUTION2D_KERNEL_W
#undef SMELT_CONVOLUTION2D_CHANNELS
#undef SMELT_CONVOLUTION2D_STRIDE_Y
#undef SMELT_CONVOLUTION2D_STRIDE_X
#undef SMELT_CONVOLUTION2D_DILATION_Y
#undef SMELT_CONVOLUTION2D_DILATION_X
#undef SMELT_CONVOLUTION2D_GROUPS
#undef SMELT_CONVOLUTION2D_PADDING_TOP
#undef SMELT_CONVOLUTION2D_PADDING_LEFT
#undef SMELT_CONVOLUTION2D_PADDING_BOTTOM
#undef SMELT_CONVOLUTION2D_PADDING_RIGHT
#undef SMELT_CONVOLUTION2D_OUTPUT_PADDING_Y
#undef SMELT_CONVOLUTION2D_OUTPUT_PADDING_X
#undef SMELT_CONVOLUTION2D_LITERAL
#undef SMELT_CONVOLUTION2D_TRANSPOSED
#undef SMELT_CONVOLUTION2D_BIAS
#undef SMELT_CONVOLUTION2D_ACTIVATION
#undef SMELT_CONVOLUTION2D_EPILOGUE
#undef SMELT_CONVOLUTION2D_STORED_LEFT
#undef SMELT_CONVOLUTION2D_STORED
#if SMELT_CONVOLUTION2D_COMPUTED == SMELT_DTYPE_I8
#undef SMELT_CONVOLUTION2D_ZERO_POINTS
#endif
#undef SMELT_CONVOLUTION2D_COMPUTED
#undef SMELT_CONVOLUTION2D_ACCUMULATED
#undef SMELT_CONVOLUTION2D_ALIGNMENT
#undef SMELT_CONVOLUTION2D_WEIGHT_ALIGNMENT
#undef SMELT_CONVOLUTION2D_BACKEND
#undef SMELT_CV_IMAGE
#undef SMELT_CV_WEIGHT
#undef SMELT_CV_BIAS
#undef SMELT_CV_BIAS_DTYPE
#undef SMELT_CV_TENSOR
#undef SMELT_CV_T
#undef SMELT_CV_N
#undef SMELT_CV_H
#undef SMELT_CV_W
#undef SMELT_CV_C
#undef SMELT_CV_WO
#undef SMELT_CV_WI
#undef SMELT_CV_WH
#undef SMELT_CV_WW
#undef SMELT_CV_CHANNELS
#undef SMELT_CV_KERNEL_H
#undef SMELT_CV_KERNEL_W
