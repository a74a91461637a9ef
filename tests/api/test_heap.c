// SPDX-License-Identifier: MIT
// heap.h: memory of smelt's own and of the caller, how it is counted, and every refusal.
#include "internal.h"
#include "test.h"

// A packed u8 vector at an offset of a heap.
static smelt_tensor place(smelt_context context, smelt_heap heap, uint64_t offset, uint64_t count)
{
    struct smelt_tensor_params params = {
        .dtype = SMELT_DTYPE_U8, .rank = 1, .shape = {count}, .heap = heap, .heap_offset = offset};
    smelt_tensor tensor = NULL;
    CHECK_OK(smelt_tensor_create(context, &params, &tensor));
    return tensor;
}

static void test_own(void)
{
    smelt_context context = test_context();
    uint64_t before = smelt_context_memory(context).bytes[SMELT_MEMORY_HEAP];
    smelt_heap heap = NULL;
    CHECK_OK(smelt_heap_create(context, &(struct smelt_heap_params){.size = 1000}, &heap));
    struct smelt_heap_info info = smelt_heap_info(heap);
    CHECK(info.size == 1000 && info.buffer && !info.buffer_offset && info.address && !info.mapped);
    CHECK(smelt_context_memory(context).bytes[SMELT_MEMORY_HEAP] >= before + 1000);
    uint8_t first[16], second[16], got[16];
    memset(first, 0x11, 16);
    memset(second, 0x22, 16);
    smelt_tensor a = place(context, heap, 0, 16), b = place(context, heap, 16, 16);
    CHECK_OK(smelt_tensor_write_and_wait(a, NULL, first, 16));
    CHECK_OK(smelt_tensor_write_and_wait(b, NULL, second, 16));
    CHECK_OK(smelt_tensor_read_and_wait(a, NULL, got, 16));
    CHECK(!memcmp(got, first, 16));
    // Tensors of a heap may overlap: this one sees the second's bytes.
    smelt_tensor c = place(context, heap, 16, 8);
    CHECK_OK(smelt_tensor_read_and_wait(c, NULL, got, 16));
    CHECK(!memcmp(got, second, 8) && got[8] == 0x11);
    smelt_tensor_destroy(&a);
    smelt_tensor_destroy(&b);
    smelt_tensor_destroy(&c);
    smelt_heap_destroy(&heap);
    CHECK(heap == NULL);
    CHECK(smelt_context_memory(context).bytes[SMELT_MEMORY_HEAP] == before);
    smelt_heap_destroy(&heap);
    smelt_heap_destroy(NULL);
}

static void test_purpose(void)
{
    smelt_context context = test_context();
    uint64_t before = smelt_context_memory(context).bytes[SMELT_MEMORY_WEIGHTS];
    smelt_heap heap = NULL;
    struct smelt_heap_params params = {.size = 64, .purpose = SMELT_MEMORY_WEIGHTS, .name = "layers"};
    CHECK_OK(smelt_heap_create(context, &params, &heap));
    CHECK(smelt_context_memory(context).bytes[SMELT_MEMORY_WEIGHTS] >= before + 64);
    smelt_heap_destroy(&heap);
    CHECK(smelt_context_memory(context).bytes[SMELT_MEMORY_WEIGHTS] == before);
}

static void test_host_visible(void)
{
    smelt_context context = test_context();
    smelt_heap heap = NULL;
    struct smelt_heap_params params = {.size = 256, .host_visible = true};
    CHECK_OK(smelt_heap_create(context, &params, &heap));
    uint8_t *mapped = smelt_heap_info(heap).mapped;
    CHECK(mapped);
    for (int i = 0; i < 256; i++)
        mapped[i] = (uint8_t)i;
    smelt_tensor tensor = place(context, heap, 32, 8);
    CHECK(smelt_tensor_info(tensor)->mapped == mapped + 32);
    uint8_t got[8];
    CHECK_OK(smelt_tensor_read_and_wait(tensor, NULL, got, 8));
    CHECK(got[0] == 32 && got[7] == 39);
    got[0] = 99;
    CHECK_OK(smelt_tensor_write_and_wait(tensor, NULL, got, 8));
    CHECK(mapped[31] == 31 && mapped[32] == 99 && mapped[33] == 33);
    smelt_tensor_destroy(&tensor);
    smelt_heap_destroy(&heap);
}

// Index of a memory type that is (or is not) host-visible and coherent, among `bits`.
static uint32_t memory_type(smelt_context context, uint32_t bits, VkMemoryPropertyFlags wanted)
{
    for (uint32_t i = 0; i < context->memory_properties.memoryTypeCount; i++)
        if ((bits >> i & 1) && (context->memory_properties.memoryTypes[i].propertyFlags & wanted) == wanted)
            return i;
    CHECK(!"a memory type");
    return 0;
}

