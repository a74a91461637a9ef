// SPDX-License-Identifier: MIT
// Files that get their names when they are whole.
#include "output_file.h"

#include <errno.h>

bool output_open(struct output_file *output, const char *path)
{
    output->path = path;
    output->stream = NULL;
    if (snprintf(output->temporary, sizeof(output->temporary), "%s.tmp", path) >=
        (int)sizeof(output->temporary)) {
        errno = ENAMETOOLONG;
        return false;
    }
    output->stream = fopen(output->temporary, "wb");
    return output->stream != NULL;
}

bool output_close(struct output_file *output, bool whole)
{
    whole = whole && !fflush(output->stream) && !ferror(output->stream);
    int error = errno;
    bool closed = !fclose(output->stream);
    output->stream = NULL;
    if (whole && closed && !rename(output->temporary, output->path))
        return true;
    error = whole ? errno : error;
    remove(output->temporary);
    errno = error;
    return false;
}
