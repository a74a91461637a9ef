// SPDX-License-Identifier: MIT
// rms_norm_tmpl.glsl: root mean square normalisation of a device tensor along one axis, by an invocation, a subgroup or a
// workgroup for each line.
//
// what    y = x / sqrt(sum x^2 / n + epsilon) gamma.
//         A line that GROUP * HELD chunks of 16 bytes hold is read once and kept in registers. x and y may be the same
//         memory
// params  all required, all undefined afterwards:
//         SMELT_RMS_NORM                 name
//         SMELT_RMS_NORM_SCOPE           SMELT_SCOPE_THREAD, SMELT_SCOPE_SUBGROUP or SMELT_SCOPE_WORKGROUP
//         SMELT_RMS_NORM_TENSOR _RESULT  types of x (readable) and y (writable), made by tensor_tmpl.glsl
//         SMELT_RMS_NORM_WEIGHT          type of gamma: of rank 1, readable
//         SMELT_RMS_NORM_DTYPE           element type of all: F32, F16, BF16, F8E4M3 or F8E5M2
//         SMELT_RMS_NORM_RANK _AXIS      decimal literals: rank of x and y, 1 to 16, and the axis
//         SMELT_RMS_NORM_HELD            decimal literal, 1 to 16: chunks that an invocation keeps
//         SMELT_RMS_NORM_GROUP _SCRATCH _SCRATCH_STRIDE   as SMELT_REDUCE_GROUP, _SCRATCH, _SCRATCH_STRIDE
// makes   void NAME_run(T x, U y, uint place[RANK], W gamma, float epsilon)   of the line through place (place[AXIS] is
//         not looked at), which has as many elements in x and y; gamma: as many, or empty (extent[0] = 0), which counts
//         as ones. Called by the whole group, in control flow that is uniform in the workgroup
// errors  u = 2^-23, c = 64 (1 + n u); s = 1 / sqrt(sum x^2 / n + epsilon):
//         |y - exact| <= c u |gamma| s |x|
//         and one rounding to DTYPE: 2^-10 |y| for F16, whose subnormal results and elements may become 0, 2^-8 |y| for
//         BF16. A NaN in a line makes all of it NaN; squares that overflow f32 give 0
// needs   base.glsl first; compute but at THREAD scope; SUBGROUP: full subgroups
// source  Zhang and Sennrich 2019, Root Mean Square Layer Normalization
#ifndef SMELT_BASE_GLSL
#error "rms_norm_tmpl.glsl: include smelt/base.glsl first"
#endif
#ifndef SMELT_RMS_NORM
#error "rms_norm_tmpl.glsl: SMELT_RMS_NORM (name of the op) is not defined"
#endif
#ifndef SMELT_RMS_NORM_SCOPE
#error "rms_norm_tmpl.glsl: SMELT_RMS_NORM_SCOPE (SMELT_SCOPE_x) is not defined"
#endif
#if SMELT_RMS_NORM_SCOPE < SMELT_SCOPE_THREAD || SMELT_RMS_NORM_SCOPE > SMELT_SCOPE_WORKGROUP
#error "rms_norm_tmpl.glsl: SMELT_RMS_NORM_SCOPE must be SMELT_SCOPE_THREAD, _SUBGROUP or _WORKGROUP"
#endif
#ifndef SMELT_RMS_NORM_TENSOR
#error "rms_norm_tmpl.glsl: SMELT_RMS_NORM_TENSOR (type of x) is not defined"
#endif
#ifndef SMELT_RMS_NORM_RESULT
#error "rms_norm_tmpl.glsl: SMELT_RMS_NORM_RESULT (type of y) is not defined"
#endif
#ifndef SMELT_RMS_NORM_WEIGHT
#error "rms_norm_tmpl.glsl: SMELT_RMS_NORM_WEIGHT (type of gamma) is not defined"
#endif
#ifndef SMELT_RMS_NORM_DTYPE
#error "rms_norm_tmpl.glsl: SMELT_RMS_NORM_DTYPE (element type of all) is not defined"
#endif
#if SMELT_RMS_NORM_DTYPE < SMELT_DTYPE_F32 || SMELT_RMS_NORM_DTYPE > SMELT_DTYPE_F8E5M2
#error "rms_norm_tmpl.glsl: SMELT_RMS_NORM_DTYPE (element type) must be F32, F16, BF16, F8E4M3 or F8E5M2"
#endif
#ifndef SMELT_RMS_NORM_RANK
#error "rms_norm_tmpl.glsl: SMELT_RMS_NORM_RANK (of x and y) is not defined"
#endif
#if SMELT_RMS_NORM_RANK < 1 || SMELT_RMS_NORM_RANK > 16
#error "rms_norm_tmpl.glsl: SMELT_RMS_NORM_RANK (of x and y) must be 1 to 16"
#endif
#ifndef SMELT_RMS_NORM_AXIS
#error "rms_norm_tmpl.glsl: SMELT_RMS_NORM_AXIS (dimension that is normalised) is not defined"
#endif
#if SMELT_RMS_NORM_AXIS < 0 || SMELT_RMS_NORM_AXIS >= SMELT_RMS_NORM_RANK
#error "rms_norm_tmpl.glsl: SMELT_RMS_NORM_AXIS (dimension that is normalised) must be 0 to RANK - 1"
#endif
#ifndef SMELT_RMS_NORM_HELD
#error "rms_norm_tmpl.glsl: SMELT_RMS_NORM_HELD (chunks that an invocation keeps) is not defined"
#endif
#if SMELT_RMS_NORM_HELD < 1 || SMELT_RMS_NORM_HELD > 16
#error "rms_norm_tmpl.glsl: SMELT_RMS_NORM_HELD (chunks that an invocation keeps) must be 1 to 16"
#endif
#ifndef SMELT_RMS_NORM_GROUP
#error "rms_norm_tmpl.glsl: SMELT_RMS_NORM_GROUP (invocations of the group) is not defined"
#endif
#ifndef SMELT_RMS_NORM_SCRATCH
#error "rms_norm_tmpl.glsl: SMELT_RMS_NORM_SCRATCH (name of a shared uvec4 array) is not defined"
#endif
#ifndef SMELT_RMS_NORM_SCRATCH_STRIDE
#error "rms_norm_tmpl.glsl: SMELT_RMS_NORM_SCRATCH_STRIDE (uvec4 of the array for a subgroup) is not defined"
#endif

