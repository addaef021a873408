"""`pool` and `mine --pool` as a user runs them: one line at the start, a summary at the end, a sentence for bad input."""

from __future__ import annotations

import json
import os
import re
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

import pytest

from miner.backends.registry import load
from reports.cli.main import main

ROOT = Path(__file__).parents[2]
PLACE = re.compile(r"hashwatt: pool at (stratum\+tcp://\S+) \((.*); stop with Ctrl-C\)\n")
NOBODY = "stratum+tcp://127.0.0.1:1"
FOR_A_POOL = (
    "--user, --password, --seconds, --shares, --midstates, --device and --allow-public are for a pool; "
    "give its address with --pool"
)

Refused = Callable[..., str]


class Started:
    """A running ``hashwatt pool``: its address, what it said of itself, and its process."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        assert process.stderr is not None
        self.line = process.stderr.readline()
        found = PLACE.fullmatch(self.line)
        assert found is not None, self.line
        self.url, self.about = found[1], found[2]

    def ended(self) -> tuple[int, str, str]:
        out, err = self.process.communicate(timeout=20)
        return self.process.returncode, out, err


@contextmanager
def pool(*words: str) -> Iterator[Started]:
    command = [sys.executable, "-m", "reports", "pool", "--listen", "127.0.0.1:0", *words]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield Started(process)
        finally:
            process.kill()


def mine(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "reports", "mine", *words]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_a_pool_and_a_miner_from_start_to_end() -> None:
    """Two programs, as a user has them in two windows; Ctrl-C ends the pool with its summary."""
    with pool("--job", "synthetic", "--difficulty", "0.001", "--json") as started:
        assert started.about == "job synthetic, difficulty 0.001"
        mined = mine("--pool", started.url, "-u", "w.1", "-p", "secret", "--shares", "5", "--json")
        assert (mined.returncode, mined.stderr) == (0, "")
        told = json.loads(mined.stdout)
        assert told["accepted"] >= 5
        assert (told["rejected"], told["lost"], told["open"], told["pool"]) == ({}, 0, 0, started.url)
        assert told["hash_rate_hps"] > 0
        started.process.send_signal(signal.SIGINT)
        code, out, err = started.ended()
    assert (code, err) == (130, "hashwatt: interrupted\n")
    summary = json.loads(out)
    assert (summary["accepted"], summary["rejected"], summary["connections_total"]) == (told["accepted"], 0, 1)


def test_a_pool_for_so_many_seconds() -> None:
    with pool("--seconds", "0.3") as started:
        assert started.about == "job genesis, difficulty 2536"
        code, out, err = started.ended()
    assert (code, err) == (0, "")
    first, second = out.splitlines()
    assert first == "0 shares accepted, 0 of them whole blocks; 0 rejected"
    assert re.fullmatch(r"accepted shares imply 0\.00 MH/s over [\d.]+ s \(0 connections\)", second)


def test_sigterm_ends_a_pool_quietly() -> None:
    with pool("--job", "125552", "--split", "fixed") as started:
        assert started.about == "job 125552, difficulty 3.59872e+10"
        started.process.send_signal(signal.SIGTERM)
        code, out, err = started.ended()
    assert (code, err) == (0, "")
    assert out.startswith("0 shares accepted")


def test_ctrl_c_ends_a_miner_with_its_summary() -> None:
    with pool("--job", "synthetic") as started:
        command = [sys.executable, "-m", "reports", "mine", "--pool", started.url, "-u", "w"]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        with subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as miner:
            try:
                wait_until_it_is_there(int(started.url.rpartition(":")[2]), miner)
                miner.send_signal(signal.SIGINT)
                out, err = miner.communicate(timeout=20)
            finally:
                miner.kill()
        assert (miner.returncode, err) == (130, "hashwatt: interrupted\n")
        assert re.match(r"\d+ accepted, 0 rejected(, \d stale)?\n[\d.]+ MH/s: [\d,]+ hashes in [\d.]+ s \(", out)


def wait_until_it_is_there(port: int, miner: subprocess.Popen[str]) -> None:
    """Ask for extranonces, which the pool numbers, until one is missing: the miner has it."""
    for number in range(1000):
        with socket.create_connection(("127.0.0.1", port), timeout=20) as asking, asking.makefile("rw") as stream:
            stream.write(json.dumps({"id": 1, "method": "mining.subscribe", "params": []}) + "\n")
            stream.flush()
            if int(json.loads(stream.readline())["result"][1], 16) > number:
                return
        assert miner.poll() is None
        time.sleep(0.02)
    pytest.fail("the miner never came")


def test_a_pool_that_other_machines_can_reach_says_so() -> None:
    command = [sys.executable, "-m", "reports", "pool", "--listen", "0.0.0.0:0", "--seconds", "0.1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)
    first, second = done.stderr.splitlines()
    assert first == "hashwatt: 0.0.0.0 can be reached from other machines, without encryption"
    assert second.startswith("hashwatt: pool at stratum+tcp://0.0.0.0:")


def test_a_miner_for_so_many_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    """In this process, where the kernel is loaded already."""
    with pool("--job", "synthetic", "--difficulty", "0.0001") as started:
        with pytest.raises(SystemExit) as end:
            main(["mine", "--pool", started.url, "--user", "w.2", "--seconds", "0.3", "--threads", "1"])
        told = capsys.readouterr()
    assert (end.value.code, told.err) == (0, "")
    assert re.match(
        r"\d+ accepted, 0 rejected(, \d stale)?\n[\d.]+ MH/s: [\d,]+ hashes in 0\.\d s \(.*, 1 thread\)\n", told.out
    )


def never_judging() -> socketserver.ThreadingTCPServer:
    """Return a pool on a free port that lets miners in and gives them easy work, but has no word for any share."""

    class Conversation(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            answers = {"mining.configure": {}, "mining.subscribe": [[], "0a", 4], "mining.authorize": True}
            job = ["j1", "00" * 32, "01", "02", [], "20000000", "1d00ffff", "495fab29", True]
            for line in self.rfile:
                asked = json.loads(line)
                told = [{"id": asked["id"], "result": answers.get(asked["method"]), "error": None}]
                if asked["method"] == "mining.authorize":
                    told += [{"id": None, "method": "mining.set_difficulty", "params": [1e-5]}]
                    told += [{"id": None, "method": "mining.notify", "params": job}]
                if asked["method"] in answers:
                    self.wfile.write(b"".join(json.dumps(one).encode() + b"\n" for one in told))

    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Conversation)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def test_the_seconds_are_kept_also_at_a_pool_that_judges_no_share(capsys: pytest.CaptureFixture[str]) -> None:
    """They count from the first attempt to connect, and hashing ends with them; the best of three is little more."""
    load("auto")
    took_s, hashing_s = [], []
    with never_judging() as server:
        for _ in range(3):
            words = ["mine", "--pool", f"stratum+tcp://127.0.0.1:{server.server_address[1]}", "-u", "w"]
            began_s = time.monotonic()
            with pytest.raises(SystemExit):
                main([*words, "--seconds", "1", "--threads", "1", "--json"])
            took_s.append(time.monotonic() - began_s)
            told = json.loads(capsys.readouterr().out)
            assert told["open"] > 0
            hashing_s.append(told["hashing_s"])
            assert told["hash_rate_hps"] == pytest.approx(told["hashes"] / told["hashing_s"])
        server.shutdown()
    assert min(hashing_s) < 1.1, hashing_s
    assert 1 <= min(took_s) < 1.35, took_s


def test_several_midstates_at_a_pool() -> None:
    with pool("--job", "synthetic", "--difficulty", "0.001") as started:
        mined = mine("--pool", started.url, "-u", "w.1", "--shares", "5", "--midstates", "4", "--json")
    assert (mined.returncode, mined.stderr) == (0, "")
    told = json.loads(mined.stdout)
    assert told["accepted"] >= 5
    assert (told["rejected"], told["repeated"]) == ({}, 0)


def test_nobody_at_the_pool() -> None:
    done = mine("--pool", NOBODY, "-u", "w")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"hashwatt: pool {NOBODY} does not answer: Connection refused\n"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--difficulty", "nan"], "difficulty nan is not a finite number above 0; want one such as 1 or 0.001"),
        (["--difficulty", "inf"], "difficulty inf is not a finite number above 0; want one such as 1 or 0.001"),
        (["--difficulty", "0"], "difficulty 0.0 is not a finite number above 0; want one such as 1 or 0.001"),
        (["--difficulty", "-1"], "difficulty -1.0 is not a finite number above 0; want one such as 1 or 0.001"),
        (["--difficulty", "1e-300"], "difficulty 1e-300 is met by every hash; want more than 2^-32"),
        (["--difficulty", "1e300"], "difficulty 1e+300 is met by no hash; want less than 2^224"),
        (["--interval", "0"], "a job every 0 s; want a number above 0"),
        (["--interval", "nan"], "a job every nan s; want a number above 0"),
        (["--seconds", "-1"], "--seconds -1: want a number above 0"),
        (["--seconds", "nan"], "--seconds nan: want a number above 0"),
        (["--seconds", "0"], "--seconds 0: want a number above 0"),
        (["--seconds", "-inf"], "--seconds -inf: want a number above 0"),
        (["--job", "block"], "--job 'block': want genesis, synthetic, or the height of a known block"),
        (["--job", "7"], "block 7 cannot be served as work; known coinbases: 0, 1, 125552"),
        (["--split", "half"], "--split 'half': want one of prevout, value, fixed"),
        (["--listen", "3333"], "--listen '3333': want HOST:PORT, such as 127.0.0.1:3333; port 0 picks a free one"),
        (["--listen", "127.0.0.1:"], "--listen '127.0.0.1:': want HOST:PORT, such as 127.0.0.1:3333; port 0 picks a free one"),
        (["--listen", "127.0.0.1:65536"], "--listen '127.0.0.1:65536': want HOST:PORT"),
        (["--listen", "127.0.0.1:-1"], "--listen '127.0.0.1:-1': want HOST:PORT"),
        (["--listen", "127.0.0.1:x"], "--listen '127.0.0.1:x': want HOST:PORT"),
        (["--listen", "203.0.113.9:0"], "--listen 203.0.113.9:0: cannot listen there"),
        (["--listen", "no..host:0"], "--listen no..host:0: cannot listen there"),
    ],
)
def test_a_pool_that_cannot_be(refused: Refused, words: list[str], sentence: str) -> None:
    assert refused("pool", *words).startswith(sentence)


def test_a_port_that_is_taken(refused: Refused) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        place = f"127.0.0.1:{taken.getsockname()[1]}"
        assert refused("pool", "--listen", place) == (
            f"--listen {place}: taken; stop what listens there, or give another port (0 picks a free one)"
        )


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--pool", NOBODY], "--pool needs a user: give one with -u, such as -u worker.1"),
        (["--pool", NOBODY, "-u", ""], "--pool needs a user"),
        (["--pool", "", "-u", "w"], "pool '': want stratum+tcp://HOST:PORT"),
        (["--pool", "127.0.0.1:3333", "-u", "w"], "pool '127.0.0.1:3333': want stratum+tcp://HOST:PORT"),
        (["--pool", "stratum+tcp://127.0.0.1", "-u", "w"], "pool 'stratum+tcp://127.0.0.1': the port is missing"),
        (["--pool", "stratum+tcp://a:99999", "-u", "w"], "pool 'stratum+tcp://a:99999': Port out of range"),
        (["--pool", "stratum+ssl://127.0.0.1:1", "-u", "w"], "pool 'stratum+ssl://127.0.0.1:1': want stratum+tcp://HOST:PORT"),
        (["--pool", "stratum+tcp://8.8.8.8:3333", "-u", "w"], "pool stratum+tcp://8.8.8.8:3333 is at 8.8.8.8, outside this"),
        (["--pool", NOBODY, "-u", "w", "--seconds", "0"], "--seconds 0: want a number above 0"),
        (["--pool", NOBODY, "-u", "w", "--seconds", "-1"], "--seconds -1: want a number above 0"),
        (["--pool", NOBODY, "-u", "w", "--seconds", "nan"], "--seconds nan: want a number above 0"),
        (["--pool", NOBODY, "-u", "w", "--seconds", "soon"], "--seconds soon: want a number; see"),
        (["--pool", NOBODY, "-u", "w", "--midstates", "3"], "3 midstates; want 1, 2 or 4"),
        (["--pool", NOBODY, "-u", "w", "--midstates", "0"], "0 midstates; want 1, 2 or 4"),
        (["--pool", NOBODY, "-u", "w", "--midstates", "-2"], "-2 midstates; want 1, 2 or 4"),
        (["--pool", NOBODY, "-u", "w", "--midstates", "two"], "--midstates two: want a whole number; see"),
        (["--pool", NOBODY, "-u", "w", "--seconds", "inf"], "--seconds inf: want a number above 0"),
        (["--pool", NOBODY, "-u", "w", "--backend", "fpga"], "no backend 'fpga'"),
        (["--pool", NOBODY, "-u", "w", "--block", "0"], "--pool brings its own headers and targets"),
        (["--pool", NOBODY, "-u", "w", "--all"], "--pool brings its own headers and targets"),
        (["-u", "w"], FOR_A_POOL),
        (["--block", "0", "--shares", "1"], FOR_A_POOL),
        (["--block", "0", "--midstates", "1"], FOR_A_POOL),
        (["--block", "0", "--device", "erupter:/dev/x"], FOR_A_POOL),
        (["--pool", NOBODY, "-u", "w", "--device", "s9:/dev/x"], "no device 's9'; known: icarus, erupter, "),
        (["--pool", NOBODY, "-u", "w", "--device", "erupter"], "erupter: at which port? want for example erupter:/dev/ttyUSB0"),
        (["--pool", NOBODY, "-u", "w", "--device", "compute", "--threads", "2"], "--device mines on devices; leave "),
        (["--pool", NOBODY, "-u", "w", "--threads", "0"], "--threads 0: want 1 or more; see"),
        (["--pool", NOBODY, "-u", "w", "--shares", "0"], "--shares 0: want 1 or more; see"),
    ],
)
def test_mining_at_a_pool_that_cannot_be(refused: Refused, words: list[str], sentence: str) -> None:
    assert refused("mine", *words).startswith(sentence)
