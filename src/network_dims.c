// SPDX-License-Identifier: MIT
// Dimensions as expressions of symbols: polynomials with integer coefficients over symbols, floor quotients, maxima
// and minima. A canonical form and one object per expression make equality a comparison of pointers.
#include "network_ir.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_TERMS = 24, MAX_FACTORS = 8, BUCKETS = 256, MAX_EXPRESSIONS = 1 << 16, MAX_WEIGHT = 512 };

enum kind { SYMBOL, SUM, FLOOR_DIV, MAX, MIN, SCALED };

// coefficient * the product of factors, which are no sums; sorted by id.
struct term {
    int64_t coefficient;
    uint32_t factor_count;
    const struct smelt_dim_expression *factors[MAX_FACTORS];
};
struct polynomial {
    int64_t constant;
    uint32_t term_count;
    struct term terms[MAX_TERMS]; // sorted, coefficients not 0
};
struct smelt_dim_expression {
    enum kind kind;
    uint32_t id, hash, weight; // weight: symbols and operations in all, which bounds texts and recursion
    int64_t least;             // a bound from below; INT64_MIN: none known
    const char *name;          // SYMBOL
    struct smelt_dim a, b;     // FLOOR_DIV, MAX, MIN; SCALED: a
    double factor;             // SCALED
    int64_t constant;          // SUM
    uint32_t term_count;
    const struct term *terms;
    struct smelt_dim_expression *next;
};

static struct smelt_dim failed(struct smelt_ir *ir)
{
    ir->dims_failed = true;
    return smelt_dim_constant(0);
}

static bool same_terms(const struct term *a, const struct term *b, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (a[i].coefficient != b[i].coefficient || a[i].factor_count != b[i].factor_count ||
            memcmp(a[i].factors, b[i].factors, a[i].factor_count * sizeof(a[i].factors[0])) != 0)
            return false;
    return true;
}

static bool same(const struct smelt_dim_expression *x, const struct smelt_dim_expression *y)
{
    if (x->kind != y->kind)
        return false;
    switch (x->kind) {
    case SYMBOL:
        return !strcmp(x->name, y->name);
    case SUM:
        return x->constant == y->constant && x->term_count == y->term_count &&
               same_terms(x->terms, y->terms, x->term_count);
    default:
        return smelt_dim_equal(x->a, y->a) && smelt_dim_equal(x->b, y->b) &&
               memcmp(&x->factor, &y->factor, sizeof(x->factor)) == 0;
    }
}

static uint64_t hash_dim(uint64_t hash, struct smelt_dim dim)
{
    uint32_t id = dim.expression ? dim.expression->id : UINT32_MAX;
    return smelt_hash(smelt_hash(hash, &dim.constant, sizeof(dim.constant)), &id, sizeof(id));
}

static uint32_t hash_of(const struct smelt_dim_expression *x)
{
    uint64_t hash = smelt_hash(SMELT_HASH_START, &x->kind, sizeof(x->kind));
    if (x->kind == SYMBOL)
        return (uint32_t)smelt_hash(hash, x->name, strlen(x->name));
    hash = hash_dim(hash_dim(hash, x->a), x->b);
    hash = smelt_hash(hash, &x->constant, sizeof(x->constant));
    for (uint32_t i = 0; i < x->term_count; i++) {
        hash = smelt_hash(hash, &x->terms[i].coefficient, sizeof(int64_t));
        for (uint32_t f = 0; f < x->terms[i].factor_count; f++)
            hash = smelt_hash(hash, &x->terms[i].factors[f]->id, sizeof(uint32_t));
    }
    return (uint32_t)(hash ^ hash >> 32);
}

static uint32_t weight_of(struct smelt_dim dim)
{
    return dim.expression ? dim.expression->weight : 0;
}

static int64_t least_of(struct smelt_dim dim)
{
    return dim.expression ? dim.expression->least : dim.constant;
}

static int64_t least_of_sum(const struct smelt_dim_expression *x)
{
    int64_t sum = x->constant;
    for (uint32_t i = 0; i < x->term_count; i++) {
        int64_t product = x->terms[i].coefficient;
        bool known = product > 0;
        for (uint32_t f = 0; f < x->terms[i].factor_count && known; f++)
            known = x->terms[i].factors[f]->least >= 0 &&
                    !__builtin_mul_overflow(product, x->terms[i].factors[f]->least, &product);
        if (!known || __builtin_add_overflow(sum, product, &sum))
            return INT64_MIN;
    }
    return sum;
}

