# SPDX-License-Identifier: MIT
"""What the tests of the smelt command share: the command itself, files to give it and to read back, and the closing line.

Every test is a program: test_X.py SMELT [NAME]
"""
import json
import os
import struct
import subprocess
import sys
import tempfile
import zlib

SMELT = os.path.abspath(sys.argv[1])
ROOT = os.path.abspath(os.environ.get('SMELT_SOURCE_ROOT', '.'))
ROCK = os.path.join(ROOT, 'examples/materials/rock053.safetensors')
ONNX = os.environ.get('SMELT_HAVE_ONNX', '1') == '1'
COMPILER = os.environ.get('SMELT_HAVE_COMPILER', '1') == '1'
LAYER = os.environ.get('SMELT_TEST_LAYER')
WORK = tempfile.mkdtemp(prefix='smelt-tool-')


class Skip(Exception):
    pass


def path(name):
    return os.path.join(WORK, name)


def content(name):
    with open(name, 'rb') as f:
        return f.read()


def write(name, text):
    with open(path(name), 'w', encoding='utf-8') as f:
        f.write(text)
    return path(name)


def environment(more=None):
    return dict(os.environ, XDG_CACHE_HOME=path('cache'), **(more or {}))


def disturbed(what, behind):
    """The environment in which the device is lost ('lose') or Ctrl-C comes ('interrupt') behind the writing of a file (disturb.c)."""
    if not LAYER:
        raise Skip('SMELT_TEST_LAYER names no layer that disturbs')
    os.makedirs(path('layers'), exist_ok=True)  # of its own: the loader reads every .json beside it
    write('layers/disturb.json', json.dumps({'file_format_version': '1.1.0', 'layer': {
        'name': 'VK_LAYER_SMELT_disturb', 'type': 'GLOBAL', 'library_path': LAYER, 'api_version': '1.3.0',
        'implementation_version': '1', 'description': 'disturbs a command'}}))
    return {'VK_LAYER_PATH': path('layers'), 'VK_INSTANCE_LAYERS': 'VK_LAYER_SMELT_disturb', 'SMELT_TEST_DISTURB': what, 'SMELT_TEST_BEHIND': behind}


def run(*arguments, status=0, env=None):
    """No limit of time: that of the test is the one that knows how slow the machine is."""
    result = subprocess.run([SMELT, *arguments], capture_output=True, text=True, env=environment(env))
    assert result.returncode == status, f'{arguments}: exit {result.returncode}, wanted {status}: {result.stderr}'
    return result


def fails(*arguments, says, status=1, env=None):
    """The command fails with one line on standard error that contains all of `says`."""
    result = run(*arguments, status=status, env=env)
    lines = result.stderr.strip().split('\n')
    assert len(lines) == 1 or 'error:' in result.stderr, f'{arguments}: more than one line: {result.stderr}'
    for text in [says] if isinstance(says, str) else says:
        assert text in result.stderr, f'{arguments}: {text!r} is not in {result.stderr!r}'


def need_compiler():
    if not COMPILER:
        raise Skip('this build has no compiler')


def need_onnx():
    if not ONNX:
        raise Skip('this build has no ONNX importer')


def read_png(name):
    """Width, height, components and rows of an 8-bit PNG, by the PNG specification."""
    with open(name, 'rb') as f:
        data = f.read()
    assert data[:8] == b'\x89PNG\r\n\x1a\n', f'{name} is no PNG'
    at, body = 8, b''
    while at < len(data):
        size, kind = struct.unpack('>I4s', data[at:at + 8])
        chunk = data[at + 8:at + 8 + size]
        if kind == b'IHDR':
            width, height, depth, colour = struct.unpack('>IIBB', chunk[:10])
        if kind == b'IDAT':
            body += chunk
        at += 12 + size
    assert depth == 8
    components = {0: 1, 2: 3, 4: 2, 6: 4}[colour]
    raw, stride, rows, above = zlib.decompress(body), width * components, [], None
    above = bytearray(stride)
    for y in range(height):
        filtering = raw[y * (stride + 1)]
        line = bytearray(raw[y * (stride + 1) + 1:(y + 1) * (stride + 1)])
        for i in range(stride):
            a = line[i - components] if i >= components else 0
            b, c = above[i], above[i - components] if i >= components else 0
            if filtering == 1:
                line[i] = line[i] + a & 255
            elif filtering == 2:
                line[i] = line[i] + b & 255
            elif filtering == 3:
                line[i] = line[i] + (a + b) // 2 & 255
            elif filtering == 4:
                p = a + b - c
                nearest = min((abs(p - a), 0, a), (abs(p - b), 1, b), (abs(p - c), 2, c))[2]
                line[i] = line[i] + nearest & 255
        rows.append(line)
        above = line
    return width, height, components, rows


