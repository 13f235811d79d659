"""The walks of one crawl: one pass over each listing, page by page, and why it ended."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from logging import WARNING

from crawler.items import Entry, Listing
from crawler.log import event
from crawler.scope import Scope, span
from pipelines.database.connect import writing
from pipelines.database.coverage import Coverage, Span
from pipelines.database.frontier import Frontier, Shown
from pipelines.database.rows import time_text
from pipelines.run import Run


@dataclass(slots=True)
class _Walk:
    id: int
    listing: Listing
    began: datetime
    covered: Span | None  # the newest span of what earlier walks read
    whole: bool  # did the last walk leave nothing behind it?
    times: deque[datetime]  # of the entries last seen, as many as may be out of order
    newest: datetime | None = None  # of the entries seen
    exact: bool = True  # does the listing tell all its times to the second?
    entries: int = 0  # seen
    known: int = 0  # entries in a row, up to where the walk is, that were known
    before: int = 0  # … that are certainly older than what is asked for
    fell_back: bool = False  # to pages that do not reach as far as the listing
    failed: bool = False
    ended: bool = False

    def reached(self, slack: int) -> datetime | None:
        """From when on all that the listing shows has been read; None where it tells no times."""
        return max(list(self.times)[-slack:], default=None)

    def on_covered_ground(self, slack: int) -> bool:
        """Has it come to entries that a whole walk read before it?"""
        if self.covered is None or self.known < slack:
            return False
        reached = self.reached(slack)
        if self.exact and reached:
            return time_text(reached) <= self.covered.end
        return self.whole


class Walks:
    """Begins, counts and ends the walks of one site. ``slack`` as the site's spider has it.

    Listings that are discovered wait until the site's own are ``begun``: what a killed run left
    is fetched first, and a listing that it discovers must not come before those, or articles
    would be stored by other routes and in another order than by a run that was not killed.
    Raises :class:`crawler.errors.WriteFailed`.
    """

    def __init__(self, run: Run, site: str, frontier: Frontier, scope: Scope, slack: int) -> None:
        self._run = run
        self._site = site
        self._frontier = frontier
        self._scope = scope
        self._slack = slack
        self._walks: dict[str, _Walk] = {}
        self._coverage = Coverage(run.corpus, site)
        self.begun = False

    def begin(self, listing: Listing, *, discovered: bool = False) -> bool:
        """Begin the walk of a listing, once a run; False where there is nothing to walk.

        One that was ``discovered`` is remembered at once: the page that told of it will
        not be read again. One that was asked for is when it has answered.
        """
        scope, ledger = self._scope, self._run.ledger
        if listing.name in self._walks:
            return False
        if not scope.walks(listing.name):
            if discovered:
                with writing(self._run.corpus):
                    self._frontier.add_listing(listing)
            return False
        with writing(self._run.corpus):
            if discovered:
                self._frontier.add_listing(listing)
                if not self.begun:
                    return False
            whole = ledger.is_whole(listing.site, listing.name)
            id_ = ledger.begin_walk(listing.site, listing.name)
        covered = self._coverage.newest(listing.name)
        self._walks[listing.name] = _Walk(
            id_, listing, self._run.clock(), covered, whole, deque(maxlen=self._slack or 1)
        )
        told = f"{listing.site} {listing.name}: a walk begins"
        event("walk-begun", told, site=listing.site, listing=listing.name)
        return True

    def show(self, listing: Listing, entries: Sequence[Entry], *, last: bool) -> bool:
        """Write what a page of a listing shows; True when the walk goes on behind it."""
        walk, run = self._walks[listing.name], self._run
        with writing(run.corpus):
            shown = self._frontier.show(entries, self._scope)
            run.ledger.add_page(walk.id, shown)
            if not walk.failed:
                self._frontier.add_listing(walk.listing)
        run.counts["found"] += shown.found
        run.skipped |= shown.skipped
        for entry in entries:
            first, latest = span(entry)
            if entry.info_code and first and latest:
                walk.times.append(latest)
                walk.newest = max(walk.newest or first, first)
            walk.exact &= entry.published_at is not None
        outcome = self._outcome(walk, listing, shown, last=last)
        if outcome and not walk.failed:
            self.end(listing, outcome)
        return outcome is None

    @property
    def under_way(self) -> set[str]:
        """The names of the listings that are being walked."""
        return {name for name, walk in self._walks.items() if not walk.ended}

    def settle(self) -> None:
        """All that was asked for has an outcome: what the walks read is covered now."""
        with writing(self._run.corpus):
            found = self._coverage.settle()
        self._run.gaps += ((self._site, each) for each in found)
        for each in found:
            told = f"{self._site} {each}: a gap, it shows less than came since the last crawl"
            event("gap", told, level=WARNING, site=self._site, listing=each)

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
        walk.ended = True
        if outcome == "end" and walk.fell_back:
            outcome = "limit"
        with writing(self._run.corpus):
            self._run.ledger.end_walk(walk.id, outcome, self._span(walk, outcome))
            if outcome != "failed" and not walk.fell_back:
                self._frontier.answered(listing.name)
        _tell_end(listing, outcome, self._run.ledger.walked(walk.id))

    def _span(self, walk: _Walk, outcome: str) -> Span | None:
        """The time of which a walk has read all that its listing showed."""
        listing, scope = walk.listing, self._scope
        # Up to the newest that it showed: what comes later may be older than this crawl.
        ends = (walk.began, walk.newest, scope.until)
        end = min(each for each in ends if each)
        if outcome in ("limit", "failed") or listing.covers == "some" or not walk.entries:
            return None
        if outcome == "since":
            start = scope.since
        elif outcome == "end" and listing.covers == "all":
            start = None
        elif walk.covered and walk.on_covered_ground(self._at_end(walk)):
            return Span(walk.covered.end, max(time_text(end), walk.covered.end))
        else:
            start = walk.reached(self._at_end(walk)) or end
        return Span.of(min(start, end) if start else None, end)

    def _at_end(self, walk: _Walk) -> int:
        """How many entries in a row tell where a walk is; a short listing has no hundred."""
        return self._slack if walk.entries > 2 * self._slack > 0 else 1

    def _outcome(self, walk: _Walk, listing: Listing, shown: Shown, *, last: bool) -> str | None:
        """Why the walk ends at this page of the listing; None when it goes on."""
        enough = self._slack or shown.entries
        walk.entries += shown.entries
        walk.known = shown.known + (walk.known if shown.known == shown.entries else 0)
        walk.before = shown.before + (walk.before if shown.before == shown.entries else 0)
        if last:
            return "end"
        if walk.before >= enough:
            return "since"
        if walk.known >= enough and self._may_stop(walk):
            return "known"
        most = self._scope.max_pages
        return "limit" if most and listing.page >= most else None

    def _may_stop(self, walk: _Walk) -> bool:
        """Is there nothing to be found behind the covered ground that the walk is on?"""
        scope = self._scope
        if scope.full or not walk.on_covered_ground(self._slack or 1):
            return False
        # A backfill goes through covered ground to what lies behind it.
        assert walk.covered
        return not scope.since or time_text(scope.since) >= walk.covered.start


def _tell_end(listing: Listing, outcome: str, counts: dict[str, int]) -> None:
    site, name = listing.site, listing.name
    told = "{new} new of {entries} entries on {pages} pages".format_map(counts)
    sentence = f"{site} {name}: the walk ends ({outcome}), {told}"
    event("walk-ended", sentence, site=site, listing=name, outcome=outcome, counts=counts)
