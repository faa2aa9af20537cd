"""A program on a pseudo-terminal, typed at and read like a person would."""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time


class Terminal:
    def __init__(self, arguments, environment, rows=24, columns=80):
        self.master, self.slave = pty.openpty()
        self.resize(rows, columns)
        self.before = termios.tcgetattr(self.slave)
        self.text = ""
        self.seen = 0
        self.process = subprocess.Popen(
            [str(a) for a in arguments], stdin=self.slave, stdout=self.slave, stderr=self.slave,
            env={**environment, "TERM": "xterm"}, preexec_fn=self._take_terminal)

    def _take_terminal(self):
        os.setsid()
        fcntl.ioctl(self.slave, termios.TIOCSCTTY, 0)

    def resize(self, rows, columns):
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, text):
        os.write(self.master, text.encode())

    def _read(self, timeout_s):
        ready, _, _ = select.select([self.master], [], [], timeout_s)
        if not ready:
            return False
        try:
            data = os.read(self.master, 65536)
        except OSError:
            return False
        self.text += data.decode(errors="replace")
        return bool(data)

    def expect(self, pattern, timeout_s=20):
        """Waits for `pattern` (a regular expression) in what came since the last match."""
        end = time.monotonic() + timeout_s
        while True:
            match = re.compile(pattern).search(self.text, self.seen)
            if match:
                self.seen = match.end()
                return match
            left = end - time.monotonic()
            assert left > 0, f"no {pattern!r} in {self.text[self.seen:]!r}"
            self._read(min(left, 0.5))

    def wait(self, timeout_s=20):
        """The exit code; what the program still prints is kept."""
        end = time.monotonic() + timeout_s
        while self.process.poll() is None:
            assert time.monotonic() < end, f"still running; printed {self.text[self.seen:]!r}"
            self._read(0.05)
        while self._read(0):
            pass
        return self.process.returncode

    def settings_unchanged(self):
        return termios.tcgetattr(self.slave) == self.before

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)

    def close(self):
        if self.process.poll() is None:
            self.kill()
        os.close(self.master)
        os.close(self.slave)