static void test_callers_memory(void)
{
    smelt_context context = test_context();
    VkMemoryRequirements needs;
    CHECK_OK(smelt_heap_memory_requirements(context, 512, &needs));
    CHECK(needs.size >= 512 && needs.alignment && needs.memoryTypeBits);
    uint32_t type = memory_type(context, needs.memoryTypeBits,
                                VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT);
    VkMemoryAllocateFlagsInfo flags = {.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_FLAGS_INFO,
                                       .flags = VK_MEMORY_ALLOCATE_DEVICE_ADDRESS_BIT};
    VkMemoryAllocateInfo allocate = {.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
                                     .pNext = &flags,
                                     .allocationSize = needs.alignment * 2 + needs.size,
                                     .memoryTypeIndex = type};
    VkDeviceMemory memory;
    CHECK(!context->vk.AllocateMemory(context->device, &allocate, NULL, &memory));
    uint8_t *mapped;
    CHECK(!context->vk.MapMemory(context->device, memory, 0, VK_WHOLE_SIZE, 0, (void **)&mapped));
    memset(mapped, 0xaa, allocate.allocationSize);
    uint64_t counted = smelt_context_memory(context).total, offset = needs.alignment;

    struct smelt_heap_params params = {.size = 512,
                                       .memory = memory,
                                       .memory_type = type,
                                       .memory_offset = offset,
                                       .host_visible = true,
                                       .mapped = mapped + offset};
    smelt_heap heap = NULL;
    CHECK_OK(smelt_heap_create(context, &params, &heap));
    CHECK(smelt_heap_info(heap).mapped == mapped + offset);
    CHECK(smelt_context_memory(context).total == counted); // not smelt's
    smelt_tensor tensor = place(context, heap, 16, 3);
    CHECK_OK(smelt_tensor_write_and_wait(tensor, NULL, "abc", 3));
    CHECK(!memcmp(mapped + offset + 15,
                  "\xaa"
                  "abc\xaa",
                  5));
    smelt_tensor_destroy(&tensor);
    smelt_heap_destroy(&heap);

    // The same without telling where it is mapped: through staging.
    params.mapped = NULL;
    params.host_visible = false;
    CHECK_OK(smelt_heap_create(context, &params, &heap));
    CHECK(!smelt_heap_info(heap).mapped);
    tensor = place(context, heap, 32, 3);
    CHECK_OK(smelt_tensor_write_and_wait(tensor, NULL, "xyz", 3));
    CHECK(!memcmp(mapped + offset + 31, "\xaaxyz\xaa", 5));
    smelt_tensor_destroy(&tensor);
    smelt_heap_destroy(&heap);

    const enum smelt_result invalid = SMELT_ERROR_INVALID_ARGUMENT;
    params.host_visible = true;
    CHECK_FAILS(smelt_heap_create(context, &params, &heap), invalid, "wanted where it is mapped");
    params.host_visible = false;
    params.memory_offset = offset + 1;
    CHECK_FAILS(smelt_heap_create(context, &params, &heap), invalid, "memory_offset");
    params.memory_offset = offset;
    params.memory_type = 32;
    CHECK_FAILS(smelt_heap_create(context, &params, &heap), invalid, "memory type 32");
    params.memory_type = type;
    params.buffer = (VkBuffer)(uintptr_t)1; // refused before it is looked at
    CHECK_FAILS(smelt_heap_create(context, &params, &heap), invalid, "both given");
    CHECK(heap == NULL);
    context->vk.FreeMemory(context->device, memory, NULL);
}

static void test_callers_buffer(void)
{
    smelt_context context = test_context();
    struct smelt_buffer buffer;
    CHECK_OK(
        smelt_buffer_create(context, 256, SMELT_PLACE_HOST_READ, SMELT_MEMORY_STAGING, "caller", &buffer));
    uint8_t *bytes = buffer.mapped;
    memset(bytes, 0xbb, 256);
    struct smelt_heap_params params = {.size = 64, .buffer = buffer.buffer, .buffer_offset = 48};
    smelt_heap heap = NULL;
    CHECK_OK(smelt_heap_create(context, &params, &heap));
    struct smelt_heap_info info = smelt_heap_info(heap);
    CHECK(info.buffer == buffer.buffer && info.buffer_offset == 48 && info.address == buffer.address + 48);
    smelt_tensor tensor = place(context, heap, 48, 16);
    CHECK(smelt_tensor_info(tensor)->buffer_offset == 96);
    CHECK_OK(smelt_tensor_write_and_wait(tensor, NULL, "0123456789abcdef", 16));
    CHECK(bytes[95] == 0xbb && !memcmp(bytes + 96, "0123456789abcdef", 16) && bytes[112] == 0xbb);
    smelt_tensor_destroy(&tensor);
    // Rows aligned to 64 bytes need an address that is: this heap starts at 48.
    struct smelt_tensor_params rows = {.dtype = SMELT_DTYPE_U8,
                                       .rank = 1,
                                       .shape = {4},
                                       .usage = SMELT_TENSOR_USAGE_MACHINE_LEARNING,
                                       .heap = heap};
    CHECK_FAILS(smelt_tensor_create(context, &rows, &tensor), SMELT_ERROR_INVALID_ARGUMENT, "multiple of 64");
    smelt_heap_destroy(&heap);
    params.buffer_offset = 40;
    CHECK_FAILS(smelt_heap_create(context, &params, &heap), SMELT_ERROR_INVALID_ARGUMENT, "buffer_offset 40");
    smelt_buffer_destroy(context, &buffer);
}

