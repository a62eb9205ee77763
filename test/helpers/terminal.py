"""Runs a command under a pseudo-terminal and acts as the person in front of it.

usage: terminal.py STEPS COMMAND [ARG...]

STEPS is a JSON list of {"expect": text, "send": text, "resize": {"rows": n, "columns": n}}: each step
waits until its text has been printed since the step before, then resizes and types. What the terminal
shows goes to standard output; the exit code is the command's.
"""
import fcntl
import json
import os
import pty
import select
import signal
import struct
import sys
import termios


def resize(terminal, rows, columns):
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def main():
    steps = json.loads(sys.argv[1])
    # The size must be there before the command looks at it: the child waits for the pipe to close.
    ready, go = os.pipe()
    child, terminal = pty.fork()
    if child == 0:
        os.close(go)
        os.read(ready, 1)
        os.execvp(sys.argv[2], sys.argv[2:])
    resize(terminal, 24, 80)
    os.close(ready)
    os.close(go)

    unseen = b""
    resized = False
    while True:
        while steps and steps[0]["expect"].encode() in unseen:
            step = steps.pop(0)
            unseen = unseen.split(step["expect"].encode(), 1)[1] if step["expect"] else unseen
            resized = "resize" in step
            if resized:
                resize(terminal, step["resize"]["rows"], step["resize"]["columns"])
            if "send" in step:
                os.write(terminal, step["send"].encode())
        # A command that did not listen yet when the size changed is told again, until it shows it.
        if resized and not select.select([terminal], [], [], 0.2)[0]:
            os.kill(child, signal.SIGWINCH)
            continue
        try:
            shown = os.read(terminal, 65536)
        except OSError:  # Linux answers EIO when the last process has closed the terminal.
            break
        if not shown:
            break
        os.write(1, shown)
        unseen += shown
    status = os.waitpid(child, 0)[1]
    if steps:
        sys.stderr.write("the terminal never showed %r\n" % steps[0]["expect"])
    sys.exit(os.waitstatus_to_exitcode(status))


main()
