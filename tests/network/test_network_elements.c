// SPDX-License-Identifier: MIT
// Operators element by element on the device, each against the same in double on the host: floats, integers of every width,
// truth values, casts between all types, broadcasting.
#include "node_rig.h"

#include <math.h>

#define COUNT 60 // elements of most inputs

// --- Floats -------------------------------------------------------------------------------------------------

static double leaky(double a, double b)
{
    (void)b;
    return a < 0 ? 0.01 * a : a;
}
static double elu(double a, double b)
{
    (void)b;
    return a < 0 ? exp(a) - 1 : a;
}
static double selu(double a, double b)
{
    return 1.05070102214813232421875 * (a < 0 ? 1.67326319217681884765625 * elu(a, b) : a);
}
static double gelu(double a, double b)
{
    (void)b;
    return a / 2 * (1 + erf(a / sqrt(2)));
}
static double hard_sigmoid(double a, double b)
{
    (void)b;
    return fmin(fmax((double)0.2f * a + 0.5, 0), 1);
}
static double hard_swish(double a, double b)
{
    (void)b;
    return a * fmin(fmax(a / 6 + 0.5, 0), 1);
}
static double softplus(double a, double b)
{
    (void)b;
    return log1p(exp(a));
}
static double mish(double a, double b)
{
    return a * tanh(softplus(a, b));
}
static double sigmoid(double a, double b)
{
    (void)b;
    return 1 / (1 + exp(-a));
}
static double swish(double a, double b)
{
    return a * sigmoid(a, b);
}
static double softsign(double a, double b)
{
    (void)b;
    return a / (1 + fabs(a));
}
static double threshold(double a, double b)
{
    (void)b;
    return a > 1 ? a : 0;
}
static double prelu(double a, double b)
{
    return a < 0 ? a * b : a;
}
static double mean(double a, double b)
{
    return (a + b) / 2;
}
static double sign(double a, double b)
{
    (void)b;
    return (a > 0) - (a < 0);
}
static double relu(double a, double b)
{
    (void)b;
    return a > 0 ? a : 0;
}

// A function of libm with one argument as one with two.
#define ONE(name)                                                                                            \
    static double one_##name(double a, double b)                                                             \
    {                                                                                                        \
        (void)b;                                                                                             \
        return name(a);                                                                                      \
    }
ONE(acos)
ONE(acosh)
ONE(asin)
ONE(asinh)
ONE(atan)
ONE(atanh)
ONE(ceil)
ONE(cos)
ONE(cosh)
ONE(erf)
ONE(exp)
ONE(fabs)
ONE(floor)
ONE(log)
ONE(nearbyint)
ONE(sin)
ONE(sinh)
ONE(sqrt)
ONE(tan)
ONE(tanh)

static double add(double a, double b)
{
    return a + b;
}
static double subtract(double a, double b)
{
    return a - b;
}
static double multiply(double a, double b)
{
    return a * b;
}
static double divide(double a, double b)
{
    return a / b;
}
static double negate(double a, double b)
{
    (void)b;
    return -a;
}
static double reciprocal(double a, double b)
{
    (void)b;
    return 1 / a;
}

