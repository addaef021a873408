"""`hashwatt serve`: a run folder in, metrics out, and one sentence for what it cannot be told."""

from __future__ import annotations

import http.client
import json
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from prometheus_client.parser import text_string_to_metric_families

from reports.cli import serve
from reports.cli.errors import UsageProblem
from reports.exporter import RunCollector, metrics_page
from reports.metrics_http import metrics_app, running_server
from reports.served_run import read_served_run
from reports.snapshot import state_at

# --- what the command is told ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"port": -1}, "--port -1: want a port from 0"),
        ({"port": 70000}, "--port 70000"),
        ({"speed": 0.0}, "--speed 0: want a number above 0"),
        ({"speed": float("nan")}, "--speed nan"),
        ({"at": "yesterday"}, "--at yesterday: not a moment"),
        ({"at": "2021-06-19T16:00"}, "no offset from UTC"),
        ({"at": "2020-06-19T16:00Z"}, "outside this run, which spans 2021-06-19T15:00:00Z to 2021-06-19T19:00:00Z"),
        ({"at": "2021-06-19T16:00Z", "speed": 60.0}, "give one of them"),
        ({"host": "192.0.2.1", "port": 0}, "--host 192.0.2.1: cannot listen there"),  # an address for documentation, RFC 5737
    ],
)
def test_bad_options_are_one_sentence(run: Path, options: dict[str, object], words: str) -> None:
    with pytest.raises(UsageProblem) as caught:
        serve.serve(run, **options)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_port_that_is_taken_is_one_sentence(run: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        with pytest.raises(UsageProblem, match=f"--port {taken}: taken on 127.0.0.1"):
            serve.serve(run, port=taken)


def test_moments_are_read_with_their_offset(start_s: float) -> None:
    """Midnight in Beijing is 16:00 UTC the day before."""
    assert serve.parse_moment("2021-06-20T00:00+08:00") == serve.parse_moment("2021-06-19T16:00Z") == start_s + 3600


def test_the_pace(run: Path) -> None:
    _, series = read_served_run(run)
    ticks = iter([100.0, 100.0, 101.5, 500.0])
    now_s = serve.pacer(series, at_s=None, speed=3600, clock=lambda: next(ticks))
    assert [now_s() - series.start_s for _ in range(3)] == [0, 5400, 4 * 3600]
    assert serve.pacer(series, at_s=None, speed=None)() == series.end_s
    assert serve.pacer(series, at_s=series.start_s + 5, speed=None)() == series.start_s + 5


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("grid", False),
    ],
)
def test_which_addresses_stay_on_this_machine(host: str, expected: bool) -> None:
    assert serve.is_loopback(host) is expected


# --- over HTTP ---------------------------------------------------------------------------------------------------


@contextmanager
def served(run: Path) -> Iterator[int]:
    """Serve a run's end in this process; give the port."""
    identity, series = read_served_run(run)
    page = metrics_page(RunCollector(identity, lambda: state_at(series, series.end_s)))
    with running_server(metrics_app(page, title="Sichuan <cut>"), "127.0.0.1", 0) as port:
        yield port


