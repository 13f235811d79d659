"""A made-up article, before it is told by any list, answer or page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Story:
    """An article as its editor left it.

    ``code`` has 18 digits, ``shown`` is aware. ``body`` is what ``Art_Content`` holds: HTML
    without the attribution line. ``columns`` are the ids of the columns that list it, its own
    first; ``fast`` those of the 7×24 news. ``stocks`` are written ``0.009871``. A story
    without ``own_page`` stands in lists only: its article is gone wherever it is asked for.
    """

    code: str
    title: str
    shown: datetime
    body: str = ""
    source: str = ""
    summary: str = ""
    columns: tuple[str, ...] = ()
    fast: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    author: str = ""
    editor: str = "11"
    stocks: tuple[str, ...] = ()
    original_title: str = ""
    host: str = "finance.eastmoney.com"
    own_page: bool = True

    @property
    def url(self) -> str:
        """The address that lists call ``uniqueUrl``."""
        return f"http://{self.host}/a/{self.code}.html"

    @property
    def column_url(self) -> str:
        """The older address, by the story's own column."""
        own = (*self.columns, *self.fast, "345")[0]
        return f"http://{self.host}/news/1{own},{self.code}.html"

    @property
    def image(self) -> str:
        """The small picture beside it in lists."""
        return f"https://np-newspic.dfcfw.com/download/D9{self.code}_w210h154.jpg"
