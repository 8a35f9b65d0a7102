"""An answer that was told but not stored, and a kill: its end stays what the reader was told."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager

from api.chat_client import Answer, ChatClient
from stack.columns import Column
from stack.server_process import ServerProcess, StartServer

WORDS = "/long 60 /slow 20"


@contextmanager
def _held(server: ServerProcess, column: Column) -> Iterator[None]:
    """Keep everybody from writing to the database."""
    if column.is_scaled:
        column.supabase.gateway_status(503)
        try:
            yield
        finally:
            column.supabase.gateway_status(None)
        return
    path = server.data_dir / "charla.db"
    with closing(sqlite3.connect(path, timeout=10, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.rollback()


def test_an_answer_that_was_told_unsaved_is_whole_after_a_kill(
    start_server: StartServer, column: Column
) -> None:
    server = start_server({**column.soon, "SETTLE_RETRY_SECONDS": "1"})
    client = ChatClient.registered(server.url)
    session = client.new_session()
    seen = Answer()
    reader = client.send(session, WORDS)
    run = reader.headers["X-Run-Id"]
    with _held(server, column):
        reader.take_into(seen)
        server.kill()
    outbox = server.data_dir / "outbox"
    assert [file.name for file in outbox.iterdir()] == [f"{run}.json"]
    server.start()

    assert seen.terminal is not None
    assert (seen.terminal["type"], seen.terminal["persisted"]) == ("done", False)
    assert seen.terminal["full_content"] == seen.text
    assert len(seen.text.split()) == 60
    message = client.messages(session)[-1]
    assert (message["status"], message["content"]) == ("complete", seen.text)
    assert client.run(run)["status"] == "complete"
    with client.follow(run, seen.last_id) as nothing_new:
        assert nothing_new.status == 204
    for last_id in (None, seen.frames[-2].id):
        with client.follow(run, last_id) as reader:
            replayed = reader.take_into(Answer(text=seen.text))
        assert replayed.text == seen.text
        assert replayed.terminal is not None
        # If a log is left after the kill, it says what was true when it was told.
        assert replayed.terminal["persisted"] or column.is_scaled
        assert replayed.terminal | {"persisted": False} == seen.terminal
        assert replayed.last_id == seen.last_id
    assert replayed.types() == ["resume", "done"]
    assert list(outbox.iterdir()) == []
