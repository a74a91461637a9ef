// SPDX-License-Identifier: MIT
// The self-test of backends: right on this device, and it finds modules that were made wrong.
#define _XOPEN_SOURCE 700 // mkdtemp
#include "folder.h"
#include "test.h"

static void need_compiler(void)
{
    if (!smelt_context_capabilities(test_context())->compiler)
        SKIP("this build has no compiler");
}

static void every_backend_that_is_there_is_right(void)
{
    need_compiler();
    smelt_context context = test_context();
    struct smelt_selftest_report report;
    CHECK_OK(smelt_selftest_and_wait(context, SMELT_BACKEND_PORTABLE, &report));
    CHECK(report.ran && report.right && report.worst > 0 && report.worst <= 1 && report.places >= 1);
    for (enum smelt_backend b = SMELT_BACKEND_DOT8; b < SMELT_BACKEND_COUNT; b++) {
        CHECK_OK(smelt_selftest_and_wait(context, b, &report));
        printf("    %s: %s\n", smelt_backend_name(b), report.detail);
        CHECK(report.right && report.detail[0]);
    }
}

static void wrong_calls_are_refused(void)
{
    struct smelt_selftest_report report;
    CHECK_FAILS(smelt_selftest_and_wait(NULL, SMELT_BACKEND_PORTABLE, &report), SMELT_ERROR_INVALID_ARGUMENT,
                "context is NULL");
    CHECK_FAILS(smelt_selftest_and_wait(test_context(), SMELT_BACKEND_PORTABLE, NULL),
                SMELT_ERROR_INVALID_ARGUMENT, "report is NULL");
    CHECK_FAILS(smelt_selftest_and_wait(test_context(), SMELT_BACKEND_AUTO, &report),
                SMELT_ERROR_INVALID_ARGUMENT, "got auto");
    CHECK_FAILS(smelt_selftest_and_wait(test_context(), SMELT_BACKEND_COUNT, &report),
                SMELT_ERROR_INVALID_ARGUMENT, "got invalid");
    if (!smelt_context_capabilities(test_context())->compiler)
        CHECK_FAILS(smelt_selftest_and_wait(test_context(), SMELT_BACKEND_PORTABLE, &report),
                    SMELT_ERROR_UNSUPPORTED, "-Dcompiler");
}

// A context whose modules are the library's, with `from` replaced by `to` wherever it stands.
static smelt_context context_with(const char *name, const char *from, const char *to)
{
    char path[200];
    char directory[512]; // paths of the folder are in a ring
    const char *module;
    snprintf(directory, sizeof(directory), "%.500s", folder_subfolder(name));
    uint32_t replaced = 0;
    snprintf(path, sizeof(path), "%.60s/smelt", name);
    folder_subfolder(path);
    for (uint32_t i = 0; smelt_module_text(i, &module); i++) {
        const char *text = smelt_module_text(i, NULL), *found;
        size_t used = 0, room = strlen(text) + 4 * strlen(to) + 1;
        char *changed = calloc(room, 1);
        CHECK(changed);
        for (; (found = strstr(text, from)); text = found + strlen(from), replaced++)
            used += (size_t)snprintf(changed + used, room - used, "%.*s%s", (int)(found - text), text, to);
        CHECK((size_t)snprintf(changed + used, room - used, "%s", text) < room - used);
        snprintf(path, sizeof(path), "%.60s/%.100s", name, module);
        folder_write(path, changed, 0);
        free(changed);
    }
    CHECK(replaced);
    smelt_context context = NULL;
    struct smelt_context_params params = {.cache_directory = "", .module_directory = directory};
    CHECK_OK(smelt_context_create(&params, &context));
    return context;
}

static void check_found(smelt_context context, enum smelt_backend backend, const char *detail)
{
    struct smelt_selftest_report report;
    CHECK_OK(smelt_selftest_and_wait(context, backend, &report));
    if (!report.ran) {
        printf("    %s: %s\n", smelt_backend_name(backend), report.detail);
        return;
    }
    CHECK(!report.right && strstr(report.detail, detail));
    const struct smelt_backend_query query = {.backend = backend, .precompiled = true};
    struct smelt_backend_choice choice;
    if (backend != SMELT_BACKEND_PORTABLE) {
        CHECK_FAILS(smelt_backend_choose(context, &query, &choice), SMELT_ERROR_UNSUPPORTED, "is demoted: ");
        CHECK(strstr(smelt_last_error(), detail));
    }
}

static void wrong_products_are_found(void)
{
    need_compiler();
    const char *none = "SMELT_ACTIVATION_TYPE smelt_none(SMELT_ACTIVATION_TYPE x)\n{\n    return x;";
    smelt_context context = context_with(
        "products", none, "SMELT_ACTIVATION_TYPE smelt_none(SMELT_ACTIVATION_TYPE x)\n{\n    return x + x;");
    check_found(context, SMELT_BACKEND_PORTABLE, "products of a network are off by");
    smelt_context_destroy(&context);
}

// Elements that say they are on the other side of the diagonal.
static void wrong_places_are_found(void)
{
    need_compiler();
    smelt_context context =
        context_with("places", "uvec2 smelt_place(SMELT_CO_PLACES p, int piece, int i)\n{",
                     "uvec2 smelt_true_place(SMELT_CO_PLACES p, int piece, int i);\n"
                     "uvec2 smelt_place(SMELT_CO_PLACES p, int piece, int i)\n{\n"
                     "    return smelt_true_place(p, piece, i).yx;\n}\n"
                     "uvec2 smelt_true_place(SMELT_CO_PLACES p, int piece, int i)\n{");
    for (enum smelt_backend b = SMELT_BACKEND_PORTABLE; b < SMELT_BACKEND_COUNT; b++)
        if (b != SMELT_BACKEND_COOPVEC) // has no cooperative tensors
            check_found(context, b, "is not where smelt_place says: got");
    smelt_context_destroy(&context);
}

static const struct test tests[] = {
    {"every backend that is there is right", every_backend_that_is_there_is_right},
    {"wrong calls are refused", wrong_calls_are_refused},
    {"wrong products are found", wrong_products_are_found},
    {"wrong places are found", wrong_places_are_found},
};

TEST_MAIN(tests)
