"""The manual's first hour, run as it stands: its commands work and print what it says."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from doctest import ELLIPSIS, OutputChecker
from pathlib import Path
from typing import NamedTuple
from urllib.request import urlopen

import pytest

PAGE = Path(__file__).parents[1] / "docs" / "manual" / "first-hour.md"
STEP = re.compile(r"```sh(?P<kind> serve)?\n(?P<commands>.*?)```\n.*?```text\n(?P<printed>.*?)```", re.DOTALL)


class Step(NamedTuple):
    serves: bool
    commands: str
    printed: str


def steps() -> list[Step]:
    found = STEP.finditer(PAGE.read_text(encoding="utf-8"))
    return [Step(match["kind"] is not None, match["commands"].strip(), match["printed"]) for match in found]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("first-hour")


@pytest.fixture(scope="module")
def environment() -> dict[str, str]:
    return {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}


def test_the_page_has_its_five_steps_and_every_command_in_it_is_run() -> None:
    assert [step.serves for step in steps()] == [False, False, False, False, True]
    assert PAGE.read_text(encoding="utf-8").count("```sh") == len(steps())


@pytest.mark.parametrize("step", steps()[:-1], ids=lambda step: step.commands.splitlines()[-1])
def test_a_step_prints_what_the_page_says(step: Step, folder: Path, environment: dict[str, str]) -> None:
    done = subprocess.run(
        ["bash", "-ec", step.commands],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert OutputChecker().check_output(step.printed, done.stdout, ELLIPSIS), done.stdout


@pytest.fixture
def served(folder: Path, environment: dict[str, str]) -> Iterator[str]:
    """Start the last step's server, on a free port, and give its address."""
    command = f"exec {steps()[-1].commands} --port 0"
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    with subprocess.Popen(["bash", "-c", command], cwd=folder, env=environment, text=True, **pipes) as server:
        try:
            assert server.stdout is not None
            first_line = server.stdout.readline()
            address = re.search(r"http://\S+", first_line)
            assert address is not None, first_line
            yield address[0]
        finally:
            server.send_signal(signal.SIGINT)


def test_what_is_served_holds_the_line_on_the_page(served: str) -> None:
    with urlopen(served, timeout=10) as answer:
        lines = answer.read().decode().splitlines(keepends=True)
    wanted = steps()[-1].printed
    assert any(OutputChecker().check_output(wanted, line, ELLIPSIS) for line in lines)


def test_every_picture_that_the_docs_show_is_there() -> None:
    for page in (PAGE, *PAGE.parents[1].glob("*.md"), PAGE.parents[2] / "README.md"):
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name} points at {target}"
