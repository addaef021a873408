"""How `mine --pool` and `pool` end when things go wrong: with what was achieved, a sentence, a code, and soon."""

from __future__ import annotations

import json
import os
import re
import resource
import signal
import socket
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
NOBODY = "stratum+tcp://127.0.0.1:1"
JOB = ["j1", "00" * 32, "01", "02", [], "20000000", "1d00ffff", "495fab29", True]

Refused = Callable[..., str]


@contextmanager
def lying(conversation: Callable[[socketserver.StreamRequestHandler, int], None]) -> Iterator[str]:
    """Return the address of a pool that has this `conversation` with its connections, which are numbered from 1."""
    met = 0

    class Conversation(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            nonlocal met
            met += 1
            try:
                conversation(self, met)
            except (OSError, ValueError):
                return

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Conversation) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"stratum+tcp://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def talk(handler: socketserver.StreamRequestHandler, *, let_in: bool = True, work: bool = True, shares: int = 10**6) -> None:
    """Let a miner in or not, give it work or not, and accept so many shares."""
    answers: dict[str, Any] = {"mining.configure": {}, "mining.subscribe": [[], "0a", 4], "mining.authorize": let_in}
    for line in handler.rfile:
        asked = json.loads(line)
        result = answers.get(asked["method"], True)
        told = [{"id": asked["id"], "result": result, "error": None}]
        if asked["method"] == "mining.authorize" and work:
            told += [{"id": None, "method": "mining.set_difficulty", "params": [1e-5]}]
            told += [{"id": None, "method": "mining.notify", "params": JOB}]
        handler.wfile.write(b"".join(json.dumps(one).encode() + b"\n" for one in told))
        shares -= asked["method"] == "mining.submit"
        if shares == 0:
            return


def mine(url: str, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "reports", "mine", "--pool", url, "-u", "w", "--threads", "1", *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


def test_who_is_turned_away_later_keeps_its_shares_and_goes_on() -> None:
    def conversation(handler: socketserver.StreamRequestHandler, number: int) -> None:
        talk(handler, let_in=number != 2, shares=3 if number == 1 else 10**6)

    with lying(conversation) as url:
        done = mine(url, "--shares", "6", "--json")
    assert done.returncode == 0
    told = json.loads(done.stdout)
    assert (told["accepted"] >= 6, told["connections"]) == (True, 3)
    assert f"hashwatt: leaving pool {url}: the pool does not let user 'w' mine: it said False\n" in done.stderr


def test_who_is_turned_away_at_first_reads_the_summary_and_then_why() -> None:
    with lying(lambda handler, _number: talk(handler, let_in=False)) as url:
        done = mine(url, "--json")
    assert (done.returncode, done.stderr) == (2, "hashwatt: the pool does not let user 'w' mine: it said False\n")
    assert json.loads(done.stdout)["accepted"] == 0


def test_no_work_for_all_of_the_seconds_is_a_failure() -> None:
    with lying(lambda handler, _number: talk(handler, work=False)) as url:
        done = mine(url, "--seconds", "1", "--json")
    assert (done.returncode, done.stderr) == (1, f"hashwatt: pool {url} gave no work in 1 s; is it a Stratum pool?\n")
    assert (json.loads(done.stdout)["jobs"], json.loads(done.stdout)["connections"]) == (0, 1)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--block", "0", "--password", "y"], "--user, --password, --seconds, "),
        (["--pool", NOBODY, "-u", "a\udcff"], "--user 'a\\udcff': not in UTF-8, as words to a pool are; give other letters"),
        (["--pool", NOBODY, "-u", "w", "-p", "\udcff"], "--password '\\udcff': not in UTF-8"),
    ],
)
def test_words_that_cannot_be(refused: Refused, words: list[str], sentence: str) -> None:
    assert refused("mine", *words).startswith(sentence)


# Signals