def ask(port: int, path: str, method: str = "GET", headers: dict[str, str] | None = None) -> tuple[int, dict[str, str], str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(method, path, headers=headers or {})
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read().decode()
    finally:
        connection.close()


def value_of(text: str, name: str, **labels: str) -> float:
    found = [
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name and sample.labels == labels
    ]
    assert len(found) == 1, (name, labels, found)
    return found[0]


def test_the_pages(run: Path) -> None:
    with served(run) as port:
        status, headers, body = ask(port, "/metrics")
        assert (status, headers["Content-Type"].split(";")[0]) == (200, "text/plain")
        assert value_of(body, "hashwatt_grid_demand_watts", region="Texas") == 7e8
        assert value_of(body, "hashwatt_grid_energy_joules_total", region="Sichuan") == 3e9 * 3600
        _, headers, body = ask(port, "/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})
        assert headers["Content-Type"].startswith("application/openmetrics-text")
        assert body.endswith("# EOF\n")
        status, _, body = ask(port, "/")
        assert (status, 'href="/metrics"' in body, "Sichuan &lt;cut&gt;" in body) == (200, True, True)
        assert ask(port, "/-/healthy")[0] == 200
        for path in ("/nope", "/metrics/", "/../etc/passwd", "/metrics/../nope"):
            assert ask(port, path)[0] == 404
        for method in ("POST", "PUT", "DELETE"):
            status, headers, _ = ask(port, "/metrics", method)
            assert (status, headers["Allow"]) == (405, "GET, HEAD")
        status, headers, body = ask(port, "/metrics", "HEAD")
        assert (status, body) == (200, "")
        assert int(headers["Content-Length"]) > 1000
    with pytest.raises(ConnectionRefusedError):
        ask(port, "/metrics")


def test_a_silent_client_does_not_block_the_others(run: Path) -> None:
    with served(run) as port, socket.create_connection(("127.0.0.1", port)):
        assert ask(port, "/-/healthy")[0] == 200


COMMAND = "import sys; from reports.cli.main import main; main()"


@contextmanager
def command(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Start `hashwatt serve` as a process; give it and the URL that it prints."""
    process = subprocess.Popen([sys.executable, "-c", COMMAND, "serve", *arguments], stdout=-1, stderr=-1, text=True)
    try:
        assert process.stderr is not None
        heard = []
        for line in process.stderr:
            heard.append(line)
            if "http://" in line:
                break
        assert heard, "it printed nothing"
        assert "http://" in heard[-1], "".join(heard)
        yield process, next(word for word in heard[-1].split() if word.startswith("http://"))
    finally:
        process.kill()
        process.communicate(timeout=10)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_the_command_serves_until_it_is_stopped(run: Path, number: int, code: int, start_s: float) -> None:
    with command(str(run), "--port", "0", "--at", "2021-06-20T00:30+08:00") as (process, url):
        with urllib.request.urlopen(url, timeout=10) as answer:
            body = answer.read().decode()
        assert value_of(body, "hashwatt_simulation_time_seconds") == start_s + 5400
        assert value_of(body, "hashwatt_grid_energy_joules_total", region="Sichuan") == 2e9 * 3600 + 1e9 * 1800
        process.send_signal(number)
        out, err = process.communicate(timeout=10)
        assert (process.returncode, out) == (code, "")
        assert "Traceback" not in err


def test_a_replay_moves_and_stays_at_the_end(run: Path) -> None:
    with command(str(run), "--port", "0", "--speed", "14400") as (_, url):
        seen: list[float] = []
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and (not seen or seen[-1] < 1):
            with urllib.request.urlopen(url, timeout=10) as answer:
                seen.append(value_of(answer.read().decode(), "hashwatt_simulation_progress_ratio"))
            time.sleep(0.05)
        assert seen == sorted(seen)
        assert seen[-1] == 1
        assert len(set(seen)) > 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(("nowhere",), "no run at nowhere"), (("RUN", "--at", "noon"), "--at noon: not a moment")],
)
def test_bad_input_exits_2_with_one_line(run: Path, arguments: tuple[str, ...], words: str) -> None:
    told = [str(run) if word == "RUN" else word for word in arguments]
    done = subprocess.run(
        [sys.executable, "-c", COMMAND, "serve", *told], capture_output=True, text=True, timeout=30, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


# --- a real Prometheus -------------------------------------------------------------------------------------------


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def until(check: Callable[[], object], seconds: float = 30.0) -> object:
    """Ask until there is an answer."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if answer := check():
                return answer
        except OSError:
            pass
        time.sleep(0.1)
    raise TimeoutError(f"no answer in {seconds} s")


def test_a_real_prometheus_scrapes_what_the_table_says(run: Path, tmp_path: Path) -> None:
    prometheus = shutil.which("prometheus")
    if prometheus is None:
        pytest.skip("prometheus is not installed (Debian: apt-get install --no-install-recommends prometheus)")
    own = free_port()
    api = f"http://127.0.0.1:{own}/api/v1"

    def query(expression: str) -> dict[str, float]:
        with urllib.request.urlopen(f"{api}/query?" + urllib.parse.urlencode({"query": expression}), timeout=5) as answer:
            found = json.load(answer)["data"]["result"]
        return {series["metric"].get("region", ""): float(series["value"][1]) for series in found}

    with served(run) as port:
        (tmp_path / "prometheus.yml").write_text(
            "global: {scrape_interval: 1s}\n"
            f"scrape_configs: [{{job_name: hashwatt, static_configs: [{{targets: ['127.0.0.1:{port}']}}]}}]\n"
        )
        server = subprocess.Popen(
            [
                prometheus,
                f"--config.file={tmp_path / 'prometheus.yml'}",
                f"--storage.tsdb.path={tmp_path / 'tsdb'}",
                f"--web.listen-address=127.0.0.1:{own}",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            until(lambda: query("up == 1"))
            demand = until(lambda: query("hashwatt_grid_demand_watts"))
            energy = query("hashwatt_grid_energy_joules_total")
            powered = query("hashwatt_grid_region_powered")
            with urllib.request.urlopen(f"{api}/metadata?metric=hashwatt_grid_demand_watts", timeout=5) as answer:
                (metadata,) = json.load(answer)["data"]["hashwatt_grid_demand_watts"]
        finally:
            server.terminate()
            server.wait(timeout=20)
    table = pq.read_table(run / "regions.parquet").to_pylist()
    last = {row["region"]: row for row in table}
    assert demand == {name: row["power_w"] for name, row in last.items()}
    assert powered == {name: float(row["powered_fraction"] > 0) for name, row in last.items()}
    total = {name: sum(row["energy_j"] for row in table if row["region"] == name) for name in last}
    assert energy == pytest.approx(total, rel=1e-12)
    assert (metadata["type"], metadata["unit"]) == ("gauge", "watts")