static int64_t least(const struct smelt_dim_expression *x)
{
    int64_t a = least_of(x->a), b = least_of(x->b);
    switch (x->kind) {
    case SYMBOL:
        return 1;
    case SUM:
        return least_of_sum(x);
    case FLOOR_DIV:
        return a >= 0 && b > 0 ? x->b.expression ? 0 : a / b : INT64_MIN;
    case MAX:
        return SMELT_MAX(a, b);
    case MIN:
        return SMELT_MIN(a, b);
    case SCALED:
        break;
    }
    return a >= 0 ? 0 : INT64_MIN;
}

// The one object that equals `x`.
static struct smelt_dim intern(struct smelt_ir *ir, struct smelt_dim_expression x)
{
    x.hash = hash_of(&x);
    struct smelt_dim_expression **bucket = &ir->expressions[x.hash % BUCKETS];
    for (struct smelt_dim_expression *e = *bucket; e; e = e->next)
        if (e->hash == x.hash && same(e, &x))
            return (struct smelt_dim){0, e};
    x.weight = 1 + weight_of(x.a) + weight_of(x.b);
    for (uint32_t i = 0; i < x.term_count; i++)
        for (uint32_t f = 0; f < x.terms[i].factor_count; f++)
            x.weight += x.terms[i].factors[f]->weight;
    struct smelt_dim_expression *e = NULL;
    if (x.weight <= MAX_WEIGHT && ir->expression_count < MAX_EXPRESSIONS)
        e = smelt_ir_allocate(ir, sizeof(*e));
    if (e && x.term_count) {
        struct term *terms = smelt_ir_allocate(ir, x.term_count * sizeof(*terms));
        if (terms)
            memcpy(terms, x.terms, x.term_count * sizeof(*terms));
        else
            e = NULL;
        x.terms = terms;
    }
    if (e && x.name && !(x.name = smelt_ir_copy(ir, x.name)))
        e = NULL;
    if (!e)
        return failed(ir);
    x.least = least(&x);
    x.id = ir->expression_count++;
    x.next = *bucket;
    *e = x;
    *bucket = e;
    return (struct smelt_dim){0, e};
}

struct smelt_dim smelt_dim_symbol(struct smelt_ir *ir, const char *name)
{
    return intern(ir, (struct smelt_dim_expression){.kind = SYMBOL, .name = name});
}

static void to_polynomial(struct smelt_dim dim, struct polynomial *p)
{
    p->constant = dim.constant;
    p->term_count = 0;
    const struct smelt_dim_expression *e = dim.expression;
    if (!e)
        return;
    if (e->kind == SUM) {
        p->constant = e->constant;
        p->term_count = e->term_count;
        memcpy(p->terms, e->terms, e->term_count * sizeof(*e->terms));
    } else {
        p->term_count = 1;
        p->terms[0] = (struct term){1, 1, {e}};
    }
}

static struct smelt_dim from_polynomial(struct smelt_ir *ir, const struct polynomial *p)
{
    if (!p->term_count)
        return smelt_dim_constant(p->constant);
    if (!p->constant && p->term_count == 1 && p->terms[0].coefficient == 1 && p->terms[0].factor_count == 1)
        return (struct smelt_dim){0, p->terms[0].factors[0]};
    return intern(ir,
                  (struct smelt_dim_expression){
                      .kind = SUM, .constant = p->constant, .term_count = p->term_count, .terms = p->terms});
}

static int compare_factors(const struct term *a, const struct term *b)
{
    for (uint32_t i = 0; i < a->factor_count && i < b->factor_count; i++)
        if (a->factors[i]->id != b->factors[i]->id)
            return a->factors[i]->id < b->factors[i]->id ? -1 : 1;
    return a->factor_count < b->factor_count ? -1 : a->factor_count > b->factor_count;
}

// Adds one term into the sorted list; false on overflow or too many terms.
static bool add_term(struct polynomial *p, const struct term *t)
{
    uint32_t i = 0;
    int order = 1;
    while (i < p->term_count && (order = compare_factors(&p->terms[i], t)) < 0)
        i++;
    if (i < p->term_count && order == 0) {
        if (__builtin_add_overflow(p->terms[i].coefficient, t->coefficient, &p->terms[i].coefficient))
            return false;
        if (!p->terms[i].coefficient) {
            p->term_count--;
            memmove(&p->terms[i], &p->terms[i + 1], (p->term_count - i) * sizeof(*t));
        }
        return true;
    }
    if (p->term_count == MAX_TERMS)
        return false;
    memmove(&p->terms[i + 1], &p->terms[i], (p->term_count - i) * sizeof(*t));
    p->terms[i] = *t;
    p->term_count++;
    return true;
}

