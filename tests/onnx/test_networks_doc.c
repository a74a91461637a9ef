// SPDX-License-Identifier: MIT
// The table of operators in docs/networks.md is the table in the sources. With --print it is printed instead.
#include "source.h"

#include "network_operators.h"

static void add_most(struct smelt_text *text, uint32_t least, uint32_t most)
{
    if (most == SMELT_IR_VARIADIC)
        smelt_text_add(text, "%u or more", least);
    else if (least == most)
        smelt_text_add(text, "%u", most);
    else
        smelt_text_add(text, "%u to %u", least, most);
}

static void add_attributes(struct smelt_text *text, const struct smelt_attribute_schema *schema)
{
    for (uint32_t i = 0; schema && schema[i].name; i++) {
        smelt_text_add(text, "%s%s", i ? ", " : "", schema[i].name);
        if (schema[i].kind == SMELT_ATTRIBUTE_WORD) {
            smelt_text_add(text, " (");
            for (const char *c = schema[i].words; *c; c++)
                smelt_text_add(text, "%s%c", *c == ' ' ? "," : "", *c);
            smelt_text_add(text, ")");
        }
    }
}

static void add_operator(struct smelt_text *text, const struct smelt_operator *op)
{
    smelt_text_add(text, "| %s | %u | ", op->name, op->since);
    add_most(text, op->inputs_least, op->inputs_most);
    smelt_text_add(text, " | ");
    add_most(text, 1, op->outputs_most);
    smelt_text_add(text, " |");
    for (uint32_t i = 0; i < 32; i++)
        if (op->host_inputs >> i & 1)
            smelt_text_add(text, " %u", i);
    smelt_text_add(text, " | ");
    add_attributes(text, op->attributes);
    smelt_text_add(text, " |\n");
}

static void add_table(struct smelt_text *text)
{
    for (uint32_t f = 0; smelt_families[f]; f++) {
        smelt_text_add(text, "| **%s** | | | | | |\n", smelt_families[f]->title);
        for (uint32_t i = 0; i < smelt_families[f]->count; i++)
            add_operator(text, &smelt_families[f]->operators[i]);
    }
}

static void documented(void)
{
    static char page[1 << 16];
    struct smelt_text text = {0};
    FILE *file = fopen(source_file("docs/networks.md"), "rb");
    CHECK(file);
    page[fread(page, 1, sizeof(page) - 1, file)] = 0;
    fclose(file);
    add_table(&text);
    CHECK(!text.failed);
    bool same = strstr(page, text.data) != NULL;
    smelt_text_free(&text);
    CHECK(same); // test_networks_doc --print gives the table
}

// Names in order within a family and unique among all, defaults inside their ranges, host inputs that exist.
static void sound(void)
{
    const struct smelt_operator *op, *other;
    for (uint32_t f = 0; smelt_families[f]; f++)
        for (uint32_t i = 1; i < smelt_families[f]->count; i++)
            CHECK(strcmp(smelt_families[f]->operators[i - 1].name, smelt_families[f]->operators[i].name) < 0);
    for (uint32_t i = 0; (op = smelt_operator_at(i)); i++) {
        for (uint32_t k = 0; k < i && (other = smelt_operator_at(k)); k++)
            CHECK(strcmp(op->name, other->name) != 0);
        CHECK(smelt_operator_find(op->name) == op);
        CHECK(op->rule && op->since >= 1 && op->since <= SMELT_IR_OPSET && op->outputs_most >= 1);
        CHECK(op->inputs_least <= op->inputs_most);
        CHECK(op->inputs_most >= 32 || (op->host_inputs | op->exact_inputs) >> op->inputs_most == 0);
        for (const struct smelt_attribute_schema *s = op->attributes; s && s->name; s++) {
            CHECK(s->kind != SMELT_ATTRIBUTE_WORD || (s->words && *s->words));
            CHECK(s->required || (s->least == 0 && s->most == 0) ||
                  (s->integer >= s->least && s->integer <= s->most));
        }
    }
}

static const struct test tests[] = {
    {"docs/networks.md has the table of operators", documented},
    {"the table of operators is sound", sound},
};

int main(int argc, char **argv)
{
    struct smelt_text text = {0};
    if (argc < 2 || strcmp(argv[1], "--print") != 0)
        return test_main(argc, argv, tests, SMELT_COUNT_OF(tests));
    add_table(&text);
    fputs(text.data ? text.data : "", stdout);
    smelt_text_free(&text);
    return 0;
}
