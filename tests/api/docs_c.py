#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""docs_c.py PAGE OUT: the C blocks of a page of the docs, for the tests to include: all of them, or with DOCS_BLOCK the one of this
number alone."""
import re
import sys

with open(sys.argv[1], encoding='utf-8') as f:
    blocks = re.findall(r'^```c\n(.*?)^```', f.read(), re.M | re.S)
with open(sys.argv[2], 'w', encoding='utf-8') as f:
    for number, block in enumerate(blocks):
        f.write(f'#if !defined(DOCS_BLOCK) || DOCS_BLOCK == {number}\n{block}#endif\n')
