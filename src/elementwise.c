// SPDX-License-Identifier: MIT
// smelt_encode_elementwise: writes a kernel for a list of steps, and its push constants for the shapes of a call.
#include <smelt/elementwise.h>

#include "elementwise_internal.h"
#include "tensor_internal.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define WORKGROUP_SIZE 128
#define MAX_TENSORS (SMELT_ELEMENTWISE_MAX_INPUTS + 1) // y is the last one
#define MAX_PUSH 256                                   // bytes; what a device has may be less
#define MAX_VALUES 32

// --- Operations -------------------------------------------------------------------------------------------

// `text`: GLSL, with the operands for its arguments.
static const struct {
    const char *name;
    uint32_t operands;
    const char *text;
} operations[SMELT_ELEMENTWISE_COUNT] = {
    [SMELT_ELEMENTWISE_ACTIVATE] = {"activate", 1, NULL},
    [SMELT_ELEMENTWISE_ADD] = {"add", 2, "%s + %s"},
    [SMELT_ELEMENTWISE_SUBTRACT] = {"subtract", 2, "%s - %s"},
    [SMELT_ELEMENTWISE_MULTIPLY] = {"multiply", 2, "%s * %s"},
    [SMELT_ELEMENTWISE_DIVIDE] = {"divide", 2, "%s / %s"},
    [SMELT_ELEMENTWISE_MAXIMUM] = {"maximum", 2, "maximum(%s, %s)"},
    [SMELT_ELEMENTWISE_MINIMUM] = {"minimum", 2, "minimum(%s, %s)"},
    [SMELT_ELEMENTWISE_POWER] = {"power", 2, "power(%s, %s)"},
    [SMELT_ELEMENTWISE_NEGATE] = {"negate", 1, "-%s"},
    [SMELT_ELEMENTWISE_ABSOLUTE] = {"absolute", 1, "abs(%s)"},
    [SMELT_ELEMENTWISE_SIGN] = {"sign", 1, "sign(%s)"},
    [SMELT_ELEMENTWISE_FLOOR] = {"floor", 1, "floor(%s)"},
    [SMELT_ELEMENTWISE_CEIL] = {"ceil", 1, "ceil(%s)"},
    [SMELT_ELEMENTWISE_ROUND] = {"round", 1, "roundEven(%s)"},
    [SMELT_ELEMENTWISE_RECIPROCAL] = {"reciprocal", 1, "1.0 / %s"},
    [SMELT_ELEMENTWISE_ROOT] = {"root", 1, "sqrt(%s)"},
    [SMELT_ELEMENTWISE_LOGARITHM] = {"logarithm", 1, "log(%s)"},
    [SMELT_ELEMENTWISE_COSINE] = {"cosine", 1, "cos(%s)"},
    [SMELT_ELEMENTWISE_ERF] = {"erf", 1, "erf(%s)"},
    [SMELT_ELEMENTWISE_THRESHOLD] = {"threshold", 2, "threshold(%s, %s)"},
    [SMELT_ELEMENTWISE_REMAINDER] = {"remainder", 2, "smelt_remainder(%s, %s)"},
    [SMELT_ELEMENTWISE_TANGENT] = {"tangent", 1, "tan(%s)"},
    [SMELT_ELEMENTWISE_ARCCOSINE] = {"arccosine", 1, "acos(%s)"},
    [SMELT_ELEMENTWISE_ARCSINE] = {"arcsine", 1, "asin(%s)"},
    [SMELT_ELEMENTWISE_ARCTANGENT] = {"arctangent", 1, "atan(%s)"},
    [SMELT_ELEMENTWISE_COSH] = {"cosh", 1, "cosh(%s)"},
    [SMELT_ELEMENTWISE_SINH] = {"sinh", 1, "sinh(%s)"},
    [SMELT_ELEMENTWISE_ARCOSH] = {"arcosh", 1, "arcosh(%s)"},
    [SMELT_ELEMENTWISE_ARSINH] = {"arsinh", 1, "arsinh(%s)"},
    [SMELT_ELEMENTWISE_ARTANH] = {"artanh", 1, "artanh(%s)"},
};

static bool known(enum smelt_elementwise operation)
{
    return (uint32_t)operation < SMELT_ELEMENTWISE_COUNT;
}

const char *smelt_elementwise_name(enum smelt_elementwise operation)
{
    return known(operation) ? operations[operation].name : "invalid";
}

