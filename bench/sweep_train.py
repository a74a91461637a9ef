#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Trains material sets with training plans and tells how each comes out beside BC7 of as many bytes.

A set is a folder of maps: base_color, normal (normal_gl), ao, roughness, metalness as PNG, JPEG or EXR. What it lacks of
occlusion and metalness is trained as a constant, so that all sets have nine channels. A plan is a file for `smelt material train --plan`,
or the word "default". Every set is trained with every plan, in turn, and `smelt material compare` judges the packages while the next ones
train. A row comes as soon as it is known; at the end the plans stand in order, those that miss least first.

A row names the conditions that do not hold: bits (above --most-bits), psnr and flip with the mips that are not ahead of BC7's,
flicker (the change that the source has not, above BC7's), and what --want asks of the finest mip. Results stay in --out;
what is there of the same set, plan and options is not done again.
"""
import argparse
import concurrent.futures
import hashlib
import json
import os
import shlex
import struct
import subprocess
import sys
import time
import zlib

OPTIONS = {'base_color': '--base-color', 'albedo': '--base-color', 'normal': '--normal', 'normal_gl': '--normal', 'ao': '--ao',
           'occlusion': '--ao', 'roughness': '--roughness', 'metalness': '--metalness', 'metallic': '--metalness'}
CONSTANTS = {'--ao': ('ao', 255), '--metalness': ('metalness', 0)}
MIPS = 4  # in the table; conditions are looked at on every mip


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('smelt', help='the command: build/tools/smelt/smelt, or "BUNDLE/run smelt"')
    parser.add_argument('given', nargs='+', metavar='SET|PLAN', help='folders of maps, and plans: FILE.json or default')
    parser.add_argument('--out', default='sweep', help='folder for packages, logs and results (default: sweep)')
    parser.add_argument('--bits', type=float, help='--bits-per-texel of every training')
    parser.add_argument('--most-bits', type=float, default=8.1, help='that a package may have (default: 8.1)')
    parser.add_argument('--steps', type=int, help='--steps of every training')
    parser.add_argument('--device', help='as of smelt')
    parser.add_argument('--limit', type=float, metavar='SECONDS', help='after so long no training begins any more')
    parser.add_argument('--want', action='append', default=[], metavar='SET=PSNR,HUE',
                        help='at least this PSNR and at most this error of hue at the finest mip')
    args = parser.parse_args()
    args.smelt = shlex.split(args.smelt)
    args.sets = [g for g in args.given if os.path.isdir(g)]
    args.plans = [g for g in args.given if not os.path.isdir(g)]
    for plan in args.plans:
        if plan != 'default' and not os.path.isfile(plan):
            parser.error(f'{plan} is no folder, no file and not "default"')
    if not args.sets or not args.plans:
        parser.error('wanted at least one set and one plan')
    for what in args.sets, args.plans:
        if len({name_of(path) for path in what}) < len(what):
            parser.error(f'two of the same name among {" ".join(what)}')
    try:
        args.want = {name: tuple(map(float, numbers.split(','))) for name, numbers in (w.split('=') for w in args.want)}
    except ValueError:
        parser.error('--want: wanted SET=PSNR,HUE')
    return args


def name_of(path):
    return os.path.splitext(os.path.basename(os.path.normpath(path)))[0]


def grey_png(value, width, height):
    def chunk(kind, data):
        return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))
    rows = (b'\0' + bytes([value]) * width) * height
    return (b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', struct.pack('>IIBBBBB', width, height, 8, 0, 0, 0, 0))
            + chunk(b'IDAT', zlib.compress(rows)) + chunk(b'IEND', b''))


def size_of(path):
    """Width and height of a PNG or JPEG file; None of others."""
    with open(path, 'rb') as f:
        data = f.read()
    if data[:4] == b'\x89PNG':
        return struct.unpack('>II', data[16:24])
    at = 2
    while data[:2] == b'\xff\xd8' and at + 9 < len(data):
        marker, length = data[at + 1], struct.unpack('>H', data[at + 2:at + 4])[0]
        if 0xc0 <= marker <= 0xcf and marker not in (0xc4, 0xc8, 0xcc):
            return struct.unpack('>HH', data[at + 5:at + 9])[::-1]
        at += 2 + length
    return None


def source_of(folder, out):
    """A folder with the maps of the set that are trained, constants as pictures; and the options of training them."""
    source = os.path.join(out, 'source-' + name_of(folder))
    os.makedirs(source, exist_ok=True)
    arguments, size = [], None
    for file in sorted(os.listdir(folder)):
        option = OPTIONS.get(os.path.splitext(file)[0].lower())
        if option and option not in arguments:
            link = os.path.join(source, file)
            if not os.path.lexists(link):
                os.symlink(os.path.abspath(os.path.join(folder, file)), link)
            arguments += [option, link]
            size = size or size_of(link)
    if not arguments:
        sys.exit(f'{folder}: no maps: wanted files called {", ".join(sorted(OPTIONS))}')
    for option, (name, value) in CONSTANTS.items():
        if option not in arguments and size:
            arguments += [option, str(value // 255)]
            path = os.path.join(source, name + '.png')
            if not os.path.exists(path):  # a judge of the row before may be reading it
                with open(path, 'wb') as f:
                    f.write(grey_png(value, *size))
    return source, arguments


def run(command, log):
    """The output of a command; its messages go to `log`. None when it failed."""
    with open(log, 'ab') as f:
        result = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=f, check=False)
        f.write(result.stdout[-4096:])
    return result.stdout if result.returncode == 0 else None


def stem_of(args, folder, plan):
    """Of the results' names: the set, the plan, and a hash of what else decides them."""
    text = repr((os.path.abspath(folder), args.bits, args.steps, args.device)).encode()
    if plan != 'default':
        with open(plan, 'rb') as f:
            text += f.read()
    return os.path.join(args.out, f'{name_of(folder)}-{name_of(plan)}-{hashlib.sha256(text).hexdigest()[:8]}')


def train(args, maps, plan, stem):
    command = [*args.smelt, 'material', 'train', *maps, '-o', stem + '.safetensors']
    for option, value in ('--plan', None if plan == 'default' else plan), ('--bits-per-texel', args.bits), \
            ('--steps', args.steps), ('--device', args.device):
        command += [option, str(value)] if value is not None else []
    begin = time.monotonic()
    told = run(command, stem + '.txt')
    return time.monotonic() - begin if told is not None else None


def compare(args, source, stem):
    command = [*args.smelt, 'material', 'compare', source, stem + '.safetensors', '--json']
    told = run(command + (['--device', args.device] if args.device else []), stem + '.txt')
    if told is None:
        return None
    with open(stem + '.part', 'wb') as f:
        f.write(told)
    os.replace(stem + '.part', stem + '.json')
    return json.loads(told)


def missed(args, name, ours, bc7):
    """The conditions that do not hold, as words."""
    words = [] if ours['bits_per_texel'] <= args.most_bits else ['bits']
    for key, ahead in ('psnr', lambda a, b: float(a) >= float(b)), ('flip', lambda a, b: a <= b):
        behind = [str(i) for i, (a, b) in enumerate(zip(ours['mips'], bc7['mips'])) if not ahead(a[key], b[key])]
        words += [f'{key} {",".join(behind)}'] if behind else []
    words += [] if ours['temporal_error'] <= bc7['temporal_error'] else ['flicker']
    if name in args.want:
        psnr, hue = args.want[name]
        words += [] if float(ours['mips'][0]['psnr']) >= psnr else [f'psnr 0 < {psnr:g}']
        words += [] if ours['mips'][0].get('chroma_error', 0) <= hue else [f'hue > {hue:g}']
    return words


HEADER = ('set', 'plan', 'bits', 'ms', 's', 'hue', *(f'PSNR {i}' for i in range(MIPS)), *(f'FLIP {i}' for i in range(MIPS)), 'flicker', 'missed')


def number(value, digits):
    return f'{float(value):.{digits}f}' if value is not None else '-'


def row_of(args, folder, plan, seconds, told):
    """The row, and (conditions missed, the mean of our FLIP over BC7's at mips 1 and 2) for the order of the plans."""
    ours, bc7 = told['contenders'][:2]
    pairs = list(zip(ours['mips'], bc7['mips']))
    words = missed(args, name_of(folder), ours, bc7)
    shown = pairs[:MIPS] + [None] * (MIPS - len(pairs[:MIPS]))
    times = ours['evaluate_ms'].values()
    row = [name_of(folder), name_of(plan), number(ours['bits_per_texel'], 2), number(min(times, default=None), 3),
           number(seconds, 0), number(ours['mips'][0].get('chroma_error'), 5)]
    for key, digits in ('psnr', 2), ('flip', 4):
        row += [f'{number(p[0][key], digits)} / {number(p[1][key], digits)}' if p else '-' for p in shown]
    row += [f'{number(ours["temporal_error"], 4)} / {number(bc7["temporal_error"], 4)}', '; '.join(words) or 'none']
    ratios = [a['flip'] / b['flip'] for a, b in pairs[1:3] if b['flip'] > 0]
    return row, (len(words), sum(ratios) / len(ratios) if ratios else 1)


def say(cells):
    print('| ' + ' | '.join(cells) + ' |', flush=True)


def main():
    args = options()
    os.makedirs(args.out, exist_ok=True)
    begin, rows, failed = time.monotonic(), {}, []
    say(HEADER)
    say(['---'] * 2 + ['---:'] * (len(HEADER) - 3) + ['---'])
    with concurrent.futures.ThreadPoolExecutor(max(1, min(4, (os.cpu_count() or 1) // 4))) as pool:
        def judge(folder, plan, source, stem, seconds):
            told = compare(args, source, stem)
            if told is None or len(told['contenders']) < 2:
                failed.append(stem + '.txt')
                return
            row, rows[folder, plan] = row_of(args, folder, plan, seconds, told)
            say(row)

        waiting = []
        for plan in args.plans:
            for folder in args.sets:
                source, maps = source_of(folder, args.out)
                stem = stem_of(args, folder, plan)
                if os.path.exists(stem + '.json'):
                    with open(stem + '.json', encoding='utf-8') as f:
                        row, rows[folder, plan] = row_of(args, folder, plan, None, json.load(f))
                    say(row)
                elif args.limit is None or time.monotonic() - begin < args.limit:
                    seconds = train(args, maps, plan, stem)
                    if seconds is None:
                        failed.append(stem + '.txt')
                    else:
                        waiting.append(pool.submit(judge, folder, plan, source, stem, seconds))
        for job in waiting:
            job.result()
    print(f'\nBehind a / stands BC7. Plans, by conditions missed and by FLIP over BC7\'s at mips 1 and 2, over {len(args.sets)} sets:')
    order = []
    for plan in args.plans:
        marks = [rows[s, plan] for s in args.sets if (s, plan) in rows]
        if marks:
            order.append((sum(m[0] for m in marks) / len(marks), sum(m[1] for m in marks) / len(marks), len(marks), name_of(plan)))
    for lost, ratio, count, plan in sorted(order):
        print(f'  {plan}: {lost:.2f} missed a set, FLIP {ratio:.3f} of BC7\'s, {count} sets')
    left = len(args.sets) * len(args.plans) - len(rows) - len(failed)
    if left:
        print(f'{left} not begun: --limit')
    for log in failed:
        print(f'failed: {log}', file=sys.stderr)
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
