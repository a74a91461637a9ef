// SPDX-License-Identifier: MIT
// matmul2d_thread_coopvec_tmpl.glsl: matmul2d at THREAD scope by cooperative vectors; part of matmul2d_tmpl.glsl.
//
// what    one coopVecMatMulAddNV for each row of the left operand, then the activation on the whole vector
// params  those of matmul2d_tmpl.glsl
// makes   NAME_run
// errors  see matmul2d_tmpl.glsl: the order of the sum is the device's, every step is f16 or better. Activations
//         are taken in f16: as activation16.glsl for none, relu, leaky_relu; the others within 2^-8 (1 + |y|)
//         besides, exp 2^-7 (1 + |x|) y
// needs   matmul2d_tmpl.glsl around it; weight and its buffer aligned to 64 bytes, bias and its buffer to 16;
//         K, N at most maxCooperativeVectorComponents
// source  GL_NV_cooperative_vector revision 1. It has no comparisons: |x| is max(x, -x)
#if SMELT_MATMUL2D_STORED != SMELT_DTYPE_F16
#error "matmul2d_tmpl.glsl: SMELT_MATMUL2D_STORED (of weight and bias) must be SMELT_DTYPE_F16 with COOPVEC"
#endif
#if SMELT_MATMUL2D_COMPUTED != SMELT_DTYPE_F16
#error "matmul2d_tmpl.glsl: SMELT_MATMUL2D_COMPUTED (of the factors) must be SMELT_DTYPE_F16 with COOPVEC"
#endif
#if SMELT_MATMUL2D_ACCUMULATED != SMELT_DTYPE_F16
#error "matmul2d_tmpl.glsl: SMELT_MATMUL2D_ACCUMULATED (of the sums) must be SMELT_DTYPE_F16 with COOPVEC"
#endif
// A row-major [K][N] weight is the column-major form of what coopVecMatMulNV multiplies with.
#if SMELT_MATMUL2D_LAYOUT == SMELT_LAYOUT_OPTIMAL
#define SMELT_MM_LAYOUT gl_CooperativeVectorMatrixLayoutInferencingOptimalNV
#elif SMELT_MATMUL2D_WEIGHT_COLUMNS % 8 != 0
#error "matmul2d_tmpl.glsl: SMELT_MATMUL2D_LAYOUT ROW_MAJOR with COOPVEC takes rows of 8 n elements"
#elif SMELT_MATMUL2D_TRANSPOSE_RIGHT
#define SMELT_MM_LAYOUT gl_CooperativeVectorMatrixLayoutRowMajorNV
#else
#define SMELT_MM_LAYOUT gl_CooperativeVectorMatrixLayoutColumnMajorNV
#endif

#define SMELT_MM_V coopvecNV<float16_t, SMELT_MATMUL2D_N>
#define SMELT_MM_C(x) SMELT_MM_V(float16_t(x))

#if SMELT_MATMUL2D_ACTIVATION == 0
#define SMELT_MM_ACTIVATION(v) v
#elif SMELT_MATMUL2D_ACTIVATION == 1
#define SMELT_MM_ACTIVATION(v) max(v, SMELT_MM_C(0.0))
#elif SMELT_MATMUL2D_ACTIVATION == 2
#define SMELT_MM_ACTIVATION(v) max(v, v *SMELT_MM_C(0.01))
#elif SMELT_MATMUL2D_ACTIVATION == 3
// x sigmoid(x) with sigmoid(x) = (1 + tanh(x / 2)) / 2: tanh cannot overflow.
#define SMELT_MM_ACTIVATION(v) (v * fma(tanh(v * SMELT_MM_C(0.5)), SMELT_MM_C(0.5), SMELT_MM_C(0.5)))
#elif SMELT_MATMUL2D_ACTIVATION == 4
// Beyond |x| = 8 gelu is 0 or x in f16; the clamp keeps x^3 finite.
#define SMELT_MM_ACTIVATION(v)                                                                               \
    (v *                                                                                                     \
     fma(tanh(clamp(v, SMELT_MM_C(-8.0), SMELT_MM_C(8.0)) *                                                  \
              fma(clamp(v, SMELT_MM_C(-8.0), SMELT_MM_C(8.0)) * clamp(v, SMELT_MM_C(-8.0), SMELT_MM_C(8.0)), \
                  SMELT_MM_C(0.0356774), SMELT_MM_C(0.7978846))),                                            \
         SMELT_MM_C(0.5), SMELT_MM_C(0.5)))