uint32_t smelt_elementwise_operand_count(enum smelt_elementwise operation)
{
    return known(operation) ? operations[operation].operands : 0;
}

// --- Calls ------------------------------------------------------------------------------------------------

// How a tensor's elements follow each other in the order of y's.
enum place_kind {
    PLACE_EVEN,    // one by one
    PLACE_ONE,     // a single one serves all
    PLACE_STRIDED, // by strides that are pushed
};

struct dimension {
    uint64_t extent, strides[MAX_TENSORS];
};

// A call, checked.
struct call {
    smelt_context context;
    const struct smelt_elementwise_params *params;
    uint32_t tensor_count;
    smelt_tensor tensors[MAX_TENSORS];
    uint32_t rank;
    struct dimension dimensions[SMELT_TENSOR_MAX_RANK];
    enum place_kind places[MAX_TENSORS];
    uint32_t push_size;
    uint32_t push[MAX_PUSH / 4];
};

static enum smelt_result check_step(const struct call *call, uint32_t index)
{
    const struct smelt_elementwise_params *p = call->params;
    const struct smelt_elementwise_step *step = &p->steps[index];
    if (!known(step->operation))
        return smelt_fail(call->context, SMELT_ERROR_INVALID_ARGUMENT,
                          "elementwise: step %" PRIu32 " has operation %d, wanted 0 to %d", index,
                          (int)step->operation, SMELT_ELEMENTWISE_COUNT - 1);
    if (step->operation == SMELT_ELEMENTWISE_ACTIVATE && (uint32_t)step->activation >= SMELT_ACTIVATION_COUNT)
        return smelt_fail(call->context, SMELT_ERROR_INVALID_ARGUMENT,
                          "elementwise: step %" PRIu32 " has activation %d, wanted 0 to %d", index,
                          (int)step->activation, SMELT_ACTIVATION_COUNT - 1);
    for (uint32_t i = 0; i < operations[step->operation].operands; i++)
        if (step->operands[i] != SMELT_ELEMENTWISE_VALUE && step->operands[i] >= p->input_count + index)
            return smelt_fail(
                call->context, SMELT_ERROR_INVALID_ARGUMENT,
                "elementwise: step %" PRIu32 " (%s) has operand %" PRIu32 ", wanted one of %" PRIu32
                " inputs, of %" PRIu32 " earlier steps, or SMELT_ELEMENTWISE_VALUE",
                index, operations[step->operation].name, step->operands[i], p->input_count, index);
    return SMELT_OK;
}

static enum smelt_result check_tensor(const struct call *call, const char *role, uint32_t index,
                                      smelt_tensor tensor)
{
    if (!tensor)
        return smelt_fail(call->context, SMELT_ERROR_INVALID_ARGUMENT, "elementwise: %s %" PRIu32 " is NULL",
                          role, index);
    if (tensor->context != call->context)
        return smelt_fail(call->context, SMELT_ERROR_INVALID_ARGUMENT,
                          "elementwise: %s '%s' is of another context", role, tensor->info.name);
    if (!smelt_dtype_is_float(tensor->info.dtype))
        return smelt_fail(call->context, SMELT_ERROR_DTYPE,
                          "elementwise: %s '%s' is %s, wanted f32, f16, bf16, f8e4m3 or f8e5m2", role,
                          tensor->info.name, smelt_dtype_name(tensor->info.dtype));
    return smelt_tensor_require_plain(tensor, "elementwise");
}

// The stride of t along dimension d of y; 0: one element serves all. SHAPE when its extent fits neither.
static enum smelt_result stride_along(const struct call *call, smelt_tensor t, uint32_t d, uint64_t *stride)
{
    const struct smelt_tensor_info *y = &call->params->y->info;
    uint32_t missing = y->rank - t->info.rank;
    uint64_t extent = d < missing ? 1 : t->info.shape[d - missing];
    if (extent != 1 && extent != y->shape[d])
        return smelt_fail(call->context, SMELT_ERROR_SHAPE,
                          "elementwise: input '%s' has %" PRIu64 " elements along dimension %" PRIu32
                          " of y '%s', wanted %" PRIu64 " or 1",
                          t->info.name, extent, d, y->name, y->shape[d]);
    *stride = extent == 1 ? 0 : t->info.strides[d - missing];
    return SMELT_OK;
}

