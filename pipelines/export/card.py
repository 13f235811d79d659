"""The dataset card: ``README.md`` in the form that Hugging Face reads, and its pictures.

All it tells comes from the corpus and the command, nothing from the machine or the clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from crawler.sites import sites
from pipelines.database.coverage import shares
from pipelines.export import pictures
from pipelines.export.facts import LENGTHS, Facts
from pipelines.export.loading import examples, features
from pipelines.fields import FIELDS, Field

_SOURCES = 30
_GAPS = 50
_YEARS = 12  # of the calendar
_SIZES = (1_000, 10_000, 100_000, 1_000_000, 10_000_000)


@dataclass(frozen=True, slots=True)
class Part:
    """A split as it was written: its name, files (a pattern), rows, bounds as stored, and how
    many copies of articles of earlier splits were left out.
    """

    name: str
    files: str
    rows: int
    start: str | None
    end: str | None
    left_out: int


def drawn(facts: Facts) -> dict[str, str]:
    """The pictures of a card as SVG, by path."""
    found = {
        "pictures/months.svg": pictures.months(facts.months),
        "pictures/lengths.svg": pictures.lengths(facts.lengths, LENGTHS),
    }
    if facts.coverage and facts.days:
        first, last = facts.days
        first = max(first, last.replace(year=max(last.year - _YEARS + 1, 1), month=1, day=1))
        share = shares(facts.coverage, first, last)
        years = range(first.year, last.year + 1)
        found["pictures/coverage.svg"] = pictures.calendar(share, years)
    return found


def card(facts: Facts, parts: Sequence[Part], *, command: str, format: str, version: str) -> str:
    """The card of a dataset whose files are in ``format`` (csv, jsonl, parquet, sqlite)."""
    sections = (
        _head(facts, parts, format),
        _what(facts, command, version),
        _splits(parts),
        _sites(facts),
        _fields(facts, format),
        _made(facts),
        _known_gaps(facts),
        _loading(parts, format),
    )
    return "\n".join(sections)


def _head(facts: Facts, parts: Sequence[Part], format: str) -> str:
    size = next((at for at in _SIZES if facts.articles < at), None)
    low = max((at for at in _SIZES if at <= facts.articles), default=None)
    category = (
        f"n<{_short(_SIZES[0])}" if low is None
        else f"n>{_short(low)}" if size is None
        else f"{_short(low)}<n<{_short(size)}"
    )  # fmt: skip
    text = (
        "---\npretty_name: Chinese financial news\nlanguage:\n- zh\nlicense: other\n"
        "license_name: rights-of-the-publishers\n"
        f"tags:\n- finance\n- news\nsize_categories:\n- {category}\n"
    )
    if kinds := features(format):
        text += "configs:\n- config_name: default\n"
        if format == "csv":  # else a title such as "null" or "NA" would be none
            text += '  keep_default_na: false\n  na_values:\n  - ""\n'
        text += "  data_files:\n"
        text += "".join(f'  - split: "{each.name}"\n    path: "{each.files}"\n' for each in parts)
        text += "dataset_info:\n  features:\n"
        text += kinds
    return text + "---\n"


def _short(number: int) -> str:
    return f"{number // 1_000_000}M" if number >= 1_000_000 else f"{number // 1000}K"


def _what(facts: Facts, command: str, version: str) -> str:
    span = f", published from {_day(facts.first)} to {_day(facts.last)}" if facts.first else ""
    seen = f"; first stored from {_day(facts.first_seen)} to {_day(facts.last_seen)}"
    return (
        "# Chinese financial news\n\n"
        f"{facts.articles:,} articles of Chinese financial news"
        f"{span}{seen if facts.first_seen else ''}."
        " Times are of Asia/Shanghai. Written by finews"
        f" {version}:\n\n```sh\n{command}\n```\n\n"
        "`manifest.json` has the filters, versions, rows and SHA-256 of every file; `finews export"
        " --verify FOLDER` checks them.\n"
    )


def _splits(parts: Sequence[Part]) -> str:
    rows = [
        (f"`{each.name}`", each.start or "", each.end or "", f"{each.rows:,}", f"{each.left_out:,}")
        for each in parts
    ]
    text = "## Splits\n\n" + _table(("split", "from", "to", "articles", "copies left out"), rows)
    if len(parts) > 1:
        text += (
            "\nSplit by time of publication. A group of near-duplicates is in one split only, that"
            " of its first article; copies published after the end of that split are left out, and"
            " articles of unknown time are in none.\n"
        )
    return text


def _sites(facts: Facts) -> str:
    known = sites()
    text = "## Where the articles come from\n\n"
    text += "![Articles a month, by source](pictures/months.svg)\n\n"
    named = [(name, f"{number:,}") for name, number in facts.sources[:_SOURCES]]
    text += _table(
        ("source", "articles"), [(name or "(unknown)", number) for name, number in named]
    )
    if rest := facts.sources[_SOURCES:]:
        text += f"\nand {len(rest):,} more sources with {sum(n for _, n in rest):,} articles.\n"
    text += "\n### Terms\n"
    for name, number in facts.sites:
        if site := known.get(name or ""):
            text += (
                f"\n**[{site.title}]({site.home})** (`{name}`), {number:,} articles. {site.terms}\n"
            )
        else:
            text += f"\n**{_cell(name or '(unknown)')}**, {number:,} articles."
            text += " Its terms are not known.\n"
    return text


def _fields(facts: Facts, format: str) -> str:
    rows = [
        (
            f"`{field.name}`",
            _type(field, format),
            field.meaning,
            f"{facts.unknown.get(field.name, 0):,}",
        )
        for field in FIELDS
    ]
    text = "## Fields\n\n" + _table(("field", "type", "meaning", "unknown"), rows)
    text += "\nWhat is not known is null, never invented and never an empty text.\n"
    if format == "csv":
        text += (
            "\nIn these CSV files a text that a spreadsheet could run as a formula (it begins with"
            " `= + - @`, their full-width forms, a tab or a line break), or that begins with `'`,"
            " has one `'` more before it; take one `'` from the beginning of each that has one."
            " NUL stands as `␀`. Lists are JSON.\n"
        )
    text += "\n![Articles by length](pictures/lengths.svg)\n"
    return text


def _type(field: Field, format: str) -> str:
    lists = ("texts", "paragraphs", "mentions")
    if field.type in lists and format in ("csv", "sqlite"):
        return "JSON"
    return {
        "time": "timestamp" if format == "parquet" else "ISO 8601",
        "flag": "0 or 1" if format == "sqlite" else "true or false",
        "texts": "list of texts",
        "paragraphs": "list",
        "mentions": "list",
    }.get(field.type, field.type)


def _made(facts: Facts) -> str:
    return (
        "## How it was made\n\n"
        "finews walks the listing pages and feeds of each site, asks for every article that they"
        " show, keeps each answer as it came, and reads title, time, source, paragraphs and the"
        " securities that are named by a parser of that site; nothing is guessed, and text in the"
        " wrong charset is not stored. An article that came by several routes is one row.\n\n"
        "Media repeat each other. Articles whose texts share at least half of their sentences are"
        " one group of near-duplicates: `duplicate_group` names the one published first,"
        " `first_in_group` is true for it. "
        f"Here {facts.grouped:,} articles share a group with others, {facts.groups:,} groups.\n"
    )


def _known_gaps(facts: Facts) -> str:
    text = "## Known gaps\n\n"
    if not facts.coverage:
        return text + "Nothing is known of what the listings showed: no listing was walked.\n"
    if facts.days:
        text += "![Coverage by day](pictures/coverage.svg)\n\n"
    text += (
        "A listing is known to be complete for the spans of time that crawls have read whole."
        " Outside them articles may be missing, and before the first of them nothing is known.\n\n"
    )
    rows = [
        (
            site,
            listing,
            _bound(found[0].start) if found else "never",
            _bound(found[-1].end) if found else "",
        )
        for (site, listing), found in facts.coverage.items()
    ]
    text += _table(("site", "listing", "complete from", "to"), rows)
    gaps = [
        (site, listing, _bound(one.end), _bound(other.start))
        for (site, listing), found in facts.coverage.items()
        for one, other in pairwise(found)
    ]
    if not gaps:
        return text + "\nNo gaps in between are known.\n"
    text += "\nGaps in between:\n\n" + _table(("site", "listing", "from", "to"), gaps[:_GAPS])
    return text + (f"\nand {len(gaps) - _GAPS:,} more.\n" if len(gaps) > _GAPS else "")


def _loading(parts: Sequence[Part], format: str) -> str:
    code = examples(parts[0].files, parts[0].name, format)
    text = "## How to load it\n\nIn this folder; no network is needed.\n"
    return text + "".join(f"\n{tool}:\n\n```python\n{each}```\n" for tool, each in code.items())


def _table(names: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [names, ["---"] * len(names), *([_cell(cell) for cell in row] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _cell(text: str) -> str:
    """Text of the corpus, kept from ending its cell or being read as markup."""
    plain = " ".join(text.split()).replace("\\", "\\\\").replace("|", "\\|")
    return plain.replace("<", "&lt;").replace("[", "\\[")


def _day(time: str | None) -> str:
    return (time or "")[:10]


def _bound(time: str) -> str:
    return time[:16].replace("T", " ") if time else "its beginning"