static const struct float_row {
    const char *op;
    double (*of)(double a, double b);
    uint32_t inputs;
    double low, high; // of the first one; the second is 0.5 to 3
    const char *attribute;
    double value;
} float_rows[] = {
    {"Abs", one_fabs, 1, -4, 4, NULL, 0},
    {"Acos", one_acos, 1, -0.9, 0.9, NULL, 0},
    {"Acosh", one_acosh, 1, 1, 9, NULL, 0},
    {"Add", add, 2, -4, 4, NULL, 0},
    {"Asin", one_asin, 1, -0.9, 0.9, NULL, 0},
    {"Asinh", one_asinh, 1, -9, 9, NULL, 0},
    {"Atan", one_atan, 1, -9, 9, NULL, 0},
    {"Atanh", one_atanh, 1, -0.9, 0.9, NULL, 0},
    {"Ceil", one_ceil, 1, -4, 4, NULL, 0},
    {"Celu", elu, 1, -4, 4, NULL, 0},
    {"Cos", one_cos, 1, -3, 3, NULL, 0},
    {"Cosh", one_cosh, 1, -3, 3, NULL, 0},
    {"Div", divide, 2, -4, 4, NULL, 0},
    {"Elu", elu, 1, -4, 4, NULL, 0},
    {"Erf", one_erf, 1, -4, 4, NULL, 0},
    {"Exp", one_exp, 1, -4, 4, NULL, 0},
    {"Floor", one_floor, 1, -4, 4, NULL, 0},
    {"Gelu", gelu, 1, -4, 4, NULL, 0},
    {"HardSigmoid", hard_sigmoid, 1, -4, 4, 0, 0},
    {"HardSwish", hard_swish, 1, -4, 4, NULL, 0},
    {"LeakyRelu", leaky, 1, -4, 4, NULL, 0},
    {"LeakyRelu", prelu, 1, -4, 4, "alpha", 0.3},
    {"Log", one_log, 1, 0.1, 9, NULL, 0},
    {"Max", fmax, 2, -4, 4, NULL, 0},
    {"Mean", mean, 2, -4, 4, NULL, 0},
    {"Min", fmin, 2, -4, 4, NULL, 0},
    {"Mish", mish, 1, -4, 4, NULL, 0},
    {"Mod", fmod, 2, -9, 9, "fmod", 1},
    {"Mul", multiply, 2, -4, 4, NULL, 0},
    {"Neg", negate, 1, -4, 4, NULL, 0},
    {"PRelu", prelu, 2, -4, 4, NULL, 0},
    {"Pow", pow, 2, 0.1, 4, NULL, 0},
    {"Reciprocal", reciprocal, 1, 1, 4, NULL, 0},
    {"Relu", relu, 1, -4, 4, NULL, 0},
    {"Round", one_nearbyint, 1, -4, 4, NULL, 0},
    {"Selu", selu, 1, -4, 4, NULL, 0},
    {"Sigmoid", sigmoid, 1, -9, 9, NULL, 0},
    {"Sign", sign, 1, -4, 4, NULL, 0},
    {"Sin", one_sin, 1, -3, 3, NULL, 0},
    {"Sinh", one_sinh, 1, -3, 3, NULL, 0},
    {"Softplus", softplus, 1, -9, 9, NULL, 0},
    {"Softsign", softsign, 1, -4, 4, NULL, 0},
    {"Sqrt", one_sqrt, 1, 0, 9, NULL, 0},
    {"Sub", subtract, 2, -4, 4, NULL, 0},
    {"Sum", add, 2, -4, 4, NULL, 0},
    {"Swish", swish, 1, -4, 4, NULL, 0},
    {"Tan", one_tan, 1, -1.4, 1.4, NULL, 0},
    {"Tanh", one_tanh, 1, -4, 4, NULL, 0},
    {"ThresholdedRelu", threshold, 1, -4, 4, 0, 0},
};

static void set(struct node *node, const char *name, double value)
{
    struct smelt_ir_attribute attribute = {.set = true, .integer = (int64_t)value, .number = value};
    node_attribute(node, name, &attribute);
}

static void floats(void)
{
    for (uint32_t r = 0; r < SMELT_COUNT_OF(float_rows); r++) {
        const struct float_row *row = &float_rows[r];
        struct node node = node_start(row->op);
        double a[COUNT], b[COUNT];
        for (int i = 0; i < COUNT; i++) {
            a[i] = (double)(float)(row->low + (row->high - row->low) * i / (COUNT - 1));
            b[i] = row->attribute && row->of == prelu ? row->value
                                                      : (double)(0.5f + 2.5f * (float)(i * 37 % 60) / 59);
        }
        node_input(&node, SMELT_ELEMENT_F32, 2, (const uint64_t[]){4, COUNT / 4}, a);
        if (row->inputs > 1)
            node_input(&node, SMELT_ELEMENT_F32, 2, (const uint64_t[]){4, COUNT / 4}, b);
        if (row->attribute)
            set(&node, row->attribute, row->value);
        const double *y = node_run(&node);
        for (int i = 0; i < COUNT; i++)
            node_expect(&node, (uint32_t)i, y[i], row->of(a[i], b[i]),
                        1e-5 + 1e-3 * fabs(row->of(a[i], b[i])));
        node_end(&node);
    }
}