// y's dimensions without those of one element, neighbours joined where all tensors step evenly.
static enum smelt_result view(struct call *call)
{
    const struct smelt_tensor_info *y = &call->params->y->info;
    for (uint32_t d = 0; d < y->rank; d++) {
        struct dimension inner = {.extent = y->shape[d]};
        for (uint32_t t = 0; t < call->tensor_count; t++) {
            enum smelt_result result = stride_along(call, call->tensors[t], d, &inner.strides[t]);
            if (result)
                return result;
        }
        if (inner.extent == 1)
            continue;
        struct dimension *outer = call->rank ? &call->dimensions[call->rank - 1] : NULL;
        bool even = outer != NULL;
        for (uint32_t t = 0; t < call->tensor_count && even; t++)
            even = outer->strides[t] == inner.strides[t] * inner.extent;
        if (even)
            inner.extent *= outer->extent;
        call->dimensions[even ? call->rank - 1 : call->rank++] = inner;
    }
    return SMELT_OK;
}

static enum place_kind place_of(const struct call *call, uint32_t tensor)
{
    bool even = true, one = true;
    uint64_t packed = 1;
    for (uint32_t d = call->rank; d-- > 0;) {
        uint64_t stride = call->dimensions[d].strides[tensor];
        even = even && stride == packed;
        one = one && stride == 0;
        packed *= call->dimensions[d].extent;
    }
    return even ? PLACE_EVEN : one ? PLACE_ONE : PLACE_STRIDED;
}

static uint32_t strided_count(const struct call *call)
{
    uint32_t count = 0;
    for (uint32_t t = 0; t < call->tensor_count; t++)
        count += call->places[t] == PLACE_STRIDED;
    return count;
}

static uint32_t push_limit(const struct call *call)
{
    return SMELT_MIN(call->context->capabilities.max_push_constants_size, MAX_PUSH);
}

// Says how tensors' elements follow each other; whether what has to be pushed for that fits.
static bool place_all(struct call *call)
{
    for (uint32_t t = 0; t < call->tensor_count; t++)
        call->places[t] = place_of(call, t);
    uint32_t strided = strided_count(call);
    call->push_size = 4 * (2 * call->tensor_count + 1 + (strided ? (strided + 1) * call->rank : 0));
    return call->push_size <= push_limit(call);
}

// Addresses, the number of elements, extents where a tensor is strided, and strides of such.
static enum smelt_result fill_push(struct call *call)
{
    bool fits = place_all(call);
    uint32_t words = 0, strided = strided_count(call);
    if (!fits)
        return smelt_fail(call->context, SMELT_ERROR_SHAPE,
                          "elementwise: %" PRIu32 " tensors, %" PRIu32 " of them strided over %" PRIu32
                          " dimensions that do not step evenly, take %" PRIu32
                          " bytes of push constants, wanted at most %" PRIu32,
                          call->tensor_count, strided, call->rank, call->push_size, push_limit(call));
    for (uint32_t t = 0; t < call->tensor_count; t++) {
        call->push[words++] = (uint32_t)call->tensors[t]->info.address;
        call->push[words++] = (uint32_t)(call->tensors[t]->info.address >> 32);
    }
    call->push[words++] = (uint32_t)smelt_tensor_element_count(call->params->y);
    for (uint32_t d = 0; d < call->rank && strided; d++)
        call->push[words++] = (uint32_t)call->dimensions[d].extent;
    for (uint32_t t = 0; t < call->tensor_count; t++)
        for (uint32_t d = 0; d < call->rank && call->places[t] == PLACE_STRIDED; d++)
            call->push[words++] = (uint32_t)call->dimensions[d].strides[t];
    return SMELT_OK;
}

// An input is y to the byte, or apart from it.
static enum smelt_result check_overlap(const struct call *call)
{
    uint32_t last = call->tensor_count - 1;
    smelt_tensor y = call->params->y;
    for (uint32_t t = 0; t < last; t++) {
        smelt_tensor x = call->tensors[t];
        bool same = x->info.address == y->info.address && x->info.dtype == y->info.dtype;
        for (uint32_t d = 0; d < call->rank && same; d++)
            same = call->dimensions[d].strides[t] == call->dimensions[d].strides[last];
        if (!same && smelt_tensor_share_bytes(&x->info, &y->info))
            return smelt_fail(call->context, SMELT_ERROR_INVALID_ARGUMENT,
                              "elementwise: y '%s' shares bytes with input '%s', wanted the same elements or "
                              "separate tensors",
                              y->info.name, x->info.name);
    }
    return SMELT_OK;
}