struct smelt_dim smelt_dim_add(struct smelt_ir *ir, struct smelt_dim a, struct smelt_dim b)
{
    struct polynomial p, q;
    to_polynomial(a, &p);
    to_polynomial(b, &q);
    bool good = !__builtin_add_overflow(p.constant, q.constant, &p.constant);
    for (uint32_t i = 0; i < q.term_count && good; i++)
        good = add_term(&p, &q.terms[i]);
    return good ? from_polynomial(ir, &p) : failed(ir);
}

struct smelt_dim smelt_dim_sub(struct smelt_ir *ir, struct smelt_dim a, struct smelt_dim b)
{
    int64_t difference;
    if (!a.expression && !b.expression)
        return __builtin_sub_overflow(a.constant, b.constant, &difference) ? failed(ir)
                                                                           : smelt_dim_constant(difference);
    return smelt_dim_add(ir, a, smelt_dim_mul(ir, b, smelt_dim_constant(-1)));
}

static bool multiply_terms(const struct term *a, const struct term *b, struct term *out)
{
    struct term product = {.factor_count = a->factor_count + b->factor_count};
    if (product.factor_count > MAX_FACTORS ||
        __builtin_mul_overflow(a->coefficient, b->coefficient, &product.coefficient))
        return false;
    for (uint32_t i = 0, j = 0; i + j < product.factor_count;) {
        bool first = j == b->factor_count || (i < a->factor_count && a->factors[i]->id <= b->factors[j]->id);
        product.factors[i + j] = first ? a->factors[i] : b->factors[j];
        if (first)
            i++;
        else
            j++;
    }
    *out = product;
    return true;
}

struct smelt_dim smelt_dim_mul(struct smelt_ir *ir, struct smelt_dim a, struct smelt_dim b)
{
    struct polynomial p, q, product = {0};
    to_polynomial(a, &p);
    to_polynomial(b, &q);
    bool good = !__builtin_mul_overflow(p.constant, q.constant, &product.constant);
    // The constant of each is a term without factors.
    for (uint32_t i = 0; i <= p.term_count && good; i++) {
        struct term x = i < p.term_count ? p.terms[i] : (struct term){.coefficient = p.constant};
        for (uint32_t j = 0; j <= q.term_count && good; j++) {
            struct term y = j < q.term_count ? q.terms[j] : (struct term){.coefficient = q.constant}, xy;
            if ((i == p.term_count && j == q.term_count) || !x.coefficient || !y.coefficient)
                continue;
            good = multiply_terms(&x, &y, &xy) && add_term(&product, &xy);
        }
    }
    return good ? from_polynomial(ir, &product) : failed(ir);
}

static int64_t floor_quotient(int64_t a, int64_t b) // b != 0, not INT64_MIN / -1
{
    int64_t q = a / b;
    return q - (a % b != 0 && (a < 0) != (b < 0));
}

// t / d without a rest, d a single term; false when it does not divide.
static bool divide_term(const struct term *t, const struct term *d, struct term *out)
{
    struct term quotient = {.coefficient = 0};
    if (t->coefficient % d->coefficient)
        return false;
    quotient.coefficient = t->coefficient / d->coefficient;
    uint32_t j = 0;
    for (uint32_t i = 0; i < t->factor_count; i++) {
        if (j < d->factor_count && t->factors[i] == d->factors[j])
            j++;
        else
            quotient.factors[quotient.factor_count++] = t->factors[i];
    }
    if (j < d->factor_count)
        return false;
    *out = quotient;
    return true;
}

