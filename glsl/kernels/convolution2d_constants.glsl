// SPDX-License-Identifier: MIT
// convolution2d_constants.glsl: what the library's convolution kernels know of a call, as src/kernels_convolution2d.c gives
// it. KERNEL_BAKED and KERNEL_INTEGER are the includer's; BAKED 0: so are KERNEL_D_IS_F32 to KERNEL_ACTIVATE. Sizes are
// specialization constants; 0: they are pushed.
layout(constant_id = 0) const uint fixed_batch = 0;
layout(constant_id = 1) const uint fixed_height = 0;
layout(constant_id = 2) const uint fixed_width = 0;
layout(constant_id = 3) const uint fixed_channels = 0; // of a group
layout(constant_id = 4) const uint fixed_outputs = 0;  // all channels of d
layout(constant_id = 5) const uint fixed_kernel_h = 0;
layout(constant_id = 6) const uint fixed_kernel_w = 0;
layout(constant_id = 7) const uint stride_y = 1;
layout(constant_id = 8) const uint stride_x = 1;
layout(constant_id = 9) const uint dilation_y = 1;
layout(constant_id = 10) const uint dilation_x = 1;
layout(constant_id = 11) const uint padding_top = 0;
layout(constant_id = 12) const uint padding_left = 0;
layout(constant_id = 13) const uint padding_bottom = 0;
layout(constant_id = 14) const uint padding_right = 0;
layout(constant_id = 15) const uint output_padding_y = 0;
layout(constant_id = 16) const uint output_padding_x = 0;
layout(constant_id = 17) const uint groups = 1;
layout(constant_id = 18) const uint d_is_whole = 0; // 8 channels of d in f16 are an aligned uvec4
#if KERNEL_BAKED                                    // else in the text: less of it, which compiles faster
layout(constant_id = 19) const uint d_is_f32 = 0;
layout(constant_id = 20) const uint has_bias = 1;
layout(constant_id = 21) const uint activation = 0; // SMELT_ACTIVATION_x
layout(constant_id = 22) const uint has_residual = 0;
#define KERNEL_D_IS_F32 (d_is_f32 != 0)
#define KERNEL_HAS_BIAS (has_bias != 0)
#define KERNEL_ACTIVATES (activation != 0)
#define KERNEL_HAS_RESIDUAL (has_residual != 0)
#define KERNEL_ACTIVATE(v) smelt_activate(activation, v)
#endif

#if KERNEL_INTEGER
layout(constant_id = 19) const uint stride_b0 = 0;
layout(constant_id = 20) const uint stride_b1 = 0;
layout(constant_id = 21) const uint stride_b2 = 0;
layout(constant_id = 22) const uint stride_b3 = 0;
#define KERNEL_SUM int
// Always constants.
#define kernel_h height
#define kernel_w width
layout(push_constant, scalar) uniform push
{
    uvec2 a, b, bias, d, residual, zero_a, zero_b, scale,
        zero_d; // addresses; elements of the residual lie as those of d
    uint batch, height, width, channels, outputs;
    uint stride_a[4], stride_d[4]; // elements, in the order of the layouts
};
#else
#define KERNEL_SUM float
layout(push_constant, scalar) uniform push
{
    uvec2 a, b, bias, d; // addresses
    uint batch, height, width, channels, outputs, kernel_h, kernel_w;
    uint stride_a[4], stride_b[4], stride_d[4]; // elements, in the order of the layouts
    uvec2 residual;                             // an address; its elements lie as those of d
};
#endif

// The parameters of the instance `conv` that the includer makes.
#define conv_LITERAL 0
#define conv_STRIDE_Y stride_y
#define conv_STRIDE_X stride_x
#define conv_DILATION_Y dilation_y
#define conv_DILATION_X dilation_x
#define conv_GROUPS groups
#define conv_PADDING_TOP padding_top
#define conv_PADDING_LEFT padding_left
#define conv_PADDING_BOTTOM padding_bottom
#define conv_PADDING_RIGHT padding_right
#define conv_OUTPUT_PADDING_Y output_padding_y
#define conv_OUTPUT_PADDING_X output_padding_x

KERNEL_SUM conv_element(KERNEL_SUM v, uvec4 place);
