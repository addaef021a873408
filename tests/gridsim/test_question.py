"""What a run is asked about must lie inside its chains: beyond their end there is no answer, only numbers."""

from __future__ import annotations

import pytest

from gridsim.ensemble import run_replicate
from gridsim.errors import ScenarioError
from gridsim.load import load_scenario


def test_a_question_beyond_the_end_of_a_chain_is_refused() -> None:
    scenario = load_scenario("demo")
    start = scenario.network.start_height
    short = scenario.model_copy(update={"network": scenario.network.model_copy(update={"end_height": start + 2016})})
    with pytest.raises(ScenarioError, match=r"asks about 2021-02-20T00:00:00\+00:00, but a chain ended at 2021-01-1\d"):
        run_replicate(short, 1, 0, keep_trace=False)


def test_the_demo_s_own_question_is_answered() -> None:
    """Nine tenths of three quarters of 147.5 EH/s on machines of 34.2 J/TH at PUE 1.1, and new ones grown since."""
    cut = run_replicate(load_scenario("demo"), 1, 0, keep_trace=False).cut
    assert cut is not None
    assert cut.power_cut_w == pytest.approx(0.9 * 0.75 * 147.5e18 / 95e12 * 3250 * 1.1, rel=1e-9)