// a / b as whole + rest / b, where b is one positive term.
static bool split_quotient(const struct polynomial *a, const struct polynomial *b, struct polynomial *whole,
                           struct polynomial *rest)
{
    *whole = *rest = (struct polynomial){0};
    struct term divisor = b->term_count ? b->terms[0] : (struct term){.coefficient = b->constant};
    if (b->term_count > 1 || (b->term_count && b->constant) || divisor.coefficient < 1)
        return false;
    for (uint32_t i = 0; i < a->term_count; i++) {
        struct term quotient;
        bool divides = divide_term(&a->terms[i], &divisor, &quotient);
        if (divides && !quotient.factor_count)
            whole->constant += quotient.coefficient;
        else if (!add_term(divides ? whole : rest, divides ? &quotient : &a->terms[i]))
            return false;
    }
    int64_t quotient = b->term_count ? 0 : floor_quotient(a->constant, b->constant), sum;
    rest->constant = a->constant - quotient * divisor.coefficient;
    if (__builtin_add_overflow(whole->constant, quotient, &sum))
        return false;
    whole->constant = sum;
    return true;
}

struct smelt_dim smelt_dim_floor_div(struct smelt_ir *ir, struct smelt_dim a, struct smelt_dim b)
{
    if (smelt_dim_is(b, 0) || (smelt_dim_is(b, -1) && smelt_dim_is(a, INT64_MIN)))
        return failed(ir);
    if (!a.expression && !b.expression)
        return smelt_dim_constant(floor_quotient(a.constant, b.constant));
    if (smelt_dim_is(b, 1) || smelt_dim_is(a, 0))
        return a;
    if (smelt_dim_equal(a, b))
        return smelt_dim_constant(1);
    struct polynomial p, q, whole, rest;
    to_polynomial(a, &p);
    to_polynomial(b, &q);
    if (!split_quotient(&p, &q, &whole, &rest))
        return intern(ir, (struct smelt_dim_expression){.kind = FLOOR_DIV, .a = a, .b = b});
    struct smelt_dim w = from_polynomial(ir, &whole), r = from_polynomial(ir, &rest);
    // split_quotient leaves a constant rest in [0, b).
    if (!r.expression && (!b.expression || r.constant == 0))
        return w;
    return smelt_dim_add(ir, w, intern(ir, (struct smelt_dim_expression){.kind = FLOOR_DIV, .a = r, .b = b}));
}

struct smelt_dim smelt_dim_ceil_div(struct smelt_ir *ir, struct smelt_dim a, struct smelt_dim b)
{
    return smelt_dim_floor_div(ir, smelt_dim_add(ir, a, smelt_dim_sub(ir, b, smelt_dim_constant(1))), b);
}

static struct smelt_dim extreme(struct smelt_ir *ir, enum kind kind, struct smelt_dim a, struct smelt_dim b)
{
    if (smelt_dim_equal(a, b))
        return a;
    struct smelt_dim difference = smelt_dim_sub(ir, a, b), opposite = smelt_dim_sub(ir, b, a);
    if (least_of(difference) >= 0)
        return kind == MAX ? a : b;
    if (least_of(opposite) >= 0)
        return kind == MAX ? b : a;
    bool swap = a.expression && b.expression ? a.expression->id > b.expression->id : !a.expression;
    return intern(ir, (struct smelt_dim_expression){.kind = kind, .a = swap ? b : a, .b = swap ? a : b});
}

struct smelt_dim smelt_dim_max(struct smelt_ir *ir, struct smelt_dim a, struct smelt_dim b)
{
    return extreme(ir, MAX, a, b);
}

struct smelt_dim smelt_dim_min(struct smelt_ir *ir, struct smelt_dim a, struct smelt_dim b)
{
    return extreme(ir, MIN, a, b);
}

static bool scale(int64_t value, double factor, int64_t *out)
{
    double product = floor((double)value * factor);
    if (!(product >= -0x1p62 && product <= 0x1p62))
        return false;
    *out = (int64_t)product;
    return true;
}

struct smelt_dim smelt_dim_scale(struct smelt_ir *ir, struct smelt_dim a, double factor)
{
    int64_t value;
    if (!a.expression)
        return scale(a.constant, factor, &value) ? smelt_dim_constant(value) : failed(ir);
    if (!(factor > 0 && factor <= 0x1p31))
        return failed(ir);
    if (factor == floor(factor))
        return smelt_dim_mul(ir, a, smelt_dim_constant((int64_t)factor));
    int exponent;
    if (frexp(factor, &exponent) == 0.5 && exponent > -30) // 2^(exponent - 1)
        return smelt_dim_floor_div(ir, a, smelt_dim_constant((int64_t)1 << (1 - exponent)));
    return intern(ir, (struct smelt_dim_expression){.kind = SCALED, .a = a, .factor = factor});
}

const char *smelt_dim_symbol_name(struct smelt_dim dim)
{
    return dim.expression && dim.expression->kind == SYMBOL ? dim.expression->name : NULL;
}

