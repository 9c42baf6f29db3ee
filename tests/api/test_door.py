"""The port of a service at which several processes wait."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from api import door
from layers.errors import Refusal

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def shared() -> Iterator[door.Door]:
    with closing(door.listening("127.0.0.1", 0, shared=True)) as listens:
        listens.listen(8)
        listens.setblocking(False)
        yield listens


def guest(listens: socket.socket) -> socket.socket:
    """Come to a port."""
    return socket.create_connection(listens.getsockname())


def test_who_took_a_connection_leaves_the_next_to_others_for_a_moment(shared, monkeypatch) -> None:
    monkeypatch.setattr(door, "TURN", 3600.0)
    with guest(shared), guest(shared), shared.dup() as other:
        taken = shared.accept()[0]
        with pytest.raises(BlockingIOError):
            shared.accept()
        others = other.accept()[0]
        assert taken.getpeername() != others.getpeername()
        taken.close(), others.close()


def test_a_process_takes_all_that_come_when_nobody_else_does(shared, monkeypatch) -> None:
    monkeypatch.setattr(door, "TURN", 0.0)
    with guest(shared), guest(shared):
        for _ in range(2):
            shared.accept()[0].close()


def test_a_door_of_one_process_leaves_nothing_to_others(monkeypatch) -> None:
    monkeypatch.setattr(door, "TURN", 3600.0)
    with closing(door.listening("127.0.0.1", 0)) as listens:
        listens.listen(8)
        with guest(listens), guest(listens):
            for _ in range(2):
                listens.accept()[0].close()


def answer(listens: Any) -> None:
    """Greet one guest: what a process does that was handed a port."""
    listens.setblocking(True)
    with listens.accept()[0] as taken:
        taken.sendall(repr((type(listens).__name__, listens.shared)).encode())


def test_a_port_is_handed_to_a_process_that_is_started(shared) -> None:
    process = get_context("spawn").Process(target=answer, args=(shared,))
    process.start()
    with guest(shared) as came:
        assert came.recv(100) == b"('Door', True)"
    process.join()


def test_a_port_that_is_taken_is_told(shared) -> None:
    with pytest.raises(Refusal, match="--port"):
        door.listening("127.0.0.1", shared.getsockname()[1])


def test_a_service_loads_no_writer_of_documents_and_no_solver_before_it_answers() -> None:
    code = "import sys, api.cli, api.main; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout.split()
    assert "api.routes.listings" in loaded
    assert not {"fpdf", "docx", "scipy", "numba", "openpyxl", "ezdxf", "authlib", "folium", "branca", "psycopg", "alembic"} & set(
        loaded
    )
