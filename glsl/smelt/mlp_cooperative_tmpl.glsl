// SPDX-License-Identifier: MIT
// mlp_cooperative_tmpl.glsl: a multilayer perceptron that a workgroup evaluates with its weights in shared memory;
// mlp_tmpl.glsl includes it at SUBGROUP and WORKGROUP scope.
//
// what    each subgroup evaluates SAMPLES times SUBGROUP_SIZE samples at a time: COOPMAT and COOPMAT2 as matrices,
//         PORTABLE each invocation its own. SUBGROUP: all weights stay in the scratch, loaded once by the workgroup.
//         WORKGROUP: the weights of a layer, or some rows of them, are in the scratch at a time, so networks of any
//         size fit; each evaluation reads them all again
// params  those of mlp_tmpl.glsl, widths to 256, and, all required, all undefined afterwards:
//         SMELT_MLP_SUBGROUP_SIZE   decimal literal: the size the pipeline requires
//         SMELT_MLP_SUBGROUPS       decimal literal: the workgroup has exactly so many
//         SMELT_MLP_FRAGMENT_M _N _K  COOPMAT, COOPMAT2: the device's product f16 x f16 -> ACCUMULATED, multiples of
//                                   8; M divides SAMPLES * SUBGROUP_SIZE and divides SUBGROUP_SIZE or is a multiple of
//                                   it. PORTABLE: 1
//         SMELT_MLP_STAGE           WORKGROUP: rows of a weight in the scratch at a time, a multiple of 8, of
//                                   FRAGMENT_N and of FRAGMENT_K. SUBGROUP: 0
//         SMELT_MLP_UNROLL          1: loops over the matrices of a layer are unrolled where they are 128 at most,
//                                   so that each stays in registers; 0: none is, for devices whose driver takes
//                                   minutes over it (software ones). PORTABLE: 0
//         SMELT_MLP_SCRATCH         name of a `shared uvec4` array of at least NAME_scratch elements
//         COOPMAT and COOPMAT2 take COMPUTED F16
// makes   beside what mlp_tmpl.glsl makes, for the name NAME:
//         void NAME_load_weights(NAME_weights w)        SUBGROUP: first, and again when weights have changed
//         NAME_output NAME_run(NAME_input x)            SUBGROUP: of the invocation's own samples
//         NAME_output NAME_run(NAME_weights w, NAME_input x)   WORKGROUP, as at THREAD scope
//         void NAME_run_rows([NAME_weights w,] SAMPLES_TYPE x, RESULTS_TYPE y, uint row)   samples row to
//                                   row + NAME_block - 1 from and to device memory; those outside are left out
//         const uint NAME_block     samples of the workgroup in one call
//         const uint NAME_scratch   uvec4 of the scratch in use. Too small a scratch does not compile
//         All of these are for the whole workgroup, in uniform control flow, with the same w, x, y and row in all of
//         it (each its own NAME_input). They begin with a barrier where they write the scratch. An invocation without
//         a sample sets any finite input and drops the output
// errors  per layer, before the activation: the bound of matmul2d_cooperative_tmpl.glsl with K = the layer's input
//         width: n = 2 K + 8. Between layers as in mlp_tmpl.glsl
// needs   base.glsl first; compute, y and z of the local size 1; full subgroups of SUBGROUP_SIZE; COOPMAT:
//         VK_KHR_cooperative_matrix with this shape; COOPMAT2: also cooperativeMatrixConversions
// source  GLSL_KHR_cooperative_matrix; GLSL_NV_cooperative_matrix2 (conversion of an accumulator to an operand)
#include "smelt/mlp_cooperative_check_tmpl.glsl"
#include "smelt/activation.glsl"
#include "smelt/memory.glsl"
#if SMELT_MLP_ACCUMULATED == SMELT_DTYPE_F16
#include "smelt/activation16.glsl"
#endif

