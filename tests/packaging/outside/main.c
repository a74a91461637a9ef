// SPDX-License-Identifier: MIT
// A program outside smelt's tree: includes the installed headers, links the installed library, finds the modules.
#include <smelt/smelt.h>
#include <stdio.h>
#include <string.h>

int main(void)
{
    const char *name;
    bool has_base = false;
    for (uint32_t i = 0; smelt_module_text(i, &name); i++)
        has_base = has_base || !strcmp(name, "smelt/base.glsl");
    printf("smelt %s, half of 1 is 0x%04x\n", smelt_version(), smelt_f16_from_f32(0.5f));
    return !has_base || smelt_f16_from_f32(0.5f) != 0x3800;
}
