"""What people should know of each site before they use its texts; data is in ``sites.toml``."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class Site:
    """A site: ``title`` for people, its ``home`` page, and its ``terms`` in a few sentences."""

    title: str
    home: str
    terms: str


@cache
def sites() -> Mapping[str, Site]:
    """All sites by name."""
    text = (files("crawler") / "sites.toml").read_text(encoding="utf-8")
    return {name: Site(**values) for name, values in tomllib.loads(text).items()}
