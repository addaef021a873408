"""The command line's manners: one sentence on stderr, the right exit code, nothing loaded that was not asked for."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
import typer

import gridsim.errors
import hw.errors
from reports.cli import commands
from reports.cli.commands import COMMANDS, Command, command_named
from reports.cli.errors import UsageProblem
from reports.cli.main import main

ROOT = Path(__file__).parents[2]

Ended = tuple[int, str, str]
Hashwatt = Callable[..., Ended]
Plant = Callable[[Callable[..., object]], None]


@pytest.fixture
def hashwatt(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Hashwatt:
    """Return a function that runs ``hashwatt WORDS`` here and returns exit code, stdout and stderr."""
    monkeypatch.delenv("HASHWATT_DEBUG", raising=False)

    def run(*words: str) -> Ended:
        with pytest.raises(SystemExit) as end:
            main(list(words))
        told = capsys.readouterr()
        return end.value.code, told.out, told.err

    return run


@pytest.fixture
def plant(monkeypatch: pytest.MonkeyPatch) -> Plant:
    """Return a function that adds a command `planted` to the table."""

    def add(function: Callable[..., object]) -> None:
        module = ModuleType("planted_command")
        module.planted = function
        monkeypatch.setitem(sys.modules, "planted_command", module)
        monkeypatch.setitem(COMMANDS, "planted", Command("planted_command:planted", "Planted by a test."))

    return add


def raising(error: BaseException) -> Callable[[], None]:
    def command() -> None:
        raise error

    return command


SENTENCES = [
    pytest.param(UsageProblem("--at noon: not a moment"), 2, "--at noon: not a moment", id="usage"),
    pytest.param(UsageProblem("two\n  lines"), 2, "two lines", id="always-one-line"),
    pytest.param(hw.errors.CatalogueError("line 3: no power_w"), 2, "line 3: no power_w", id="a-floor's-bad-input"),
    pytest.param(gridsim.errors.ScenarioNotFoundError("no x.toml"), 2, "no x.toml", id="derived-bad-input"),
    pytest.param(gridsim.errors.SimulationError("power < 0 W"), 1, "power < 0 W", id="a-floor's-failure"),
    pytest.param(OSError(errno.ENOSPC, "No space left", "runs/a"), 1, "No space left: runs/a", id="disk-full"),
    pytest.param(KeyboardInterrupt(), 130, "interrupted", id="ctrl-c"),
    pytest.param(typer.BadParameter("no port"), 2, "Invalid value: no port; see `hashwatt planted --help`", id="parser"),
]


@pytest.mark.parametrize(("error", "code", "sentence"), SENTENCES)
def test_an_error_is_one_sentence_and_an_exit_code(
    hashwatt: Hashwatt, plant: Plant, error: BaseException, code: int, sentence: str
) -> None:
    plant(raising(error))
    assert hashwatt("planted") == (code, "", f"hashwatt: {sentence}\n")


def test_a_defect_is_one_sentence_that_names_debug(hashwatt: Hashwatt, plant: Plant) -> None:
    plant(raising(ZeroDivisionError("division\nby zero")))
    code, out, err = hashwatt("planted")
    assert (code, out) == (1, "")
    assert err.startswith("hashwatt: internal error: ZeroDivisionError: division by zero (")
    assert "--debug" in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("words", [("--debug", "planted"), ("planted", "--debug")])
def test_debug_shows_where(hashwatt: Hashwatt, plant: Plant, words: tuple[str, ...]) -> None:
    plant(raising(UsageProblem("no")))
    code, _, err = hashwatt(*words)
    assert code == 2
    assert "Traceback" in err
    assert err.endswith("hashwatt: no\n")


@pytest.mark.parametrize(("value", "shown"), [("1", True), ("0", False), ("", False)])
def test_the_environment_can_ask_for_it_too(
    hashwatt: Hashwatt, plant: Plant, monkeypatch: pytest.MonkeyPatch, value: str, shown: bool
) -> None:
    plant(raising(UsageProblem("no")))
    monkeypatch.setenv("HASHWATT_DEBUG", value)
    assert ("Traceback" in hashwatt("planted")[2]) is shown


WRONG_WORDS = [
    pytest.param(["mien"], "No such command 'mien'", id="unknown-command"),
    pytest.param(["version", "--jsn"], "No such option: --jsn", id="unknown-option"),
    pytest.param(["--verbose"], "No such option: --verbose", id="unknown-global-option"),
    pytest.param(["planted"], "Missing argument 'height'", id="missing-argument"),
    pytest.param(["planted", "tall"], "height tall: want a whole number; see `hashwatt planted", id="not-a-number"),
    pytest.param(["planted", "1", "2"], "Got unexpected extra argument", id="one-too-many"),
    pytest.param(["--debug"], None, id="no-command"),
]


@pytest.mark.parametrize(("words", "sentence"), WRONG_WORDS)
def test_wrong_words_are_one_sentence_and_exit_code_2(
    hashwatt: Hashwatt, plant: Plant, words: list[str], sentence: str | None
) -> None:
    def planted(height: int) -> None:
        """Take a height."""

    plant(planted)
    code, out, err = hashwatt(*words)
    if sentence is None:  # nothing was said, so the help is the answer
        assert (code, err) == (0, "")
        return
    assert (code, out) == (2, "")
    assert err.startswith(f"hashwatt: {sentence}")
    assert err.endswith("--help`\n")
    assert err.count("\n") == 1


def test_a_group_without_a_command_is_told_so(hashwatt: Hashwatt, plant: Plant) -> None:
    group = typer.Typer(no_args_is_help=True)
    group.command("one")(lambda: typer.echo("1"))
    group.command("two")(lambda: typer.echo("2"))
    plant(group)  # type: ignore[arg-type]
    assert hashwatt("planted") == (2, "", "hashwatt: a command is missing; see `hashwatt planted --help`\n")
    assert hashwatt("planted", "two") == (0, "2\n", "")


def test_a_command_that_is_not_installed_is_told_so(hashwatt: Hashwatt, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(COMMANDS, "planted", Command("reports.cli.no_such_module:planted", "Planted."))
    code, _, err = hashwatt("planted")
    assert code == 2
    assert err == "hashwatt: the command 'planted' is not part of this installation; see `hashwatt --help`\n"
    assert "planted" in hashwatt("--help")[1]


def test_a_library_that_a_command_lacks_is_not_mistaken_for_the_command(
    hashwatt: Hashwatt, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "needy_command.py").write_text("import no_such_library\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(COMMANDS, "planted", Command("needy_command:planted", "Planted."))
    code, _, err = hashwatt("planted")
    assert code == 1
    assert "No module named 'no_such_library'" in err


def test_help_lists_every_command_and_loads_none(hashwatt: Hashwatt, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "load", raising(AssertionError("loaded")))
    code, out, err = hashwatt("--help")
    assert (code, err) == (0, "")
    for name, command in COMMANDS.items():
        assert f"{name} " in out
        assert command.help in out
    assert hashwatt()[1] == out


def test_the_help_of_a_command_is_its_docstring_without_the_sections_for_programmers(hashwatt: Hashwatt, plant: Plant) -> None:
    def planted() -> None:
        """Plant a tree.

        It grows.

        Raises
        ------
        UsageProblem
            If it is winter.
        """

    plant(planted)
    out = hashwatt("planted", "--help")[1]
    assert "Plant a tree." in out
    assert "It grows." in out
    assert "Raises" not in out


@pytest.mark.parametrize("returned", [0, 1, 7])
def test_a_number_that_a_command_returns_is_its_exit_code(hashwatt: Hashwatt, plant: Plant, returned: int) -> None:
    plant(lambda: returned)
    assert hashwatt("planted")[0] == returned


def test_version_as_json_is_json(hashwatt: Hashwatt) -> None:
    code, out, err = hashwatt("version", "--json")
    assert (code, err) == (0, "")
    assert json.loads(out)["python"] == ".".join(map(str, sys.version_info[:3]))


def test_version_stands_before_the_command_too(hashwatt: Hashwatt) -> None:
    assert hashwatt("--version") == hashwatt("version")


@pytest.mark.parametrize(
    ("words", "environment", "name"),
    [
        ([], {}, None),
        (["--version"], {}, None),
        (["run", "sichuan-2021"], {}, "run"),
        ([], {"_HASHWATT_COMPLETE": "complete_bash", "COMP_WORDS": "hashwatt run --s"}, "run"),
        ([], {"_HASHWATT_COMPLETE": "complete_zsh", "_TYPER_COMPLETE_ARGS": "hashwatt mine "}, "mine"),
        ([], {"COMP_WORDS": "hashwatt run"}, None),
    ],
)
def test_the_command_is_the_first_word_that_is_no_option(
    words: list[str], environment: dict[str, str], name: str | None
) -> None:
    assert command_named(words, environment) == name


def start(code: str) -> subprocess.Popen[str]:
    """Start `code` in a fresh interpreter that finds the packages."""
    return subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_a_real_ctrl_c_ends_with_130(tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    code = f"""