static enum smelt_result check_call(smelt_encoder encoder, struct call *call)
{
    const struct smelt_elementwise_params *p = call->params;
    if (!p || !p->y)
        return smelt_fail(NULL, SMELT_ERROR_INVALID_ARGUMENT, "elementwise: %s is NULL", p ? "y" : "params");
    call->context = p->y->context;
    enum smelt_result result = smelt_encoder_require(encoder, call->context, "elementwise");
    if (result)
        return result;
    if (!p->input_count || p->input_count > SMELT_ELEMENTWISE_MAX_INPUTS || !p->step_count || !p->steps)
        return smelt_fail(call->context, SMELT_ERROR_INVALID_ARGUMENT,
                          "elementwise: %" PRIu32 " inputs and %" PRIu32
                          " steps%s, wanted 1 to %d inputs and one step or more",
                          p->input_count, p->step_count, p->steps ? "" : " (NULL)",
                          SMELT_ELEMENTWISE_MAX_INPUTS);
    result = check_tensor(call, "y", 0, p->y);
    for (uint32_t i = 0; i < p->step_count && !result; i++)
        result = check_step(call, i);
    for (uint32_t i = 0; i < p->input_count && !result; i++) {
        result = check_tensor(call, "input", i, p->inputs[i]);
        if (!result && p->inputs[i]->info.rank > p->y->info.rank)
            result = smelt_fail(
                call->context, SMELT_ERROR_SHAPE,
                "elementwise: input '%s' has rank %" PRIu32 ", wanted at most %" PRIu32 " as y '%s'",
                p->inputs[i]->info.name, p->inputs[i]->info.rank, p->y->info.rank, p->y->info.name);
        call->tensors[call->tensor_count++] = p->inputs[i];
    }
    call->tensors[call->tensor_count++] = p->y;
    if (result || (result = view(call)) || (result = check_overlap(call)))
        return result;
    return fill_push(call);
}

// --- The kernel -------------------------------------------------------------------------------------------

// The n-th value of the steps is a constant until those are used up.
static void add_value(struct smelt_text *text, float value, uint32_t n)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof(bits));
    if (n < MAX_VALUES)
        smelt_text_add(text, "value%" PRIu32, n);
    else
        smelt_text_add(text, "uintBitsToFloat(0x%08" PRIx32 "u)", bits);
}

static void write_types(struct smelt_text *text, const struct call *call)
{
    uint32_t seen = 0;
    for (uint32_t t = 0; t < call->tensor_count; t++) {
        enum smelt_dtype dtype = call->tensors[t]->info.dtype;
        bool last = t + 1 == call->tensor_count;
        if (!last && seen >> dtype & 1)
            continue;
        seen |= 1u << dtype;
        smelt_text_add(text,
                       "#define SMELT_TENSOR %s\n#define SMELT_DTYPE %s\n#define SMELT_RANK 1\n"
                       "#define SMELT_ACCESS SMELT_ACCESS_%s\n#define SMELT_EXTENT0 0\n"
                       "#include \"smelt/tensor_tmpl.glsl\"\n",
                       last ? "result" : "source", smelt_op_dtype_macro(dtype), last ? "WRITE" : "READ");
    }
}

static const char *storage_of(enum smelt_dtype dtype)
{
    return dtype == SMELT_DTYPE_F32 ? "f32" : smelt_dtype_size(dtype, 1) == 2 ? "u16" : "u8";
}

// The element that tensor t has for i, as a tensor of rank 1 `t<t>` and an index `i<t>`.
static void write_place(struct smelt_text *text, const struct call *call, uint32_t t, uint32_t *strided)
{
    enum smelt_dtype dtype = call->tensors[t]->info.dtype;
    bool last = t + 1 == call->tensor_count;
    const char *access = last ? "w" : "r";
    smelt_text_add(text,
                   "        %s_%s_1_%s_0 t%" PRIu32 ";\n        t%" PRIu32
                   ".data = smelt_%s_%s_data(tensors[%" PRIu32 "]);\n        t%" PRIu32
                   ".extent[0] = 0xffffffffu;\n        t%" PRIu32 ".stride[0] = 1;\n",
                   last ? "result" : "source", smelt_dtype_name(dtype), access, t, t, storage_of(dtype),
                   access, t, t, t);
    smelt_text_add(text, "        uint i%" PRIu32 " = %s", t, call->places[t] == PLACE_EVEN ? "i" : "0");
    if (call->places[t] == PLACE_STRIDED) {
        for (uint32_t d = 0; d < call->rank; d++)
            smelt_text_add(text, " + c%" PRIu32 " * stride[%" PRIu32 "]", d, *strided * call->rank + d);
        (*strided)++;
    }
    smelt_text_add(text, ";\n");
}

