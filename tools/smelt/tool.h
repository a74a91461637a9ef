// SPDX-License-Identifier: MIT
// What the subcommands of `smelt` share: exit statuses, messages, options, the context.
#ifndef SMELT_TOOL_H
#define SMELT_TOOL_H

#include <smelt/smelt.h>
#include <cjson/cJSON.h>
#include <getopt.h>

// Exit statuses: 0 it worked, 1 it did not (one line on standard error says why), 2 the command line is wrong. HELPED is 0 to
// the shell: --help was answered, and nothing else is to be done.
enum tool_status { TOOL_OK = 0, TOOL_FAILED = 1, TOOL_USAGE = 2, TOOL_HELPED = 3 };

int tool_devices(int argc, char **argv);
int tool_compile(int argc, char **argv);
int tool_graph(int argc, char **argv);
int tool_info(int argc, char **argv);
int tool_inspect(int argc, char **argv);
int tool_pack(int argc, char **argv);
int tool_run(int argc, char **argv);
int tool_verify(int argc, char **argv);
int tool_material(int argc, char **argv);
int tool_render(int argc, char **argv);
int tool_view(int argc, char **argv);
int tool_bench(int argc, char **argv);

// One line on standard error, "smelt: ...".
#if defined(__GNUC__)
__attribute__((format(printf, 1, 2)))
#endif
int tool_fail(const char *format, ...); // returns TOOL_FAILED

#if defined(__GNUC__)
__attribute__((format(printf, 1, 2)))
#endif
int tool_usage_error(const char *format, ...); // returns TOOL_USAGE

// smelt_last_error() as a failure.
int tool_fail_smelt(void);

// What takes a while, on one line of the terminal that the next call overwrites; nothing where standard error is none.
#if defined(__GNUC__)
__attribute__((format(printf, 1, 2)))
#endif
void tool_progress(const char *format, ...);
void tool_progress_end(void); // takes the line away; before results are printed. Failures do that themselves
void tool_progress_off(void); // --quiet

// The options of a command, by getopt_long: `take` gets each but 'h', with its argument in optarg; 'h' prints `help`. Returns
// OK, HELPED, or what was not OK first.
int tool_parse(int argc, char **argv, const char *letters, const struct option *options, const char *help,
               int (*take)(void *command, int option), void *command);

// "640x480", or "512" for 512x512, into two positive numbers of at most 16384.
bool tool_parse_size(const char *text, uint32_t *width, uint32_t *height);

// A backend by name; says which there are when there is no such one.
bool tool_parse_backend(const char *text, enum smelt_backend *backend);

// Whether a file of this name can be written, before work whose result goes there; a file that is there stays as it is. A
// tool_status, after its message.
int tool_check_output(const char *path);
// Whether an output is another file than one that is read or written too, and none that lies in a folder that is read (NULL:
// none). A tool_status, after its message.
int tool_check_apart(const char *output, const char *other);
// The same of "NAME=FILE" and "NAME=OTHER", or of FILE and OTHER alone; names and files may hold '='.
int tool_check_named_apart(const char *output, const char *other);

// "f32" or "f16", the value of an option that the message names.
bool tool_parse_float(const char *option, const char *text, enum smelt_dtype *dtype);

// A context whose warnings go to standard error; of these params, whose log is set, or on the device of this name (NULL: the
// default).
enum smelt_result tool_context_with(struct smelt_context_params *params, smelt_context *context);
enum smelt_result tool_context(const char *device, bool validation, smelt_context *context);

// Monotonic, in ns.
uint64_t tool_time(void);
// How many of at most `most` things to give the device at once, after `portion` of them took `time` ns: portions become those that
// take 12 to 50 ms, so that no dispatch keeps a display waiting.
uint32_t tool_next_portion(uint32_t portion, uint64_t time, uint32_t most);

// Prints a JSON object and frees it.
void tool_print_json(cJSON *json);

// SHAPE as "[64][32]" into `text`.
void tool_format_shape(const uint64_t *shape, uint32_t rank, char *text, size_t size);

#endif
