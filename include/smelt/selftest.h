// SPDX-License-Identifier: MIT
// The self-test: whether a backend gives right numbers on this device and driver, and whether the elements of its
// cooperative tensors are where they say they are.
#ifndef SMELT_SELFTEST_H
#define SMELT_SELFTEST_H

#include "context.h"

SMELT_BEGIN

struct smelt_selftest_report {
    bool ran;         // false: nothing of it is available here
    bool right;       // everything that ran gave right answers
    double worst;     // of the products: largest error in units of their bound
    uint32_t places;  // cooperative tensors whose elements' places were compared: scopes times types of sums
    char detail[256]; // in words: what was right, what was wrong first, or why nothing ran
};

// Runs small ops on the device by one backend, waits for them, and compares:
// - a layer of a network at THREAD scope against double arithmetic, by the bound that smelt_op_query states;
// - at SUBGROUP and WORKGROUP scope, for each type of sums that the backend takes, a product by the identity: every
//   element must be where smelt_place says (glsl/smelt/cooperative_tmpl.glsl; on COOPMAT the device keeps the layout to
//   itself, and an index table that it loads tells it), and every place must have its element.
// A backend other than PORTABLE that gives a wrong answer or cannot run is demoted (smelt_backend_demote), so a
// program that wants to be sure calls this once for each backend after smelt_context_create. Takes some tens of ms on a
// GPU. Submits to the context's queue.
// Errors: INVALID_ARGUMENT (a pointer is NULL; backend is none), UNSUPPORTED (a build without compiler). A wrong answer is
// none: see the report. Thread-safe.
SMELT_API enum smelt_result smelt_selftest_and_wait(smelt_context context, enum smelt_backend backend,
                                                    struct smelt_selftest_report *report);

SMELT_END

#endif
