"""What a backup holds, and what it never does to a folder."""

import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from api.shell_commands import arguments, environment, run_command
from source_tree import ROOT
from worlds.stores import NOW, new_id

from services.commands.backup import back_up
from services.commands.refusals import Refused
from services.runs.leases.lock import SERVER_LOCK
from services.stores.base.accounts.users import NewUser
from services.stores.sqlite.store import FILE_NAME, SqliteStore


@pytest.fixture
def installation(tmp_path: Path) -> Path:
    """Make a data folder with one account, a secret, and an outbox."""
    folder = tmp_path / "data"
    store = SqliteStore.open(folder)
    store.users.add(
        NewUser(id=new_id(), email="a@b.c", name=None, password_hash="hash", created_at=NOW)
    )
    store.close()
    (folder / "secrets.json").write_text('{"jwt_secret_key": "secret"}')
    (folder / "outbox").mkdir()
    for name in ("told.json", "odd.bad", "half.tmp"):
        (folder / "outbox" / name).write_text(name)
    return folder


def content_of(folder: Path) -> Mapping[str, bytes]:
    """Read all files of a folder."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_it_holds_database_secrets_and_outbox_and_only_its_owner_reads_them(
    installation: Path, tmp_path: Path
) -> None:
    target = tmp_path / "copy"

    counts = back_up(installation, target, is_forced=False)

    assert counts["users"] == 1
    assert set(content_of(target)) == {
        "backup.json",
        "charla.db",
        "outbox/odd.bad",
        "outbox/told.json",
        "secrets.json",
    }
    for path in [target, *target.rglob("*")]:
        assert path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600), path


def test_an_earlier_backup_is_replaced_only_by_force(installation: Path, tmp_path: Path) -> None:
    target = tmp_path / "copy"
    back_up(installation, target, is_forced=False)
    (installation / "outbox" / "later.json").write_text("later")

    with pytest.raises(Refused, match="--force"):
        back_up(installation, target, is_forced=False)
    assert "outbox/later.json" not in content_of(target)
    back_up(installation, target, is_forced=True)

    assert "outbox/later.json" in content_of(target)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy", "data"]


@pytest.mark.parametrize("kind", ["a file", "another folder", "a folder a server works on"])
def test_what_is_no_backup_is_never_replaced(installation: Path, tmp_path: Path, kind: str) -> None:
    target = tmp_path / "copy"
    if kind == "a file":
        target.write_text("precious")
    else:
        back_up(installation, target, is_forced=False)
        (target / "backup.json").unlink() if kind == "another folder" else (
            target / SERVER_LOCK
        ).touch()
    before = content_of(tmp_path)

    with pytest.raises(Refused, match="no backup"):
        back_up(installation, target, is_forced=True)

    assert content_of(tmp_path) == before


@pytest.mark.parametrize("target", ["data", "data/copy", "."])
def test_a_target_that_holds_the_source_or_lies_in_it_is_refused(
    installation: Path, tmp_path: Path, target: str
) -> None:
    with pytest.raises(Refused, match="lie in each other"):
        back_up(installation, tmp_path / target, is_forced=True)


def test_a_damaged_database_makes_no_backup(installation: Path, tmp_path: Path) -> None:
    file = installation / FILE_NAME
    content = bytearray(file.read_bytes())
    content[4096 * 3 : 4096 * 20] = b"\xff" * 4096 * 17
    file.write_bytes(content)

    with pytest.raises(Refused, match=r"No backup was made\. charla\.db"):
        back_up(installation, tmp_path / "copy", is_forced=False)

    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_a_folder_without_an_account_is_taken_for_a_mistake(tmp_path: Path) -> None:
    SqliteStore.open(tmp_path / "data").close()

    with pytest.raises(Refused, match="is DATA_DIR right"):
        back_up(tmp_path / "data", tmp_path / "copy", is_forced=False)
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_a_disk_that_is_full_is_told_in_one_sentence(installation: Path, tmp_path: Path) -> None:
    command = arguments("backup", tmp_path / "copy")

    ran = subprocess.run(
        ["bash", "-c", 'ulimit -f 100 && exec "$@"', "-", *command],
        cwd=ROOT,
        env=environment(installation),
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.returncode == 2
    assert ran.stderr.splitlines()[-1].startswith("Error: No backup was made. charla.db: ")
    assert "Traceback" not in ran.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_settings_that_are_wrong_are_told_without_a_trace(tmp_path: Path) -> None:
    ran = run_command(tmp_path / "data", "backup", tmp_path / "copy", settings={"PORT": "x"})

    assert ran.returncode == 2
    assert ran.stderr.startswith("Error: The settings are not valid:\n  PORT: ")
