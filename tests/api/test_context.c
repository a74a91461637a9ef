// SPDX-License-Identifier: MIT
// A context on a device of smelt's own: choice, what is missing, validation.
#define _XOPEN_SOURCE 700 // mkdtemp
#include "context_rig.h"

#include <sys/wait.h>

static const char *program;

// Sets a variable and keeps what it was, for put_back.
struct variable {
    const char *name;
    char *before;
};

static struct variable set(const char *name, const char *value)
{
    struct variable variable = {name, smelt_copy_string(getenv(name))};
    if (value)
        setenv(name, value, 1);
    else
        unsetenv(name);
    return variable;
}

static void put_back(struct variable *variable)
{
    if (variable->before)
        setenv(variable->name, variable->before, 1);
    else
        unsetenv(variable->name);
    free(variable->before);
}

static enum smelt_result create_named(const char *name, smelt_context *context)
{
    struct smelt_context_params params = {.device_name = name, .cache_directory = ""};
    return smelt_context_create(&params, context);
}

// --- Making one -----------------------------------------------------------------------------------------

static void defaults_make_a_whole_context(void)
{
    smelt_context context = NULL;
    CHECK_OK(smelt_context_create(NULL, &context));
    struct smelt_context_handles h = smelt_context_handles(context);
    CHECK(h.get_instance_proc_addr && h.get_device_proc_addr && h.instance && h.physical_device && h.device &&
          h.queue && h.pipeline_cache);
    const struct smelt_capabilities *c = smelt_context_capabilities(context);
    CHECK(c->device_name[0] && c->driver_name[0] && c->api_version >= VK_API_VERSION_1_3);
    CHECK(c->subgroup_size >= 1 && c->min_subgroup_size <= c->subgroup_size &&
          c->subgroup_size <= c->max_subgroup_size);
    CHECK(c->max_push_constants_size >= 128 && c->max_shared_memory_size >= 16384 &&
          c->max_buffer_size >= 1 << 30);
    CHECK(c->max_workgroup_invocations >= 128 && c->max_workgroup_size[0] >= 128 &&
          c->max_workgroup_count[0]);
    CHECK(c->compiler_backends[SMELT_BACKEND_PORTABLE] == c->compiler &&
          !c->compiler_backends[SMELT_BACKEND_AUTO]);
    CHECK(smelt_context_validation_messages(context) == 0);
    smelt_context_destroy(&context);
    CHECK(!context);
    smelt_context_destroy(&context);
    smelt_context_destroy(NULL);
    CHECK_FAILS(smelt_context_create(NULL, NULL), SMELT_ERROR_INVALID_ARGUMENT, "NULL");
}

static void a_device_is_chosen_by_index_type_name_and_environment(void)
{
    struct smelt_device_summary devices[8];
    uint32_t count = 8;
    CHECK_OK(smelt_device_list(&count, devices));
    uint32_t usable = 0;
    while (usable < count && !devices[usable].usable)
        usable++;
    CHECK(usable < count);
    char index[16], part[32];
    snprintf(index, sizeof(index), "%u", usable);
    snprintf(part, sizeof(part), "%.6s", devices[usable].name);
    for (char *p = part; *p; p++)
        *p ^= (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ? 0x20 : 0; // the other case
    const char *names[] = {index, smelt_device_type_name(devices[usable].type), part};
    for (size_t i = 0; i < 3; i++) {
        smelt_context context = NULL;
        CHECK_OK(create_named(names[i], &context));
        CHECK(smelt_context_capabilities(context)->device_type == devices[usable].type);
        smelt_context_destroy(&context);
        struct variable variable = set("SMELT_DEVICE", names[i]);
        enum smelt_result result = create_named(NULL, &context);
        put_back(&variable);
        CHECK_OK(result);
        smelt_context_destroy(&context);
    }
    struct variable variable = set("SMELT_DEVICE", "no such device"); // the parameter wins
    smelt_context context = NULL;
    enum smelt_result result = create_named(index, &context);
    put_back(&variable);
    CHECK_OK(result);
    smelt_context_destroy(&context);
}

static void a_name_that_nothing_matches_lists_what_was_found(void)
{
    struct smelt_device_summary device;
    uint32_t count = 1;
    CHECK_OK(smelt_device_list(&count, &device));
    smelt_context context = NULL;
    CHECK_FAILS(create_named("Quantum 9000", &context), SMELT_ERROR_NO_DEVICE,
                "no device matches 'Quantum 9000'");
    CHECK(strstr(smelt_last_error(), device.name) && !context);
    CHECK_FAILS(create_named("4000000000", &context), SMELT_ERROR_NO_DEVICE, "found 0: '");
    struct variable variable = set("SMELT_DEVICE", "Quantum 9001");
    enum smelt_result result = create_named("", &context);
    put_back(&variable);
    CHECK_FAILS(result, SMELT_ERROR_NO_DEVICE, "Quantum 9001");
}

static void the_device_list_says_how_many_there_are(void)
{
    uint32_t count = 0, again = 0;
    CHECK_OK(smelt_device_list(&count, NULL));
    CHECK(count >= 1);
    struct smelt_device_summary device;
    memset(&device, 0xaa, sizeof(device));
    CHECK_OK(smelt_device_list(&again, &device)); // no room: untouched
    CHECK(again == count && (unsigned char)device.name[0] == 0xaa);
    again = 1;
    CHECK_OK(smelt_device_list(&again, &device));
    CHECK(again == count && device.usable == !device.missing[0] && device.api_version);
    CHECK_FAILS(smelt_device_list(NULL, NULL), SMELT_ERROR_INVALID_ARGUMENT, "count");
    CHECK(!strcmp(smelt_device_type_name(VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU), "discrete"));
    CHECK(!strcmp(smelt_device_type_name((VkPhysicalDeviceType)77), "other"));
}

// --- No driver, no loader, no layer -----------------------------------------------------------------------

static void no_driver_is_said(void)
{
    struct variable files = set("VK_DRIVER_FILES", "/nonexistent/icd.json");
    struct variable names = set("VK_ICD_FILENAMES", "/nonexistent/icd.json");
    smelt_context context = NULL;
    uint32_t count = 0;
    enum smelt_result created = create_named(NULL, &context);
    bool said = strstr(smelt_last_error(), "no Vulkan driver") != NULL;
    enum smelt_result listed = smelt_device_list(&count, NULL);
    put_back(&files);
    put_back(&names);
    CHECK(created == SMELT_ERROR_NO_DEVICE && said && !context);
    CHECK(listed == SMELT_ERROR_NO_DEVICE);
}

// What the program does in the child that no_loader_is_said starts.
static int without_loader(void)
{
    smelt_context context = NULL;
    enum smelt_result result = create_named(NULL, &context);
    return result == SMELT_ERROR_NO_DEVICE && strstr(smelt_last_error(), "no Vulkan loader: ") && !context
               ? 0
               : 1;
}

static void no_loader_is_said(void)
{
    char path[300];
    snprintf(path, sizeof(path), "%s/libvulkan.so.1", folder);
    CHECK_OK(smelt_os_write_file(NULL, path, "not a library", 13));
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        setenv("LD_LIBRARY_PATH", folder, 1);
        execl(program, program, "--without-loader", (char *)NULL);
        _exit(2);
    }
    int status = 0;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status));
    if (WEXITSTATUS(status) > 1)
        SKIP("the program cannot be started by its own name here");
    CHECK(WEXITSTATUS(status) == 0);
}

static VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL loader_without_anything(VkInstance instance, const char *name)
{
    (void)instance;
    (void)name;
    return NULL;
}

static VKAPI_ATTR VkResult VKAPI_CALL version_1_1(uint32_t *version)
{
    *version = VK_API_VERSION_1_1;
    return VK_SUCCESS;
}

static VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL old_loader(VkInstance instance, const char *name)
{
    if (!strcmp(name, "vkEnumerateInstanceVersion"))
        return (PFN_vkVoidFunction)version_1_1;
    return smelt_context_handles(test_context()).get_instance_proc_addr(instance, name);
}

static void a_loader_that_cannot_is_said(void)
{
    smelt_context context = NULL;
    struct smelt_context_params params = {.get_instance_proc_addr = loader_without_anything};
    CHECK_FAILS(smelt_context_create(&params, &context), SMELT_ERROR_NO_DEVICE, "no vkCreateInstance");
    params.get_instance_proc_addr = old_loader;
    CHECK_FAILS(smelt_context_create(&params, &context), SMELT_ERROR_NO_DEVICE, "version 1.1, wanted 1.3");
}

static void a_missing_validation_layer_is_said(void)
{
    struct variable path = set("VK_LAYER_PATH", "/nonexistent");
    struct variable add = set("VK_ADD_LAYER_PATH", NULL);
    smelt_context context = NULL;
    struct smelt_context_params params = {.validation = true, .cache_directory = ""};
    enum smelt_result result = smelt_context_create(&params, &context);
    put_back(&path);
    put_back(&add);
    CHECK_FAILS(result, SMELT_ERROR_UNSUPPORTED, "VK_LAYER_KHRONOS_validation is not installed");
}

// --- A driver that lacks something, made by standing between smelt and the real one --------------------------

static PFN_vkGetPhysicalDeviceFeatures2 real_features;
static VkBool32 hide_maintenance4;
static uint32_t shown_version;

static VKAPI_ATTR void VKAPI_CALL fewer_features(VkPhysicalDevice device, VkPhysicalDeviceFeatures2 *chain)
{
    real_features(device, chain);
    for (VkBaseOutStructure *s = (VkBaseOutStructure *)chain; s; s = s->pNext)
        if (s->sType == VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_4_FEATURES && hide_maintenance4)
            ((VkPhysicalDeviceMaintenance4Features *)(void *)s)->maintenance4 = VK_FALSE;
}

static PFN_vkGetPhysicalDeviceProperties real_properties;

static VKAPI_ATTR void VKAPI_CALL older_properties(VkPhysicalDevice device, VkPhysicalDeviceProperties *p)
{
    real_properties(device, p);
    if (shown_version)
        p->apiVersion = shown_version;
}

static VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL lacking_loader(VkInstance instance, const char *name)
{
    PFN_vkVoidFunction real = smelt_context_handles(test_context()).get_instance_proc_addr(instance, name);
    if (!strcmp(name, "vkGetPhysicalDeviceFeatures2")) {
        real_features = (PFN_vkGetPhysicalDeviceFeatures2)real;
        return (PFN_vkVoidFunction)fewer_features;
    }
    if (!strcmp(name, "vkGetPhysicalDeviceProperties")) {
        real_properties = (PFN_vkGetPhysicalDeviceProperties)real;
        return (PFN_vkVoidFunction)older_properties;
    }
    return real;
}

static void a_missing_required_feature_is_named(void)
{
    smelt_context context = NULL;
    struct smelt_context_params params = {.get_instance_proc_addr = lacking_loader, .cache_directory = ""};
    hide_maintenance4 = VK_TRUE;
    enum smelt_result result = smelt_context_create(&params, &context);
    hide_maintenance4 = VK_FALSE;
    CHECK_FAILS(result, SMELT_ERROR_UNSUPPORTED, "lacks maintenance4");
    shown_version = VK_API_VERSION_1_2;
    result = smelt_context_create(&params, &context);
    shown_version = 0;
    CHECK_FAILS(result, SMELT_ERROR_UNSUPPORTED, "lacks Vulkan 1.3 (the device has 1.2)");
    CHECK_OK(smelt_context_create(&params, &context));
    smelt_context_destroy(&context);
}

// --- Validation, names, labels ----------------------------------------------------------------------------

static smelt_context validated(struct lines *lines)
{
    if (!smelt_context_handles(test_context()).device || getenv("SMELT_TEST_VALIDATION"))
        SKIP("the test asks for a run without the validation layer");
    smelt_context context = NULL;
    struct smelt_context_params params = {
        .validation = true, .log = keep_line, .log_user = lines, .cache_directory = ""};
    CHECK_OK(smelt_context_create(&params, &context));
    return context;
}

static void validation_messages_are_counted_and_logged(void)
{
    struct lines lines = {0};
    smelt_context context = validated(&lines);
    struct smelt_context_t *c = context;
    CHECK(smelt_context_validation_messages(context) == 0);
    VkBufferCreateInfo info = {.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
                               .size = 0, // VUID-VkBufferCreateInfo-size-00912
                               .usage = smelt_buffer_usage()};
    VkBuffer buffer = VK_NULL_HANDLE;
    VkResult result = c->vk.CreateBuffer(c->device, &info, NULL, &buffer);
    if (result == VK_SUCCESS)
        c->vk.DestroyBuffer(c->device, buffer, NULL);
    uint32_t messages = smelt_context_validation_messages(context);
    smelt_context_destroy(&context);
    CHECK(messages >= 1 && lines.errors == (int)messages);
    CHECK(strstr(lines.last, "validation: ") && strstr(lines.last, "size-00912"));
}

static void synchronization_validation_is_on(void)
{
    struct lines lines = {0};
    smelt_context context = validated(&lines);
    struct smelt_buffer buffer = {0};
    VkCommandBuffer commands;
    enum smelt_result result =
        smelt_buffer_create(context, 256, SMELT_PLACE_DEVICE, SMELT_MEMORY_TENSOR, "b", &buffer);
    if (result == SMELT_OK)
        result = smelt_submit_begin(context, &commands);
    if (result == SMELT_OK) {
        context->vk.CmdFillBuffer(commands, buffer.buffer, 0, 256, 1);
        context->vk.CmdFillBuffer(commands, buffer.buffer, 0, 256, 2); // without a barrier between them
        result = smelt_submit_end(context, true);
    }
    uint32_t messages = smelt_context_validation_messages(context);
    smelt_buffer_destroy(context, &buffer);
    smelt_context_destroy(&context);
    CHECK_OK(result);
    CHECK(messages >= 1 && strstr(lines.last, "WRITE_AFTER_WRITE") != NULL);
}

static const struct test tests[] = {
    {"defaults make a whole context", defaults_make_a_whole_context},
    {"a device is chosen by index, type, name and environment",
     a_device_is_chosen_by_index_type_name_and_environment},
    {"a name that nothing matches lists what was found", a_name_that_nothing_matches_lists_what_was_found},
    {"the device list says how many there are", the_device_list_says_how_many_there_are},
    {"no driver is said", no_driver_is_said},
    {"no loader is said", no_loader_is_said},
    {"a loader that cannot is said", a_loader_that_cannot_is_said},
    {"a missing validation layer is said", a_missing_validation_layer_is_said},
    {"a missing required feature is named", a_missing_required_feature_is_named},
    {"validation messages are counted and logged", validation_messages_are_counted_and_logged},
    {"synchronization validation is on", synchronization_validation_is_on},
};

int main(int argc, char **argv)
{
    program = argv[0];
    if (argc > 1 && !strcmp(argv[1], "--without-loader"))
        return without_loader();
    return rig_main(argc, argv, tests, SMELT_COUNT_OF(tests));
}