#define SMELT_MLP_VECTOR SMELT_CAT(SMELT_MLP, _output)
#define SMELT_MLP_VECTOR_DTYPE SMELT_MLP_ACCUMULATED
#define SMELT_MLP_N SMELT_MLP_WIDTH
#include "smelt/mlp_vector_tmpl.glsl"
#undef SMELT_MLP_N

// Names of the weights' types, as tensor_tmpl.glsl makes them.
#if SMELT_MLP_STORED == SMELT_DTYPE_F32
#define SMELT_ML_WEIGHT_TAG _weight_f32_2_r_
#define SMELT_ML_BIAS_TAG _bias_f32_1_r_
#elif SMELT_MLP_STORED == SMELT_DTYPE_F16
#define SMELT_ML_WEIGHT_TAG _weight_f16_2_r_
#define SMELT_ML_BIAS_TAG _bias_f16_1_r_
#elif SMELT_MLP_STORED == SMELT_DTYPE_BF16
#define SMELT_ML_WEIGHT_TAG _weight_bf16_2_r_
#define SMELT_ML_BIAS_TAG _bias_bf16_1_r_
#elif SMELT_MLP_STORED == SMELT_DTYPE_F8E4M3
#define SMELT_ML_WEIGHT_TAG _weight_f8e4m3_2_r_
#define SMELT_ML_BIAS_TAG _bias_f8e4m3_1_r_
#else
#define SMELT_ML_WEIGHT_TAG _weight_f8e5m2_2_r_
#define SMELT_ML_BIAS_TAG _bias_f8e5m2_1_r_
#endif

// GROUP: factors in a uvec4; SUMS: sums in one.
#if SMELT_MLP_COMPUTED == SMELT_DTYPE_F16
#define SMELT_ML_GROUP 8
#else
#define SMELT_ML_GROUP 4
#endif
#if SMELT_MLP_ACCUMULATED == SMELT_DTYPE_F16
#define SMELT_ML_SUMS 8
#define SMELT_ML_S float16_t
#define SMELT_ML_P f16vec2
#define SMELT_ML_E uint
#else
#define SMELT_ML_SUMS 4
#define SMELT_ML_S float
#define SMELT_ML_P vec2
#define SMELT_ML_E vec2
#endif
// Widths are padded with zeros: between layers to a UNIT, the last one to a LAST_UNIT.
#if SMELT_MLP_BACKEND == SMELT_BACKEND_PORTABLE
#define SMELT_ML_UNIT SMELT_ML_GROUP
#define SMELT_ML_LAST_UNIT 4
#elif SMELT_MLP_FRAGMENT_N > SMELT_MLP_FRAGMENT_K
#define SMELT_ML_UNIT SMELT_MLP_FRAGMENT_N
#define SMELT_ML_LAST_UNIT SMELT_MLP_FRAGMENT_N
#else
#define SMELT_ML_UNIT SMELT_MLP_FRAGMENT_K
#define SMELT_ML_LAST_UNIT SMELT_MLP_FRAGMENT_N
#endif
#define SMELT_ML_INPUTS ((SMELT_MLP_WIDTH0 + SMELT_ML_UNIT - 1) / SMELT_ML_UNIT * SMELT_ML_UNIT)
#define SMELT_ML_ROWS (SMELT_MLP_SAMPLES * SMELT_MLP_SUBGROUP_SIZE)
#define SMELT_ML_THREADS (SMELT_MLP_SUBGROUP_SIZE * SMELT_MLP_SUBGROUPS)
#if SMELT_MLP_UNROLL
#define SMELT_ML_UNROLL [[unroll]]
#else
#define SMELT_ML_UNROLL [[dont_unroll]]
#endif
const uint SMELT_CAT(SMELT_MLP, _block) = SMELT_ML_ROWS * SMELT_MLP_SUBGROUPS;

