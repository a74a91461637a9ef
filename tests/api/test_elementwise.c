// SPDX-License-Identifier: MIT
// elementwise.h: each step against a reference in double, with every kind of view, and what a call refuses.
#include "internal.h"
#include "test.h"

#include <math.h>

// Whole submissions around one call.
static enum smelt_result run(const struct smelt_elementwise_params *params)
{
    smelt_encoder encoder = test_begin();
    enum smelt_result result = smelt_encode_elementwise(encoder, params);
    test_end(encoder);
    return result;
}

static smelt_context device(void)
{
    smelt_context context = test_context();
    if (!smelt_context_capabilities(context)->compiler)
        SKIP("this build has no GLSL compiler");
    return context;
}

static smelt_tensor tensor(smelt_context context, enum smelt_dtype dtype, uint32_t rank,
                           const uint64_t *shape)
{
    struct smelt_tensor_params params = {.dtype = dtype, .rank = rank, .name = "t"};
    memcpy(params.shape, shape, rank * sizeof(*shape));
    smelt_tensor t = NULL;
    CHECK_OK(smelt_tensor_create(context, &params, &t));
    return t;
}

#define COUNT 300

// The step's value in double, and the error that elementwise.h allows it.
static double expect(const struct smelt_elementwise_step *step, double p, double q, double *bound)
{
    const double u = 0x1p-23;
    double y = 0, error = 0;
    switch (step->operation) {
    case SMELT_ELEMENTWISE_ACTIVATE:
        y = p > 0 ? p : 0;
        break;
    case SMELT_ELEMENTWISE_ADD:
        y = p + q, error = u;
        break;
    case SMELT_ELEMENTWISE_SUBTRACT:
        y = p - q, error = u;
        break;
    case SMELT_ELEMENTWISE_MULTIPLY:
        y = p * q, error = u;
        break;
    case SMELT_ELEMENTWISE_DIVIDE:
        y = p / q, error = 3 * u;
        break;
    case SMELT_ELEMENTWISE_MAXIMUM:
        y = fmax(p, q);
        break;
    case SMELT_ELEMENTWISE_MINIMUM:
        y = fmin(p, q);
        break;
    case SMELT_ELEMENTWISE_POWER:
        y = pow(p, q), error = (3 + 4 * fabs(q * log2(fabs(p)))) * u;
        break;
    case SMELT_ELEMENTWISE_NEGATE:
        y = -p;
        break;
    case SMELT_ELEMENTWISE_ABSOLUTE:
        y = fabs(p);
        break;
    case SMELT_ELEMENTWISE_SIGN:
        y = p > 0 ? 1 : p < 0 ? -1 : 0;
        break;
    case SMELT_ELEMENTWISE_FLOOR:
        y = floor(p);
        break;
    case SMELT_ELEMENTWISE_CEIL:
        y = ceil(p);
        break;
    case SMELT_ELEMENTWISE_ROUND:
        y = nearbyint(p);
        break;
    case SMELT_ELEMENTWISE_RECIPROCAL:
        y = 1 / p, error = 3 * u;
        break;
    case SMELT_ELEMENTWISE_ROOT:
        y = sqrt(p), error = 4 * u;
        break;
    case SMELT_ELEMENTWISE_LOGARITHM:
        y = log(p), error = 4 * u;
        break;
    case SMELT_ELEMENTWISE_COSINE:
        y = cos(p);
        break;
    case SMELT_ELEMENTWISE_ERF:
        y = erf(p);
        break;
    case SMELT_ELEMENTWISE_THRESHOLD:
        y = p > q ? p : 0;
        break;
    case SMELT_ELEMENTWISE_REMAINDER:
        y = fmod(p, q);
        break;
    case SMELT_ELEMENTWISE_TANGENT:
        y = tan(p);
        break;
    case SMELT_ELEMENTWISE_ARCCOSINE:
        y = acos(p);
        break;
    case SMELT_ELEMENTWISE_ARCSINE:
        y = asin(p);
        break;
    case SMELT_ELEMENTWISE_ARCTANGENT:
        y = atan(p);
        break;
    case SMELT_ELEMENTWISE_COSH:
        y = cosh(p);
        break;
    case SMELT_ELEMENTWISE_SINH:
        y = sinh(p);
        break;
    case SMELT_ELEMENTWISE_ARCOSH:
        y = acosh(p);
        break;
    case SMELT_ELEMENTWISE_ARSINH:
        y = asinh(p);
        break;
    case SMELT_ELEMENTWISE_ARTANH:
        y = atanh(p);
        break;
    default:
        CHECK(!"a step without a reference");
    }
    *bound = error * fabs(y);
    if (step->operation == SMELT_ELEMENTWISE_COSINE)
        *bound = 0x1p-11;
    if (step->operation == SMELT_ELEMENTWISE_ERF ||
        (step->operation == SMELT_ELEMENTWISE_LOGARITHM && p >= 0.5 && p <= 2))
        *bound = 0x1p-20;
    if (step->operation == SMELT_ELEMENTWISE_REMAINDER)
        *bound = 2 * u * fabs(p);
    if (step->operation == SMELT_ELEMENTWISE_TANGENT)
        *bound = 0x1p-10 * (1 + fabs(y)) / fabs(cos(p));
    if (step->operation >= SMELT_ELEMENTWISE_ARCCOSINE && step->operation <= SMELT_ELEMENTWISE_ARCTANGENT)
        *bound = 0x1p-10;
    if (step->operation == SMELT_ELEMENTWISE_COSH || step->operation == SMELT_ELEMENTWISE_SINH)
        *bound = (4 + 2 * fabs(p)) * u * exp(fabs(p));
    if (step->operation >= SMELT_ELEMENTWISE_ARCOSH && step->operation <= SMELT_ELEMENTWISE_ARTANH)
        *bound = 0x1p-19 * (1 + fabs(y));
    return y;
}

