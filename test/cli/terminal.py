"""Runs a command on a terminal of its own, 24 lines high: terminal.py COLUMNS KEYS WHEN COMMAND… types KEYS once the pattern WHEN has been seen.
Prints JSON: what the terminal was sent, the exit code, and whether its settings are as they were."""
import fcntl, json, os, pty, re, struct, sys, termios

columns, keys, when, *command = sys.argv[1:]
pid, terminal = pty.fork()
if pid == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack('HHHH', 24, int(columns), 0, 0))
    os.execvp(command[0], command)
before = termios.tcgetattr(terminal)
output = b''
while True:
    try:
        part = os.read(terminal, 65536)
    except OSError:
        break
    if not part:
        break
    output += part
    if keys and re.search(when.encode(), output, re.DOTALL):
        os.write(terminal, keys.encode())
        keys = ''
_, status = os.waitpid(pid, 0)
try:
    same = termios.tcgetattr(terminal) == before
except termios.error:
    same = None
print(json.dumps({'output': output.decode(errors='replace'), 'code': os.waitstatus_to_exitcode(status), 'same': same}))