#define SMELT_NORM SMELT_RMS_NORM
#define SMELT_NORM_CENTRED 0
#define SMELT_NORM_ADDS 0
#define SMELT_NORM_SCOPE SMELT_RMS_NORM_SCOPE
#define SMELT_NORM_TENSOR SMELT_RMS_NORM_TENSOR
#define SMELT_NORM_RESULT SMELT_RMS_NORM_RESULT
#define SMELT_NORM_WEIGHT SMELT_RMS_NORM_WEIGHT
#define SMELT_NORM_DTYPE SMELT_RMS_NORM_DTYPE
#define SMELT_NORM_RANK SMELT_RMS_NORM_RANK
#define SMELT_NORM_AXIS SMELT_RMS_NORM_AXIS
#define SMELT_NORM_HELD SMELT_RMS_NORM_HELD
#define SMELT_NORM_GROUP SMELT_RMS_NORM_GROUP
#define SMELT_NORM_SCRATCH SMELT_RMS_NORM_SCRATCH
#define SMELT_NORM_SCRATCH_STRIDE SMELT_RMS_NORM_SCRATCH_STRIDE
#include "smelt/norm_line_tmpl.glsl"

void SMELT_CAT(SMELT_RMS_NORM, _run)(SMELT_RMS_NORM_TENSOR x, SMELT_RMS_NORM_RESULT y,
                                     uint place[SMELT_RMS_NORM_RANK], SMELT_RMS_NORM_WEIGHT gamma,
                                     float epsilon)
{
    SMELT_CAT(SMELT_RMS_NORM, _line)
    (x, x, y, y, place, gamma, gamma,
     SMELT_CAT(SMELT_RMS_NORM, _hold)(gamma, gamma, smelt_extent(x, SMELT_RMS_NORM_AXIS)), epsilon);
}

#undef SMELT_RMS_NORM
#undef SMELT_RMS_NORM_SCOPE
#undef SMELT_RMS_NORM_TENSOR
#undef SMELT_RMS_NORM_RESULT
#undef SMELT_RMS_NORM_WEIGHT
#undef SMELT_RMS_NORM_DTYPE
#undef SMELT_RMS_NORM_RANK
#undef SMELT_RMS_NORM_AXIS
#undef SMELT_RMS_NORM_HELD
#undef SMELT_RMS_NORM_GROUP
#undef SMELT_RMS_NORM_SCRATCH
#undef SMELT_RMS_NORM_SCRATCH_STRIDE
