"""Some records worked out against what is stored: that is read at once, and what is new written
at once, since each statement costs its time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias

from sqlite_utils import Database

from crawler.items import Article, Failure, Look
from pipelines.database.answers import Answers
from pipelines.database.articles import Articles, wording
from pipelines.database.duplicates import State
from pipelines.database.failures import write_failure
from pipelines.database.history import keep
from pipelines.database.looks import Looks, Times
from pipelines.database.rows import paragraphs_of, time_text
from pipelines.dedupe import content_hash
from pipelines.draft import Draft, Words
from pipelines.merge import Change, Content, Said, taken
from pipelines.search.wording import Wording
from pipelines.sentences import sentences_of

Record: TypeAlias = Article | Draft | Failure | Look

# What a look that changed an article counts as.
_COUNTED: Mapping[Change | None, str] = {
    "filled": "filled",
    "reparsed": "improved",
    "retouched": "unchanged",
    "revised": "changed",
    None: "unchanged",
}


class Batch:
    """Writes records as if one after the other; the caller commits.

    ``counted`` are they by listing, ``said`` is what became of each article. ``states`` and
    ``wordings`` are what groups and index have to take up.
    """

    def __init__(
        self,
        corpus: Database,
        looks: Looks,
        records: Sequence[Record],
        *,
        run_id: int,
        clock: Callable[[], datetime],
    ) -> None:
        self._corpus = corpus
        self._run_id = run_id
        self._clock = clock
        self.counted: Counter[tuple[tuple[str, str], str]] = Counter()
        self.said: list[tuple[str, Draft]] = []
        self.states: list[State] = []
        self.wordings: list[tuple[Wording | None, Wording]] = []
        self._articles = Articles(corpus)
        codes = {each.info_code for each in records if isinstance(each, Article | Draft)}
        # As they are after what was worked out so far.
        self._known = self._articles.get_all(codes)
        self._records = [
            Draft.of(each, new=each.info_code not in self._known)
            if isinstance(each, Article)
            else each
            for each in records
        ]
        self._first = self._first_with_each()
        self._answers = Answers(corpus.conn, run_id, codes)
        self._new: list[tuple[str, Content, dict[str, Any]]] = []
        self._looks = looks
        looked_at = {each.info_code for each in records if isinstance(each, Look)} - codes
        self._times = looks.times_of(looked_at) if looked_at else {}
        self._looked: list[tuple[Look, Times]] = []

    def write(self) -> None:
        """Write all."""
        for record in self._records:
            if isinstance(record, Failure):
                self._write_failure(record)
            elif isinstance(record, Look):
                self._look(record)
            else:
                what = self._take(record)
                self.said.append((what, record))
                self.counted[record.listing, what] += 1
                self.counted[record.listing, "incomplete"] += not _is_whole(record.content)
        self._save()
        self._looks.write(self._looked)

    def _save(self) -> None:
        """Write what waits: before anything that reads or changes it in the tables."""
        self._articles.insert_all(self._new)
        self._new.clear()
        self._answers.write()

    def _write_failure(self, failure: Failure) -> None:
        self._save()
        write_failure(self._corpus, failure, self._run_id, self._clock())
        self._answers.fail(failure.info_code)
        self.counted[(failure.site, failure.listing or ""), "failed"] += 1

    def _look(self, look: Look) -> None:
        if found := self._known.get(look.info_code):
            said, kept = found
            self._looked.append((look, (kept["first_seen_at"], said["published_at"])))
        elif times := self._times.get(look.info_code):
            self._looked.append((look, times))

    def _take(self, draft: Draft) -> str:
        """Work out one article; what it counts as: new, changed, filled, improved or unchanged."""
        code, now = draft.info_code, time_text(self._clock())
        if code in self._answers:
            self._save()
        found = self._known.get(code)
        if found is None:
            self._add(draft, now)
            merged, counted = draft.content, "new"
        else:
            old, kept = found
            # By a clock that was set back: states follow each other.
            now = max(now, kept["updated_at"])
            merged, change = taken(old, draft.content, self._last_look(draft))
            counted = _COUNTED[change]
            if change:
                self._change(code, merged, change, now)
        came_by = (*draft.listing, draft.page_url)
        look = (draft.given, draft.content["page"], draft.content["parser"])
        self._answers.add(code, came_by, now, look, whole=_is_whole(merged))
        return counted

    def _add(self, draft: Draft, now: str) -> None:
        code, said, text = draft.info_code, draft.content, draft.content["text_hash"]
        kept = {
            "revision": 1,
            "first_seen_at": now,
            "updated_at": now,
            "run_id": self._run_id,
            "same_text_as": self._first_with(text),
            "content_hash": draft.content_hash,
        }
        if text and self._first[text] is None:
            self._first[text] = code
        self._new.append((code, said, kept))
        self._known[code] = said, kept
        words = draft.words or Words.of(
            code, said, draft.content_hash, paragraphs_of(said["paragraphs"])
        )
        self.states.append(State(code, said["published_at"], words.sentences, now, new=True))
        self.wordings.append((None, words.wording))

    def _change(self, code: str, merged: Content, change: Change, now: str) -> None:
        """Write another content of a stored article, and note what follows from its words."""
        old, kept = self._known[code]
        keep(self._corpus, code, change, now)
        revision = kept["revision"] + (change == "revised")
        newer = {"revision": revision, "updated_at": now, "run_id": self._run_id}
        self._articles.update(code, merged, **newer)
        self._known[code] = merged, {**kept, **newer}
        for text in {old["text_hash"], merged["text_hash"]} - {None}:
            self._first.pop(text, None)
        before, paragraphs = (paragraphs_of(each["paragraphs"]) for each in (old, merged))
        if any(merged[name] != old[name] for name in ("paragraphs", "published_at")):
            said = sentences_of(paragraphs)
            self.states.append(State(code, merged["published_at"], said, now))
        if content_hash(merged) != content_hash(old):
            wordings = wording(code, old, before), wording(code, merged, paragraphs)
            self.wordings.append(wordings)

    def _first_with_each(self) -> dict[str | None, str | None]:
        texts = {
            each.content["text_hash"]
            for each in self._records
            if isinstance(each, Draft) and each.info_code not in self._known
        }
        found = self._articles.first_with_each(texts - {None})
        return {None: None, **{text: found.get(text) for text in texts}}

    def _first_with(self, text: str | None) -> str | None:
        """The article that had this text first."""
        if text not in self._first:  # one that had it was changed
            self._save()
            self._first[text] = self._articles.first_with(text)
        return self._first[text]

    def _last_look(self, draft: Draft) -> Said | None:
        """The last look at the article's own route; None when it was never read."""
        # Of old databases the page and the parser of a route are known where it is the row's.
        row = self._corpus.conn.execute(
            """
            SELECT s.content_hash, coalesce(s.page, a.page), coalesce(s.parser, a.parser),
              NOT EXISTS (SELECT 1 FROM sightings AS other WHERE other.info_code = s.info_code
                AND other.content_hash IS NOT NULL AND (other.site, other.url) <> (s.site, s.url)),
              a.page IS s.page
                AND NOT EXISTS (SELECT 1 FROM revisions
                  WHERE info_code = s.info_code AND page IS NOT s.page)
                AND NOT EXISTS (SELECT 1 FROM corrections
                  WHERE info_code = s.info_code AND page IS NOT s.page)
            FROM sightings AS s JOIN articles AS a ON a.info_code = s.info_code
            WHERE s.info_code = ? AND s.site = ? AND s.url = ? AND s.content_hash IS NOT NULL
            LIMIT 1
            """,
            (draft.info_code, draft.content["site"], draft.page_url),
        ).fetchone()
        if row is None:
            return None
        given, page, parser, only_route, only_page = row
        return Said(given, page, parser, bool(only_route), bool(only_route and only_page))


def _is_whole(said: Content) -> bool:
    return said["title"] is not None and said["published_at"] is not None
