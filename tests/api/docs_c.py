#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""docs_c.py PAGE OUT: the C blocks of a page of the docs, one after the other, for test_docs.c to include."""
import re
import sys

with open(sys.argv[1], encoding='utf-8') as f:
    blocks = re.findall(r'^```c\n(.*?)^```', f.read(), re.M | re.S)
with open(sys.argv[2], 'w', encoding='utf-8') as f:
    f.write('\n'.join(blocks))
