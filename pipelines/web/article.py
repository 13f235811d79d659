"""One article: its text, what it names, how it came, what changed, who else has it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any
from urllib.parse import unquote

from datasette import Response
from sqlite_utils import Database

from crawler import infocode
from pipelines.database import browse, history, select
from pipelines.web import links
from pipelines.web.diff import STEPS, steps
from pipelines.web.page import Desk, Missing, words
from pipelines.web.results import EVIDENCE
from pipelines.web.words import Words

_OTHERS = 50


async def page(desk: Desk, request: Any) -> Response:
    """``/article/CODE``; bare digits, or an address that holds a code, lead to it."""
    given = unquote(request.url_vars["code"])
    t = words(request)
    found = await desk.ask(lambda db: _read(db, given, t))
    if found is None:
        code = infocode.read(given)
        if code is None or code == given:
            raise Missing(given)
        return Response.redirect(links.article(code))
    return await desk.html(request, "article.html", found)


def _read(db: Database, code: str, t: Words) -> dict[str, Any] | None:
    article = select.article(db, code)
    if article is None:
        return None
    states = history.states(db, code)
    others = article["near_duplicates"][:_OTHERS]
    known = browse.briefly(db, others)

    def named(name: str, value: str) -> str:
        label = t("field_published_at" if name == "time" else f"field_{name}")
        return f"{label}{t('colon')}{value}"

    return {
        "article": article,
        "blocks": list(_blocks(article["paragraphs"])),
        "mentions": list(_mentions(article["mentions"])),
        "others": [known[each] for each in others if each in known],
        "more_others": len(article["near_duplicates"]) - len(others),
        "steps": steps(states, named),
        "more_steps": len(states) - 1 > STEPS,
    }


def _blocks(paragraphs: Sequence[dict[str, Any]]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """The paragraphs by kind; items of a list that follow each other are one list."""
    for kind, each in groupby(paragraphs, key=lambda paragraph: paragraph["kind"]):
        if kind == "list":
            yield kind, list(each)
        else:
            yield from ((kind, [one]) for one in each)


def _mentions(mentions: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """A row a security, in the order the article names them: its names and its evidence,
    the surest first.
    """
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for each in mentions:
        row = found.setdefault(
            (each["market"], each["code"]),
            {"market": each["market"], "code": each["code"], "names": [], "evidence": []},
        )
        for key, value in (("names", each["name"]), ("evidence", each["evidence"])):
            if value and value not in row[key]:
                row[key].append(value)
    for row in found.values():
        row["evidence"].sort(key=lambda name: (*EVIDENCE, name).index(name))
    yield from found.values()
