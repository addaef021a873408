"""The Makefile: what it lists, that set-up is done once, and what it says without a GPU."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


def make(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run make as a user would, not as a part of the make that runs these tests."""
    own = {key: value for key, value in os.environ.items() if key not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
    return subprocess.run(["make", *arguments], cwd=cwd, env=own, capture_output=True, text=True, timeout=60, check=False)


def test_help_lists_every_target(root: Path) -> None:
    done = make("help", cwd=root)
    listed = {line.split()[0] for line in done.stdout.splitlines()}
    assert listed == {
        *("help", "setup", "sichuan", "test", "slow", "lint", "format", "bench", "gpu-check", "cuda-compile"),
        *("lock", "clean", "distclean"),
    }


@pytest.fixture
def fresh(root: Path, tmp_path: Path) -> Path:
    """Return a folder with the Makefile and a set-up that only counts how often it ran."""
    (tmp_path / "tools").mkdir()
    shutil.copy(root / "Makefile", tmp_path)
    setup = tmp_path / "tools/setup-venv"
    setup.write_text(
        "#!/bin/sh\necho setup $* >>setups\nvenv=${HASHWATT_VENV:-.venv}\nmkdir -p $venv/bin\ncd $venv/bin\n"
        "for tool in python hashwatt; do printf '#!/bin/sh\\necho ran $0 $*\\n' >$tool; chmod +x $tool; done\n"
    )
    setup.chmod(0o755)
    for name in ("requirements.lock", "requirements-uv.lock", "pyproject.toml"):
        (tmp_path / name).touch()
    return tmp_path


def test_set_up_happens_once_whatever_the_targets(fresh: Path) -> None:
    assert make("sichuan", cwd=fresh).stdout == "ran .venv/bin/hashwatt run sichuan-2021\n"
    assert make("test", cwd=fresh).stdout == "ran .venv/bin/python -m pytest -q --numprocesses 2 --dist loadfile\n"
    assert make("slow", cwd=fresh).stdout == "ran .venv-oracles/bin/python -m pytest -q -m slow\n"
    assert make("slow", "test", "sichuan", cwd=fresh).returncode == 0
    assert (fresh / "setups").read_text().splitlines() == ["setup", "setup oracles"]


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-uv.lock", "pyproject.toml"])
def test_a_changed_lock_or_project_is_set_up_anew(fresh: Path, name: str) -> None:
    make("setup", cwd=fresh)
    later_s = (fresh / ".venv/.stamp").stat().st_mtime + 10
    os.utime(fresh / name, (later_s, later_s))
    make("setup", cwd=fresh)
    assert (fresh / "setups").read_text().splitlines() == ["setup", "setup"]


def test_a_failed_set_up_is_not_taken_for_done(fresh: Path) -> None:
    (fresh / "tools/setup-venv").write_text("#!/bin/sh\nmkdir -p .venv\nexit 3\n")
    assert make("test", cwd=fresh).returncode != 0
    assert not (fresh / ".venv/.stamp").exists()


@pytest.mark.skipif(shutil.which("nvidia-smi") is not None, reason="this machine may have a GPU")
def test_gpu_check_without_a_gpu_is_one_sentence(fresh: Path) -> None:
    make("setup", cwd=fresh)
    done = make("gpu-check", cwd=fresh)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "gpu-check: no CUDA device here (nvidia-smi finds none), so the GPU tests were not run\n"
