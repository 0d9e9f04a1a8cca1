# SPDX-License-Identifier: MIT
"""Rude and numerous clients of mcpinit's control socket, for 91-control.sh: control.py SOCKET AGENT_SOCKET MCPCTL."""
import json
import socket
import statistics
import subprocess
import sys
import time

OPERATOR, AGENT, MCPCTL = sys.argv[1:4]
CLIENTS = 64
n_failed = 0


def verdict(name, is_so, detail=""):
    global n_failed
    print(("ok - " if is_so else "not ok - ") + name, flush=True)
    if not is_so:
        n_failed += 1
        print("#   %s" % (detail,), flush=True)


def dial(path=OPERATOR):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    s.connect(path)  # before the timeout: a full backlog is waited for
    s.settimeout(20)
    return s


def request(method, params=None, id=1):
    return (json.dumps({"jsonrpc": "2.0", "id": id, "method": method, "params": params or {}}) + "\n").encode()


def read_line(s):
    data = b""
    while not data.endswith(b"\n"):
        more = s.recv(65536)
        if not more:
            return data
        data += more
    return data


def ask(s, method, params=None):
    s.sendall(request(method, params))
    return json.loads(read_line(s))


def status_ms():
    begin = time.perf_counter()
    with dial() as s:
        assert ask(s, "status")["result"]["servers"]
    return (time.perf_counter() - begin) * 1000


def is_served(name, limit_ms=1000):
    ms = max(status_ms() for _ in range(3))
    verdict(name, ms < limit_ms, "%.1f ms" % ms)


# --- many ------------------------------------------------------------------------------------------

clients = [dial() for _ in range(CLIENTS)]
for i, c in enumerate(clients):
    c.sendall(request("status", id=i))
answers = [json.loads(read_line(c)) for c in clients]
verdict("64 clients at once are all answered", [a["id"] for a in answers] == list(range(CLIENTS)), answers[-1])
late = dial()
late.sendall(request("status", id="late"))
late.settimeout(0.3)
try:
    verdict("the 65th waits", not late.recv(1))
except socket.timeout:
    verdict("the 65th waits", True)
with dial(AGENT) as s:
    verdict("an agent's socket has places of its own", "result" in ask(s, "status"))
clients.pop().close()
late.settimeout(20)
verdict("and is served as soon as one leaves", json.loads(read_line(late))["id"] == "late")
for c in clients + [late]:
    c.close()

# --- rude ------------------------------------------------------------------------------------------

half = dial()
half.sendall(request("status")[:20])
is_served("half a line holds nobody up")
half.sendall(request("status")[20:])
verdict("and is answered when its other half comes", "result" in json.loads(read_line(half)))
half.close()

big = dial()
try:
    big.sendall(b"a" * (2 << 20))
except OSError:
    pass  # closed while we were writing: that is what is wanted
try:
    said = read_line(big)
except ConnectionResetError:
    said = b"one line of at most"  # the answer was there, and our bytes behind it undid it
verdict("a line of 2 MiB ends its client", b"one line of at most" in said, said[:200])
big.close()
is_served("and nobody else")

rude = dial()
rude.sendall(bytes(range(256)).replace(b"\n", b"") + b"\n")
verdict("binary garbage is answered -32700", json.loads(read_line(rude))["error"]["code"] == -32700)
rude.sendall(b"\n\r\n[1]\n")
verdict("what is JSON and no request, -32600", json.loads(read_line(rude))["error"]["code"] == -32600)
verdict("and the next request is served", "result" in ask(rude, "status"))
rude.close()

deaf = dial()
deaf.settimeout(0.2)
n_sent = 0
try:
    while n_sent < 64 << 20:
        n_sent += deaf.send(request("status") * 100)
except OSError:
    pass
verdict("a client that never reads is not read either", n_sent < 8 << 20, n_sent)
is_served("and holds nobody up")
deaf.close()

for _ in range(200):
    s = dial()
    s.sendall(request("logs", {"server": "fake", "follow": True}))
    s.close()
is_served("200 followers that left at once leave nothing behind")

# --- agents ----------------------------------------------------------------------------------------

with dial(AGENT) as s:
    codes = {m: ask(s, m, {"server": "fake", "names": ["fake"]}).get("error", {}).get("code")
             for m in ("start", "stop", "restart", "reload", "shutdown", "logs", "agents", "sweep", "metrics")}
verdict("an agent's socket refuses every verb of the operator", set(codes.values()) == {3}, codes)

# --- quick -----------------------------------------------------------------------------------------

def run_ms(*argv):
    begin = time.perf_counter()
    subprocess.run(argv, stdout=subprocess.DEVNULL, check=False)
    return (time.perf_counter() - begin) * 1000


# In turns with a program that does nothing: what else runs on this machine is not what is tested.
pairs = [(run_ms(MCPCTL, "-s", OPERATOR, "status"), run_ms("true")) for _ in range(50)]
ours, nothing = (statistics.median(column) for column in zip(*pairs))
print("# mcpctl status: median %.2f ms of 50, `true` %.2f ms (the bar is 3 ms on a quiet machine)" % (ours, nothing))
verdict("mcpctl status takes 10 ms at most, on a busy machine 4 times what `true` takes",
        ours <= max(10, 4 * nothing), "%.2f ms, true %.2f ms" % (ours, nothing))
sys.exit(n_failed > 0)