import sys, time, types
from pathlib import Path
def planted() -> None:
    Path({str(ready)!r}).touch()
    time.sleep(60)
module = types.ModuleType("planted_command")
module.planted = planted
sys.modules["planted_command"] = module
from reports.cli.commands import COMMANDS, Command
COMMANDS["planted"] = Command("planted_command:planted", "")
from reports.cli.main import main
main(["planted"])
"""
    with start(code) as child:
        deadline_s = time.monotonic() + 30
        while not ready.exists() and time.monotonic() < deadline_s:
            time.sleep(0.01)
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=30)
    assert (child.returncode, out, err) == (130, "", "hashwatt: interrupted\n")


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("words", [["version"], ["--help"], ["devices", "list", "--json"]])
def test_a_reader_that_left_is_no_news(words: list[str], unbuffered: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    assert end_into(writing, words, unbuffered) == (141, "")
    os.close(writing)


def test_a_word_of_thousands_of_letters_is_cut_and_no_control_character_reaches_the_terminal(
    hashwatt: Hashwatt, plant: Plant
) -> None:
    plant(raising(UsageProblem(f"no file {'x' * 5_000} in \x1b[31m\udcff")))
    _, _, err = hashwatt("planted")
    assert err == f"hashwatt: no file {'x' * 80}...{'x' * 40} in \\x1b[31m\\udcff\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_full_disk_is_one_sentence(unbuffered: str) -> None:
    with Path("/dev/full").open("w") as full:
        assert end_into(full.fileno(), ["version"], unbuffered) == (1, "hashwatt: No space left on device\n")


def end_into(stdout: int, words: list[str], unbuffered: str) -> tuple[int, str]:
    """Run ``hashwatt WORDS`` into the descriptor `stdout`; return exit code and stderr."""
    done = subprocess.run(
        [sys.executable, "-m", "reports", *words],
        cwd=ROOT,
        env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        timeout=30,
        check=False,
    )
    return done.returncode, done.stderr
