"""One row of ``entries`` from those of two corpora. No SQL here."""

from __future__ import annotations

from typing import NamedTuple

# What counts more of an article that neither has whole; 'failed' more than 'pending': its
# failure says when it is tried again.
_RANK = ("skipped", "outside", "pending", "failed", "stored")


class Entry(NamedTuple):
    """What a row of ``entries`` says beside its site, listing and address."""

    info_code: str | None
    title: str | None
    published_at: str | None
    told: str | None
    state: str
    first_shown_at: str


def united_entry(
    mine: Entry | None,
    theirs: Entry,
    *,
    stored: bool | None,
    stored_there: bool | None,
    title: str | None,
) -> Entry:
    """The entry as a corpus would have it that was shown both.

    ``stored`` says whether the merged corpus has the article with its title and time, and
    ``stored_there`` whether the other one has; None: not at all. ``title`` is that of the article.
    """
    theirs = theirs._replace(state=_answered(theirs.state, stored, stored_there))
    if mine is None:
        return theirs
    # Where two titles differ, a listing changed it: the article's own is the later one.
    titles = (mine.title, theirs.title)
    return Entry(
        info_code=mine.info_code or theirs.info_code,
        title=title if title in titles else max(filter(None, titles), default=None),
        published_at=min(filter(None, (mine.published_at, theirs.published_at)), default=None),
        told=max(filter(None, (mine.told, theirs.told)), default=None),
        state=_state(mine.state, theirs.state, stored),
        first_shown_at=min(mine.first_shown_at, theirs.first_shown_at),
    )


def _answered(state: str, stored: bool | None, stored_there: bool | None) -> str:
    if stored is None:  # its article was broken over there, which is a failure
        return "failed" if state == "stored" else state
    if stored and not (state == "pending" and stored_there):  # owed is a look at what it has
        return "stored"
    return state


def _state(mine: str, theirs: str, stored: bool | None) -> str:
    if stored:
        return "pending" if "pending" in (mine, theirs) else "stored"
    return max(mine, theirs, key=_RANK.index)
