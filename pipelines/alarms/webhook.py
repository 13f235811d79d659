"""A webhook: each message is posted as JSON, shaped by a template."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

from crawler.config import TEMPLATES
from crawler.errors import BadSettings, SinkFailed
from pipelines.alarms import http
from pipelines.alarms.causes import quoted
from pipelines.alarms.message import Message

_READY = Path(__file__).parent / "templates"
_PLACEHOLDER = re.compile(r"\$(title|text|kind|rule|subject|time)\b")
_MOST = 1900  # bytes of a text: WeCom takes 2,048, the title included
#: Where services that answer status 200 to everything say what went wrong, by what their
#: messages have: Feishu (its older answers too); DingTalk and WeCom.
_CODES = {
    "msg_type": (("code", "msg"), ("StatusCode", "StatusMessage")),
    "msgtype": (("errcode", "errmsg"),),
}


@dataclass(frozen=True, slots=True)
class Webhook:
    """A URL and the ``template`` of what it gets, JSON that was read; ``name`` is its name."""

    url: str = field(repr=False)
    name: str
    template: Any
    hidden: tuple[str, ...] = field(default=(), repr=False)

    def send(self, message: Message, timeout: float) -> str:
        """Post it. Raises :class:`SinkFailed` and :class:`TimeoutError`."""
        words = placeholders(message)
        if self.name == "slack":  # it takes <…> for commands such as <!channel>
            words = {name: escape(word, quote=False) for name, word in words.items()}
        body = json.dumps(filled(self.template, words), ensure_ascii=False)
        status, answer = http.post(self.url, body.encode("utf-8", "replace"), timeout)
        said = self._complaint(answer)
        if not 200 <= status < 300:
            raise SinkFailed(f"the server answered with status {status}{said and f': {said}'}")
        if said:
            raise SinkFailed(f"the server refused it: {said}")
        return "sent"

    def _complaint(self, answer: bytes) -> str:
        """What went wrong by the answer of Feishu, DingTalk or WeCom; empty when nothing did."""
        sent = self.template if isinstance(self.template, dict) else {}
        try:
            got = json.loads(answer)
        except ValueError:
            return ""
        for code, words in (pair for key, pairs in _CODES.items() if key in sent for pair in pairs):
            if isinstance(got, dict) and got.get(code):
                return quoted(f"{got.get(words) or 'no reason given'} ({got[code]})", self.hidden)
        return ""


def template(name: str, origin: str) -> Any:
    """The template of a ready body, or of one's own ``.json`` file; ``origin`` says where the
    setting stands. Raises :class:`BadSettings`.
    """
    ready = name in TEMPLATES
    path = _READY / f"{name}.json" if ready else Path(name)
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        why = f"cannot be read: {error.strerror}"
    except (ValueError, RecursionError) as error:
        why = f"is not JSON: {error}"
    raise BadSettings(f"the template {name} of alarms.webhook {why}", origin=origin)


def placeholders(message: Message) -> dict[str, str]:
    """What stands in a template for what of a message; a long text is cut."""
    return {
        "title": message.title,
        "text": _cut(message.text),
        "kind": message.kind,
        "rule": message.rule,
        "subject": message.subject,
        "time": message.written_at.isoformat(timespec="seconds"),
    }


def filled(template: Any, words: Mapping[str, str]) -> Any:
    """A template with its placeholders replaced, inside texts only: it stays JSON.

    >>> filled({"text": "$title: $text ($5)"}, {"title": "A", "text": '"$title"'})
    {'text': 'A: "$title" ($5)'}
    """
    if isinstance(template, dict):
        return {key: filled(value, words) for key, value in template.items()}
    if isinstance(template, list):
        return [filled(value, words) for value in template]
    if isinstance(template, str):
        return _PLACEHOLDER.sub(lambda found: words[found[1]], template)
    return template


def _cut(text: str) -> str:
    whole = text.encode("utf-8", "replace")
    return text if len(whole) <= _MOST else f"{whole[:_MOST].decode('utf-8', 'ignore')}…"
