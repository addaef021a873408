"""Only `gridsim.load` reads files, and the rooms of the house stay small: what no import contract can see."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

FLOORS = ("miner", "hw", "gridsim", "reports")
FILE_MODULES = {
    "fileinput",
    "io",
    "os",
    "pathlib",
    "shutil",
    "socket",
    "sqlite3",
    "subprocess",
    "tempfile",
    "urllib",
    "pyarrow",
}
FILE_CALLS = {"fromfile", "genfromtxt", "loadtxt", "memmap", "savetxt", "savez", "tofile"}  # numpy's own doors
FILE_METHODS = {"open", "read_bytes", "read_text", "write_bytes", "write_text"}
MOST_LINES = 300
MOST_FUNCTION_LINES = 60


def file_access(source: str) -> list[str]:
    """Return every way in which `source` could reach a file, as ``line: what``."""
    return [f"{node.lineno}: {what}" for node in ast.walk(ast.parse(source)) for what in _file_access(node)]


def _file_access(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names if _is_file_module(alias.name))
    elif isinstance(node, ast.ImportFrom) and node.module:
        full = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        yield from (name for name in full[:1] if _is_file_module(name))
        yield from (name for name in full[1:] if name == "importlib.resources")
    elif isinstance(node, ast.Name) and node.id == "open":
        yield "open"
    elif isinstance(node, ast.Attribute) and node.attr in FILE_METHODS | FILE_CALLS:
        yield f".{node.attr}"


def _is_file_module(name: str) -> bool:
    return name.split(".")[0] in FILE_MODULES or name.startswith("importlib.resources")


def sources(root: Path, *floors: str) -> list[Path]:
    """Return the Python files of `floors`."""
    return sorted(path for floor in floors for path in (root / floor).rglob("*.py"))


def test_only_load_reads_files_in_the_simulation_core(root: Path) -> None:
    found = {
        str(path.relative_to(root)): access
        for path in sources(root, "gridsim")
        if path != root / "gridsim/load.py" and (access := file_access(path.read_text(encoding="utf-8")))
    }
    assert found == {}


def test_load_is_where_files_are_read(root: Path) -> None:
    assert file_access((root / "gridsim/load.py").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "planted",
    [
        "def f(): return open('x')",
        "reader = open",
        "def f(path): return path.read_text()",
        "def f(path): path.write_bytes(b'')",
        "def f(path): return path.open()",
        "import io",
        "from pathlib import Path",
        "import os.path",
        "import importlib.resources as r",
        "from importlib import resources",
        "from importlib.resources import files",
        "import numpy as np\nnp.loadtxt('x')",
        "def f(): import pyarrow.parquet",
    ],
)
def test_a_planted_file_access_is_found(planted: str) -> None:
    assert len(file_access(planted)) == 1


def test_files_and_functions_stay_small(root: Path) -> None:
    large = []
    for path in sources(root, *FLOORS):
        text = path.read_text(encoding="utf-8")
        name = path.relative_to(root)
        if (lines := text.count("\n")) > MOST_LINES:
            large.append(f"{name}: {lines} lines")
        large += [
            f"{name}:{node.name}: {length} lines"
            for node in ast.walk(ast.parse(text))
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            and (length := (node.end_lineno or node.lineno) - node.lineno + 1) > MOST_FUNCTION_LINES
        ]
    assert large == []
