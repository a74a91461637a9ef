# SPDX-License-Identifier: MIT
"""A headless Chromium, driven over its debugging pipe: just as much of the DevTools protocol as tests of pages take."""
import json
import os
import shutil
import subprocess
import tempfile


def find():
    """The browser's path; None when there is none."""
    return shutil.which('chromium') or shutil.which('chromium-browser')


class Browser:
    """One page of one browser. Messages are JSON with a NUL behind, to file 3 of the browser and from file 4."""

    def __init__(self, url):
        to_read, self.to = os.pipe()
        self.back, back_write = os.pipe()
        self.folder = tempfile.mkdtemp(prefix='smelt-browser-')
        self.errors, self.next, self.buffer = [], 0, b''

        def pass_pipes():
            # The ends may themselves have the numbers 3 and 4.
            a, b = os.dup(to_read), os.dup(back_write)
            os.dup2(a, 3)
            os.dup2(b, 4)

        self.process = subprocess.Popen(
            [find(), '--headless', '--no-sandbox', '--disable-gpu', '--remote-debugging-pipe', '--window-size=1200,800',
             f'--user-data-dir={self.folder}', 'about:blank'],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=pass_pipes, close_fds=False)
        os.close(to_read)
        os.close(back_write)
        self.session = None
        target = self.call('Target.createTarget', url='about:blank')['targetId']
        self.session = self.call('Target.attachToTarget', targetId=target, flatten=True)['sessionId']
        self.call('Runtime.enable')
        self.call('Log.enable')
        self.call('Network.enable')
        self.requests = []
        self.call('Page.enable')
        self.call('Emulation.setDeviceMetricsOverride', width=1200, height=800, deviceScaleFactor=1, mobile=False)
        self.open(url)

    def open(self, url):
        self.call('Page.navigate', url='about:blank')
        self.call('Page.navigate', url=url)
        while self.evaluate('document.readyState') != 'complete' or self.evaluate('location.href') != url:
            pass

    def read(self):
        while b'\0' not in self.buffer:
            piece = os.read(self.back, 1 << 16)
            if not piece:
                raise RuntimeError('the browser went away')
            self.buffer += piece
        message, self.buffer = self.buffer.split(b'\0', 1)
        return json.loads(message)

    def call(self, method, **params):
        self.next += 1
        message = {'id': self.next, 'method': method, 'params': params}
        if self.session:
            message['sessionId'] = self.session
        os.write(self.to, json.dumps(message).encode() + b'\0')
        while True:
            answer = self.read()
            if answer.get('method') == 'Runtime.exceptionThrown':
                self.errors.append(answer['params']['exceptionDetails'].get('exception', {}).get('description', 'an exception'))
            if answer.get('method') == 'Network.requestWillBeSent':
                self.requests.append(answer['params']['request']['url'])
            if answer.get('id') == self.next:
                if 'error' in answer:
                    raise RuntimeError(f'{method}: {answer["error"]}')
                return answer['result']

    def evaluate(self, expression):
        answer = self.call('Runtime.evaluate', expression=expression, returnByValue=True)
        if 'exceptionDetails' in answer:
            raise RuntimeError(f'{expression}: {answer["exceptionDetails"]}')
        return answer['result'].get('value')

    def mouse(self, kind, x, y, **more):
        self.call('Input.dispatchMouseEvent', type=kind, x=x, y=y, **more)

    def click(self, x, y):
        self.mouse('mousePressed', x, y, button='left', clickCount=1)
        self.mouse('mouseReleased', x, y, button='left', clickCount=1)

    def type(self, text):
        self.call('Input.insertText', text=text)

    def press_enter(self):
        for kind in ('keyDown', 'keyUp'):
            self.call('Input.dispatchKeyEvent', type=kind, key='Enter', code='Enter', windowsVirtualKeyCode=13)

    def close(self):
        self.process.kill()
        self.process.wait()
        os.close(self.to)
        os.close(self.back)
        shutil.rmtree(self.folder, ignore_errors=True)
