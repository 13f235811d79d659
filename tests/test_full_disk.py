"""A disk that fills: a sentence and exit code 1, a sound database, and the next run completes.

The limit is one of the size of files, which anybody may set; by hand the same was tried on a
full tmpfs.
"""

from __future__ import annotations

import os
import resource
import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT, Program
from tests.kills import World, check, difference, worlds

CASES = [
    ("finews", 0),
    ("finews", 500_000),
    ("finews", 900_000),
    ("eastmoney", 500_000),
    ("ingest", 2_000_000),
    ("export-csv-again", 300_000),
    ("export-jsonl", 40_000),
    ("export-jekyll", 40_000),
    ("export-hf-again", 40_000),
]


@pytest.fixture(scope="session")
def made(
    tmp_path_factory: pytest.TempPathFactory, corpus_of: Callable[[Program], Any]
) -> dict[str, World]:
    return worlds(tmp_path_factory.mktemp("worlds"), corpus_of)


def limited(program: Program, command: list[str], size: int) -> subprocess.CompletedProcess[str]:
    """Run the program so that no file grows beyond so many bytes."""
    return subprocess.run(
        program.command(*command),
        cwd=ROOT,
        env=program.env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)),
    )


@pytest.mark.parametrize(("name", "size"), CASES)
def test_a_disk_that_fills(made: dict[str, World], tmp_path: Path, name: str, size: int) -> None:
    world = made[name]
    program = Program(shutil.copytree(world.base, tmp_path / "data"))
    out = program.data / "out"
    earlier = {each: each.read_bytes() for each in out.rglob("*") if each.is_file()}
    with world.serving() as server:
        command = world.command(server, program.data)
        done = limited(program, command, size)
        (line,) = done.stderr.splitlines()
        assert (done.returncode, line[:8]) == (1, "finews: "), done
        if name.startswith("export"):
            assert "cannot be written: File too large" in line
            assert {each: each.read_bytes() for each in earlier} == earlier
            assert not list(out.rglob("*.part"))
        else:
            assert "disk I/O error" in line or "is full" in line
            opens(program)
        done = program.run(program.command(*command))
    assert difference(world, program, done.returncode, done.stderr) is None


def opens(program: Program) -> None:
    check(program)
    for path in program.data.glob("*.db"):
        with closing(sqlite3.connect(path)) as db:
            assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    done = program.run(program.command("status"))
    assert "Traceback" not in done.stderr


def test_the_part_of_an_export_that_is_at_work_is_left_alone(
    made: dict[str, World], tmp_path: Path
) -> None:
    """A second export to the same file removes what a killed one left, and nothing else."""
    import fcntl

    world = made["export-jsonl"]
    program = Program(shutil.copytree(world.base, tmp_path / "data"))
    command = world.command(None, program.data)
    dest = Path(command[1])
    dest.parent.mkdir()
    dead, busy = (dest.with_name(f".{dest.name}.{pid}.part") for pid in (1, os.getpid()))
    dead.write_text("{")
    with busy.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        program(*command)
        assert {each.name for each in dest.parent.iterdir()} == {dest.name, busy.name}
