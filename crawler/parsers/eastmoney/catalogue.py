"""The listings of the site, as ``columns.csv`` names them: a new column is a new line there."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from importlib.resources import files

from crawler.items import Listing
from crawler.parsers.eastmoney import SITE

# Each kind of list by the word in the column ``kind``. Without req_trace the hosts refuse.
_URLS = {
    "column": "https://np-listapi.eastmoney.com/comm/web/getNewsByColumns?client=web"
    "&biz=web_news_col&column={column}&order=1&needInteractData=0"
    "&page_index=1&page_size={size}&req_trace=finews",
    "fast": "https://np-weblist.eastmoney.com/comm/web/getFastNewsList?client=web"
    "&biz=web_724&fastColumn={column}&sortEnd=&pageSize={size}&req_trace=finews",
    "push": "https://np-listapi.eastmoney.com/cms/pushlist?column={column}&client=PC"
    "&page_index=1&page_size={size}&req_trace=finews",
    "pc": "https://eminfo.eastmoney.com/pc_news/News/GetNewsList?searchType=001"
    "&columnCode={column}&p=1&pagesize={size}",
}


@dataclass(frozen=True, slots=True)
class Column:
    """A listing of the site: its first page, and the HTML page that shows the same column.

    ``page`` is None where there is none; ``default`` tells whether a crawl walks it unasked.
    """

    listing: Listing
    page: str | None
    default: bool


def catalogue(page_size: int) -> dict[str, Column]:
    """All listings by name, each asked for ``page_size`` items a page (the hosts give up to 200).

    >>> catalogue(20)["350"].listing.title, catalogue(20)["350"].page
    ('国内经济', 'https://finance.eastmoney.com/a/cgnjj.html')
    """
    text = files(__package__).joinpath("columns.csv").read_text(encoding="utf-8")
    return {
        row["listing"]: Column(
            _listing(row, page_size), row["page"] or None, row["default"] == "yes"
        )
        for row in csv.DictReader(text.splitlines())
    }


def _listing(row: dict[str, str], page_size: int) -> Listing:
    url = _URLS[row["kind"]].format(column=row["column"], size=page_size)
    # A column of more than 5,000 shows no more than these.
    return Listing(SITE, row["listing"], url, title=row["title"] or None, covers="newest")
