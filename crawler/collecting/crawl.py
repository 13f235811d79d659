"""One crawl that many do: what is under way, and what is to be given out next."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field

from crawler.exchange.records import Wish
from crawler.frontier.plan import Plan, Task
from crawler.items import Listing
from crawler.spiders.listing import ListingSpider
from pipelines.run import Run


@dataclass(slots=True, eq=False)
class Crawl:
    """One crawl of a site, a run of its own; ``wish`` None: only what an earlier run gave out is
    taken.
    """

    site: str
    wish: Wish | None
    spider: ListingSpider
    run: Run
    plan: Plan
    wishes: set[str] = field(default_factory=set)
    open: dict[str, Task] = field(default_factory=dict)  # by token, in the order they were given
    later: deque[Task] = field(default_factory=deque)  # first pages: one walk after the other
    begun: bool = False  # are its listings asked for?
    dry: bool = False  # is nothing more owed, for the time being?
    since: float = field(default_factory=time.monotonic)  # the first of ``open`` is waited for

    def next(self, few: int) -> list[Task] | None:
        """What is to be given out now; None: the crawl is done."""
        if self.wish is None:
            return [] if self.open else None
        if any(isinstance(task.what, Listing) for task in self.open.values()):
            return []
        if self.later:
            return [self.later.popleft()]
        if self.open:
            if self.dry or len(self.open) >= few:
                return []
            tasks = self.plan.owed()
            self.dry = not tasks
            return tasks
        self.dry = False
        if not self.begun:
            if tasks := self.plan.owed():
                return tasks
            self.begun = True
            for each in self.spider.asked():
                self.later.extend(self.plan.listing(each))
            self.later.extend(self.plan.known_listings())
            return self.next(few)
        return self.plan.further() or None
