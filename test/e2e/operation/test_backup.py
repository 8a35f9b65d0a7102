"""A backup of a running installation, and a server that is started on it."""

import shutil
from pathlib import Path

import pytest
from api.chat_client import Answer, ChatClient
from api.shell_commands import run_command
from stack.columns import EMBEDDED, only_on
from stack.server_process import ServerProcess, StartServer
from worlds.stores import settlement_of, turn_in

from services.runs.ending.outbox import FOLDER, Outbox
from services.stores.sqlite.store import SqliteStore

pytestmark = only_on(EMBEDDED, "the database of a Supabase project is backed up there")

pytestmark = only_on(EMBEDDED, "a backup is of the embedded installation")


@pytest.fixture
def restored(tmp_path: Path) -> ServerProcess:
    """Prepare another server, whose data folder a test puts there."""
    return ServerProcess(tmp_path / "restored")


def test_a_server_on_the_backup_has_the_conversations_and_the_logins(
    server: ServerProcess, restored: ServerProcess, tmp_path: Path
) -> None:
    client = ChatClient.registered(server.url)
    session = client.new_session(title="Kept")
    with client.send(session, "/echo söme words") as reader:
        reader.take_into(Answer())
    other = client.new_session()
    with client.send(other, "/long 5000 /slow 20") as reader:
        reader.first_bytes()
        made = run_command(server.data_dir, "backup", tmp_path / "copy")
        client.stop(reader.headers["X-Run-Id"])
        answer = reader.take_into(Answer())
    shutil.copytree(tmp_path / "copy", restored.data_dir)
    with restored:
        again = ChatClient(restored.url, client.token)
        kept, cut = again.messages(session), again.messages(other)

    assert (made.returncode, made.stdout) == (0, "")
    assert made.stderr.endswith("copy holds 1 users, 2 sessions, 4 messages.\n")
    assert answer.terminal is not None
    assert answer.terminal["finish_reason"] == "stopped"
    assert kept == client.messages(session)
    assert [message["content"] for message in kept] == ["/echo söme words", "söme words"]
    assert cut[1]["status"] == "interrupted"
    assert answer.text.startswith(cut[1]["content"])


def test_an_end_that_only_the_outbox_knows_is_in_the_backup(
    start_server: StartServer, restored: ServerProcess, tmp_path: Path
) -> None:
    server = start_server()
    client = ChatClient.registered(server.url)
    session = client.new_session()
    server.stop()
    store = SqliteStore.open(server.data_dir)
    kept = store.sessions.get(client.user["id"], session)
    run = store.runs.begin_turn(turn_in(kept, tenant_id=client.user["tenant_id"])).run
    store.close()
    assert Outbox(server.data_dir / FOLDER).keep(settlement_of(run, text="Told, not stored"))

    made = run_command(server.data_dir, "backup", tmp_path / "copy")
    shutil.copytree(tmp_path / "copy", restored.data_dir)
    with restored:
        messages = ChatClient(restored.url, client.token).messages(session)

    assert made.returncode == 0, made.stderr
    assert [message["content"] for message in messages] == ["Hello", "Told, not stored"]
    assert messages[1]["status"] == "complete"
