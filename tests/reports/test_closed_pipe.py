"""What becomes of a command whose output nobody reads to its end, through real pipes of a real shell."""

from __future__ import annotations

import errno
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from reports.cli.commands import COMMANDS, Command
from reports.cli.main import main

ROOT = Path(__file__).parents[2]
HASHWATT = f"{sys.executable} -m reports"
LEFT = 128 + 13  # as a shell tells of a tool that died of SIGPIPE, whose number is 13 on every Unix


def shell(line: str) -> tuple[str, str]:
    """Run a line in bash; return stdout and stderr."""
    done = subprocess.run(["bash", "-c", line], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    return done.stdout, done.stderr


def test_a_reader_that_leaves_early_is_no_news() -> None:
    """As `ls` or `git log` end: what counts exit codes sees 128 + SIGPIPE, and nobody is told of it."""
    assert shell(f"{HASHWATT} devices list --json | head -1; echo ${{PIPESTATUS[@]}}") == (f"[\n{LEFT} 0\n", "")


def test_a_reader_that_reads_to_the_end_is_no_news_either() -> None:
    assert shell(f"{HASHWATT} devices list --json | tail -1; echo ${{PIPESTATUS[@]}}") == ("]\n0 0\n", "")


@pytest.mark.parametrize("words", ["version", "--help", "scenarios list", "devices list", "doctor", "devices show s21"])
def test_every_command_ends_so(words: str) -> None:
    told, errors = shell(f"{HASHWATT} {words} 2>&1 | true; echo ${{PIPESTATUS[0]}}")
    assert (told, errors) == ("2\n" if words.endswith("s21") else f"{LEFT}\n", ""), "a name that is none stays bad input"


def test_a_server_whose_listing_nobody_reads_lets_go_of_what_it_has(tmp_path: Path) -> None:
    link = tmp_path / "stick"
    told = shell(f"{HASHWATT} emulate erupter --backend reference --link {link} 2>&1 | true; echo ${{PIPESTATUS[0]}}")
    assert told == (f"{LEFT}\n", "")
    assert not link.is_symlink()


def test_a_pipe_to_elsewhere_that_breaks_is_told(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """To a port, a pool or a worker: that is a failure of the command, whatever the reader of its output does."""

    def planted() -> None:
        raise BrokenPipeError(errno.EPIPE, "Broken pipe", "/dev/ttyUSB0")

    module = ModuleType("planted_command")
    module.planted = planted
    monkeypatch.setitem(sys.modules, "planted_command", module)
    monkeypatch.setitem(COMMANDS, "planted", Command("planted_command:planted", "Planted by a test."))
    with pytest.raises(SystemExit) as end:
        main(["planted"])
    assert (end.value.code, capsys.readouterr()) == (1, ("", "hashwatt: Broken pipe: /dev/ttyUSB0\n"))