// More inputs than one call takes.
static void many_inputs(void)
{
    static const char *const ops[] = {"Sum", "Mean", "Max"};
    for (int o = 0; o < 3; o++) {
        struct node node = node_start(ops[o]);
        double a[27][3], sum[3] = {0};
        for (int k = 0; k < 27; k++) {
            a[k][0] = k, a[k][1] = -k, a[k][2] = k * 0.5;
            for (int i = 0; i < 3; i++)
                sum[i] += a[k][i];
            node_input(&node, SMELT_ELEMENT_F32, 1, (const uint64_t[]){3}, a[k]);
        }
        const double *y = node_run(&node);
        const double wanted[3][3] = {
            {sum[0], sum[1], sum[2]}, {sum[0] / 27, sum[1] / 27, sum[2] / 27}, {26, 0, 13}};
        for (uint32_t i = 0; i < 3; i++)
            node_expect(&node, i, y[i], wanted[o][i], 1e-3);
        node_end(&node);
    }
}

// Constants of one element in front: a step takes one number.
static void numbers_first(void)
{
    static const char *const ops[] = {"Sum", "Mean", "Max", "Min"};
    for (int o = 0; o < 4; o++) {
        const double numbers[2] = {3, -5}, x[3] = {-7, 1, 8};
        const double wanted[4][3] = {{-9, -1, 6}, {-3, -1.0 / 3, 2}, {3, 3, 8}, {-7, -5, -5}};
        struct node node = node_start(ops[o]);
        node_constant(&node, SMELT_ELEMENT_F32, 1, (const uint64_t[]){1}, &numbers[0]);
        node_constant(&node, SMELT_ELEMENT_F32, 1, (const uint64_t[]){1}, &numbers[1]);
        node_input(&node, SMELT_ELEMENT_F32, 1, (const uint64_t[]){3}, x);
        const double *y = node_run(&node);
        for (uint32_t i = 0; i < 3; i++)
            node_expect(&node, i, y[i], wanted[o][i], 1e-5);
        node_end(&node);
    }
}

// A NaN passes a Clip, and limits may be left out.
static void clips(void)
{
    const double a[4] = {NAN, -5, 0.25, 7}, low = -1, high = 2;
    for (int limits = 0; limits < 4; limits++) {
        struct node node = node_start("Clip");
        node_input(&node, SMELT_ELEMENT_F32, 1, (const uint64_t[]){4}, a);
        if (limits & 1)
            node_constant(&node, SMELT_ELEMENT_F32, 0, NULL, &low);
        else
            node_absent(&node);
        if (limits & 2)
            node_input(&node, SMELT_ELEMENT_F32, 0, NULL, &high);
        const double *y = node_run(&node);
        CHECK(isnan(y[0]));
        node_expect(&node, 1, y[1], limits & 1 ? -1 : -5, 0);
        node_expect(&node, 2, y[2], 0.25, 0);
        node_expect(&node, 3, y[3], limits & 2 ? 2 : 7, 0);
        node_end(&node);
    }
}

// --- Integers -----------------------------------------------------------------------------------------------

static const enum smelt_element integers[] = {SMELT_ELEMENT_I8, SMELT_ELEMENT_U16, SMELT_ELEMENT_I32,
                                              SMELT_ELEMENT_U32};

