// SPDX-License-Identifier: MIT
// The whole example as one call, for programs that offer it as a command: their build compiles main.c with
// -Dmain=neural_material_main.
#ifndef EXAMPLE_NEURAL_MATERIAL_H
#define EXAMPLE_NEURAL_MATERIAL_H

// argv[0] is the program's name in messages. Returns an exit status: 0 done, 1 failed (one line on standard error
// says why), 2 the command line is wrong.
int neural_material_main(int argc, char **argv);

#endif
