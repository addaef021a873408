"""The report of a run as one self-contained page: nothing is fetched when it is opened."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from reports.figures.pictures import Picture
from reports.summary import Json


def render(summary: Json, pictures: Sequence[Picture], *, scenario_summary: str, version: str) -> str:
    """Return the page. Text of the summary is escaped; only the program's own figures go in as markup."""
    environment = Environment(loader=PackageLoader("reports"), autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    environment.filters |= {"whole": _whole, "tenth": _tenth, "plain": _plain}
    cut = summary.get("sichuan_cut") or summary.get("cut")
    in_short = f"hashwatt run {summary['scenario']} --seed {summary['seed']} --replicates {summary['replicates']}"
    context: Mapping[str, Any] = {
        "summary": summary,
        "cut": cut,
        "noise": summary["noise_pct"],
        "nonce": summary["nonce_check"],
        "pictures": [{"name": entry.name, "caption": entry.caption, "markup": inline_svg(entry)} for entry in pictures],
        "scenario_summary": scenario_summary,
        "version": version,
        "command": summary.get("rerun") or in_short,
    }
    return environment.get_template("report.html.j2").render(context)


def inline_svg(picture: Picture) -> Markup:
    """Return a figure's SVG for use inside a page: without XML head, and with ids of its own."""
    text = picture.svg.decode()
    body = text[text.index("<svg") :]
    body = re.sub(r'\bid="([^"]+)"', rf'id="{picture.name}-\1"', body)
    body = re.sub(r"url\(#([^)]+)\)", rf"url(#{picture.name}-\1)", body)
    body = re.sub(r'href="#([^"]+)"', rf'href="#{picture.name}-\1"', body)
    label = f'<svg role="img" aria-label="{picture.name}"'
    return Markup(body.replace("<svg", label, 1))


def _whole(value: float) -> str:
    return f"{value:,.0f}"


def _tenth(value: float) -> str:
    return f"{value:,.1f}"


def _plain(value: float) -> str:
    return f"{value:g}"
