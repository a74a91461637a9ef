// SPDX-License-Identifier: MIT
// convolution2d_thread_f16_f16_f16.comp: the baked convolution of an invocation of f16 operands, computed in f16, sums of f16.
#version 460
#define KERNEL_THREAD 1
#define KERNEL_TRANSPOSED 0
#define KERNEL_DEPTHWISE 0
#define KERNEL_STORED SMELT_DTYPE_F16
#define KERNEL_COMPUTED SMELT_DTYPE_F16
#define KERNEL_ACCUMULATED SMELT_DTYPE_F16
#define KERNEL_IMAGE conv_image_f16_4_r_0x0x0x0
#define KERNEL_WEIGHT conv_weight_f16_4_r_0x0x0x0
#define KERNEL_BIAS bias_f16_1_r_0
#define KERNEL_DATA smelt_u16_r_data
#include "convolution2d_portable.glsl"