// All steps of one chain are tested in one kernel each: a new step that has no reference fails above.
static void steps_are_within_their_bounds(void)
{
    smelt_context context = device();
    const uint64_t shape[1] = {COUNT};
    float a[COUNT], b[COUNT], got[COUNT];
    smelt_tensor x = tensor(context, SMELT_DTYPE_F32, 1, shape),
                 z = tensor(context, SMELT_DTYPE_F32, 1, shape),
                 y = tensor(context, SMELT_DTYPE_F32, 1, shape);
    for (uint32_t o = 0; o < SMELT_ELEMENTWISE_COUNT; o++) {
        struct smelt_elementwise_step step = {.operation = (enum smelt_elementwise)o, .operands = {0, 1}};
        step.activation = SMELT_ACTIVATION_RELU;
        bool positive = o == SMELT_ELEMENTWISE_ROOT || o == SMELT_ELEMENTWISE_LOGARITHM;
        bool power = o == SMELT_ELEMENTWISE_POWER;
        for (int i = 0; i < COUNT; i++) {
            a[i] = 3.0f * sinf(0.37f * (float)i) + (i % 7 == 0 ? 0.5f : 0.001f);
            b[i] = power ? (float)(i % 5 - 2) : 2.0f * cosf(1.3f * (float)i) + 0.003f;
            if (i % 4 == 0)
                a[i] = (float)(i % 16) / 2 - 4 + (power && i % 16 == 8 ? 1.f : 0.f); // ties; no 0 to a power
            if (o == SMELT_ELEMENTWISE_RECIPROCAL && a[i] == 0.f)
                a[i] = 1;
            if (positive)
                a[i] = fabsf(a[i]) + 0.01f;
            if (o == SMELT_ELEMENTWISE_ARCOSH)
                a[i] = 1 + fabsf(a[i]);
            if (o == SMELT_ELEMENTWISE_ARTANH || o == SMELT_ELEMENTWISE_ARCSINE ||
                o == SMELT_ELEMENTWISE_ARCCOSINE)
                a[i] = a[i] / 4.03f;
            if (o == SMELT_ELEMENTWISE_TANGENT)
                a[i] = a[i] / 1.5f;
        }
        CHECK_OK(smelt_tensor_write_and_wait(x, NULL, a, sizeof(a)));
        CHECK_OK(smelt_tensor_write_and_wait(z, NULL, b, sizeof(b)));
        struct smelt_elementwise_params params = {
            .inputs = {x, z}, .input_count = 2, .steps = &step, .step_count = 1, .y = y};
        CHECK_OK(run(&params));
        CHECK_OK(smelt_tensor_read_and_wait(y, NULL, got, sizeof(got)));
        for (int i = 0; i < COUNT; i++) {
            double bound, wanted = expect(&step, a[i], b[i], &bound);
            if (!(fabs(got[i] - wanted) <= bound)) {
                printf("    %s(%.9g, %.9g): got %.9g, wanted %.9g within %g\n",
                       smelt_elementwise_name(step.operation), (double)a[i], (double)b[i], (double)got[i],
                       wanted, bound);
                CHECK(false);
            }
        }
    }
    smelt_tensor_destroy(&x);
    smelt_tensor_destroy(&z);
    smelt_tensor_destroy(&y);
}