def write_png(name, width, height, kind, pixel, bits=8, palette=None):
    """kind: 0 grey, 2 RGB, 3 palette, 4 grey and alpha, 6 RGBA; pixel(x, y) gives the components."""
    def chunk(tag, data):
        return struct.pack('>I', len(data)) + tag + data + struct.pack('>I', zlib.crc32(tag + data))
    rows = b''.join(b'\0' + b''.join(struct.pack('>H' if bits == 16 else 'B', v) for x in range(width) for v in pixel(x, y))
                    for y in range(height))
    data = b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', struct.pack('>IIBBBBB', width, height, bits, kind, 0, 0, 0))
    if palette:
        data += chunk(b'PLTE', bytes(palette))
    os.makedirs(os.path.dirname(path(name)), exist_ok=True)
    with open(path(name), 'wb') as f:
        f.write(data + chunk(b'IDAT', zlib.compress(rows)) + chunk(b'IEND', b''))
    return path(name)


def write_exr(name, width, height, channels, pixel):
    """Uncompressed lines of f32; channels in alphabetic order."""
    def attribute(key, kind, value):
        return key.encode() + b'\0' + kind.encode() + b'\0' + struct.pack('<I', len(value)) + value
    listed = b''.join(c.encode() + b'\0' + struct.pack('<IBBBBII', 2, 0, 0, 0, 0, 1, 1) for c in channels) + b'\0'
    window = struct.pack('<iiii', 0, 0, width - 1, height - 1)
    head = struct.pack('<II', 20000630, 2) + attribute('channels', 'chlist', listed)
    head += attribute('compression', 'compression', b'\0') + attribute('dataWindow', 'box2i', window)
    head += attribute('displayWindow', 'box2i', window) + attribute('lineOrder', 'lineOrder', b'\0')
    head += attribute('pixelAspectRatio', 'float', struct.pack('<f', 1))
    head += attribute('screenWindowCenter', 'v2f', struct.pack('<ff', 0, 0))
    head += attribute('screenWindowWidth', 'float', struct.pack('<f', 1)) + b'\0'
    size = 8 + 4 * width * len(channels)
    table = b''.join(struct.pack('<Q', len(head) + 8 * height + y * size) for y in range(height))
    lines = b''.join(struct.pack('<ii', y, size - 8) + b''.join(
        struct.pack('<f', pixel(x, y, c)) for c in range(len(channels)) for x in range(width)) for y in range(height))
    os.makedirs(os.path.dirname(path(name)), exist_ok=True)
    with open(path(name), 'wb') as f:
        f.write(head + table + lines)
    return path(name)


def message(number, *parts):
    """A field of a protobuf message: a number, bytes, text, or fields that make a message."""
    def varint(value):
        out = b''
        while value > 127:
            out += bytes([value & 127 | 128])
            value >>= 7
        return out + bytes([value])
    if isinstance(parts[0], int):
        return varint(number << 3) + varint(parts[0])
    body = b''.join(p.encode() if isinstance(p, str) else p for p in parts)
    return varint(number << 3 | 2) + varint(len(body)) + body


def main(tests):
    passed = failed = skipped = 0
    chosen = sys.argv[2] if len(sys.argv) > 2 else ''
    for name, function in list(tests.items()):
        if not name.startswith('test_') or chosen not in name:
            continue
        try:
            function()
            passed += 1
            print(f'ok    {name[5:].replace("_", " ")}', flush=True)
        except Skip as reason:
            skipped += 1
            print(f'skip  {name[5:].replace("_", " ")}: {reason}', flush=True)
        except Exception as error:  # pylint: disable=broad-except
            failed += 1
            print(f'FAIL  {name[5:].replace("_", " ")}: {error!r}', flush=True)
    subprocess.run(['rm', '-rf', WORK], check=True)
    print(f'{passed} passed, {failed} failed, {skipped} skipped')
    return 1 if failed or not passed else 0
