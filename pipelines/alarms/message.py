"""What a person is told: one message of one alarm."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

#: What each rule says of its subject, such that 「eastmoney is …」 is a sentence.
_STATES = {
    "quiet": "quiet",
    "old": "out of date",
    "field": "lacking a field",
    "failing": "failing",
    "layout": "laid out differently",
    "refused": "refusing requests",
    "rest": "left alone for a while",
    "gap": "incomplete",
    "data": "failing",
    "disk": "nearly full",
    "held": "held up",
    "clock": "wrong",
    "verify": "damaged",
    "sink": "failing",
}
#: What a rule is about that names no subject.
_OWN = {
    "data": "the data folder",
    "disk": "the disk",
    "held": "the crawl",
    "clock": "the clock",
    "verify": "the corpus",
}


@dataclass(frozen=True, slots=True)
class Message:
    """One message, as it stands in ``messages`` and its row of ``alarms``.

    ``kind`` is ``alarm``, ``reminder``, ``recovery`` or ``test``; the first line of ``text`` is a
    whole sentence. ``written_at`` is aware. ``id`` None: it stands in no corpus.
    """

    kind: str
    rule: str
    subject: str
    text: str
    written_at: datetime
    id: int | None = None

    @property
    def title(self) -> str:
        """One line that begins with ``finews``, so that a chat can filter by that word.

        >>> Message("alarm", "failing", "eastmoney", "…", datetime.now()).title
        'finews: eastmoney is failing'
        """
        if self.kind == "test":
            return "finews: a test"
        name = self.subject or _OWN.get(self.rule, "the crawler")
        what = f"the sink {name}" if self.rule == "sink" else name
        state = _STATES.get(self.rule, f"in need of a look ({self.rule})")
        told = {
            "reminder": f"{what} is still {state}",
            "recovery": f"{what} is well again; it was {state}",
        }.get(self.kind, f"{what} is {state}")
        # A subject comes from outside: no line break of it gets into a header.
        return f"finews: {' '.join(told.split())}"


def trial(now: datetime) -> Message:
    """The message of ``finews alarm --test``."""
    text = (
        "This is a test of the alarms of finews: nothing is wrong.\n"
        "It came by finews alarm --test; a real alarm says here what is wrong, and why."
    )
    return Message("test", "", "", text, now)
