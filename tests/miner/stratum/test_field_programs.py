"""The words of mining programs of the field, as their sources and captures have them, against our pool's port.

Read from bfgminer 5.5 (util.c), cgminer and piaxe-miner (pyminer.py); the programs themselves are not needed.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

from miner.stratum.jobs import KnownJobs
from miner.stratum.known_jobs import Split, known_block
from miner.stratum.pool import StratumPool
from miner.stratum.pool_core import PoolCore, PoolSettings

CLIENT_HELLO = bytes.fromhex(
    "16030100c8010000c403037e3f0c2f0a5d1c5b8a7c6d3e2f1a0b9c8d7e6f5a4b3c2d1e0f1a2b3c4d5e00003ec02cc030009fcca9cca8ccaac02bc02f"
    "009ec024c028006bc023c0270067c00ac0140039c009c0130033009d009c003d003c0035002f00ff0100005d000b000403000102000a000c000a001d"
)  # how a TLS client begins; curl, which bfgminer uses, sends the like

Talk = Callable[["Line", int], Awaitable[None]]


class Line:
    """A plain connection, read line by line as those programs do."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def say(self, text: str) -> None:
        self.writer.write(text.encode() + b"\n")

    async def hear(self) -> dict[str, Any]:
        return json.loads(await asyncio.wait_for(self.reader.readline(), 5))


def serve(split: Split, talk: Talk) -> None:
    async def play() -> None:
        core = PoolCore(
            KnownJobs(known_block(0), split),
            PoolSettings(difficulty=2536, interval_s=60),
            clock=time.monotonic,
            unix_clock=time.time,
        )
        async with asyncio.timeout(20), StratumPool(core) as pool:
            _, port = await pool.listen("127.0.0.1", 0)
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            await talk(Line(reader, writer), port)
            writer.transport.abort()
            assert (pool.snapshot().accepted, pool.snapshot().blocks) == (1, 1)

    asyncio.run(play())


def test_bfgminer() -> None:
    """TLS first, on a connection of its own; then the first line must be the answer to mining.subscribe."""

    async def talk(line: Line, port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(CLIENT_HELLO)
        assert await asyncio.wait_for(reader.read(), 2) == b""  # closed on at once: no wait for curl's time-out
        writer.close()
        line.say('{"id": null, "method": "mining.suggest_target", "params": ["' + "0" * 8 + "ffff" + "0" * 52 + '"]}')
        line.say('{"id": 0, "method": "mining.subscribe", "params": ["bfgminer/5.5.0"]}')
        answer = await line.hear()
        assert answer["id"] == 0
        pairs, extranonce1, size = answer["result"]
        assert [pair[0] for pair in pairs] == ["mining.set_difficulty", "mining.notify"]
        assert (extranonce1, size) == ("2a", 4)
        line.say('{"id": "xnsub", "method": "mining.extranonce.subscribe", "params": []}')
        line.say('{"id": "auth", "method": "mining.authorize", "params": ["w.1", "x"]}')
        assert (await line.hear())["id"] == "xnsub"
        assert await line.hear() == {"id": "auth", "result": True, "error": None}
        assert (await line.hear())["params"] == [2536]
        job_id, previous, coinbase1, *_, clean = (await line.hear())["params"]
        assert (previous, coinbase1[-6:], clean) == ("0" * 64, "00f205", True)
        line.say(json.dumps({"params": [job_id], "id": f"txlist{job_id}", "method": "mining.get_transactions"}))
        assert await line.hear() == {"id": f"txlist{job_id}", "result": [], "error": None}
        line.say(
            json.dumps({"params": ["w.1", job_id, "01000000", "495fab29", "7c2bac1d"], "id": 1, "method": "mining.submit"})
        )
        assert await line.hear() == {"id": 1, "result": True, "error": None}

    serve(Split.VALUE, talk)


def test_cgminer() -> None:
    """It configures first in its newer versions, and knows the session's name again."""

    async def talk(line: Line, port: int) -> None:
        line.say(
            '{"id": 0, "method": "mining.configure", "params": [["version-rolling"], {"version-rolling.mask": "ffffffff"}]}'
        )
        assert (await line.hear())["result"] == {"version-rolling": True, "version-rolling.mask": "1fffe000"}
        line.say('{"id": 1, "method": "mining.subscribe", "params": ["cgminer/4.12", "00000007"]}')
        assert (await line.hear())["result"][1:] == ["2a", 4]
        line.say('{"id": 2, "method": "mining.authorize", "params": ["w.1", "x"]}')
        assert [(await line.hear()).get("method") for _ in range(3)] == [None, "mining.set_difficulty", "mining.notify"]
        line.say('{"params": ["w.1", "1", "01000000", "495fab29", "7c2bac1d", "00000000"], "id": 3, "method": "mining.submit"}')
        assert (await line.hear())["result"] is True

    serve(Split.VALUE, talk)


def test_piaxe() -> None:
    """Nine parameters to a job and one whole difficulty, or it complains; a sixth parameter that was not agreed upon."""

    async def talk(line: Line, port: int) -> None:
        line.say('{"id": 1, "method": "mining.subscribe", "params": ["piaxe/0.1"]}')
        result = (await line.hear())["result"]
        assert len(result) == 3
        assert all(len(pair) == 2 and pair[1] for pair in result[0])
        line.say('{"id": 2, "method": "mining.authorize", "params": ["w.1", "x"]}')
        assert (await line.hear())["result"] is True
        told = await line.hear()
        assert told["params"] == [int(told["params"][0])]
        assert len((await line.hear())["params"]) == 9
        line.say('{"id": 3, "method": "mining.suggest_difficulty", "params": [512]}')
        assert (await line.hear())["result"] is True
        line.say('{"id": 4, "method": "mining.submit", "params": ["w.1", "1", "", "495fab29", "7c2bac1d", "00000000"]}')
        assert (await line.hear())["result"] is True

    serve(Split.FIXED, talk)