// p stays when a comparison has a NaN in it.
static void maximum_and_minimum_keep_a_nan(void)
{
    smelt_context context = device();
    const uint64_t shape[1] = {4};
    const float a[4] = {NAN, 1, NAN, -2};
    float got[4];
    smelt_tensor x = tensor(context, SMELT_DTYPE_F32, 1, shape),
                 y = tensor(context, SMELT_DTYPE_F32, 1, shape);
    const struct smelt_elementwise_step steps[2] = {
        {.operation = SMELT_ELEMENTWISE_MAXIMUM, .operands = {0, SMELT_ELEMENTWISE_VALUE}, .value = -1},
        {.operation = SMELT_ELEMENTWISE_MINIMUM, .operands = {1, SMELT_ELEMENTWISE_VALUE}, .value = 0.5f}};
    const struct smelt_elementwise_params params = {
        .inputs = {x}, .input_count = 1, .steps = steps, .step_count = 2, .y = y};
    CHECK_OK(smelt_tensor_write_and_wait(x, NULL, a, sizeof(a)));
    CHECK_OK(run(&params));
    CHECK_OK(smelt_tensor_read_and_wait(y, NULL, got, sizeof(got)));
    CHECK(isnan(got[0]) && isnan(got[2]) && got[1] == 0.5f && got[3] == -1.f);
    smelt_tensor_destroy(&x);
    smelt_tensor_destroy(&y);
}

static void a_long_chain_is_one_kernel(void)
{
    enum { STEPS = 500 };
    smelt_context context = device();
    const uint64_t shape[2] = {5, 9};
    float data[45], got[45];
    struct smelt_elementwise_step *steps = calloc(STEPS, sizeof(*steps));
    smelt_tensor x = tensor(context, SMELT_DTYPE_F32, 2, shape);
    for (int i = 0; i < 45; i++)
        data[i] = (float)i;
    CHECK_OK(smelt_tensor_write_and_wait(x, NULL, data, sizeof(data)));
    for (uint32_t i = 0; i < STEPS; i++)
        steps[i] = (struct smelt_elementwise_step){
            SMELT_ELEMENTWISE_ADD, {i, SMELT_ELEMENTWISE_VALUE}, SMELT_ACTIVATION_NONE, i % 2 ? 1.f : 2.f};
    struct smelt_elementwise_params params = {
        .inputs = {x}, .input_count = 1, .steps = steps, .step_count = STEPS, .y = x};
    CHECK_OK(run(&params)); // in place
    CHECK_OK(smelt_tensor_read_and_wait(x, NULL, got, sizeof(got)));
    for (int i = 0; i < 45; i++)
        CHECK(got[i] == (float)i + 1.5f * STEPS);
    free(steps);
    smelt_tensor_destroy(&x);
}

