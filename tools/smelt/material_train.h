// SPDX-License-Identifier: MIT
// smelt material train: maps to a material package.
#ifndef SMELT_TOOL_MATERIAL_TRAIN_H
#define SMELT_TOOL_MATERIAL_TRAIN_H

// argv[0] is "train". A tool_status, after its message.
int material_train(int argc, char **argv);

#endif
