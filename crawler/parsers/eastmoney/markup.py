"""Finding things in the site's HTML; shared by its column pages and article pages."""

from __future__ import annotations

from urllib.parse import urljoin


def with_class(tag: str, name: str) -> str:
    """The XPath of elements that have this class among theirs: ``class=" item"``.

    >>> with_class("p", "time")
    "p[contains(concat(' ', normalize-space(@class), ' '), ' time ')]"
    """
    return f"{tag}[contains(concat(' ', normalize-space(@class), ' '), ' {name} ')]"


def absolute(base: str, href: str) -> str:
    """The address that a link leads to; "" for one that leads to no page."""
    try:
        url = urljoin(base, href.strip())
    except ValueError:  # such as 「http://[」
        return ""
    return url if url.startswith(("http://", "https://")) else ""
