"""What Redis knows at the moment of those who crawl together."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from redis.exceptions import AuthenticationError, RedisError, ResponseError

from crawler.errors import RedisRefuses
from crawler.exchange import keys
from crawler.exchange.connect import GONE, connect, refused, told
from crawler.exchange.records import RECORD, Wish, from_json, to_json
from crawler.parsers.dates import SHANGHAI
from pipelines.database.rows import time_text
from pipelines.hosts import Host

_LETTERS = 20  # the newest dead letters that are told one by one


def state(url: str, silence_s: float) -> dict[str, Any]:
    """The state, ready for JSON: ``collector`` (None: none is at work), ``workers``, ``wishes``,
    ``queues`` by site and lane (``waiting`` and ``in_flight``), ``outcomes`` that are not stored
    yet and for how long the oldest waits (``lag_s``), hosts at ``resting``, ``dead_letters`` with
    the newest of them. Times are ISO 8601 in Asia/Shanghai. A worker that is not heard of for
    ``silence_s`` counts as dead.

    Raises :class:`RedisRefuses` where Redis does not answer.
    """
    redis = connect(url)
    try:
        return _state(redis, silence_s)
    except RedisError as error:
        if isinstance(error, AuthenticationError | ResponseError):
            raise refused(told(url), error) from error
        raise RedisRefuses(f"Redis at {told(url)} does not answer: {error}") from error
    finally:
        redis.close()


def _state(redis: Any, silence_s: float) -> dict[str, Any]:
    seconds, micros = redis.time()
    now = seconds + micros / 1e6
    collector = redis.get(keys.COLLECTOR)
    oldest = redis.xrange(keys.OUTCOMES, count=1)
    return {
        "collector": collector and collector.decode(),
        "workers": [
            _worker(redis, name, now - heard / 1000, silence_s)
            for name, heard in _workers(redis)
            if now - heard / 1000 < GONE * silence_s
        ],
        "wishes": [_wish(fields) for _, fields in redis.xrange(keys.WISHES)],
        "queues": [_queue(redis, stream) for stream in sorted(redis.scan_iter(keys.TASKS))],
        "outcomes": redis.xlen(keys.OUTCOMES),
        "lag_s": round(now - _seconds(oldest[0][0]), 1) if oldest else 0.0,
        "resting": list(filter(None, (_rest(redis, k, now) for k in redis.scan_iter(keys.RESTS)))),
        "dead_letters": redis.xlen(keys.DEAD),
        "newest_dead": [_letter(each) for each in redis.xrevrange(keys.DEAD, count=_LETTERS)],
    }


def _workers(redis: Any) -> list[tuple[bytes, float]]:
    found: list[tuple[bytes, float]] = redis.zrange(keys.WORKERS, 0, -1, withscores=True)
    return found


def _worker(redis: Any, name: bytes, silent: float, silence_s: float) -> dict[str, Any]:
    told = redis.get(keys.worker(name.decode()))
    facts = from_json(told, dict) if told else {}
    dead, silent = silent > silence_s, round(max(0.0, silent), 1)
    return {"name": name.decode(), **facts, "silent_s": silent, "dead": dead}


def _wish(fields: dict[bytes, bytes]) -> dict[str, Any]:
    try:
        found: dict[str, Any] = from_json(to_json(from_json(fields[RECORD], Wish)), dict)
    except (ValueError, KeyError) as error:
        return {"site": None, "broken": str(error)}
    return found


def _queue(redis: Any, stream: bytes) -> dict[str, Any]:
    *_, site, lane = stream.decode().split(":")
    try:
        held = sum(group["pending"] for group in redis.xinfo_groups(stream))
    except ResponseError:  # it went meanwhile
        held = 0
    return {"site": site, "lane": lane, "waiting": redis.xlen(stream) - held, "in_flight": held}


def _rest(redis: Any, key: bytes, now: float) -> dict[str, Any] | None:
    state = redis.hget(key, "state")
    known = from_json(state, Host) if state else Host()
    if known.until is None or known.until.timestamp() <= now:
        return None
    host = key.decode().removeprefix(keys.RESTS.rstrip("*"))
    return {"host": host, "until": time_text(known.until), "reason": known.reason}


def _letter(entry: tuple[bytes, dict[bytes, bytes]]) -> dict[str, Any]:
    id_, fields = entry
    at = datetime.fromtimestamp(_seconds(id_), UTC).astimezone(SHANGHAI)
    return {"at": time_text(at), "why": fields.get(b"why", b"").decode("utf-8", "replace")}


def _seconds(id_: bytes) -> float:
    return int(id_.partition(b"-")[0]) / 1000