SLOW_LOAD = """
import sys, time
import miner.backends.registry as registry
load, took = registry.load, []
def slow(*words):
    if not took:
        took.append(True)
        print("loading", file=sys.stderr, flush=True)
        try:
            time.sleep(20)
        except KeyboardInterrupt:
            if sys.argv[1] != "swallow":
                raise
    return load(*words)
registry.load = slow
from reports.cli.main import main
main(sys.argv[2:])
"""

SLOW_NAME = """
import socket, sys, time
def slow(*words, **more):
    print("asking", file=sys.stderr, flush=True)
    time.sleep(20)
    raise socket.gaierror(-3, "Temporary failure in name resolution")
socket.getaddrinfo = slow
from reports.cli.main import main
main(sys.argv[2:])
"""


def signalled(script: str, how: str, url: str, number: signal.Signals) -> tuple[int, str, str, float]:
    """Send a signal to `mine` once it has said its first word; return its code, what it said then, and how long it took [s]."""
    command = [sys.executable, "-c", script, how, "mine", "--pool", url, "-u", "w", "--threads", "1"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            process.stderr.readline()
            time.sleep(0.2)
            began_s = time.monotonic()
            process.send_signal(number)
            out, err = process.communicate(timeout=15)
            return process.returncode, out, err, time.monotonic() - began_s
        finally:
            process.kill()


def test_ctrl_c_is_not_lost_where_python_drops_it() -> None:
    """In a callback of the import system, of a compiler or of the garbage collector."""
    with lying(lambda handler, _number: talk(handler)) as url:
        code, out, err, _ = signalled(SLOW_LOAD, "swallow", url, signal.SIGINT)
    assert (code, err) == (130, "hashwatt: interrupted\n")
    assert out.startswith("0 accepted, 0 rejected")


@pytest.mark.parametrize(
    ("number", "code", "told"), [(signal.SIGINT, 130, "hashwatt: interrupted\n"), (signal.SIGTERM, 143, "")], ids=str
)
def test_a_signal_during_the_start(number: signal.Signals, code: int, told: str) -> None:
    assert signalled(SLOW_LOAD, "raise", NOBODY, number)[:3] == (code, "", told)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)], ids=str)
def test_a_signal_does_not_wait_for_a_name(number: signal.Signals, code: int) -> None:
    ended, out, err, took_s = signalled(SLOW_NAME, "", "stratum+tcp://pool.lan:3333", number)
    assert (ended, err) == (code, "hashwatt: interrupted\n" if code else "")
    assert out.startswith("0 accepted, 0 rejected")
    assert took_s < 3


# Files


def few_files() -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (80, 80))


def log_in(port: int) -> dict[str, Any]:
    """Log in at a pool; return its answer to that."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as asking, asking.makefile("rw") as stream:
        for identity, method, params in ((1, "mining.subscribe", []), (2, "mining.authorize", ["w", "x"])):
            stream.write(json.dumps({"id": identity, "method": method, "params": params}) + "\n")
        stream.flush()
        return [json.loads(stream.readline()) for _ in range(2)][1]


def test_a_pool_with_few_files_lets_miners_in_and_says_little() -> None:
    command = [sys.executable, "-m", "reports", "pool", "--listen", "127.0.0.1:0", "--job", "synthetic", "--json"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=few_files
    ) as process:
        try:
            assert process.stderr is not None
            port = int(re.search(r":(\d+) \(job", process.stderr.readline())[1])  # type: ignore[index]
            room = int(re.fullmatch(r"hashwatt: room for (\d+) of 256 .*\n", process.stderr.readline())[1])  # type: ignore[index]
            assert 1 <= room < 40
            held = [socket.create_connection(("127.0.0.1", port), timeout=10) for _ in range(150)]
            assert log_in(port) == {"id": 2, "result": True, "error": None}
            for connection in held:
                connection.close()
            process.send_signal(signal.SIGTERM)
            out, err = process.communicate(timeout=20)
        finally:
            process.kill()
    assert process.returncode == 0
    assert err.count("\n") <= 1, err
    assert "Traceback" not in err
    assert json.loads(out)["connections_evicted"] > 50