// y[i][j][k] = a[i][j][k] * b[k] + c[j][1] over a transposed a, f16 and bf16, written into a slice.
static void views_and_types_mix(void)
{
    enum { I = 3, J = 5, K = 4 };
    smelt_context context = device();
    const uint64_t wide[3] = {I, J, K + 2}, row[1] = {K}, column[2] = {J, 1}, origin[3] = {0, 0, 1},
                   box[3] = {I, J, K};
    struct smelt_tensor_params turned = {
        .dtype = SMELT_DTYPE_F16, .rank = 3, .shape = {I, J, K}, .strides = {1, I, I * J}};
    smelt_tensor a = NULL, b = tensor(context, SMELT_DTYPE_F32, 1, row),
                 c = tensor(context, SMELT_DTYPE_BF16, 2, column),
                 whole = tensor(context, SMELT_DTYPE_F32, 3, wide), y = NULL;
    CHECK_OK(smelt_tensor_create(context, &turned, &a));
    CHECK_OK(smelt_tensor_slice(whole, origin, box, &y));
    float values[I * J * K], got[I * J * (K + 2)], bs[K], cs[J];
    uint16_t halfs[I * J * K], brains[J];
    for (int i = 0; i < I * J * K; i++)
        values[i] = (float)i / 4;
    for (int i = 0; i < K; i++)
        bs[i] = (float)(i + 1);
    for (int i = 0; i < J; i++)
        cs[i] = (float)-i;
    for (int i = 0; i < I * J * K; i++)
        halfs[i] = smelt_f16_from_f32(values[i]);
    for (int i = 0; i < J; i++)
        brains[i] = smelt_bf16_from_f32(cs[i]);
    CHECK_OK(smelt_tensor_write_and_wait(a, NULL, halfs, sizeof(halfs)));
    CHECK_OK(smelt_tensor_write_and_wait(b, NULL, bs, sizeof(bs)));
    CHECK_OK(smelt_tensor_write_and_wait(c, NULL, brains, sizeof(brains)));
    memset(got, 0xaa, sizeof(got));
    float guard = got[0];
    CHECK_OK(smelt_tensor_write_and_wait(whole, NULL, got, sizeof(got)));
    struct smelt_elementwise_step steps[2] = {{.operation = SMELT_ELEMENTWISE_MULTIPLY, .operands = {0, 1}},
                                              {.operation = SMELT_ELEMENTWISE_ADD, .operands = {3, 2}}};
    struct smelt_elementwise_params params = {
        .inputs = {a, b, c}, .input_count = 3, .steps = steps, .step_count = 2, .y = y};
    CHECK_OK(run(&params));
    CHECK_OK(smelt_tensor_read_and_wait(whole, NULL, got, sizeof(got)));
    for (int i = 0; i < I; i++)
        for (int j = 0; j < J; j++) {
            for (int k = 0; k < K; k++)
                CHECK(got[(i * J + j) * (K + 2) + k + 1] == values[(i * J + j) * K + k] * bs[k] + cs[j]);
            CHECK(!memcmp(&got[(i * J + j) * (K + 2)], &guard, 4));
            CHECK(!memcmp(&got[(i * J + j) * (K + 2) + K + 1], &guard, 4));
        }
    smelt_tensor_destroy(&y);
    smelt_tensor_destroy(&a);
    smelt_tensor_destroy(&b);
    smelt_tensor_destroy(&c);
    smelt_tensor_destroy(&whole);
}

static void bad_calls_are_refused(void)
{
    smelt_context context = device();
    const uint64_t shape[2] = {4, 6}, other[2] = {4, 5}, deep[3] = {2, 4, 6};
    smelt_tensor x = tensor(context, SMELT_DTYPE_F32, 2, shape),
                 y = tensor(context, SMELT_DTYPE_F32, 2, shape),
                 wrong = tensor(context, SMELT_DTYPE_F32, 2, other),
                 u = tensor(context, SMELT_DTYPE_U32, 2, shape),
                 d = tensor(context, SMELT_DTYPE_F32, 3, deep), shifted = NULL;
    const uint64_t origin[2] = {0, 1}, box[2] = {4, 5};
    CHECK_OK(smelt_tensor_slice(x, origin, box, &shifted));
    struct smelt_elementwise_step step = {.operation = SMELT_ELEMENTWISE_NEGATE};
    struct smelt_elementwise_params p = {
        .inputs = {x}, .input_count = 1, .steps = &step, .step_count = 1, .y = y};
    struct smelt_elementwise_params bad = p;
    CHECK_OK(run(&p));
    CHECK_FAILS(run(NULL), SMELT_ERROR_INVALID_ARGUMENT, "params is NULL");
    bad.y = NULL;
    CHECK_FAILS(run(&bad), SMELT_ERROR_INVALID_ARGUMENT, "y is NULL");
    bad = p, bad.inputs[0] = NULL;
    CHECK_FAILS(run(&bad), SMELT_ERROR_INVALID_ARGUMENT, "input 0 is NULL");
    bad = p, bad.input_count = SMELT_ELEMENTWISE_MAX_INPUTS + 1;
    CHECK_FAILS(run(&bad), SMELT_ERROR_INVALID_ARGUMENT, "13 inputs");
    bad = p, bad.step_count = 0;
    CHECK_FAILS(run(&bad), SMELT_ERROR_INVALID_ARGUMENT, "0 steps");
    bad = p, bad.inputs[0] = wrong;
    CHECK_FAILS(run(&bad), SMELT_ERROR_SHAPE, "5 elements along dimension 1");
    bad.inputs[0] = d;
    CHECK_FAILS(run(&bad), SMELT_ERROR_SHAPE, "rank 3");
    bad.inputs[0] = u;
    CHECK_FAILS(run(&bad), SMELT_ERROR_DTYPE, "u32");
    bad.inputs[0] = x, bad.y = shifted;
    CHECK_FAILS(run(&bad), SMELT_ERROR_SHAPE, "wanted 5 or 1");
    bad.inputs[0] = wrong;
    CHECK_OK(run(&bad));
    step.operands[0] = 1;
    CHECK_FAILS(run(&p), SMELT_ERROR_INVALID_ARGUMENT, "step 0 (negate) has operand 1");
    step.operands[0] = 0, step.operation = (enum smelt_elementwise)99;
    CHECK_FAILS(run(&p), SMELT_ERROR_INVALID_ARGUMENT, "operation 99");
    step.operation = SMELT_ELEMENTWISE_ACTIVATE, step.activation = (enum smelt_activation)77;
    CHECK_FAILS(run(&p), SMELT_ERROR_INVALID_ARGUMENT, "activation 77");
    CHECK(!strcmp(smelt_elementwise_name((enum smelt_elementwise)99), "invalid"));
    CHECK(smelt_elementwise_operand_count((enum smelt_elementwise)99) == 0);
    CHECK(smelt_elementwise_operand_count(SMELT_ELEMENTWISE_ADD) == 2);
    smelt_tensor_destroy(&shifted);
    smelt_tensor_destroy(&x);
    smelt_tensor_destroy(&y);
    smelt_tensor_destroy(&wrong);
    smelt_tensor_destroy(&u);
    smelt_tensor_destroy(&d);
}

