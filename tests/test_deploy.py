"""What ``deploy/`` holds is right: systemd and cron take it, and the program its commands."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from crawler.cli import COMMANDS
from tests.conftest import BIN, ROOT, Program

DEPLOY = ROOT / "deploy"
INSTALLED = "/opt/finews/.venv/bin/finews"
UNITS = sorted(path.name for path in DEPLOY.iterdir() if path.suffix in (".service", ".timer"))
# Minute, hour, day, month, weekday, as both crons of Debian and that of BusyBox take them.
_FIELD = r"(?:\*|[0-9]+)(?:/[0-9]+)?"
_LINE = re.compile(rf"({_FIELD}) ({_FIELD}) ({_FIELD}) ({_FIELD}) ({_FIELD}) +(\S.*)")


def jobs() -> list[tuple[list[str], str]]:
    """The five fields and the command of each line of the crontab."""
    lines = (DEPLOY / "crontab").read_text(encoding="utf-8").splitlines()
    found = [_LINE.fullmatch(line) for line in lines if line and not line.startswith("#")]
    assert all(found)
    return [([*match.groups()[:5]], match[6]) for match in found if match]


def commands() -> list[list[str]]:
    """The arguments of finews in every job and unit."""
    told = [command.partition(" && .venv/bin/finews ")[2] for _, command in jobs()]
    for unit in UNITS:
        told += re.findall(
            f"^ExecStart={INSTALLED} (.*)$", (DEPLOY / unit).read_text(), re.MULTILINE
        )
    return [shlex.split(each) for each in told]


@pytest.mark.skipif(
    not shutil.which("systemd-analyze") and "CI" not in os.environ,
    reason="systemd is not installed",
)
def test_systemd_finds_nothing_wrong_with_the_units(tmp_path: Path) -> None:
    """User and folders need not be there for that, the program must: it is this one."""
    for name in UNITS:
        text = (DEPLOY / name).read_text(encoding="utf-8")
        (tmp_path / name).write_text(text.replace(INSTALLED, str(BIN / "finews")))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *(str(tmp_path / name) for name in UNITS)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_each_service_has_its_timer() -> None:
    assert UNITS == [
        "finews-collect.service",  # which goes on and on
        "finews-verify.service", "finews-verify.timer", "finews.service", "finews.timer",
    ]  # fmt: skip
    for name in UNITS:
        text = (DEPLOY / name).read_text(encoding="utf-8")
        alone = name == "finews-collect.service"
        assert ("[Install]" in text) == (alone or name.endswith(".timer"))


def test_the_crontab_has_five_fields_a_line_and_no_percent_sign() -> None:
    assert [fields for fields, _ in jobs()] == [
        ["*/5", "*", "*", "*", "*"],
        ["20", "4", "*", "*", "0"],
    ]
    for _, command in jobs():
        assert "%" not in command  # cron would end the line there
        assert command.startswith("cd /opt/finews && .venv/bin/finews ")


@pytest.mark.parametrize("args", commands(), ids=" ".join)
def test_the_program_knows_every_option(finews: Program, args: list[str]) -> None:
    words = [each for each in args if not each.startswith("-")]
    command = words[: 2 if words[0] == "db" else 1]
    told = finews(*command, "--help")
    for option in (each for each in args if each.startswith("--")):
        assert re.search(rf"^ +{option}\b", told, re.MULTILINE), option


def test_the_weekly_line_runs_as_cron_runs_it(finews: Program, tmp_path: Path) -> None:
    """By sh, with little in its environment, in the folder of finews; silent when all is well."""
    finews("demo")
    (_, (_, command)) = jobs()
    own = tmp_path / "finews" / ".venv" / "bin"
    own.mkdir(parents=True)
    (own / "finews").symlink_to(BIN / "finews")
    finews.data.rename(tmp_path / "finews" / "data")
    done = subprocess.run(
        ["/bin/sh", "-c", command.replace("/opt/finews", str(tmp_path / "finews"))],
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_guide_names_only_commands_that_there_are() -> None:
    text = (ROOT / "docs" / "operate.md").read_text(encoding="utf-8")
    named = set(re.findall(r"(?:`|\$ )(?:fn|finews) ([a-z]+)", text))
    assert named <= set(COMMANDS)
    assert {"db", "runs", "status", "gaps", "failures", "pages"} <= named
