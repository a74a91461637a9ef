#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs bench_network and PyTorch (cuDNN, channels last, f16, CUDA graph replay) in turn on one GPU and prints ratios.

usage: compare_network.py BENCH_NETWORK SMELT MODEL.onnx... [-- OPTIONS OF BENCH_NETWORK...]
       compare_network.py --unet FILE.onnx [WIDTH HEIGHT]   writes a U-Net with the topology of Open Image Denoise's, with
                                                            random weights; extents are filled up to multiples of 16

Each model is read from its ONNX file by a reader of a few lines, run in PyTorch operator by operator, and packed by `SMELT
pack` for smelt. Its roofline: operations at 800 TFLOP/s (dense f16 of an H200 as matrix libraries reach it), weights, inputs
and outputs at 4.4 TB/s, and 1 us for each operator in the longest chain of those that compute. A ratio above 1: smelt is
faster. PyTorch's time is the median of 7 replays of a graph of back-to-back runs after a warm-up of 0.5 s.
"""
import json
import math
import os
import random
import statistics
import struct
import subprocess
import sys
import tempfile

PEAK_FLOPS, PEAK_BYTES, LAUNCH_S = 800e12, 4.4e12, 1e-6
FLOAT, INT64, HALF = 1, 7, 10


# --- Protocol buffers: ONNX's messages, as far as these models need them ---------------------------------------------

def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at


def signed(value):
    return value - (1 << 64) if value >> 63 else value


def fields(data):
    """{number: [integer, or bytes]} of a message."""
    found, at = {}, 0
    while at < len(data):
        key, at = varint(data, at)
        if key & 7 == 0:
            value, at = varint(data, at)
        elif key & 7 == 2:
            size, at = varint(data, at)
            value, at = data[at:at + size], at + size
        else:
            size = 8 if key & 7 == 1 else 4
            value, at = data[at:at + size], at + size
        found.setdefault(key >> 3, []).append(value)
    return found


def integers(values):
    """Of a repeated field, packed or not."""
    out = []
    for value in values:
        if isinstance(value, int):
            out.append(signed(value))
            continue
        at = 0
        while at < len(value):
            number, at = varint(value, at)
            out.append(signed(number))
    return out


def text(message, number):
    return message.get(number, [b''])[0].decode()


def tensor_of(data):
    """(dims, element type, bytes)"""
    t = fields(data)
    dims, element = integers(t.get(1, [])), t[2][0]
    if 9 in t:
        return dims, element, t[9][0]
    if element == FLOAT:
        return dims, element, b''.join(t.get(4, []))
    return dims, element, struct.pack(f'<{len(integers(t.get(7, [])))}q', *integers(t.get(7, [])))


def attributes_of(node):
    attributes = {}
    for data in node.get(5, []):
        a = fields(data)
        if 5 in a:
            value = tensor_of(a[5][0])
        elif 4 in a:
            value = a[4][0].decode()
        elif 2 in a:
            value = struct.unpack('<f', a[2][0])[0]
        elif 3 in a:
            value = signed(a[3][0])
        else:
            value = integers(a.get(8, []))
        attributes[text(a, 1)] = value
    return attributes


def shape_of(value):
    dims = fields(fields(fields(fields(value)[2][0])[1][0])[2][0])[1]
    return [signed(fields(d).get(1, [1])[0]) for d in dims]  # a free extent is 1


class Model:
    def __init__(self, path):
        with open(path, 'rb') as file:
            graph = fields(fields(file.read())[7][0])
        self.weights = {text(fields(t), 8): tensor_of(t) for t in graph.get(5, [])}
        self.inputs = [(text(fields(v), 1), shape_of(v)) for v in graph[11] if text(fields(v), 1) not in self.weights]
        self.outputs = [text(fields(v), 1) for v in graph[12]]
        self.nodes = []
        for data in graph[1]:
            n = fields(data)
            self.nodes.append((text(n, 4), [v.decode() for v in n.get(1, [])], [v.decode() for v in n.get(2, [])],
                               attributes_of(n)))


# --- A U-Net ---------------------------------------------------------------------------------------------------------

def message(*parts):
    out = b''
    for number, value in parts:
        if isinstance(value, int):
            out += put_varint(number << 3) + put_varint(value)
        else:
            value = value.encode() if isinstance(value, str) else value
            out += put_varint(number << 3 | 2) + put_varint(len(value)) + value
    return out


def put_varint(value):
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes(out + bytes([value]))


def write_unet(path, width=1920, height=1080):
    width, height = (width + 15) // 16 * 16, (height + 15) // 16 * 16
    nodes, weights = [], []
    noise = random.Random(1)

    def add(op, inputs, *attributes):
        out = f'{op.lower()}{len(nodes)}'
        nodes.append(message(*((1, i) for i in inputs), (2, out), (3, out), (4, op), *((5, a) for a in attributes)))
        return out

    def ints(name, *values):
        return message((1, name), *((8, v) for v in values), (20, 7))

    def weight(name, dims, data, element=FLOAT):
        weights.append(message(*((1, d) for d in dims), (2, element), (8, name), (9, data)))
        return name

    def conv(x, inputs, outputs, activate=True):
        n, size = len(nodes), math.sqrt(6 / (9 * inputs))
        values = [noise.uniform(-size, size) for _ in range(9 * inputs * outputs)]
        w = weight(f'w{n}', (outputs, inputs, 3, 3), struct.pack(f'<{len(values)}f', *values))
        b = weight(f'b{n}', (outputs,), bytes(4 * outputs))
        y = add('Conv', (x, w, b), ints('kernel_shape', 3, 3), ints('pads', 1, 1, 1, 1))
        return add('Relu', (y,)) if activate else y

    def pool(x):
        return add('MaxPool', (x,), ints('kernel_shape', 2, 2), ints('strides', 2, 2))

    def join(x, skip):
        up = add('Resize', (x, '', 'scales'), message((1, 'mode'), (4, 'nearest'), (20, 3)),
                 message((1, 'coordinate_transformation_mode'), (4, 'asymmetric'), (20, 3)),
                 message((1, 'nearest_mode'), (4, 'floor'), (20, 3)))
        return add('Concat', (up, skip), message((1, 'axis'), (3, 1), (20, 2)))

    weight('scales', (4,), struct.pack('<4f', 1, 1, 2, 2))
    pool1 = pool(conv(conv('input', 9, 32), 32, 32))
    pool2 = pool(conv(pool1, 32, 48))
    pool3 = pool(conv(pool2, 48, 64))
    x = conv(conv(pool(conv(pool3, 64, 80)), 80, 96), 96, 96)
    x = conv(conv(join(x, pool3), 160, 112), 112, 112)
    x = conv(conv(join(x, pool2), 160, 96), 96, 96)
    x = conv(conv(join(x, pool1), 128, 64), 64, 64)
    x = conv(conv(conv(join(x, 'input'), 73, 64), 64, 32), 32, 3, activate=False)

    def io(name, *dims):
        shape = message(*((1, message((1, d))) for d in dims))
        return message((1, name), (2, message((1, message((1, FLOAT), (2, shape))))))

    graph = message(*((1, n) for n in nodes), (2, 'unet'), *((5, w) for w in weights),
                    (11, io('input', 1, 9, height, width)), (12, io(x, 1, 3, height, width)))
    with open(path, 'wb') as file:
        file.write(message((1, 8), (7, graph), (8, message((1, ''), (2, 13)))))


# --- The same in PyTorch ---------------------------------------------------------------------------------------------

class Torch:
    """Runs a model's operators in f16, channels last; counts operations of its convolutions when asked to."""

    def __init__(self, model):
        import torch
        self.torch, self.model, self.flops, self.bytes = torch, model, 0, 0
        self.values = {name: self.constant(w) for name, w in model.weights.items()}
        self.bytes = sum(v.numel() * 2 for v in self.values.values() if hasattr(v, 'is_cuda'))
        self.input = [torch.rand(shape, device='cuda', dtype=torch.float16).to(memory_format=torch.channels_last)
                      for _, shape in model.inputs]

    def constant(self, weight):
        dims, element, data = weight
        if element not in (FLOAT, HALF):
            return list(struct.unpack(f'<{len(data) // 8}q', data))
        if not data:
            return self.torch.empty(0)
        flat = self.torch.frombuffer(bytearray(data), dtype=self.torch.float32 if element == FLOAT else self.torch.float16)
        value = flat.reshape(dims).cuda().half()
        return value.to(memory_format=self.torch.channels_last) if len(dims) == 4 else value

    def run(self):
        values = dict(self.values)
        for (name, _), tensor in zip(self.model.inputs, self.input):
            values[name] = tensor
        chain = {}
        for op, inputs, outputs, attributes in self.model.nodes:
            got = self.apply(op, [values.get(i) for i in inputs], attributes, len(outputs))
            values.update(zip(outputs, got if isinstance(got, (list, tuple)) and op in ('Split',) else [got]))
            free = op in ('Reshape', 'Transpose', 'Flatten', 'Constant', 'Relu', 'Concat', 'Split', 'Identity', 'Dropout')
            depth = max((chain.get(i, 0) for i in inputs), default=0) + (not free)
            chain.update((o, depth) for o in outputs)
        self.depth = max(chain.values())
        return [values[o] for o in self.model.outputs]

    def apply(self, op, x, a, outputs):
        torch = self.torch
        functional = torch.nn.functional
        if op == 'Constant':
            return self.constant(a['value'])
        if op == 'Conv':
            pads = a.get('pads', [0, 0, 0, 0])
            assert pads[:2] == pads[2:]
            y = functional.conv2d(x[0], x[1], x[2] if len(x) > 2 else None, stride=a.get('strides', 1), padding=pads[:2],
                                  dilation=a.get('dilations', 1), groups=a.get('group', 1))
            self.flops += 2 * y.numel() * x[1].numel() // x[1].shape[0]
            return y
        if op == 'Relu':
            return torch.relu(x[0])
        if op == 'Neg':
            return -x[0]
        if op == 'Add':
            return x[0] + x[1]
        if op == 'Div':
            return x[0] / x[1]
        if op == 'Concat':
            return torch.cat(x, a['axis'])
        if op == 'Split':
            size = x[0].shape[a.get('axis', 0)]
            parts = x[1] if len(x) > 1 else a.get('split', [size // outputs] * outputs)
            return torch.split(x[0], parts, a.get('axis', 0))
        if op == 'Reshape':
            shape = [x[0].shape[i] if e == 0 else e for i, e in enumerate(x[1])]
            return x[0].reshape(shape)
        if op == 'Flatten':
            return x[0].flatten(a.get('axis', 1))
        if op == 'Transpose':
            return x[0].permute(a['perm'])
        if op == 'MaxPool':
            pads = a.get('pads', [0, 0, 0, 0])
            if pads[:2] != pads[2:] or any(2 * p > k for p, k in zip(pads[:2], a['kernel_shape'])):
                x = [functional.pad(x[0], (pads[1], pads[3], pads[0], pads[2]), value=-65504.0)]
                pads = [0, 0, 0, 0]
            return functional.max_pool2d(x[0], a['kernel_shape'], a.get('strides', 1), padding=pads[:2],
                                         ceil_mode=bool(a.get('ceil_mode', 0)))
        if op == 'GlobalAveragePool':
            return functional.adaptive_avg_pool2d(x[0], 1)
        if op == 'Softmax':
            axis = a.get('axis', 1)
            return torch.softmax(x[0], axis if axis < x[0].dim() else -1)
        if op == 'Pad':
            p = x[1] if len(x) > 1 else a['pads']
            mode = {'edge': 'replicate', 'reflect': 'reflect'}.get(a.get('mode', 'constant'), 'constant')
            return functional.pad(x[0], (p[3], p[7], p[2], p[6]), mode=mode)
        if op == 'Resize':
            sizes = [s for s in x[1:] if s is not None and (isinstance(s, list) or s.numel())]
            size = sizes[-1][2:] if isinstance(sizes[-1], list) else [round(float(s) * e) for s, e in
                                                                     zip(sizes[-1][2:].tolist(), x[0].shape[2:])]
            if a.get('mode', 'nearest') == 'nearest':
                return functional.interpolate(x[0], size=size, mode='nearest')
            return functional.interpolate(x[0], size=size, mode='bilinear',
                                          align_corners=a.get('coordinate_transformation_mode') == 'align_corners')
        if op in ('Dropout', 'Identity'):
            return x[0]
        raise SystemExit(f'compare_network.py: operator {op} is not written here')


def library(model):
    """(ns, operations, bytes, the longest chain, kernels of PyTorch's)"""
    import torch
    from compare import batch_ms
    runner = Torch(model)
    with torch.no_grad():
        # Constants of the shapes leave the device before a graph is captured: .tolist() waits.
        for op, inputs, _, _ in model.nodes:
            if op == 'Resize':
                for name in inputs[1:]:
                    value = runner.values.get(name)
                    if hasattr(value, 'cpu'):
                        runner.values[name] = value.cpu().float()
        stream = torch.cuda.Stream()
        with torch.cuda.stream(stream):
            for _ in range(3):
                runner.run()
            runner.flops = 0
            results = runner.run()
            flops, moved = runner.flops, runner.bytes + 2 * sum(t.numel() for t in runner.input + results)
            torch.cuda.synchronize()
            once = max(batch_ms(runner.run, 3), 1e-2)
            count = max(1, min(20, int(8 / once)))
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph, stream=stream):
                for _ in range(count):
                    runner.run()
        torch.cuda.synchronize()
        batch_ms(graph.replay, max(1, int(500 / (once * count))))
        times = sorted(batch_ms(graph.replay, 3) * 1e6 / count for _ in range(7))
    return statistics.median(times), flops, moved, runner.depth


def main():
    arguments = sys.argv[1:]
    if arguments[:1] == ['--unet']:
        write_unet(arguments[1], *map(int, arguments[2:4]))
        return
    options = arguments[arguments.index('--') + 1:] if '--' in arguments else []
    arguments = arguments[:len(arguments) - len(options) - ('--' in arguments)]
    if len(arguments) < 3:
        sys.exit(__doc__)
    bench, smelt, *paths = arguments
    bench, smelt = bench.split(), smelt.split()
    with tempfile.TemporaryDirectory() as folder:
        packages = []
        for path in paths:
            model = Model(path)
            name = os.path.basename(os.path.dirname(path)) if os.path.basename(path) == 'model.onnx' else os.path.basename(path)[:-5]
            packages.append(os.path.join(folder, name + '.safetensors'))
            shapes = [f'{n}={",".join(map(str, s))}' for n, s in model.inputs]
            subprocess.run([*smelt, 'pack', path, '-o', packages[-1], *sum((['--input-shape', s] for s in shapes), [])],
                           stdout=subprocess.DEVNULL, check=True)
        result = subprocess.run([*bench, '--json', *options, *packages], stdout=subprocess.PIPE, check=False)
    report = json.loads(result.stdout)
    import torch
    torch.backends.cudnn.benchmark = True
    print(f"# {report['device']}, {report['driver_info']}; PyTorch {torch.__version__}, cuDNN {torch.backends.cudnn.version()}")
    print(f'{"network":28} {"us":>9} {"least":>9} {"most":>9} {"dispatches":>10} {"dB":>6} {"PyTorch":>9} {"ratio":>6}  '
          'GFLOP, MB, chain: roofline us')
    theirs = {}
    for row in report['rows']:
        index = [os.path.basename(p)[:-12] for p in packages].index(row['network'])
        if index not in theirs:
            theirs[index] = library(Model(paths[index]))
        ns, flops, moved, depth = theirs[index]
        roof = max(flops / PEAK_FLOPS, moved / PEAK_BYTES, depth * LAUNCH_S) * 1e6
        print(f"{row['network'] + ' ' + row['storage']:28} {row['ns'] / 1000:9.1f} {row['ns_least'] / 1000:9.1f} "
              f"{row['ns_most'] / 1000:9.1f} {row['dispatches']:10} {row['psnr']:6.1f} {ns / 1000:9.1f} {ns / row['ns']:6.3f}  "
              f'{flops / 1e9:.2f}, {moved / 1e6:.2f}, {depth}: {roof:.1f}', flush=True)
    if result.returncode:
        print('# bench_network found wrong outputs: see the column dB')


main()