// As the device keeps it: 64 bits in 32.
static double wrapped(enum smelt_element element, int64_t v)
{
    switch (element) {
    case SMELT_ELEMENT_I8:
        return (int8_t)v;
    case SMELT_ELEMENT_U8:
        return (uint8_t)v;
    case SMELT_ELEMENT_I16:
        return (int16_t)v;
    case SMELT_ELEMENT_U16:
        return (uint16_t)v;
    case SMELT_ELEMENT_U32:
        return (uint32_t)v;
    case SMELT_ELEMENT_BOOL:
        return v != 0;
    case SMELT_ELEMENT_I4:
        return (int)((v & 15) ^ 8) - 8;
    case SMELT_ELEMENT_U4:
        return (double)(v & 15);
    default:
        return (int32_t)v;
    }
}

static int64_t floor_mod(int64_t a, int64_t b)
{
    int64_t r = a % b;
    return r && (r < 0) != (b < 0) ? r + b : r;
}

static int64_t power(int64_t a, int64_t b)
{
    uint64_t result = 1;
    for (int64_t i = 0; i < b; i++)
        result *= (uint64_t)a;
    return b < 0 ? (a == 1 ? 1 : a == -1 ? (b & 1 ? -1 : 1) : 0) : (int64_t)result;
}

static const char *const integer_ops[] = {"Add", "Sub", "Mul", "Div", "Mod",  "fmod", "Pow",
                                          "Max", "Min", "Abs", "Neg", "Sign", "Relu", "Sum"};

static int64_t integer(const char *op, int64_t a, int64_t b)
{
    return !strcmp(op, "Add") || !strcmp(op, "Sum") ? a + b
           : !strcmp(op, "Sub")                     ? a - b
           : !strcmp(op, "Mul")                     ? (int64_t)((uint64_t)a * (uint64_t)b)
           : !strcmp(op, "Div")                     ? a / b
           : !strcmp(op, "Mod")                     ? floor_mod(a, b)
           : !strcmp(op, "fmod")                    ? a % b
           : !strcmp(op, "Pow")                     ? power(a, b)
           : !strcmp(op, "Max")                     ? SMELT_MAX(a, b)
           : !strcmp(op, "Min")                     ? SMELT_MIN(a, b)
           : !strcmp(op, "Abs")                     ? (a < 0 ? -a : a)
           : !strcmp(op, "Neg")                     ? -a
           : !strcmp(op, "Sign")                    ? (a > 0) - (a < 0)
                                                    : SMELT_MAX(a, 0);
}

static bool is_signed(enum smelt_element e)
{
    return smelt_element_info(e)->kind == SMELT_ELEMENT_IS_SIGNED;
}

static void integers_wrap(void)
{
    enum { N = 12 };
    for (uint32_t t = 0; t < SMELT_COUNT_OF(integers); t++)
        for (uint32_t o = 0; o < SMELT_COUNT_OF(integer_ops); o++) {
            enum smelt_element e = integers[t];
            const char *op = integer_ops[o];
            bool one = o >= 9 && o <= 12;
            double a[N], b[N];
            for (int i = 0; i < N; i++) {
                a[i] = wrapped(e, i * 23 - 120 + (i == 3 ? 70000000 : 0));
                b[i] = is_signed(e) && i % 2 ? -1 - i / 3 : 1 + i / 3;
            }
            struct node node = node_start(!strcmp(op, "fmod") ? "Mod" : op);
            node_input(&node, e, 2, (const uint64_t[]){3, 4}, a);
            if (!one)
                node_input(&node, e, 2, (const uint64_t[]){3, 4}, b);
            if (!strcmp(op, "fmod"))
                set(&node, "fmod", 1);
            const double *y = node_run(&node);
            for (uint32_t i = 0; i < N; i++)
                node_expect(&node, i, y[i], wrapped(e, integer(op, (int64_t)a[i], (int64_t)b[i])), 0);
            node_end(&node);
        }
}

// --- Truth ---------------------------------------------------------------------------------------------------

