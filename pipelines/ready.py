"""Whether messages and figures have a way out: asked before a run begins, not when it ends."""

from __future__ import annotations

from importlib.util import find_spec

from crawler.config_file import InForce
from crawler.errors import MissingExtra
from pipelines.alarms.webhook import template


def check(found: InForce) -> None:
    """Raise :class:`BadSettings` or :class:`MissingExtra` for what only trying would show: a
    template that cannot be read or is no JSON, or nothing to write the metrics file with.
    """
    alarms, metrics = found.settings.alarms, found.settings.metrics
    template(alarms.webhook, found.origin("alarms.webhook"))
    if metrics.file and find_spec("prometheus_client") is None:
        raise MissingExtra("metrics")