// What the first layer takes. PORTABLE holds all layers' values of an invocation in one private array: drivers give each
// of several a place of its own in local memory, which then does not fit the cache.
#if SMELT_MLP_BACKEND == SMELT_BACKEND_PORTABLE
#if SMELT_MLP_COMPUTED == SMELT_DTYPE_F16
#include "smelt/memory16.glsl"
#define SMELT_ML_FACTOR(e) SMELT_ML_P(f16vec2(smelt_pair_unpack(e)))
#else
#define SMELT_ML_FACTOR(e) (e)
#endif
#include "smelt/mlp_widest_tmpl.glsl"
#define SMELT_ML_HELD SMELT_CAT(SMELT_MLP, _held)
SMELT_ML_E SMELT_ML_HELD[SMELT_MLP_SAMPLES * SMELT_ML_PAIRS];
struct SMELT_MLP_FIRST {
    bool held;
};
#else
#if SMELT_MLP_BACKEND == SMELT_BACKEND_COOPMAT && (SMELT_BACKENDS & SMELT_BACKEND_BIT_COOPMAT) == 0
#error "mlp_tmpl.glsl: SMELT_MLP_BACKEND is COOPMAT, but SMELT_BACKENDS lacks it"
#endif
#if SMELT_MLP_BACKEND == SMELT_BACKEND_COOPMAT2 && (SMELT_BACKENDS & SMELT_BACKEND_BIT_COOPMAT2) == 0
#error "mlp_tmpl.glsl: SMELT_MLP_BACKEND is COOPMAT2, but SMELT_BACKENDS lacks it"
#endif
#define SMELT_ML_DOWN (SMELT_ML_ROWS / SMELT_MLP_FRAGMENT_M)
#define SMELT_ML_A                                                                                           \
    coopmat<float16_t, gl_ScopeSubgroup, SMELT_MLP_FRAGMENT_M, SMELT_MLP_FRAGMENT_K, gl_MatrixUseA>
#define SMELT_ML_B                                                                                           \
    coopmat<float16_t, gl_ScopeSubgroup, SMELT_MLP_FRAGMENT_K, SMELT_MLP_FRAGMENT_N, gl_MatrixUseB>
#define SMELT_ML_C                                                                                           \
    coopmat<SMELT_ML_S, gl_ScopeSubgroup, SMELT_MLP_FRAGMENT_M, SMELT_MLP_FRAGMENT_N, gl_MatrixUseAccumulator>
#define SMELT_ML_H                                                                                           \
    coopmat<float16_t, gl_ScopeSubgroup, SMELT_MLP_FRAGMENT_M, SMELT_MLP_FRAGMENT_N, gl_MatrixUseAccumulator>
struct SMELT_MLP_FIRST {
    SMELT_ML_A e[SMELT_ML_DOWN * SMELT_ML_INPUTS / SMELT_MLP_FRAGMENT_K];
};
const uint SMELT_CAT(SMELT_MLP_FIRST, _tiles) = SMELT_ML_INPUTS / SMELT_MLP_FRAGMENT_K;
#endif

// The scratch: weights, then an area for each subgroup through which its samples pass between registers of
// invocations and of matrices: PASS rows of UNIT factors or sums.
#if SMELT_MLP_BACKEND != SMELT_BACKEND_PORTABLE
#if SMELT_MLP_FRAGMENT_M > SMELT_MLP_SUBGROUP_SIZE
#define SMELT_ML_PASS SMELT_MLP_FRAGMENT_M
#else
#define SMELT_ML_PASS SMELT_MLP_SUBGROUP_SIZE
#endif
#define SMELT_ML_PITCH (SMELT_ML_UNIT / 8 | 1)
#define SMELT_ML_SUM_PITCH (SMELT_ML_UNIT / SMELT_ML_SUMS | 1)
#define SMELT_ML_AREA (SMELT_ML_PASS * SMELT_ML_SUM_PITCH)
uint SMELT_CAT(SMELT_MLP, _area)();
void SMELT_CAT(SMELT_MLP, _barrier)() // of the subgroup, for its area
{
    controlBarrier(gl_ScopeSubgroup, gl_ScopeSubgroup, gl_StorageSemanticsShared, gl_SemanticsAcquireRelease);
}
#else
#define SMELT_ML_AREA 0
#endif