static void comparisons(void)
{
    static const char *const ops[] = {"Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual"};
    static const enum smelt_element elements[] = {SMELT_ELEMENT_F32, SMELT_ELEMENT_I64, SMELT_ELEMENT_U8};
    const double a[6] = {1, 2, 3, 0, 5, 100}, b[3] = {2, 2, 3};
    for (uint32_t o = 0; o < 5; o++)
        for (uint32_t t = 0; t < 3; t++) {
            struct node node = node_start(ops[o]);
            node_input(&node, elements[t], 2, (const uint64_t[]){2, 3}, a);
            node_input(&node, elements[t], 1, (const uint64_t[]){3}, b);
            const double *y = node_run(&node);
            for (uint32_t i = 0; i < 6; i++) {
                double p = a[i], q = b[i % 3];
                const bool wanted[5] = {p == q, p<q, p <= q, p> q, p >= q};
                node_expect(&node, i, y[i], wanted[o], 0);
            }
            node_end(&node);
        }
}

static void logic(void)
{
    static const char *const ops[] = {"And", "Or", "Xor", "Not"};
    const double a[4] = {0, 0, 1, 1}, b[4] = {0, 1, 0, 1};
    const double wanted[4][4] = {{0, 0, 0, 1}, {0, 1, 1, 1}, {0, 1, 1, 0}, {1, 1, 0, 0}};
    for (uint32_t o = 0; o < 4; o++) {
        struct node node = node_start(ops[o]);
        node_input(&node, SMELT_ELEMENT_BOOL, 1, (const uint64_t[]){4}, a);
        if (o < 3)
            node_input(&node, SMELT_ELEMENT_BOOL, 1, (const uint64_t[]){4}, b);
        const double *y = node_run(&node);
        for (uint32_t i = 0; i < 4; i++)
            node_expect(&node, i, y[i], wanted[o][i], 0);
        node_end(&node);
    }
}

static void tests_of_floats(void)
{
    const double a[5] = {1, NAN, INFINITY, -INFINITY, -0.0};
    const double wanted[4][5] = {{0, 1, 0, 0, 0}, {0, 0, 1, 1, 0}, {0, 0, 1, 0, 0}, {0, 0, 0, 1, 0}};
    for (int o = 0; o < 4; o++) {
        struct node node = node_start(o ? "IsInf" : "IsNaN");
        node_input(&node, SMELT_ELEMENT_F32, 1, (const uint64_t[]){5}, a);
        if (o == 2 || o == 3)
            set(&node, o == 2 ? "detect_negative" : "detect_positive", 0);
        const double *y = node_run(&node);
        for (uint32_t i = 0; i < 5; i++)
            node_expect(&node, i, y[i], wanted[o][i], 0);
        node_end(&node);
    }
}

// All three broadcast.
static void selections(void)
{
    static const enum smelt_element elements[] = {SMELT_ELEMENT_F32, SMELT_ELEMENT_I32, SMELT_ELEMENT_U8};
    const double which[2] = {1, 0}, a[3] = {1, 2, 3}, b = 9;
    for (uint32_t t = 0; t < 3; t++) {
        struct node node = node_start("Where");
        node_input(&node, SMELT_ELEMENT_BOOL, 2, (const uint64_t[]){2, 1}, which);
        node_input(&node, elements[t], 1, (const uint64_t[]){3}, a);
        node_input(&node, elements[t], 0, NULL, &b);
        const double *y = node_run(&node);
        for (uint32_t i = 0; i < 6; i++)
            node_expect(&node, i, y[i], i < 3 ? a[i] : 9, 0);
        node_end(&node);
    }
}

// --- Casts ---------------------------------------------------------------------------------------------------