static void write_operand(struct smelt_text *text, const struct call *call,
                          const struct smelt_elementwise_step *step, uint32_t operand, uint32_t *values)
{
    uint32_t inputs = call->params->input_count, place = step->operands[operand];
    if (place == SMELT_ELEMENTWISE_VALUE)
        add_value(text, step->value, (*values)++);
    else
        smelt_text_add(text, "%s%" PRIu32, place < inputs ? "x" : "s",
                       place < inputs ? place : place - inputs);
}

static void write_step(struct smelt_text *text, const struct call *call, uint32_t index, uint32_t *values)
{
    const struct smelt_elementwise_step *step = &call->params->steps[index];
    struct smelt_text operands[2] = {{0}, {0}};
    for (uint32_t i = 0; i < operations[step->operation].operands; i++) {
        write_operand(&operands[i], call, step, i, values);
        text->failed = text->failed || operands[i].failed;
    }
    smelt_text_add(text, "        float s%" PRIu32 " = ", index);
    // The formats are those of the table above.
    const char *format = operations[step->operation].text;
    for (uint32_t i = 0; format && !text->failed && *format; format++) {
        if (*format == '%')
            smelt_text_add(text, "%s", operands[i++].data), format++;
        else
            smelt_text_add_bytes(text, format, 1);
    }
    if (!format)
        smelt_text_add(text, "smelt_%s(%s)", smelt_activation_name(step->activation), operands[0].data);
    smelt_text_add(text, ";\n");
    smelt_text_free(&operands[0]);
    smelt_text_free(&operands[1]);
}

static void write_head(struct smelt_text *text, const struct call *call)
{
    uint32_t strided = strided_count(call);
    smelt_text_add(text,
                   "#version 460\n#include \"smelt/base.glsl\"\n#include \"smelt/activation.glsl\"\n"
                   "#include \"smelt/numeric.glsl\"\n%s"
                   "layout(local_size_x = %d) in;\nlayout(push_constant, scalar) uniform push\n{\n"
                   "    uvec2 tensors[%" PRIu32 "];\n    uint count;\n",
                   smelt_kernel_text("kernels/elementwise_head.glsl"), WORKGROUP_SIZE, call->tensor_count);
    if (strided)
        smelt_text_add(text, "    uint extent[%" PRIu32 "], stride[%" PRIu32 "];\n", call->rank,
                       strided * call->rank);
    smelt_text_add(text, "};\n");
    for (uint32_t n = 0; n < MAX_VALUES; n++)
        smelt_text_add(text, "layout(constant_id = %" PRIu32 ") const float value%" PRIu32 " = 0.0;\n", n, n);
    write_types(text, call);
}

static void write_kernel(struct smelt_text *text, const void *user)
{
    const struct call *call = user;
    uint32_t strided = 0, values = 0, last = call->tensor_count - 1;
    write_head(text, call);
    smelt_text_add(text,
                   "void main()\n{\n"
                   "    uint step = gl_WorkGroupID.z != 0u ? 0xffffffffu : gl_NumWorkGroups.x * %d;\n"
                   "    uint unit = gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x;\n"
                   "    for (uint i = unit * %d + gl_LocalInvocationIndex; i < count; i += step) {\n",
                   WORKGROUP_SIZE, WORKGROUP_SIZE);
    if (strided_count(call)) {
        smelt_text_add(text, "        uint rest = i;\n");
        for (uint32_t d = call->rank; d-- > 0;)
            smelt_text_add(text,
                           "        uint c%" PRIu32 " = rest %% extent[%" PRIu32 "];\n"
                           "        rest /= extent[%" PRIu32 "];\n",
                           d, d, d);
    }
    for (uint32_t t = 0; t <= last; t++) {
        write_place(text, call, t, &strided);
        if (t < last)
            smelt_text_add(text, "        float x%" PRIu32 " = smelt_load(t%" PRIu32 ", i%" PRIu32 ");\n", t,
                           t, t);
    }
    for (uint32_t i = 0; i < call->params->step_count; i++)
        write_step(text, call, i, &values);
    smelt_text_add(text,
                   "        smelt_store(t%" PRIu32 ", i%" PRIu32 ", s%" PRIu32 ");\n"
                   "        if (step > 0xffffffffu - i)\n            break;\n    }\n}\n",
                   last, last, call->params->step_count - 1);
}

