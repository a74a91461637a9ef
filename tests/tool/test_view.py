#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""smelt view on a virtual display (Xvfb): what its window shows after scripts of events, and what it refuses.

usage: test_view.py SMELT [NAME]
"""
import json
import os
import shutil
import subprocess
import sys

from command import ROCK, ROOT, Skip, fails, main, need_compiler, path, read_png, run, write, write_png

SOURCE = os.path.join(ROOT, 'examples/materials/rock053')
METAL = os.path.join(ROOT, 'examples/materials/metal053c.safetensors')
SIZE = (96, 64)
# Leaks of X and D-Bus are not ours.
ENV = {'ASAN_OPTIONS': os.environ.get('ASAN_OPTIONS', '') + ':detect_leaks=0'}


def need_display():
    """A virtual display for the run, once; ends with its last client."""
    need_compiler()
    if os.environ['SMELT_HAVE_VIEWER'] != '1':
        raise Skip('this build has no SDL2')
    if not shutil.which('Xvfb'):
        raise Skip('there is no Xvfb')
    if 'DISPLAY' not in ENV:
        readable, writable = os.pipe()
        need_display.server = subprocess.Popen(['Xvfb', '-displayfd', str(writable), '-screen', '0', '640x480x24', '-nolisten', 'tcp'],
                                               pass_fds=[writable], stderr=subprocess.DEVNULL)
        os.close(writable)
        with os.fdopen(readable) as answer:
            number = answer.readline().strip()
        if not number:
            raise Skip('Xvfb does not start')
        ENV.update(DISPLAY=':' + number, SDL_VIDEODRIVER='x11')


def view(script, *arguments):
    """The title and the rows of the window after these events."""
    need_display()
    out = run('view', *arguments, '--size', '%dx%d' % SIZE, '--validate', '--script', write('script', ''.join(line + '\n' for line in script)),
              '--screenshot', path('view.png'), env=ENV).stdout
    width, height, components, rows = read_png(path('view.png'))
    assert (width, height, components) == (*SIZE, 3), (width, height, components)
    return out.strip(), [bytes(row) for row in rows]


def pictures():
    """The rows of what smelt render makes of the material and of the source."""
    run('render', '--material', ROCK, '--mesh', 'sphere', '--size', '%dx%d' % SIZE, '--samples', '1', '--frames', '1', '--reference', SOURCE,
        '--output', path('render.png'))
    return [[bytes(row) for row in read_png(path(name))[3]] for name in ('render.png', 'render-reference.png')]


def test_the_slider_parts_the_material_from_its_source():
    at = 40
    title, rows = view(['drag 10 10 30 10', 'key r', f'slide {at} 20', 'move 5 7'], ROCK, '--source', SOURCE)
    material, source = pictures()
    for got, a, b in zip(rows, material, source):
        assert got == a[:3 * at] + b'\xff\xff\xff' + b[3 * at + 3:]
    pixels = [' '.join(str(v) for v in p[7][15:18]) for p in (material, source)]
    assert title.startswith('rock053: inline, ') and f'; (5, 7) {pixels[0]}, source {pixels[1]}' in title, title
    assert ', level 0 of 1, ' in title and ' ms; ' in title, title


def test_the_mouse_moves_the_camera():
    still = view([], ROCK)[1]
    turned, near = view(['drag 10 10 60 20'], ROCK)[1], view(['wheel 3'], ROCK)[1]
    assert still != turned and still != near and turned != near


def test_keys_choose_file_path_and_backend():
    title, inline = view(['key n'], ROCK, METAL)
    assert title.startswith('metal053c: inline, '), title
    title, deferred = view(['key m', 'key p'], METAL)
    assert title.startswith('metal053c: deferred, '), title
    worst = max(abs(a - b) for x, y in zip(inline, deferred) for a, b in zip(x, y))
    assert worst < 60 and inline != [bytes(len(row)) for row in inline], worst
    title, _ = view(['key b', 'key q', 'key n'], ROCK, METAL)
    assert title.startswith('rock053: inline, portable, '), title


def test_levels_are_picked_one_after_another():
    need_display()
    package = path('levels.safetensors')
    write_png(path('color.png'), 64, 64, 2, lambda x, y: (255 * (x // 2 % 2), 255 * (y // 2 % 2), 128))
    run('material', 'train', '--base-color', path('color.png'), '--roughness', '0.5', '--steps', '12', '--batch', '256',
        '--bits-per-texel', '40', '-o', package)
    count = json.loads(run('info', '--json', package).stdout)['material']['latent_mips']
    assert count > 3, count
    shown = [view(['key m'] * n, package, '--mesh', 'plane') for n in (0, 2, count)]
    for level, (title, _) in zip((0, 2, 0), shown):
        assert f', level {level} of {count}, ' in title, title
    assert shown[0][1] == shown[2][1] != shown[1][1]
    title, deferred = view(['key p', 'key m', 'key m'], package, '--mesh', 'plane')
    assert title.startswith('levels: deferred, ') and f', level 2 of {count}, ' in title, title
    assert max(abs(a - b) for x, y in zip(shown[1][1], deferred) for a, b in zip(x, y)) < 60
    assert ', level 0 of 1, ' in view(['key m', 'key n'], package, METAL)[0]


def test_bad_input_is_refused():
    if os.environ['SMELT_HAVE_VIEWER'] != '1':
        fails('view', ROCK, says='this build has no viewer')
        return
    assert '--screenshot' in run('view', '--help').stdout
    fails('view', says='view wants a package', status=2)
    fails('view', ROCK, '--size', '0x3', says='--size 0x3: wanted WxH or N', status=2)
    fails('view', ROCK, '--screenshot', '/nonexistent/a.png', says='/nonexistent/a.png')
    fails('view', ROCK, says='smelt view: no window: ', env={**ENV, 'DISPLAY': ':none', 'SDL_VIDEODRIVER': 'x11'})
    need_display()
    small = ['--size', '%dx%d' % SIZE]
    fails('view', '/nonexistent.safetensors', *small, says='/nonexistent.safetensors', env=ENV)
    fails('view', ROCK, *small, '--source', '/nonexistent', says='/nonexistent/base_color.jpg', env=ENV)
    fails('view', ROCK, *small, '--script', '/nonexistent', says='cannot read /nonexistent', env=ENV)
    fails('view', ROCK, *small, '--script', write('script', 'key a\ndrag 1 2\n'), says='script:2: wanted key LETTER', env=ENV)


def run_all():
    need_display.server = None
    try:
        return main(globals())
    finally:
        if need_display.server:
            need_display.server.terminate()
            need_display.server.wait()


sys.exit(run_all())
