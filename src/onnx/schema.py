#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The distribution's onnx.proto, with those fields of functions that came after ONNX 1.12, where they are missing.

schema.py IN OUT
"""
import re
import sys

LATER = {
    'NodeProto': ['optional string overload = 8;'],
    'FunctionProto': ['repeated AttributeProto attribute_proto = 11;', 'optional string overload = 13;'],
}


def main(source, result):
    with open(source, encoding='utf-8') as f:
        text = f.read()
    for message, fields in LATER.items():
        begin = re.search(r'^message %s \{\n' % message, text, re.M)
        if not begin:
            sys.exit(f'{source}: no message {message}')
        body = text[begin.end():text.index('\n}', begin.end())]
        missing = [f for f in fields if not re.search(r'^ *%s$' % re.escape(f), body, re.M)]
        text = text[:begin.end()] + ''.join(f'  {f}\n' for f in missing) + text[begin.end():]
    with open(result, 'w', encoding='utf-8') as f:
        f.write(text)


main(*sys.argv[1:])
