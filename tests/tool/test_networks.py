#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""smelt run, verify, inspect and pack --mlp as a user runs them, on small models that are written here.

usage: test_networks.py SMELT [NAME]
"""
import html.parser
import json
import os
import struct
import sys

import browser
from command import COMPILER, ROOT, Skip, fails, main, message, need_onnx, path, read_png, run, write, write_png

F32, F64, I64 = 1, 11, 7
FORMATS = {F32: ('<f4', 'f'), F64: ('<f8', 'd'), I64: ('<i8', 'q')}


def need_networks():
    need_onnx()
    if not COMPILER:
        raise Skip('this build has no compiler')


# --- Files -------------------------------------------------------------------------------------------------------------

def folder_of(name):
    os.makedirs(os.path.dirname(path(name)), exist_ok=True)
    return path(name)


def tensor(element, shape, values, name=''):
    dims = b''.join(message(1, extent) for extent in shape)
    data = struct.pack(f'<{len(values)}{FORMATS[element][1]}', *values)
    return dims + message(2, element) + message(8, name) + message(9, data)


def value(name, element, shape):
    dims = [message(1, message(2, e) if isinstance(e, str) else message(1, e)) for e in shape]
    return message(1, name) + message(2, message(1, message(1, element) + message(2, *dims)))


def node(op, name, inputs, outputs):
    return b''.join(message(1, i) for i in inputs) + b''.join(message(2, o) for o in outputs) + message(3, name) + message(4, op)


def write_model(name, nodes, inputs, outputs, constants=()):
    graph = b''.join(message(1, n) for n in nodes) + message(2, 'tiny') + b''.join(message(5, c) for c in constants)
    graph += b''.join(message(11, i) for i in inputs) + b''.join(message(12, message(1, o)) for o in outputs)
    with open(folder_of(name), 'wb') as f:
        f.write(message(1, 8) + message(7, graph) + message(8, message(2, 17)))
    return path(name)


def write_pb(name, *arguments):
    with open(folder_of(name), 'wb') as f:
        f.write(tensor(*arguments))
    return path(name)


def write_npy(name, values, shape, element=F32, header=None):
    text = header or f"{{'descr': '{FORMATS[element][0]}', 'fortran_order': False, 'shape': {tuple(shape)}, }}"
    text += ' ' * (-(len(text) + 11) % 64) + '\n'
    with open(folder_of(name), 'wb') as f:
        f.write(b'\x93NUMPY\x01\x00' + struct.pack('<H', len(text)) + text.encode())
        f.write(struct.pack(f'<{len(values)}{FORMATS[element][1]}', *values))
    return path(name)


def read_npy(name):
    with open(name, 'rb') as f:
        data = f.read()
    assert data[:8] == b'\x93NUMPY\x01\x00' and (10 + struct.unpack('<H', data[8:10])[0]) % 64 == 0
    size = struct.unpack('<H', data[8:10])[0]
    header = eval(data[10:10 + size])  # as numpy writes it: a dictionary of literals
    kind = header['descr'][1:]
    code = {'f4': 'f', 'i8': 'q', 'b1': '?', 'f2': 'e'}[kind]
    body = data[10 + size:]
    return header['shape'], list(struct.unpack(f'<{len(body) // struct.calcsize(code)}{code}', body))


def dense(name='dense.onnx'):
    """y = relu(x w) with x f32 [N, 3] and w f32 [3, 2]; the product is the value h."""
    return write_model(name, [node('MatMul', 'dense', ['x', 'w'], ['h']), node('Relu', 'act', ['h'], ['y'])],
                       [value('x', F32, ['N', 3])], ['y'], [tensor(F32, [3, 2], [1, -1, 2, -2, 3, 3], 'w')])


def picture_model():
    return write_model('picture.onnx', [node('Neg', 'a', ['x'], ['n']), node('Neg', 'b', ['n'], ['y'])],
                       [value('x', F32, [1, 3, 'H', 'W'])], ['y'])


X, Y = [1, 2, 3, -1, 0, 1], [14, 4, 2, 4]  # rows of x, relu(x w)


# --- smelt run -----------------------------------------------------------------------------------------------------------

def test_every_model_of_the_repository_takes_little_memory():
    """At most 1.15 times what is in use at once. Models of test cases are verified so by network_cases and network_pytorch."""
    need_networks()
    cases = tuple(os.path.join(ROOT, 'tests/data', name) + os.sep for name in ('onnx-node', 'pytorch'))
    shapes = {'super-resolution.safetensors': ['--shape', 'input=1,1,40,24']}
    found = 0
    for folder, inner, names in os.walk(ROOT):
        inner[:] = [name for name in inner if not name.startswith(('.', 'build'))]
        for name in names:
            file = os.path.join(folder, name)
            if name.endswith('.onnx'):
                assert file.startswith(cases), f'{file}: a model that nothing asks for its memory'
            if not name.endswith('.safetensors') or 'network' not in run('info', file).stdout.split('\n')[0]:
                continue
            told = json.loads(run('run', file, '--random', *shapes[name], '--json').stdout)
            assert told['intermediates_size'] <= 1.15 * told['intermediates_least'] + 64, (file, told)
            found += 1
    assert found == len(shapes)


def test_run_reads_and_writes_npy_and_pb():
    need_networks()
    model, out = dense(), path('y.npy')
    text = run('run', model, '--input', 'x=' + write_npy('x.npy', X, [2, 3]), '--output', 'y=' + out, '-o',
               'h=' + path('h.npy')).stdout
    assert read_npy(out) == ((2, 2), Y), read_npy(out)
    assert read_npy(path('h.npy')) == ((2, 2), [14, 4, 2, 4]), 'a value that is no output'
    assert 'output' in text and '[2][2]' in text and ' ms, ' in text, text
    told = json.loads(run('run', model, '-i', write_pb('x.pb', F32, [2, 3], X), '-o', out, '--json', '--repeat', '3',
                          '--profile', path('trace.json')).stdout)
    assert read_npy(out) == ((2, 2), Y)
    assert told['outputs'] == [{'name': 'y', 'dtype': 'f32', 'shape': [2, 2], 'min': 2, 'max': 14, 'mean': 6,
                                'std': told['outputs'][0]['std'], 'nan': 0, 'inf': 0}], told
    assert told['repeat'] == 3 and told['time_ms'] >= told['least_time_ms'] > 0
    with open(path('trace.json'), encoding='utf-8') as f:
        assert 'dense' in f.read(), 'the trace names the operator'
    run('pack', model, '-o', path('dense.safetensors'), '--quiet')
    run('run', path('dense.safetensors'), '-i', 'x=' + path('x.npy'), '-o', out, '--dtype', 'f16', '--backend', 'portable')
    assert read_npy(out) == ((2, 2), Y), 'small integers are exact in f16'


def test_run_keeps_nan_and_64_bit_integers():
    need_networks()
    model = write_model('sum.onnx', [node('Add', 'add', ['a', 'b'], ['y'])], [value('a', I64, [2]), value('b', I64, [2])], ['y'])
    a, b = write_npy('a.npy', [2**31 - 2, -5], [2], I64), write_npy('b.npy', [1, -6], [2], I64)
    run('run', model, '-i', 'a=' + a, '-i', 'b=' + b, '-o', path('s.npy'))
    assert read_npy(path('s.npy')) == ((2,), [2**31 - 1, -11])
    wide = write_npy('wide.npy', [2**31, 0], [2], I64)
    fails('run', model, '-i', 'a=' + wide, '-i', 'b=' + b, says='element 0 is 2147483648, which the device')
    told = json.loads(run('run', dense(), '-i', write_npy('nan.npy', [float('nan'), 1, 1, 1, 1, float('inf')], [2, 3]),
                          '--json', '-o', 'h=' + path('h.npy')).stdout)['outputs']
    assert {o['name']: o['nan'] for o in told}['h'] == 2, told


def test_run_takes_and_makes_pictures():
    need_networks()
    rows = [[(17 * x + 40 * y + 5 * c) % 256 for x in range(5) for c in range(3)] for y in range(4)]
    image, out = write_png('in.png', 5, 4, 2, lambda x, y: rows[y][3 * x:3 * x + 3]), path('out.png')
    for options in ([], ['--range', '0,255'], ['--range', '-1,1'], ['--mean', '0.485,0.456,0.406', '--std', '0.229,0.224,0.225']):
        run('run', picture_model(), '-i', image, '-o', out, *options)
        assert read_png(out) == (5, 4, 3, [bytearray(r) for r in rows]), options
    run('run', picture_model(), '-i', image, '-o', path('n.npy'), '--mean', '0.5', '--std', '0.25')
    shape, numbers = read_npy(path('n.npy'))
    assert shape == (1, 3, 4, 5) and abs(numbers[0] - (rows[0][0] / 255 - 0.5) / 0.25) < 1e-6
    assert abs(numbers[20] - (rows[0][1] / 255 - 0.5) / 0.25) < 1e-6, 'channels come one after the other'
    last = write_model('last.onnx', [node('Neg', 'a', ['x'], ['n']), node('Neg', 'b', ['n'], ['y'])],
                       [value('x', F32, ['N', 'H', 'W', 3])], ['y'])
    run('run', last, '-i', image, '-o', out, '--layout', 'nhwc')
    assert read_png(out)[3] == [bytearray(r) for r in rows]
    fails('run', picture_model(), '-i', image, '--shape', 'x=1,3,4,6', says='wanted an image of 6x4, got 5x4')
    fails('run', dense(), '-i', image, says='wanted an image of 3x4, got 5x4')
    flat = write_model('flat.onnx', [node('Neg', 'a', ['x'], ['y'])], [value('x', F32, [60])], ['y'])
    fails('run', flat, '-i', image, says='the shape [60] is no image')
    fails('run', picture_model(), '-i', write('bad.png', 'no picture'), says='bad.png')


def test_run_refuses():
    need_networks()
    model, x = dense(), write_npy('x.npy', X, [2, 3])
    fails('run', says='one network', status=2)
    fails('run', path('absent.onnx'), says='absent.onnx')
    fails('run', model, says="input 'x' has no file")
    fails('run', model, '--random', says='extent "N" of input "x" is free')
    assert '[7][2]' in run('run', model, '--random', '--shape', 'x=7,3').stdout
    fails('run', model, '-i', 'z=' + x, says=["no input 'z=", 'there are: x'])
    fails('run', model, '-i', 'x=' + x, '-i', 'x=' + x, says='given twice')
    fails('run', model, '-i', 'x=' + path('absent.npy'), says='absent.npy')
    fails('run', model, '-i', 'x=' + write('x.txt', ''), says='wanted a file that ends with .npy')
    fails('run', model, '-i', 'x=' + write_npy('w.npy', X, [3, 2]), says='input "x"')
    fails('run', model, '-i', 'x=' + write_npy('d.npy', X, [2, 3], F64), says='wanted elements of type f32, got f64')
    fails('run', model, '-i', 'x=' + x, '-o', 'q=' + path('q.npy'), says="no value 'q'")
    fails('run', model, '-i', 'x=' + x, '-o', 'y=' + path('y.txt'), says='ends with .npy or .png', status=2)
    fails('run', model, '-i', 'x=' + x, '-o', 'y=/nonexistent/y.npy', says='/nonexistent/y.npy')
    fails('run', model, '-i', 'x=' + x, '-o', 'y=' + path('y.png'), '--layout', 'nhwc', '--range', '3,3', status=2, says='--range')
    for option, argument in (('--repeat', '0'), ('--layout', 'chw'), ('--std', '0'), ('--mean', '1,2,x'), ('--range', '1'),
                             ('--dtype', 'i8'), ('--backend', 'abacus')):
        fails('run', model, option, argument, status=2, says=argument)
    fails('run', model, '-i', 'x=' + x, '--shape', 'x=2,-3', says='--shape')


def test_run_refuses_hostile_npy():
    need_networks()
    model = dense()
    headers = {'fortran': "{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3), }",
               'huge': "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999, 99999999999), }",
               'short': "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 4), }",
               'object': "{'descr': '|O', 'fortran_order': False, 'shape': (2, 3), }",
               'rank': "{'descr': '<f4', 'fortran_order': False, 'shape': (" + '1, ' * 20 + "), }",
               'shapeless': "{'descr': '<f4', 'fortran_order': False, }"}
    for name, header in headers.items():
        fails('run', model, '-i', 'x=' + write_npy(name + '.npy', X, [2, 3], header=header), says=name + '.npy')
    with open(path('x.npy'), 'rb') as f:
        whole = f.read()
    for size in (0, 5, 11, 40, len(whole) - 1):
        with open(path('cut.npy'), 'wb') as f:
            f.write(whole[:size])
        fails('run', model, '-i', 'x=' + path('cut.npy'), says='cut.npy')


# --- smelt verify --------------------------------------------------------------------------------------------------------

def write_case(name, wanted, element=F32):
    write_model(f'{name}/model.onnx', [node('Relu', 'act', ['x'], ['y'])], [value('x', element, [len(wanted)])], ['y'])
    write_pb(f'{name}/test_data_set_0/input_0.pb', element, [len(wanted)], [-1, 2, 3])
    write_pb(f'{name}/test_data_set_0/output_0.pb', element, [len(wanted)], wanted)


def test_bakes_for_images():
    need_networks()
    convolve = node('Conv', 'c', ['x', 'w'], ['h'])
    model = write_model('images/m.onnx', [convolve, node('Sigmoid', 's', ['h'], ['y'])], [value('x', F32, [1, 3, 4, 5])],
                        ['y'], [tensor(F32, [3, 3, 1, 1], [1.0] * 9, 'w')])

    def kernels(*options):
        run('pack', model, '-o', path('images.safetensors'), '--bake', '--quiet', *options)
        with open(path('images.safetensors'), 'rb') as f:
            header = json.loads(f.read(struct.unpack('<Q', f.read(8))[0]))
        return [k['kernel'] for k in json.loads(header['__metadata__']['smelt'])['kernels']]
    plain, known, unknown = kernels(), kernels('--image', 'x', '--image', 'y=rgba8'), kernels('--image', 'x', '--image', 'y')
    assert len(known) > len(plain), (plain, known)
    assert unknown.count('operator_image_store.glsl') == 4, unknown
    assert len(kernels('--more-outputs', 'h')) > len(plain)
    run('pack', model, '-o', path('images.safetensors'), '--bake', '--image', 'y=rgb', status=2)
    run('pack', model, '-o', path('images.safetensors'), '--bake', '--image', 'z', status=1)


def test_verify_counts_and_tells():
    need_networks()
    write_case('cases/deep/good', [0, 2.0009, 3])
    text = run('verify', path('cases')).stdout
    assert text == '1 passed, 0 failed, 0 skipped\n', text
    write_case('cases/bad', [0, 2, 3.5])
    write_case('cases/wide', [0, 2, 3], F64)
    lines = run('verify', path('cases'), status=1).stdout.strip().split('\n')
    assert lines[-1] == '1 passed, 1 failed, 1 skipped', lines
    assert len(lines) == 3 and 'cases/bad: FAILED: y[2]: wanted 3.5, got 3; 1 of 3 differ, the most by 0.5' in lines[0], lines
    assert 'cases/wide: skipped: ' in lines[1] and 'f64' in lines[1], lines
    told = json.loads(run('verify', path('cases'), '--json', status=1).stdout)
    assert (told['passed'], told['failed'], told['skipped']) == (1, 1, 1)
    assert {os.path.basename(c['case']): c['outcome'] for c in told['cases']} == {'bad': 'failed', 'good': 'passed', 'wide': 'skipped'}
    assert '1 passed, 0' in run('verify', path('cases'), '--only', 'good').stdout
    assert '1 passed, 0' in run('verify', path('cases'), '--only', '*/go*').stdout
    assert '0 passed, 0 failed, 1' in run('verify', path('cases'), '--only', 'wide', status=1).stdout, 'nothing ran'
    run('verify', path('cases'), '--only', 'none of that name', status=1)
    counts = [run('verify', path('cases'), '--part', f'{i}/4', status=int(i == 1)).stdout.strip().split('\n')[-1] for i in (1, 2, 3, 4)]
    assert counts == ['0 passed, 1 failed, 0 skipped', '1 passed, 0 failed, 0 skipped', '0 passed, 0 failed, 1 skipped',
                      '0 passed, 0 failed, 0 skipped'], counts
    run('verify', path('cases'), '--part', '1/4', '--only', 'none of that name', status=1)
    for part in ('0/4', '5/4', '1', '1/4x'):
        fails('verify', path('cases'), '--part', part, says=['--part wants I/N', part], status=2)


def test_verify_has_tolerances_and_checks():
    need_networks()
    write_case('loose/bad', [0, 2, 3.5])
    run('verify', path('loose'), '--atol', '0.5', '--memory', '1.15')
    run('verify', path('loose'), '--memory', 'much', status=2)
    run('verify', path('loose'), '--rtol', '0.15')
    run('verify', path('loose'), '--top1')
    run('verify', path('loose'), '--psnr', '10')
    assert 'wanted 30 dB, got' in run('verify', path('loose'), '--psnr', '30', status=1).stdout
    run('verify', path('loose'), '--checks', write('checks.json', '{"loose/b": "top1"}'))
    run('verify', path('loose'), '--checks', write('checks.json', '{"*/bad": 30}'), status=1)
    write_case('loose/bad', [0, 4, 3])
    assert 'the largest element of sample 0' in run('verify', path('loose'), '--top1', status=1).stdout
    write_case('loose/bad', [0, 2, 3.005])
    run('verify', path('loose'), status=1)
    run('verify', path('loose'), '--dtype', 'f16')
    write_case('strict/bad', [0, 2.01, 3])
    run('verify', path('strict'), '--atol', '0.02')
    run('verify', path('strict'), '--rtol', '0', '--atol', '0', status=1)
    rounded = write('checks.json', '{"whole": "rounded"}')
    for wanted, status in ([0, 2, 4], 0), ([0, 2, 5], 1):
        write_case('whole/bad', wanted, I64)
        run('verify', path('whole'), '--atol', '1', status=1)
        run('verify', path('whole'), '--checks', rounded, status=status)
    fails('verify', path('whole'), '--checks', write('checks.json', '{"whole": "round"}'), says='wanted a JSON object')


def test_verify_refuses():
    need_networks()
    fails('verify', says='a folder of test cases', status=2)
    fails('verify', path('absent'), says='no such folder')
    os.makedirs(path('empty'), exist_ok=True)
    fails('verify', path('empty'), says='no test case in it')
    for option, argument in (('--rtol', '-1'), ('--psnr', 'x'), ('--dtype', 'bf16'), ('--backend', 'abacus')):
        fails('verify', path('cases'), option, argument, says=argument, status=2)
    fails('verify', path('empty'), '--checks', write('checks.json', '[1]'), says='checks.json')
    write_case('broken/one', [0, 2, 3])
    os.remove(path('broken/one/test_data_set_0/input_0.pb'))
    assert 'has 0 inputs and 1 outputs' in run('verify', path('broken'), status=1).stdout
    write('broken/one/test_data_set_0/input_0.pb', 'no tensor')
    assert 'FAILED' in run('verify', path('broken'), status=1).stdout
    write_case('shape/one', [0, 2, 3])
    write_pb('shape/one/test_data_set_0/output_0.pb', F32, [1, 3], [0, 2, 3])
    assert 'y: wanted f32[1][3], got f32[3]' in run('verify', path('shape'), status=1).stdout
    write_model('bare/model.onnx', [node('Relu', 'act', ['x'], ['y'])], [value('x', F32, [3])], ['y'])
    assert 'no test_data_set_0' in run('verify', path('bare'), status=1).stdout


# --- smelt inspect ---------------------------------------------------------------------------------------------------------

class Page(html.parser.HTMLParser):
    """What a page is made of; fails on what it would fetch."""

    def __init__(self, name):
        super().__init__()
        self.inside, self.texts, self.ids = None, {}, set()
        with open(name, encoding='utf-8') as f:
            text = f.read()
        self.feed(text)
        assert text.startswith('<!DOCTYPE html>') and '@import' not in text and 'url(' not in text

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        assert not {'src', 'href', 'srcset', 'action', 'data'} & set(attributes), attributes
        self.inside = attributes.get('id', tag)
        self.ids.add(attributes.get('id'))

    def handle_data(self, data):
        self.texts[self.inside] = self.texts.get(self.inside, '') + data


def inspect(*arguments):
    run('inspect', *arguments, '-o', path('report.html'))
    page = Page(path('report.html'))
    assert {'graph', 'panel', 'search', 'data'} <= page.ids
    return json.loads(page.texts['data'])


def test_inspect_tells_what_ran():
    need_networks()
    data = inspect(dense('a <b>.onnx'), '-i', write_npy('nan.npy', [1, 2, 3, 1, float('nan'), 0], [2, 3]))
    assert [n['op'] for n in data['nodes']] == ['MatMul', 'Relu']
    values = {v['name']: v for v in data['values']}
    assert values['h']['shape'] == [2, 2] and values['h']['statistics']['nan'] == 2 and values['h']['statistics']['max'] == 14
    assert values['w']['constant'] and values['w']['statistics']['min'] == -2
    assert values['h']['image'].startswith('data:image/png;base64,') and sum(values['w']['histogram']) == 6
    assert sorted(n for r in data['regions'] for n in r['nodes']) == [0, 1] and data['compare'] is None
    assert [len(r['nodes']) for r in data['regions']] == [2], 'the activation is fused into the product'
    assert data['regions'][0]['time'] > 0


def test_inspect_compares():
    need_networks()
    x = write_npy('x.npy', X, [2, 3])
    assert inspect(dense(), '-i', x, '--compare', 'portable')['first_difference'] is None
    write_npy('reference/h.npy', [14, 4, 2, 4], [2, 2])
    write_npy('reference/y.npy', [14, 4, 2.5, 4], [2, 2])
    data = inspect(dense(), '-i', x, '--compare', path('reference'))
    assert data['first_difference'] == 1
    difference = next(v for v in data['values'] if v['name'] == 'y')['difference']
    assert (difference['count'], difference['index'], difference['want'], difference['got']) == (1, '[1][0]', 2.5, 2)
    fails('inspect', dense(), '-i', x, '-o', path('r.html'), '--compare', path('nowhere'), says='a folder', status=2)
    os.makedirs(path('empty'), exist_ok=True)
    fails('inspect', dense(), '-i', x, '-o', path('r.html'), '--compare', path('empty'), says='no .npy file')
    write_npy('wrong/y.npy', [14, 4], [2])
    fails('inspect', dense(), '-i', x, '-o', path('r.html'), '--compare', path('wrong'), says='its type or shape')
    assert not os.path.exists(path('r.html')), 'nothing is written when it fails'
    fails('inspect', dense(), says='-o REPORT.html', status=2)
    fails('inspect', dense(), '-i', x, '-o', '/nonexistent/r.html', says='/nonexistent/r.html')


def test_inspect_page_works_in_a_browser():
    need_networks()
    if not browser.find():
        raise Skip('no chromium')
    write_npy('reference/y.npy', [14, 4, 2.5, 4], [2, 2])
    inspect(dense(), '-i', write_npy('x.npy', X, [2, 3]), '--compare', path('reference'))
    url = 'file://' + path('report.html')
    page = browser.Browser(url)
    try:
        boxes = 'document.querySelectorAll("#graph .box").length'
        transform = 'document.getElementById("layer").getAttribute("transform")'
        assert page.evaluate(boxes) == 3, 'input, the fused region, output'
        place = page.evaluate('(() => { const r = document.querySelector(".box.group").getBoundingClientRect();'
                              ' return [r.x + r.width / 2, r.y + r.height / 2]; })()')
        page.click(*place)
        text = page.evaluate('document.getElementById("panel").innerText')
        assert 'MatMul dense' in text and 'Relu act' in text and '1 of 4 elements differ' in text and 'wanted 2.5, got 2' in text, text
        assert page.evaluate('document.querySelectorAll("#panel img").length') >= 2
        assert page.evaluate('[...document.querySelectorAll("#panel img")].every(i => i.complete && i.naturalWidth > 0)')
        page.evaluate('document.getElementById("toggle").click()')
        assert page.evaluate(boxes) == 4, 'the fused region is open'
        before = page.evaluate(transform)
        page.mouse('mouseMoved', 60, 700)
        page.mouse('mousePressed', 60, 700, button='left', clickCount=1)
        page.mouse('mouseMoved', 160, 650, button='left')
        page.mouse('mouseReleased', 160, 650, button='left')
        panned = page.evaluate(transform)
        def numbers(t):
            return [float(w) for w in t.replace('translate(', '').replace(') scale(', ' ').replace(')', '').split()]
        assert abs(numbers(panned)[0] - numbers(before)[0] - 100) < 1 and abs(numbers(panned)[1] - numbers(before)[1] + 50) < 1
        page.mouse('mouseWheel', 300, 300, deltaX=0, deltaY=-400)
        zoomed = page.evaluate(transform)
        assert numbers(zoomed)[2] > numbers(panned)[2] * 1.3, 'the wheel zooms'
        page.evaluate('document.getElementById("search").focus()')
        page.type('relu')
        assert page.evaluate('document.querySelectorAll(".box.found").length') == 1
        page.press_enter()
        assert 'Relu act' in page.evaluate('document.querySelector("#panel h2").innerText')
        assert '1 of 1' in page.evaluate('document.getElementById("count").innerText')
        page.evaluate('document.getElementById("verdict").click()')
        assert page.evaluate('document.querySelector(".box.chosen.differs").dataset.node') == '1', 'the first difference'
        page.open(url + '#expand=all&node=0')
        assert page.evaluate(boxes) == 4 and 'MatMul' in page.evaluate('document.querySelector("#panel h2").innerText')
        assert not page.errors, page.errors
        fetched = [r for r in page.requests if not r.startswith(('file:', 'data:', 'about:'))]
        assert not fetched, f'the page fetches {fetched}'
    finally:
        page.close()


# --- smelt pack --calibrate ------------------------------------------------------------------------------------------------

def layers_model(scale=1.0):
    """Conv 3x3, Relu, MaxPool, Conv 1x1, Flatten, MatMul: an integer chain, then a product that gives floats."""
    def weights(count, step):
        return [scale * (((i * 37 + step) % 17) - 8) / 16 for i in range(count)]
    nodes = [node('Conv', 'first', ['x', 'w1', 'b1'], ['a']), node('Relu', 'act', ['a'], ['r']),
             node('Conv', 'second', ['r', 'w2'], ['c']), node('Flatten', 'flat', ['c'], ['f']),
             node('MatMul', 'last', ['f', 'w3'], ['y'])]
    return write_model('layers.onnx', nodes, [value('x', F32, ['N', 2, 6, 6])], ['y'],
                       [tensor(F32, [4, 2, 3, 3], weights(72, 1), 'w1'), tensor(F32, [4], weights(4, 5), 'b1'),
                        tensor(F32, [3, 4, 1, 1], weights(12, 3), 'w2'), tensor(F32, [48, 5], weights(240, 7), 'w3')])


def calibration_inputs(scale=1.0):
    for i in range(2):
        write_npy(f'inputs/{i}.npy', [scale * (((k * 29 + 11 * i) % 31) - 15) / 15 for k in range(72)], [1, 2, 6, 6])
    return path('inputs')


def test_pack_quantizes_and_tells_the_loss():
    need_networks()
    model, inputs, out = layers_model(), calibration_inputs(), path('layers.safetensors')
    text = run('pack', model, '-o', out, '--quantize', 'i8', '--calibrate', inputs).stdout
    losses = {line.split()[-4 if line.startswith('  ') else 1]: float(line.split()[-2]) for line in text.splitlines() if line.endswith(' dB')}
    assert set(losses) == {'first', 'second', 'last', 'y'} and all(30 < loss < 70 for loss in losses.values()), text
    told = json.loads(run('info', out, '--json').stdout)['network']
    assert told['operators'].get('QLinearConv') == 2 and told['operators'].get('MatMulInteger') == 1, told
    assert 'Conv' not in told['operators'] and 'Relu' not in told['operators'], told
    run('run', model, '-i', path('inputs/0.npy'), '-o', path('float.npy'))
    run('run', out, '-i', path('inputs/0.npy'), '-o', path('integer.npy'))
    want, got = read_npy(path('float.npy'))[1], read_npy(path('integer.npy'))[1]
    assert want != got and max(abs(w - g) for w, g in zip(want, got)) < 0.03 * max(map(abs, want)), (want, got)
    run('pack', model, '-o', out, '--quantize', 'i8', '--calibrate', inputs, '--keep-f32', 'second')
    assert json.loads(run('info', out, '--json').stdout)['network']['operators'].get('Conv') == 1, 'what is named stays as it is'


def test_pack_keeps_f32_where_f16_overflows():
    need_networks()
    model, inputs, out = layers_model(8), calibration_inputs(30000), path('layers.safetensors')
    run('run', model, '-i', path('inputs/0.npy'), '-o', path('float.npy'))
    text = run('pack', model, '-o', out, '--dtype', 'f16', '--calibrate', inputs).stdout
    assert 'f16: "a" (Conv): ' in text and 'overflow' in text and 'keeps f32' not in text, text
    run('run', out, '-i', path('inputs/0.npy'), '-o', path('half.npy'))
    text = run('pack', model, '-o', out, '--dtype', 'f16', '--calibrate', inputs, '--keep-f32', 'auto').stdout
    assert 'keeps f32' in text, text
    run('run', out, '-i', path('inputs/0.npy'), '-o', path('mixed.npy'))
    want, half, mixed = (read_npy(path(name))[1] for name in ('float.npy', 'half.npy', 'mixed.npy'))
    largest = max(map(abs, want))
    assert largest > 65504 and not all(abs(w - h) < 0.1 * largest for w, h in zip(want, half)), (want, half)
    assert max(abs(w - m) for w, m in zip(want, mixed)) < 0.005 * largest, (want, mixed)


def test_pack_refuses_calibration():
    need_networks()
    model, out = layers_model(), path('no.safetensors')
    os.makedirs(path('empty'), exist_ok=True)
    fails('pack', model, '-o', out, '--quantize', 'i8', says='--quantize wants inputs', status=2)
    fails('pack', model, '-o', out, '--keep-f32', 'auto', says='--keep-f32 auto wants inputs', status=2)
    fails('pack', model, '-o', out, '--quantize', 'i4', '--calibrate', path('empty'), says='--quantize wants i8', status=2)
    fails('pack', model, '-o', out, '--quantize', 'i8', '--calibrate', path('nowhere'), says='nowhere: No such file')
    fails('pack', model, '-o', out, '--quantize', 'i8', '--calibrate', path('empty'), says='no inputs in it')
    os.makedirs(path('lacking/test_data_set_0'), exist_ok=True)
    fails('pack', model, '-o', out, '--quantize', 'i8', '--calibrate', path('lacking'), says='no file for input "x"')
    fails('pack', model, '-o', out, '--keep-f32', 'nobody', says='has no tensor and no operator "nobody"')
    fails('pack', picture_model(), '-o', out, '--quantize', 'i8', '--calibrate',
          os.path.dirname(write_npy('pixels/0.npy', [0.5] * 3, [1, 3, 1, 1])), says='no Conv, Gemm or MatMul')
    write_npy('odd/0.npy', [1.0] * 4, [2, 2])
    fails('pack', model, '-o', out, '--quantize', 'i8', '--calibrate', path('odd'), says='rank')
    assert not os.path.exists(out)


# --- smelt pack --mlp --------------------------------------------------------------------------------------------------------

MLP = {'n_input_dims': 1, 'encoding': {'otype': 'Frequency', 'n_frequencies': 2},
       'network': {'otype': 'FullyFusedMLP', 'activation': 'ReLU', 'output_activation': 'None', 'n_neurons': 8, 'n_hidden_layers': 1}}


def write_state(name, tensors):
    header, data = {}, b''
    for key, shape in tensors.items():
        count = 1
        for extent in shape:
            count *= extent
        raw = struct.pack(f'<{count}f', *[0.25 * (i % 7) for i in range(count)])
        header[key] = {'dtype': 'F32', 'shape': list(shape), 'data_offsets': [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    with open(path(name), 'wb') as f:
        f.write(struct.pack('<Q', len(text)) + text + data)
    return path(name)


def describe(**changes):
    network = dict(MLP['network'], **changes.pop('network', {}))
    return write('mlp.json', json.dumps(dict(MLP, network=network, **changes)))


STATE = {'net.0.weight': (8, 4), 'net.0.bias': (8,), 'net.10.weight': (2, 8), 'net.10.bias': (2,)}


def test_pack_mlp_makes_a_package():
    out = path('mlp.safetensors')
    text = run('pack', '--mlp', write_state('state.safetensors', STATE), '--describe', describe(), '-o', out).stdout
    assert '1 inputs, 4-8-2, f32' in text, text
    told = json.loads(run('info', '--json', '--verify', out).stdout)
    assert told['weights'] == {'layers': 2, 'widths': [4, 8, 2], 'activations': ['relu', 'none'], 'inputs': 1}, told
    assert '1 inputs, encoded to 4 -> 8 relu -> 2 none' in run('info', out).stdout
    run('pack', '--mlp', path('state.safetensors'), '--describe', path('mlp.json'), '-o', out, '--dtype', 'f16')
    assert {t['dtype'] for t in json.loads(run('info', '--json', out).stdout)['tensors']} == {'F16'}
    composite = {'otype': 'Composite', 'nested': [{'n_dims_to_encode': 1, 'otype': 'Identity', 'scale': 2},
                                                  {'otype': 'TriangleWave', 'n_frequencies': 3}]}
    run('pack', '--mlp', path('state.safetensors'), '--describe', describe(n_input_dims=2, encoding=composite), '-o', out)
    assert json.loads(run('info', '--json', out).stdout)['weights']['inputs'] == 2


def test_pack_mlp_refuses():
    out = path('refused-mlp.safetensors')

    def refused(says, state=None, **changes):
        fails('pack', '--mlp', write_state('s.safetensors', state or STATE), '--describe', describe(**changes), '-o', out, says=says)

    fails('pack', '--mlp', path('s.safetensors'), '-o', out, says='--describe', status=2)
    fails('pack', '--mlp', path('absent.safetensors'), '--describe', describe(), '-o', out, says='absent.safetensors')
    fails('pack', '--mlp', write_state('s.safetensors', STATE), '--describe', write('bad.json', '{'), '-o', out, says='bad.json')
    refused('wanted names such as 0.weight', {'weight': (2, 2)})
    refused('a bias in every layer', {'0.weight': (8, 4), '0.bias': (8,), '2.weight': (2, 8)})
    refused('two tensors for layer 0', {'0.weight': (8, 4), 'a.0.weight': (8, 4)})
    refused('another number of rows', {'0.weight': (8,), '2.weight': (2, 8)})
    refused('wanted rank 1', {'0.weight': (8, 4), '0.bias': (8, 1), '2.weight': (2, 8), '2.bias': (2,)})
    refused('n_hidden_layers: wanted 1', network={'n_hidden_layers': 3})
    refused('n_neurons is 9', network={'n_neurons': 9})
    refused('activation: wanted None, ReLU', network={'activation': 'Squareplus'})
    refused('output_activation: wanted', network={'output_activation': 7})
    refused('encoding.otype: wanted Identity', encoding={'otype': 'HashGrid'})
    refused('n_frequencies: wanted', encoding={'otype': 'Frequency', 'n_frequencies': 0})
    refused('n_input_dims: wanted', n_input_dims='two')
    refused('parts that encode all inputs', n_input_dims=3, encoding={'otype': 'Composite', 'nested': [
        {'n_dims_to_encode': 1, 'otype': 'Identity'}]})
    refused('encodings that give 4 features, the columns of the first weight, not 6', encoding={'otype': 'Frequency', 'n_frequencies': 3})
    assert not os.path.exists(out), 'nothing is left when it fails'


sys.exit(main(globals()))