#elif SMELT_MATMUL2D_ACTIVATION == 5
#define SMELT_MM_ACTIVATION(v) fma(tanh(v *SMELT_MM_C(0.5)), SMELT_MM_C(0.5), SMELT_MM_C(0.5))
#elif SMELT_MATMUL2D_ACTIVATION == 6
#define SMELT_MM_ACTIVATION(v) tanh(v)
#elif SMELT_MATMUL2D_ACTIVATION == 7
#define SMELT_MM_ACTIVATION(v) exp(v)
#elif SMELT_MATMUL2D_ACTIVATION == 8
#define SMELT_MM_ACTIVATION(v) (max(v, SMELT_MM_C(0.0)) + log(SMELT_MM_C(1.0) + exp(-max(v, -v))))
#elif SMELT_MATMUL2D_ACTIVATION == 9
// There is no sine of a cooperative vector: taken by component, below.
#define SMELT_MM_ACTIVATION(v) v
#else
#error "matmul2d_tmpl.glsl: SMELT_MATMUL2D_ACTIVATION must be one of SMELT_ACTIVATION_x"
#endif

#if SMELT_MATMUL2D_ACCUMULATE
void SMELT_CAT(SMELT_MATMUL2D, _run)(inout SMELT_MATMUL2D_RESULT d, SMELT_MATMUL2D_LEFT a, SMELT_MATMUL2D w)
{
#else
SMELT_MATMUL2D_RESULT SMELT_CAT(SMELT_MATMUL2D, _run)(SMELT_MATMUL2D_LEFT a, SMELT_MATMUL2D w)
{
    SMELT_MATMUL2D_RESULT d;
#endif
    [[unroll]] for (int m = 0; m != SMELT_MATMUL2D_M; m++)
    {
        SMELT_MM_V v;
#if SMELT_MATMUL2D_BIAS
        coopVecMatMulAddNV(v, a.e[m], gl_ComponentTypeFloat16NV, smelt_words1_data(w.weight.data).e, 0,
                           gl_ComponentTypeFloat16NV, smelt_words1_data(w.bias.data).e, 0,
                           gl_ComponentTypeFloat16NV, SMELT_MATMUL2D_N, SMELT_MATMUL2D_K, SMELT_MM_LAYOUT,
                           false, 2 * SMELT_MATMUL2D_WEIGHT_COLUMNS);
#else
        coopVecMatMulNV(v, a.e[m], gl_ComponentTypeFloat16NV, smelt_words1_data(w.weight.data).e, 0,
                        gl_ComponentTypeFloat16NV, SMELT_MATMUL2D_N, SMELT_MATMUL2D_K, SMELT_MM_LAYOUT, false,
                        2 * SMELT_MATMUL2D_WEIGHT_COLUMNS);
#endif
#if SMELT_MATMUL2D_ACCUMULATE
        v = v + d.e[m];
#endif
        v = SMELT_MM_ACTIVATION(v);
#if SMELT_MATMUL2D_ACTIVATION == 9
        [[unroll]] for (int n = 0; n != SMELT_MATMUL2D_N; n++)
        {
            v[n] = smelt_sine(v[n]);
        }
#endif
        d.e[m] = v;
    }
#if !SMELT_MATMUL2D_ACCUMULATE
    return d;
#endif
}

#undef SMELT_MM_LAYOUT
#undef SMELT_MM_V
#undef SMELT_MM_C
#undef SMELT_MM_ACTIVATION