// What the kernel is compiled for; also what its values are.
static void write_key(struct smelt_text *key, const struct call *call, struct smelt_kernel_request *request)
{
    const struct smelt_elementwise_params *p = call->params;
    uint8_t head[2] = {(uint8_t)call->tensor_count, (uint8_t)call->rank};
    smelt_text_add_bytes(key, head, sizeof(head));
    for (uint32_t t = 0; t < call->tensor_count; t++) {
        uint8_t tensor[2] = {(uint8_t)call->tensors[t]->info.dtype, (uint8_t)call->places[t]};
        smelt_text_add_bytes(key, tensor, sizeof(tensor));
    }
    for (uint32_t i = 0; i < p->step_count; i++) {
        const struct smelt_elementwise_step *step = &p->steps[i];
        bool activates = step->operation == SMELT_ELEMENTWISE_ACTIVATE;
        uint32_t words[4] = {(uint32_t)step->operation, activates ? (uint32_t)step->activation : 0};
        for (uint32_t o = 0; o < operations[step->operation].operands; o++) {
            words[2 + o] = step->operands[o];
            if (step->operands[o] != SMELT_ELEMENTWISE_VALUE)
                continue;
            if (request->constant_count < MAX_VALUES)
                memcpy(&request->constants[request->constant_count++], &step->value, sizeof(step->value));
            else
                smelt_text_add_bytes(key, &step->value, sizeof(step->value));
        }
        smelt_text_add_bytes(key, words, sizeof(words));
    }
}

enum smelt_result smelt_encode_elementwise(smelt_encoder encoder,
                                           const struct smelt_elementwise_params *params)
{
    struct call call = {.params = params};
    enum smelt_result result = check_call(encoder, &call);
    if (result)
        return result;
    smelt_context context = call.context;
    if (!smelt_kernels_have_text())
        return smelt_fail(context, SMELT_ERROR_UNSUPPORTED,
                          "elementwise: this build has no compiler, wanted one to make the kernel");
    struct smelt_text key = {0};
    struct smelt_kernel_request request = {
        .name = "elementwise",
        .write = write_kernel,
        .user = &call,
        .backend = SMELT_BACKEND_PORTABLE,
        .dtype = params->y->info.dtype,
        .push_size = call.push_size,
        .operations = (double)smelt_tensor_element_count(params->y) *
                      (4 * SMELT_KERNEL_BYTE * call.tensor_count + params->step_count),
        .linear = true,
    };
    write_key(&key, &call, &request);
    request.key = key.data;
    request.key_size = key.size;
    struct smelt_kernel kernel;
    result = key.failed ? smelt_fail(context, SMELT_ERROR_OUT_OF_HOST_MEMORY, "elementwise: no memory")
                        : smelt_kernel_get(encoder, &request, &kernel);
    smelt_text_free(&key);
    if (result)
        return result;
    uint64_t groups = (smelt_tensor_element_count(params->y) + WORKGROUP_SIZE - 1) / WORKGROUP_SIZE;
    struct smelt_range ranges[SMELT_ELEMENTWISE_MAX_INPUTS + 1];
    for (uint32_t i = 0; i < params->input_count; i++)
        ranges[i] = smelt_range_of(params->inputs[i], SMELT_ACCESS_READ);
    ranges[params->input_count] = smelt_range_of(params->y, SMELT_ACCESS_WRITE);
    const struct smelt_dispatch what = {
        .ranges = ranges,
        .range_count = params->input_count + 1,
        .label = "smelt elementwise",
        .operation = SMELT_OPERATION_ELEMENTWISE,
        .call = params,
        .call_size = sizeof(*params),
        .parts = 1,
    };
    return smelt_kernel_dispatch(encoder, &kernel, call.push, call.push_size, groups, 1, 1, &what);
}

bool smelt_elementwise_fits(const struct smelt_elementwise_params *params)
{
    struct call call = {.params = params, .context = params->y->context};
    for (uint32_t i = 0; i < params->input_count; i++)
        call.tensors[call.tensor_count++] = params->inputs[i];
    call.tensors[call.tensor_count++] = params->y;
    return !view(&call) && place_all(&call);
}
