"""The commands in the guide for operators work as they are, and lose nothing."""

import re
import subprocess
from pathlib import Path

from api.chat_client import Answer, ChatClient
from api.shell_commands import environment
from source_tree import ROOT
from stack.columns import EMBEDDED, only_on
from stack.server_process import ServerProcess, StartServer
from stack.supabase_stack import SupabaseStack

pytestmark = only_on(EMBEDDED, "what is backed up and moved is an embedded installation")


def examples() -> list[str]:
    """Read the shell examples."""
    text = (ROOT / "Documentation" / "operations.md").read_text()
    return re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def run(example: str, given: dict[str, str]) -> str:
    """Run an example in the project's folder and give its output."""
    ran = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", example],
        cwd=ROOT,
        env=given,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout + ran.stderr


def test_a_backup_and_a_move_keep_the_conversation_and_the_login(
    start_server: StartServer, supabase: SupabaseStack, tmp_path: Path
) -> None:
    back_up, restore, move = examples()
    server, restored = start_server(), ServerProcess(tmp_path / "restored")
    restored.data_dir.parent.mkdir()
    given = environment(server.data_dir) | {
        "BACKUP": str(tmp_path / "backup"),
        "RESTORED": str(restored.data_dir),
    }
    client = ChatClient.registered(server.url)
    session = client.new_session()
    with client.send(session, "/echo to be kept") as reader:
        reader.take_into(Answer())
    messages = client.messages(session)

    run(back_up, given)
    run(restore, given)
    server.stop()
    said = run(move, given | supabase.settings())
    moved = ServerProcess(tmp_path / "moved", supabase.settings())
    moved.data_dir = server.data_dir

    assert "Everything was moved and checked." in said
    for after in (restored, moved):
        with after:
            again = ChatClient(after.url, client.token)
            assert again.messages(session) == messages
            with again.send(session, "/echo and to go on") as reader:
                assert reader.take_into(Answer()).text == "and to go on"