static void test_errors(void)
{
    smelt_context context = test_context();
    const enum smelt_result invalid = SMELT_ERROR_INVALID_ARGUMENT;
    smelt_heap heap = NULL;
    struct smelt_heap_params params = {0};
    CHECK_FAILS(smelt_heap_create(context, &params, &heap), invalid, "heap 'smelt heap': size 0");
    params = (struct smelt_heap_params){.size = UINT64_MAX, .name = "big"};
    CHECK_FAILS(smelt_heap_create(context, &params, &heap), invalid, "heap 'big': size 18446744073709551615");
    int there;
    params = (struct smelt_heap_params){.size = 16, .mapped = &there};
    CHECK_FAILS(smelt_heap_create(context, &params, &heap), invalid, "without memory or buffer");
    params = (struct smelt_heap_params){.size = 16, .purpose = SMELT_MEMORY_PURPOSE_COUNT};
    CHECK_FAILS(smelt_heap_create(context, &params, &heap), invalid, "purpose 6");
    params = (struct smelt_heap_params){.size = 16};
    CHECK_FAILS(smelt_heap_create(NULL, &params, &heap), invalid, "context is NULL");
    CHECK_FAILS(smelt_heap_create(context, NULL, &heap), invalid, "params is NULL");
    CHECK_FAILS(smelt_heap_create(context, &params, NULL), invalid, "heap is NULL");
    CHECK(heap == NULL);
    VkMemoryRequirements needs;
    CHECK_FAILS(smelt_heap_memory_requirements(context, 0, &needs), invalid, "size 0");
    CHECK_FAILS(smelt_heap_memory_requirements(context, UINT64_MAX, &needs), invalid, "size 1844674407");
    CHECK_FAILS(smelt_heap_memory_requirements(context, 16, NULL), invalid, "requirements is NULL");
    CHECK_FAILS(smelt_heap_memory_requirements(NULL, 16, &needs), invalid, "context is NULL");
}

static void test_budget(void)
{
    struct smelt_context_params limited = {
        .memory_budget = 1 << 20, .cache_directory = "", .log = test_log, .log_level = SMELT_LOG_ERROR};
    smelt_context context = NULL;
    CHECK_OK(smelt_context_create(&limited, &context));
    CHECK(smelt_context_memory(context).budget == 1 << 20);
    smelt_heap first = NULL, second = NULL;
    smelt_tensor tensor = NULL;
    struct smelt_heap_params params = {.size = 700 << 10};
    CHECK_OK(smelt_heap_create(context, &params, &first));
    uint64_t total = smelt_context_memory(context).total;
    CHECK_FAILS(smelt_heap_create(context, &params, &second), SMELT_ERROR_BUDGET, "1048576 bytes");
    struct smelt_tensor_params large = {.dtype = SMELT_DTYPE_F32, .rank = 1, .shape = {1 << 18}};
    CHECK_FAILS(smelt_tensor_create(context, &large, &tensor), SMELT_ERROR_BUDGET, "tensor memory");
    CHECK(!second && !tensor && smelt_context_memory(context).total == total);
    smelt_heap_destroy(&first);
    CHECK(smelt_context_memory(context).total == 0);
    CHECK_OK(smelt_heap_create(context, &params, &second));
    smelt_heap_destroy(&second);
    CHECK(smelt_context_memory(context).peak == total);
    smelt_context_destroy(&context);
}

static const struct test tests[] = {
    {"a heap holds tensors where the caller places them", test_own},
    {"memory counts for the purpose that was given", test_purpose},
    {"a host-visible heap is mapped", test_host_visible},
    {"a heap lives in the caller's memory at an offset", test_callers_memory},
    {"a heap lives in the caller's buffer at an offset", test_callers_buffer},
    {"heap errors", test_errors},
    {"the budget is kept and given back", test_budget},
};

TEST_MAIN(tests)
