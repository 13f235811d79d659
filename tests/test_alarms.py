"""Alarms on their way out: what arrives, what fails and how it is told, what is tried again."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlite_utils import Database

from crawler.config import TEMPLATES, Alarms
from crawler.config_file import read
from crawler.errors import BadSettings
from crawler.parsers.dates import SHANGHAI
from pipelines.alarms.message import Message, trial
from pipelines.alarms.post import ping, post
from pipelines.alarms.sinks import Delivery, send, sinks
from pipelines.database import outbox
from pipelines.database.connect import open_corpus, writing
from pipelines.database.rows import time_text
from pipelines.ready import check
from tests.conftest import Program
from tests.receivers import (
    Behaviour,
    Mailbox,
    Receiver,
    drip,
    drip_mail,
    hang,
    mailbox,
    make_certificate,
    misbehaving,
    receiving,
    reset,
)

AT = datetime(2026, 11, 3, 10, 5, tzinfo=SHANGHAI)
TEXT = 'eastmoney "does not" answer: \\ $title 🚨\n全角：「沪深３００」\n<b>&amp;\tend'
MESSAGE = Message("alarm", "failing", "eastmoney", TEXT, AT, 1)
KEY = "d4c0ffee-key-of-the-hook"
TIMEOUT = 0.4
AMPLE = 10.0  # where nothing hangs


@pytest.fixture(autouse=True)
def _no_thread_stays() -> Iterator[None]:
    """What was abandoned ends when its server does."""
    yield
    for thread in threading.enumerate():
        if thread.name.startswith("alarms-"):
            thread.join(5)
            assert not thread.is_alive()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


@pytest.fixture
def box() -> Iterator[Mailbox]:
    with mailbox() as found:
        yield found


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    found = open_corpus(tmp_path)
    yield found
    found.close()


def deliver(settings: Alarms, message: Message = MESSAGE, timeout: float = AMPLE) -> Delivery:
    """Send a message to the one sink of ``settings``."""
    ready = sinks(settings)
    [done] = send({name: [message] for name in ready}, ready, timeout)
    return done


def error(settings: Alarms, timeout: float = AMPLE) -> str:
    begin = time.monotonic()
    done = deliver(settings, timeout=timeout)
    assert time.monotonic() - begin < timeout + 0.6
    assert done.error
    assert KEY not in done.error
    return done.error


def hook(receiver: Receiver, template: str = "json") -> Alarms:
    return Alarms(webhook=template, webhook_url=f"{receiver.url}/hook/{KEY}")


def mail(box: Mailbox, **more: str) -> Alarms:
    return Alarms(mail_to=("a@b.test", "c@d.test"), mail_server=box.server, **more)  # type: ignore[arg-type]


def script(body: str) -> Alarms:
    return Alarms(command=(sys.executable, "-c", body))


# What arrives


BODY = f"finews: eastmoney is failing\n{TEXT}"
BODIES = {
    "slack": {"text": BODY.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")},
    "feishu": {"msg_type": "text", "content": {"text": BODY}},
    "dingtalk": {"msgtype": "text", "text": {"content": BODY}},
    "wecom": {"msgtype": "text", "text": {"content": BODY}},
    "json": {
        "kind": "alarm",
        "rule": "failing",
        "subject": "eastmoney",
        "title": "finews: eastmoney is failing",
        "text": TEXT,
        "time": "2026-11-03T10:05:00+08:00",
    },
}


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_webhook_gets_the_body_of_its_service(receiver: Receiver, template: str) -> None:
    receiver.body = '{"errcode": 0, "errmsg": "ok", "code": 0, "StatusCode": 0, "msg": "success"}'
    assert deliver(hook(receiver, template)).told == "sent"
    assert receiver.posts == [BODIES[template]]
    assert receiver.headers[0]["Content-Type"] == "application/json; charset=utf-8"


def test_a_template_of_ones_own(receiver: Receiver, tmp_path: Path) -> None:
    own = tmp_path / "own.json"
    own.write_text('[{"n": 1, "a": ["$rule: $subject at $time", "$5 $titles", null]}, "$text"]')
    assert deliver(hook(receiver, str(own))).told == "sent"
    told = "failing: eastmoney at 2026-11-03T10:05:00+08:00"
    assert receiver.posts == [[{"n": 1, "a": [told, "$5 $titles", None]}, TEXT]]


def test_a_text_too_long_for_a_chat_is_cut(receiver: Receiver) -> None:
    deliver(hook(receiver, "wecom"), replace(MESSAGE, text="长" * 5000))
    content = receiver.posts[0]["text"]["content"]
    assert content.endswith("长…")
    assert len(content.encode()) <= 2048


def test_a_url_with_a_user_and_a_password(receiver: Receiver) -> None:
    url = receiver.url.replace("://", "://me:p%40ss@")
    assert deliver(Alarms(webhook_url=url)).told == "sent"
    assert receiver.headers[0]["Authorization"] == "Basic bWU6cEBzcw=="


def test_a_mail_says_it_all(box: Mailbox) -> None:
    assert deliver(mail(box, mail_from="finews <f@b.test>")).told == "sent to a@b.test, c@d.test"
    [got] = box.mails
    assert got["Subject"] == "finews: eastmoney is failing"
    assert got["From"] == "finews <f@b.test>"
    assert got["To"] == "a@b.test, c@d.test"
    assert got["Date"].datetime == AT
    assert got["Message-ID"].endswith("@b.test>")
    assert got.get_content() == f"{TEXT}\n".replace("\n", "\r\n")


def test_a_subject_adds_no_header(box: Mailbox) -> None:
    evil = replace(MESSAGE, subject="东方财富\r\nBcc: x@y.test\r\n\r\nbody")
    deliver(mail(box), evil)
    assert box.mails[0]["Subject"] == "finews: 东方财富 Bcc: x@y.test body is failing"
    assert box.mails[0]["Bcc"] is None


def test_a_mail_with_a_login_over_tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate = make_certificate(tmp_path / "cert.pem")
    with mailbox(certificate=certificate, password=KEY) as box:
        settings = mail(box, mail_security="starttls", mail_user="me", mail_password=KEY)
        assert error(settings).startswith("the certificate of the server is not to be trusted")
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert deliver(settings).told == "sent to a@b.test, c@d.test"
        assert box.users == ["me"]
        wrong = replace(settings, mail_password="wrong")
        assert error(wrong) == "the server refused the login (535)"
        unset = replace(settings, mail_password="")
        assert error(unset) == "alarms.mail_user is set, but FINEWS_MAIL_PASSWORD is not"
    assert len(box.mails) == 1


def test_addresses_that_a_mail_server_refuses(box: Mailbox) -> None:
    box.refuses = {"a@b.test"}
    assert deliver(mail(box)).told == "sent to c@d.test, but refused for a@b.test"
    box.refuses = {"a@b.test", "c@d.test"}
    assert error(mail(box)) == "the server refused it: 550 no such mailbox"


def test_a_command_reads_the_message(tmp_path: Path) -> None:
    out = tmp_path / "out"
    body = f"import sys; open({str(out)!r}, 'wb').write(sys.stdin.buffer.read()); print('noise')"
    assert deliver(script(body)).told == "run"
    assert out.read_text(encoding="utf-8") == f"finews: eastmoney is failing\n\n{TEXT}\n"


@pytest.mark.parametrize(
    ("kind", "rule", "subject", "title"),
    [
        ("reminder", "failing", "eastmoney", "finews: eastmoney is still failing"),
        ("recovery", "failing", "eastmoney", "finews: eastmoney is well again; it was failing"),
        ("alarm", "disk", "", "finews: the disk is nearly full"),
        ("alarm", "sink", "mail", "finews: the sink mail is failing"),
        ("alarm", "new-rule", "", "finews: the crawler is in need of a look (new-rule)"),
        ("test", "", "", "finews: a test"),
    ],
)
def test_titles(kind: str, rule: str, subject: str, title: str) -> None:
    assert Message(kind, rule, subject, "", AT).title == title


# What fails


@pytest.mark.parametrize(
    ("template", "status", "body", "told"),
    [
        ("json", 500, "", "the server answered with status 500"),
        ("slack", 403, "invalid_token", "the server answered with status 403"),
        (
            "dingtalk",
            200,
            '{"errcode": 310000, "errmsg": "keywords not in content"}',
            "the server refused it: keywords not in content (310000)",
        ),
        (
            "wecom",
            200,
            f'{{"errcode": 93000, "errmsg": "invalid webhook url {KEY}"}}',
            "the server refused it: invalid webhook url … (93000)",
        ),
        (
            "feishu",
            200,
            '{"code": 19024, "msg": "Key Words Not Found", "data": {}}',
            "the server refused it: Key Words Not Found (19024)",
        ),
        (
            "feishu",
            400,
            '{"StatusCode": 9499, "StatusMessage": "Bad Request"}',
            "the server answered with status 400: Bad Request (9499)",
        ),
    ],
)
def test_an_answer_that_is_a_refusal(
    receiver: Receiver, template: str, status: int, body: str, told: str
) -> None:
    receiver.status, receiver.body = status, body
    assert error(hook(receiver, template)) == told


def test_another_service_may_answer_with_a_code_of_its_own(receiver: Receiver) -> None:
    receiver.body = '{"code": 200, "msg": "ok"}'
    assert deliver(hook(receiver)).told == "sent"


def test_a_redirect_is_no_delivery(receiver: Receiver) -> None:
    receiver.location = "/elsewhere"
    assert error(hook(receiver)) == "the server answered with status 302"


LATE = "no answer within 0.4 seconds"
BROKEN = "the connection was broken off"


@pytest.mark.parametrize(("behaviour", "told"), [(hang, LATE), (drip, LATE), (reset, BROKEN)])
def test_a_webhook_of_no_use(behaviour: Behaviour, told: str) -> None:
    with misbehaving(behaviour) as server:
        assert error(Alarms(webhook_url=f"http://{server}/{KEY}"), TIMEOUT) == told


@pytest.mark.parametrize(
    ("security", "behaviour", "told"),
    [
        ("none", hang, LATE),
        ("none", drip_mail, LATE),
        ("tls", hang, LATE),
        ("tls", drip_mail, "no secure connection could be made"),
        ("tls", reset, BROKEN),
    ],
)
def test_a_mail_server_of_no_use(security: str, behaviour: Behaviour, told: str) -> None:
    with misbehaving(behaviour) as server:
        settings = Alarms(mail_to=("a@b.test",), mail_server=server, mail_security=security)
        assert error(settings, TIMEOUT) == told


def test_a_mail_server_without_starttls(box: Mailbox) -> None:
    told = "STARTTLS extension not supported by server."
    assert error(mail(box, mail_security="starttls")) == told


def test_a_port_where_nobody_is() -> None:
    with misbehaving(hang) as server:
        pass
    told = "the connection was refused"
    assert error(Alarms(webhook_url=f"http://{server}/{KEY}")) == told
    assert error(Alarms(mail_to=("a@b.test",), mail_server=server)) == told


@pytest.mark.parametrize("url", [f"http://127.0.0.1/{KEY} x", f"http://ü:y/{KEY}"])
def test_a_url_that_cannot_be_called(url: str) -> None:
    assert error(Alarms(webhook_url=url)) == "its URL is none that can be called"


def test_a_command_that_fails() -> None:
    body = f"import sys; sys.exit('first\\nno route to {KEY}\\n')"
    settings = replace(script(body), webhook_url=f"http://127.0.0.1:1/{KEY}")
    [done] = send({"command": [MESSAGE]}, sinks(settings), AMPLE)
    assert done.error == "the command ended with exit code 1: no route to …"
    assert error(Alarms(command=("/no/such/program",))) == (
        "/no/such/program cannot be run (No such file or directory)"
    )
    dies = deliver(Alarms(command=("/bin/sh", "-c", "kill -9 $$")))
    assert dies.error == "the command ended with signal 9"


def test_a_command_that_hangs_is_killed_with_its_children(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    body = f"trap '' TERM; sleep 60 & echo $$ $! > {pids}; while :; do sleep 60; done"
    assert error(Alarms(command=("/bin/sh", "-c", body)), TIMEOUT) == LATE
    time.sleep(0.1)
    for pid in pids.read_text().split():
        state = Path(f"/proc/{pid}/stat")
        assert not state.exists() or state.read_text().rpartition(")")[2].split()[0] == "Z"


def test_a_command_that_leaves_something_running_has_done_its_work() -> None:
    assert deliver(Alarms(command=("/bin/sh", "-c", "sleep 1 &")), timeout=TIMEOUT).told == "run"


def test_sinks_that_hang_take_one_timeout_together() -> None:
    with misbehaving(hang) as server:
        settings = Alarms(
            command=("/bin/sleep", "60"),
            webhook_url=f"http://{server}/{KEY}",
            mail_to=("a@b.test",),
            mail_server=server,
        )
        ready = sinks(settings)
        begin = time.monotonic()
        done = send({name: [MESSAGE, MESSAGE] for name in ready}, ready, TIMEOUT)
        assert time.monotonic() - begin < 2 * TIMEOUT
    behind = "not tried: those before it took all of the 0.4 seconds"
    assert [each.error for each in done] == [LATE, behind] * 3


def test_a_fault_of_a_sink_is_told() -> None:
    class Broken:
        def send(self, _message: Message, _timeout: float) -> str:
            raise KeyError(KEY)

    [done] = send({"own": [MESSAGE]}, {"own": Broken()}, TIMEOUT)
    assert done.error == "unexpected: KeyError"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (None, "cannot be read: No such file or directory"),
        ('{"text": "$text"', "is not JSON: Expecting ',' delimiter"),
        ("\ud800", "is not JSON"),
    ],
)
def test_a_template_that_cannot_be_had(
    finews: Program, tmp_path: Path, text: str | None, told: str
) -> None:
    own, config = tmp_path / "own.json", tmp_path / "finews.toml"
    if text is not None:
        own.write_bytes(text.encode("utf-8", "surrogatepass"))
    config.write_text(f'[alarms]\nwebhook = "{own}"\n')
    with pytest.raises(BadSettings, match=told) as caught:
        check(read(config.read_text(), config, {}))
    assert caught.value.origin == f"{config}:2"
    finews.env |= {"FINEWS_CONFIG": str(config), "FINEWS_WEBHOOK_URL": f"http://127.0.0.1/{KEY}"}
    done = finews.run(finews.command("alarm", "--test"))
    assert done.returncode == 2
    assert told in done.stderr
    assert KEY not in done.stderr


# The ping


def test_a_ping(receiver: Receiver) -> None:
    settings = Alarms(ping_url=f"{receiver.url}/{KEY}")
    receiver.location = "/there"
    done = ping(settings, lambda: AT)
    assert done
    assert (done.sink, done.told, done.error) == ("ping", "called", None)
    assert receiver.paths == [f"/{KEY}", "/there"]
    receiver.location = "file:///etc/hostname"
    done = ping(settings, lambda: AT)
    assert done
    assert done.error == "the server answered with status 302"
    assert ping(Alarms(), lambda: AT) is None


# What is owed


def tell(
    db: Database,
    kind: str,
    rule: str = "failing",
    subject: str = "eastmoney",
    at: datetime = AT,
) -> None:
    """Write a message of an alarm, as health does, opening or closing it."""
    with writing(db):
        where = (rule, subject)
        if kind == "alarm":
            db.conn.execute(
                "INSERT INTO alarms (rule, subject, message, opened_at, seen_at, told_at)"
                " VALUES (?, ?, 'It does not answer.', ?, ?, ?)",
                (*where, *[time_text(at)] * 3),
            )
        db.conn.execute(
            "INSERT INTO messages (alarm_id, kind, text, written_at) SELECT max(id), ?, ?, ?"
            " FROM alarms WHERE rule = ? AND subject = ?",
            (kind, f"{subject}: {kind}", time_text(at), *where),
        )
        if kind == "recovery":
            db.conn.execute(
                "UPDATE alarms SET closed_at = ? WHERE rule = ? AND subject = ?",
                (time_text(at), *where),
            )


def posted(db: Database, settings: Alarms, now: datetime = AT) -> list[tuple[str, str, bool]]:
    """Post what is owed: the sink, the text and whether it arrived."""
    done = post(db, settings, lambda: now)
    return [(each.sink, each.message.text, each.error is None) for each in done]


def test_what_failed_is_tried_again_and_what_arrived_is_not(
    db: Database, receiver: Receiver, box: Mailbox
) -> None:
    settings = replace(hook(receiver), mail_to=("a@b.test",), mail_server=box.server)
    tell(db, "alarm")
    receiver.status = 500
    first, second = ("webhook", "eastmoney: alarm"), ("mail", "eastmoney: alarm")
    assert posted(db, settings) == [(*first, False), (*second, True)]
    assert outbox.sink_errors(db) == {"webhook": "the server answered with status 500"}
    receiver.status = 200
    later = AT + timedelta(minutes=5)
    assert posted(db, settings, later) == [(*first, True)]
    assert outbox.sink_errors(db) == {}
    assert posted(db, settings, later) == []
    assert len(box.mails) == 1
    rows = db.execute("SELECT sink, attempts, tried_at, delivered_at, error FROM deliveries")
    assert sorted(rows) == [
        ("mail", 1, time_text(AT), time_text(AT), None),
        ("webhook", 2, time_text(later), time_text(later), None),
    ]


def test_a_sink_that_comes_back_gets_the_newest_of_each_alarm(
    db: Database, receiver: Receiver
) -> None:
    settings = hook(receiver)
    receiver.status = 500
    for subject in ("eastmoney", "finews"):
        tell(db, "alarm", subject=subject)
    posted(db, settings)
    tell(db, "recovery", subject="finews", at=AT + timedelta(hours=1))
    tell(db, "reminder", at=AT + timedelta(days=1))
    receiver.status = 200
    assert posted(db, settings, AT + timedelta(days=1)) == [
        ("webhook", "finews: recovery", True),
        ("webhook", "eastmoney: reminder", True),
    ]
    assert posted(db, settings, AT + timedelta(days=1)) == []


def test_a_new_sink_is_told_what_is_wrong_and_nothing_old(db: Database, receiver: Receiver) -> None:
    for subject in ("eastmoney", "finews", "choice"):
        tell(db, "alarm", subject=subject)
    tell(db, "recovery", subject="finews", at=AT + timedelta(hours=1))
    tell(db, "reminder", subject="choice", at=AT + timedelta(days=7))
    assert posted(db, Alarms(), AT) == []
    later = AT + timedelta(days=7, seconds=1)
    assert posted(db, hook(receiver), later) == [("webhook", "choice: reminder", True)]


def test_a_sink_is_not_told_that_it_fails(db: Database, receiver: Receiver, box: Mailbox) -> None:
    tell(db, "alarm", "sink", "webhook")
    settings = replace(mail(box), webhook_url=hook(receiver).webhook_url)
    assert posted(db, settings) == [("mail", "webhook: alarm", True)]
    assert receiver.posts == []


def test_a_message_goes_to_one_of_two_processes(db: Database) -> None:
    tell(db, "alarm")
    patience = timedelta(seconds=1)
    with writing(db):
        assert len(outbox.claim(db, ["mail"], AT, patience)["mail"]) == 1
        assert outbox.claim(db, ["mail"], AT, patience) == {}
    assert outbox.sink_errors(db) == {}
    # That process was killed; or it was, while the clock was wrong.
    for now in (AT + timedelta(seconds=2), AT - timedelta(days=3)):
        with writing(db):
            assert len(outbox.claim(db, ["mail"], now, patience)["mail"]) == 1


def test_a_chat_gets_twenty_at_once(db: Database, receiver: Receiver) -> None:
    for number in range(25):
        tell(db, "alarm", subject=f"{number:02}")
    assert len(posted(db, hook(receiver))) == 20
    assert len(posted(db, hook(receiver))) == 5
    assert [each["subject"] for each in receiver.posts] == [f"{number:02}" for number in range(25)]


# finews alarm


@pytest.fixture
def corpus(finews: Program) -> Iterator[Database]:
    found = open_corpus(finews.data)
    yield found
    found.close()


def test_alarms_are_listed(finews: Program, corpus: Database) -> None:
    assert finews("alarm") == "No alarms.\n"
    assert finews.json("alarm") == []
    now = datetime.now(SHANGHAI)
    tell(corpus, "alarm", at=now)
    tell(corpus, "alarm", "disk", "", at=now)
    tell(corpus, "alarm", "gap", "finews", at=now)
    tell(corpus, "recovery", "gap", "finews", at=now)
    with writing(corpus):
        corpus.execute("UPDATE alarms SET message = ? WHERE rule = 'disk'", ["磁盘空间不足。" * 12])
    at = f"{now:%Y-%m-%d %H:%M}"
    shown = finews("alarm")
    assert shown.splitlines() == [
        f"failing  eastmoney  since {at}",
        "    It does not answer.",
        f"disk  since {at}",
        f"    {('磁盘空间不足。' * 12)[:38]}",
        f"    {('磁盘空间不足。' * 12)[38:76]}",
        f"    {('磁盘空间不足。' * 12)[76:]}",
    ]
    assert f"gap  finews  since {at}  well again {at}" in finews("alarm", "--all")
    assert [each["rule"] for each in finews.json("alarm", "--all")] == ["failing", "disk", "gap"]
    assert finews.json("alarm")[0]["opened_at"] == time_text(now)


def test_alarms_are_hushed(finews: Program, corpus: Database) -> None:
    tell(corpus, "alarm")
    tell(corpus, "alarm", "rest", "host:81")
    done = finews.run(finews.command("alarm", "--hush", "failing:finews"))
    assert done.returncode == 1
    assert done.stderr == (
        "finews: there is no open alarm failing:finews; finews alarm lists them\n"
    )
    shown = finews("alarm", "--hush", "rest:host:81").splitlines()
    assert [line.endswith("  hushed") for line in shown] == [False, False, True, False]
    assert all(each["hushed_at"] for each in finews.json("alarm", "--hush", "failing"))


def test_a_test_of_all_ways(
    finews: Program, receiver: Receiver, box: Mailbox, tmp_path: Path
) -> None:
    config = tmp_path / "finews.toml"
    finews.env |= {"FINEWS_CONFIG": str(config)}
    config.touch()
    done = finews.run(finews.command("alarm", "--test"))
    assert done.returncode == 2
    assert "alarms.command" in done.stderr
    assert "FINEWS_WEBHOOK_URL" in done.stderr
    config.write_text(
        f'[alarms]\ncommand = ["cat"]\nmail_to = ["a@b.test"]\nmail_server = "{box.server}"\n'
        'webhook = "dingtalk"\n'
    )
    finews.env |= {
        "FINEWS_WEBHOOK_URL": f"{receiver.url}/send?access_token={KEY}",
        "FINEWS_PING_URL": f"{receiver.url}/{KEY}",
    }
    told = ["command: run", "webhook: sent", "mail: sent to a@b.test", "ping: called"]
    assert finews("alarm", "--test").splitlines() == told
    text = receiver.posts[0]["text"]["content"]
    assert text.startswith("finews: a test\nThis is a test of the alarms of finews")
    assert box.mails[0].get_content().splitlines() == trial(AT).text.splitlines()
    assert not finews.data.exists()
    receiver.status = 500
    done = finews.run(finews.command("alarm", "--test"))
    assert done.returncode == 3
    assert done.stdout.splitlines() == [
        "command: run",
        "webhook: failed, the server answered with status 500",
        "mail: sent to a@b.test",
        "ping: failed, the server answered with status 500",
    ]
    found = finews.json("alarm", "--test", code=3)
    assert found[0] == {"sink": "command", "told": "run", "error": None}
    assert KEY not in json.dumps(found) + done.stdout + done.stderr


def test_options_that_do_not_go_together(finews: Program) -> None:
    done = finews.run(finews.command("alarm", "--test", "--all"))
    assert done.returncode == 2


def test_settings_that_are_printed_show_no_secret() -> None:
    settings = Alarms(webhook_url=f"http://a.test/{KEY}", mail_password=KEY, ping_url=KEY)
    assert KEY not in repr(settings)
    assert KEY not in repr(sinks(replace(settings, mail_to=("a@b.test",))))
