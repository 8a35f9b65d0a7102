"""Nobody else on the machine reads what a server has written, also of an older release."""

import os
from pathlib import Path

from api.chat_client import Answer, ChatClient
from stack.server_process import ServerProcess


def test_files_are_for_their_owner_whatever_the_umask_and_the_release_before(
    tmp_path: Path,
) -> None:
    old = os.umask(0o022)
    try:
        server = ServerProcess(tmp_path)
        server.data_dir.mkdir(mode=0o755)
        (server.data_dir / "charla.db").touch(mode=0o644)
        with server:
            client = ChatClient.registered(server.url)
            with client.send(client.new_session(), "/echo hush") as reader:
                answer = reader.take_into(Answer())
            open_to_others = [
                path.name
                for path in (server.data_dir, *server.data_dir.rglob("*"))
                if path.stat().st_mode & 0o077
            ]
            names = {path.name for path in server.data_dir.iterdir()}
    finally:
        os.umask(old)

    assert answer.text == "hush"
    assert {"charla.db", "charla.db-wal", "charla.db-shm", "secrets.json"} <= names
    assert open_to_others == []
    assert "charla.db was open to other users of this machine (0644)" in server.output()