static void overlap_and_too_many_strides_are_refused(void)
{
    smelt_context context = device();
    const uint64_t shape[2] = {4, 6}, origin[2] = {0, 1}, at[2] = {0, 0}, box[2] = {4, 5};
    smelt_tensor whole = tensor(context, SMELT_DTYPE_F32, 2, shape), left = NULL, right = NULL;
    CHECK_OK(smelt_tensor_slice(whole, origin, box, &right));
    CHECK_OK(smelt_tensor_slice(whole, at, box, &left));
    struct smelt_elementwise_step step = {.operation = SMELT_ELEMENTWISE_NEGATE};
    struct smelt_elementwise_params p = {
        .inputs = {right}, .input_count = 1, .steps = &step, .step_count = 1, .y = left};
    CHECK_FAILS(run(&p), SMELT_ERROR_INVALID_ARGUMENT, "shares bytes");
    // Columns that are not the same lie between each other, and share nothing.
    const uint64_t half[2] = {4, 3}, third[2] = {0, 3};
    float data[24], got[24];
    for (int i = 0; i < 24; i++)
        data[i] = (float)i;
    smelt_tensor_destroy(&left);
    smelt_tensor_destroy(&right);
    CHECK_OK(smelt_tensor_slice(whole, at, half, &left));
    CHECK_OK(smelt_tensor_slice(whole, third, half, &right));
    CHECK_OK(smelt_tensor_write_and_wait(whole, NULL, data, sizeof(data)));
    p.inputs[0] = right;
    p.y = left;
    CHECK_OK(run(&p));
    CHECK_OK(smelt_tensor_read_and_wait(whole, NULL, got, sizeof(got)));
    for (int i = 0; i < 24; i++)
        CHECK(got[i] == (i % 6 < 3 ? -data[i + 3] : data[i]));
    p.inputs[0] = left;
    CHECK_OK(run(&p));
    smelt_tensor_destroy(&left);
    smelt_tensor_destroy(&right);
    smelt_tensor_destroy(&whole);
    const uint64_t padded[8] = {3, 3, 3, 3, 3, 3, 3, 3}, inner[8] = {2, 2, 2, 2, 2, 2, 2, 2}, zeros[8] = {0};
    smelt_tensor owners[12], slices[12];
    for (int i = 0; i < 12; i++) {
        owners[i] = tensor(context, SMELT_DTYPE_F32, 8, padded);
        CHECK_OK(smelt_tensor_slice(owners[i], zeros, inner, &slices[i]));
    }
    struct smelt_elementwise_params many = {
        .input_count = 11, .steps = &step, .step_count = 1, .y = slices[11]};
    memcpy(many.inputs, slices, 11 * sizeof(smelt_tensor));
    CHECK_FAILS(run(&many), SMELT_ERROR_SHAPE, "bytes of push constants, wanted at most");
    for (int i = 0; i < 12; i++) {
        smelt_tensor_destroy(&slices[i]);
        smelt_tensor_destroy(&owners[i]);
    }
}

static const struct test tests[] = {
    {"every step is within its bound", steps_are_within_their_bounds},
    {"maximum and minimum keep a NaN", maximum_and_minimum_keep_a_nan},
    {"a long chain is one kernel", a_long_chain_is_one_kernel},
    {"views and types mix", views_and_types_mix},
    {"bad calls are refused", bad_calls_are_refused},
    {"overlap and too many strides are refused", overlap_and_too_many_strides_are_refused},
};

TEST_MAIN(tests)