// In parentheses when it is a sum.
static void print_factor(struct smelt_text *text, struct smelt_dim dim)
{
    bool sum = dim.expression && dim.expression->kind == SUM;
    smelt_text_add(text, "%s", sum ? "(" : "");
    smelt_dim_print(text, dim);
    smelt_text_add(text, "%s", sum ? ")" : "");
}

static void print_pair(struct smelt_text *text, const char *function, struct smelt_dim a, struct smelt_dim b)
{
    smelt_text_add(text, "%s(", function);
    smelt_dim_print(text, a);
    smelt_text_add(text, ", ");
    smelt_dim_print(text, b);
    smelt_text_add(text, ")");
}

static void print_sum(struct smelt_text *text, const struct smelt_dim_expression *e)
{
    for (uint32_t i = 0; i < e->term_count; i++) {
        const struct term *t = &e->terms[i];
        bool negative = t->coefficient < 0;
        uint64_t size = negative ? 0 - (uint64_t)t->coefficient : (uint64_t)t->coefficient;
        smelt_text_add(text, "%s", i ? negative ? " - " : " + " : negative ? "-" : "");
        if (size != 1)
            smelt_text_add(text, "%llu*", (unsigned long long)size);
        for (uint32_t f = 0; f < t->factor_count; f++) {
            smelt_text_add(text, "%s", f ? "*" : "");
            smelt_dim_print(text, (struct smelt_dim){0, t->factors[f]});
        }
    }
    if (e->constant)
        smelt_text_add(
            text, " %s %llu", e->constant < 0 ? "-" : "+",
            (unsigned long long)(e->constant < 0 ? 0 - (uint64_t)e->constant : (uint64_t)e->constant));
}

void smelt_dim_print(struct smelt_text *text, struct smelt_dim dim)
{
    const struct smelt_dim_expression *e = dim.expression;
    if (!e) {
        smelt_text_add(text, "%lld", (long long)dim.constant);
        return;
    }
    switch (e->kind) {
    case SYMBOL:
        smelt_text_add(text, "%s", e->name);
        break;
    case SUM:
        print_sum(text, e);
        break;
    case FLOOR_DIV:
        smelt_text_add(text, "floor(");
        print_factor(text, e->a);
        smelt_text_add(text, " / ");
        print_factor(text, e->b);
        smelt_text_add(text, ")");
        break;
    case MAX:
    case MIN:
        print_pair(text, e->kind == MAX ? "max" : "min", e->a, e->b);
        break;
    case SCALED:
        smelt_text_add(text, "floor(");
        print_factor(text, e->a);
        smelt_text_add(text, " * %.9g)", e->factor);
        break;
    }
}

static bool evaluate_sum(const struct smelt_dim_expression *e, smelt_dim_lookup lookup, void *user,
                         int64_t *value)
{
    int64_t sum = e->constant;
    for (uint32_t i = 0; i < e->term_count; i++) {
        int64_t product = e->terms[i].coefficient, factor;
        for (uint32_t f = 0; f < e->terms[i].factor_count; f++)
            if (!smelt_dim_evaluate((struct smelt_dim){0, e->terms[i].factors[f]}, lookup, user, &factor) ||
                __builtin_mul_overflow(product, factor, &product))
                return false;
        if (__builtin_add_overflow(sum, product, &sum))
            return false;
    }
    *value = sum;
    return true;
}

// intern() bounds the weight of expressions.
bool smelt_dim_evaluate(struct smelt_dim dim, smelt_dim_lookup lookup, void *user, int64_t *value)
{
    const struct smelt_dim_expression *e = dim.expression;
    int64_t a, b;
    if (!e) {
        *value = dim.constant;
        return true;
    }
    if (e->kind == SYMBOL)
        return lookup && lookup(user, e->name, value);
    if (e->kind == SUM)
        return evaluate_sum(e, lookup, user, value);
    if (!smelt_dim_evaluate(e->a, lookup, user, &a))
        return false;
    if (e->kind == SCALED)
        return scale(a, e->factor, value);
    if (!smelt_dim_evaluate(e->b, lookup, user, &b))
        return false;
    if (e->kind == FLOOR_DIV) {
        if (b == 0 || (b == -1 && a == INT64_MIN))
            return false;
        *value = floor_quotient(a, b);
        return true;
    }
    *value = (a > b) == (e->kind == MAX) ? a : b;
    return true;
}
