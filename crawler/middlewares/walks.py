"""The walks of one crawl: one pass over each listing, page by page, and why it ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from crawler.items import Entry, Listing
from crawler.scope import Scope
from pipelines.database.connect import writing
from pipelines.database.frontier import Frontier, Shown
from pipelines.run import Run


@dataclass(slots=True)
class _Walk:
    id: int
    url: str
    goes_on: bool  # past known entries, since an earlier walk left a hole or all is asked for
    known: int = 0  # entries in a row, up to where the walk is, that were known
    before: int = 0  # … that are certainly older than what is asked for
    fell_back: bool = False  # to pages that do not reach as far as the listing
    failed: bool = False


class Walks:
    """Begins, counts and ends the walks of one site. ``slack`` as the site's spider has it.

    Raises :class:`crawler.errors.WriteFailed`.
    """

    def __init__(self, run: Run, frontier: Frontier, scope: Scope, slack: int) -> None:
        self._run = run
        self._frontier = frontier
        self._scope = scope
        self._slack = slack
        self._walks: dict[str, _Walk] = {}

    def begin(self, listing: Listing, *, discovered: bool = False) -> bool:
        """Begin the walk of a listing, once a run; False where there is nothing to walk.

        One that was ``discovered`` is remembered at once: the page that told of it will
        not be read again. One that was asked for is when it has answered.
        """
        scope, ledger = self._scope, self._run.ledger
        if listing.name in self._walks or not scope.walks(listing.name):
            if discovered:
                with writing(self._run.corpus):
                    self._frontier.add_listing(listing)
            return False
        with writing(self._run.corpus):
            if discovered:
                self._frontier.add_listing(listing)
            whole = ledger.is_whole(listing.site, listing.name)
            id_ = ledger.begin_walk(listing.site, listing.name)
        self._walks[listing.name] = _Walk(id_, listing.url, goes_on=scope.full or not whole)
        return True

    def show(self, listing: Listing, entries: Sequence[Entry], *, last: bool) -> bool:
        """Write what a page of a listing shows; True when the walk goes on behind it."""
        walk, run = self._walks[listing.name], self._run
        with writing(run.corpus):
            shown = self._frontier.show(entries, self._scope)
            run.ledger.add_page(walk.id, len(entries), shown)
            if not walk.failed:
                self._frontier.add_listing(replace(listing, url=walk.url, page=1))
                self._frontier.answered(listing.url)
        run.counts["found"] += shown.found
        run.skipped |= shown.skipped
        outcome = self._outcome(walk, listing, len(entries), shown, last=last)
        if outcome and not walk.failed:
            self.end(listing, outcome)
        return outcome is None

    def fell_back(self, listing: Listing) -> None:
        """The rest of this walk reads pages that do not reach as far as the listing."""
        self._walks[listing.name].fell_back = True

    def failed(self, listing: Listing) -> None:
        """A page of the listing did not come: the walk leaves a hole."""
        if walk := self._walks.get(listing.name):
            walk.failed = True
            self.end(listing, "failed")

    def end(self, listing: Listing, outcome: str) -> None:
        """End a walk; for the outcomes see :meth:`pipelines.database.ledger.Ledger.end_walk`."""
        walk = self._walks[listing.name]
        if outcome == "end" and walk.fell_back:
            outcome = "limit"
        with writing(self._run.corpus):
            self._run.ledger.end_walk(walk.id, outcome)

    def _outcome(
        self, walk: _Walk, listing: Listing, entries: int, shown: Shown, *, last: bool
    ) -> str | None:
        """Why the walk ends at this page of the listing; None when it goes on."""
        enough = self._slack or entries
        walk.known = shown.known + (walk.known if shown.known == entries else 0)
        walk.before = shown.before + (walk.before if shown.before == entries else 0)
        if last:
            return "end"
        if walk.before >= enough:
            return "since"
        if walk.known >= enough and not walk.goes_on:
            return "known"
        most = self._scope.max_pages
        return "limit" if most and listing.page >= most else None
