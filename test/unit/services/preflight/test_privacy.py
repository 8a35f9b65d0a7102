"""What a server has on disk is for its own user, or is told not to be."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from source_tree import ROOT
from subjects.loaded_settings import SECRET, load

from services.preflight.privacy import make_private
from services.preflight.refusal import CannotStart
from services.settings.groups.server import AppEnv, ServerSettings
from services.settings.whole import Settings

NOBODY = 65534
ROOT_FILE = "settings-of-root"
PRODUCTION = {"APP_ENV": "production", "JWT_SECRET_KEY": SECRET}
ON_READ_ONLY = """
import sys
from pathlib import Path
from services.preflight.privacy import make_private
from services.settings.groups.server import ServerSettings
from services.settings.whole import Settings
make_private(Settings(server=ServerSettings(app_env="production", data_dir=Path(sys.argv[1]))))
"""


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def installation(folder: Path, **environ: str) -> Settings:
    """Make a data folder as an older release under umask 022 left it, or a careless copy."""
    settings = load(folder, **environ)
    (folder / "outbox").mkdir(mode=0o755)
    for name in ("charla.db", "charla.db-wal", "charla.db-shm", "lock", "secrets.json"):
        file = folder / name
        file.touch()
        file.chmod(0o644)
    folder.chmod(0o755)
    return settings


def test_what_cannot_be_told_keeps_nothing_open_and_no_server_from_its_start(
    tmp_path: Path,
) -> None:
    folder = installation(tmp_path / "data").server.data_dir

    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-c", ON_READ_ONLY, str(folder)], cwd=ROOT, stderr=full, check=False
        )

    assert done.returncode == 0
    assert mode(folder / "charla.db") == 0o600


def test_what_is_open_is_closed_and_told(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    settings = installation(tmp_path / "data")
    folder = settings.server.data_dir

    make_private(settings)

    told = capfd.readouterr().err.splitlines()
    for name in ("charla.db", "charla.db-wal", "charla.db-shm", "secrets.json"):
        assert mode(folder / name) == 0o600
        assert any(f"{name} was open" in line and "0600 now" in line for line in told)
    assert (mode(folder), mode(folder / "outbox")) == (0o700, 0o700)
    make_private(settings)
    assert capfd.readouterr().err == ""


def test_a_folder_that_holds_other_things_stays_as_it_is(tmp_path: Path) -> None:
    settings = installation(tmp_path / "data")
    folder = settings.server.data_dir
    (folder / "notes.txt").touch(mode=0o644)

    make_private(settings)

    assert mode(folder) == 0o755
    assert mode(folder / "notes.txt") == 0o644
    assert mode(folder / "charla.db") == 0o600


def test_a_folder_that_may_not_be_listed_is_closed_all_the_same(tmp_path: Path) -> None:
    settings = installation(tmp_path / "data")
    folder = settings.server.data_dir
    (folder / "charla.db-wal").unlink()
    folder.chmod(0o333)

    make_private(settings)

    assert mode(folder / "charla.db") == 0o600


@pytest.mark.parametrize(("environ", "left"), [(PRODUCTION, 0o600), ({}, 0o644)])
def test_the_settings_file_is_closed_in_production(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], left: int
) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / ".env"
    file.write_text("OPENAI_API_KEY=hush\n")
    file.chmod(0o644)

    make_private(load(tmp_path / "data", **environ))

    assert mode(file) == left


@contextmanager
def as_nobody() -> Iterator[None]:
    """Be a user who owns nothing here; a test that is not root's own is one already."""
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)


@pytest.fixture
def theirs(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Work in a folder that everybody may look into, whose settings file is root's."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    (folder / ".env").symlink_to("/etc/passwd" if os.geteuid() else ROOT_FILE)
    (folder / ROOT_FILE).write_text("OPENAI_API_KEY=hush")
    (folder / ROOT_FILE).chmod(0o644)
    (folder / "data").mkdir()
    (folder / "data").chmod(0o755)
    monkeypatch.chdir(folder)
    yield folder
    shutil.rmtree(folder)


def settings_of(folder: Path, app_env: AppEnv) -> Settings:
    return Settings(server=ServerSettings(app_env=app_env, data_dir=folder / "data"))


def test_a_file_of_another_user_that_everybody_may_read_is_refused_in_production(
    theirs: Path,
) -> None:
    with as_nobody(), pytest.raises(CannotStart) as caught:
        make_private(settings_of(theirs, AppEnv.PRODUCTION))

    assert "`sudo chmod 640 .env`" in str(caught.value)
    assert "`sudo chown" in str(caught.value)


def test_a_volume_of_another_user_is_told_and_no_reason_not_to_start(
    theirs: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (theirs / ".env").unlink()
    (theirs / "data").chmod(0o777)

    with as_nobody():
        make_private(settings_of(theirs, AppEnv.PRODUCTION))

    told = capfd.readouterr().err
    assert ("data belongs to another user" in told) is (os.geteuid() == 0)


def test_a_file_system_that_cannot_be_written_is_told_and_no_reason_not_to_start(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "charla.db").touch()
    (folder / "charla.db").chmod(0o644)
    mount = f"mount --bind {folder} {folder} && mount -o remount,bind,ro {folder}"

    ran = subprocess.run(
        [
            *("unshare", "--map-root-user", "--mount", "sh", "-c"),
            f'{mount} && exec "$@"',
            *("sh", sys.executable, "-c", ON_READ_ONLY, str(folder)),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.returncode == 0, ran.stderr
    assert "charla.db was open" in ran.stderr
    assert "Read-only file system" in ran.stderr
    assert mode(folder / "charla.db") == 0o644