// Floats to the nearest, ties to even, towards 0 to integers, which wrap.
static void casts(void)
{
    static const enum smelt_element elements[] = {
        SMELT_ELEMENT_F32, SMELT_ELEMENT_F16, SMELT_ELEMENT_BF16, SMELT_ELEMENT_F8E4M3, SMELT_ELEMENT_F8E5M2,
        SMELT_ELEMENT_I8,  SMELT_ELEMENT_U8,  SMELT_ELEMENT_I16,  SMELT_ELEMENT_U16,    SMELT_ELEMENT_I32,
        SMELT_ELEMENT_U32, SMELT_ELEMENT_I64, SMELT_ELEMENT_BOOL, SMELT_ELEMENT_I4,     SMELT_ELEMENT_U4};
    enum { TYPES = SMELT_COUNT_OF(elements), N = 8 };
    for (uint32_t from = 0; from < TYPES; from++)
        for (uint32_t to = from % 4; to < TYPES;
             to += 4) { // a part of the table that has every type on either side
            const double floats[N] = {0, 1, -1.75, 2.5, 3.5, -6, 0.25, 7},
                         numbers[N] = {0, 1, -1, 2, 7, -6, 300, 100000};
            bool real = smelt_element_is_float(elements[from]);
            double a[N];
            for (int i = 0; i < N; i++)
                a[i] = real ? floats[i] : wrapped(elements[from], (int64_t)numbers[i]);
            struct node node = node_start("Cast");
            node_input(&node, elements[from], 1, (const uint64_t[]){N}, a);
            set(&node, "to", elements[to]);
            const double *y = node_run(&node);
            for (uint32_t i = 0; i < N; i++)
                node_expect(&node, i, y[i],
                            smelt_element_is_float(elements[to]) ? node_rounded(elements[to], a[i])
                            : elements[to] == SMELT_ELEMENT_BOOL ? a[i] != 0
                                                                 : wrapped(elements[to], (int64_t)a[i]),
                            0);
            node_end(&node);
        }
}

// Without saturation, what is too large is infinite, or a NaN where there is no infinity.
static void casts_that_do_not_saturate(void)
{
    const double a[4] = {1, 464, 1e6, -INFINITY};
    for (int e5 = 0; e5 < 2; e5++) {
        struct node node = node_start("Cast");
        node_input(&node, SMELT_ELEMENT_F32, 1, (const uint64_t[]){4}, a);
        set(&node, "to", e5 ? SMELT_ELEMENT_F8E5M2 : SMELT_ELEMENT_F8E4M3);
        set(&node, "saturate", 0);
        const double *y = node_run(&node);
        CHECK(y[0] == 1 &&
              (e5 ? y[1] == 448 && isinf(y[2]) && isinf(y[3]) : y[1] == 448 && isnan(y[2]) && isnan(y[3])));
        node_end(&node);
    }
}

// --- Broadcasting ---------------------------------------------------------------------------------------------

// Axes that do not step evenly, also for integers.
static void broadcasting(void)
{
    static const enum smelt_element elements[] = {SMELT_ELEMENT_F32, SMELT_ELEMENT_I16};
    double a[2 * 3 * 5], b[4 * 5];
    for (int i = 0; i < 30; i++)
        a[i] = i;
    for (int i = 0; i < 20; i++)
        b[i] = 100 * i;
    for (uint32_t t = 0; t < 2; t++) {
        struct node node = node_start("Add");
        node_input(&node, elements[t], 4, (const uint64_t[]){2, 3, 1, 5}, a);
        node_input(&node, elements[t], 3, (const uint64_t[]){1, 4, 5}, b);
        const double *y = node_run(&node);
        for (uint32_t i = 0; i < 120; i++)
            node_expect(&node, i, y[i], a[i / 20 * 5 + i % 5] + b[i % 20], 0);
        node_end(&node);
    }
}

static const struct test tests[] = {
    {"floats", floats},
    {"many inputs", many_inputs},
    {"numbers come first", numbers_first},
    {"clips", clips},
    {"integers wrap", integers_wrap},
    {"comparisons", comparisons},
    {"logic", logic},
    {"tests of floats", tests_of_floats},
    {"selections", selections},
    {"casts", casts},
    {"casts that do not saturate", casts_that_do_not_saturate},
    {"broadcasting", broadcasting},
};

TEST_MAIN(tests)
