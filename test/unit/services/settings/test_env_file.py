"""A file `.env`, however it was written: its values are right, or the mistake's line is told."""

import os
from pathlib import Path

import pytest
from subjects.loaded_settings import load

from services.settings.env_file import EnvFile
from services.settings.load import load_settings
from services.settings.whole import InvalidSettings

ENVIRON = {"PLACE": "/srv/data", "EMPTY": ""}


def read(folder: Path, content: bytes) -> EnvFile:
    """Read a file with this content."""
    path = folder / ".env"
    path.write_bytes(content)
    return EnvFile.read(path, ENVIRON)


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16"], ids=["plain", "with a mark", "PowerShell"]
)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])
def test_an_encoding_that_tells_itself_is_read(tmp_path: Path, encoding: str, end: str) -> None:
    file = read(tmp_path, end.join(["PORT=6001", "NAME=Zoë", ""]).encode(encoding))

    assert (file.values, file.mistakes) == ({"PORT": "6001", "NAME": "Zoë"}, [])


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("A=plain", "plain"),
        ("export A=plain", "plain"),
        ("  A = spaced out  ", "spaced out"),
        ("A=value # a comment", "value"),
        ("A=pass#word$1", "pass#word$1"),
        ("A=#word", "#word"),
        ("A= # nothing", ""),
        ('A="a # b" # a comment', "a # b"),
        ("A='a # b'", "a # b"),
        (r'A="say \"no\"\n"', 'say "no"\n'),
        (r"A='it\'s \n'", r"it's \n"),
        ('A="two\nlines"', "two\nlines"),
        ("A=${PLACE}/x", "/srv/data/x"),
        ('A="${PLACE}/x"', "/srv/data/x"),
        ("A=${EMPTY}x", "x"),
        ("A=${NOBODY:-other}", "other"),
        ("A=${NOBODY:-}", ""),
        ("A='${PLACE}/x'", "${PLACE}/x"),
        ("A=$PLACE", "$PLACE"),
        ("A=pa$$word", "pa$$word"),
        ("B=1\nA=${B}2", "12"),
    ],
)
def test_a_value_is_what_its_users_expect(tmp_path: Path, line: str, value: str) -> None:
    file = read(tmp_path, line.encode())

    assert (file.values["A"], file.mistakes) == (value, [])


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("A=1\nB=é\n".encode("latin-1"), "line 2: It is not UTF-8. Save it as UTF-8."),
        ("A=1\n".encode("utf-16-le"), "line 1: It has a NUL character"),
        ("A=1\n".encode("utf-32"), "line 1: It has a NUL character"),
        (b"A=1\nB=2\0\n", "line 2: It has a NUL character"),
        (b"\xff\xfeA", "It begins as UTF-16 does, and is none."),
        (b'A=1\n\n\nB="open\nC=3\n', "line 4: It is not NAME=value"),
        (b"A='word'more\n", "line 1: It is not NAME=value"),
        (b"=1\n", "line 1: It is not NAME=value"),
        (b"# ok\nPORT:6001\n", "line 2: It has no `=`."),
        (b"A=pa${ss}word\n", "line 1: ${ss} is not set."),
        (b"A=1\n" * 300_000, "It is larger than"),
    ],
)
def test_a_mistake_is_told_with_its_line(tmp_path: Path, content: bytes, told: str) -> None:
    mistakes = read(tmp_path, content).mistakes

    assert len(mistakes) == 1
    assert mistakes[0].startswith(told)
    assert "1\n" not in mistakes[0]


def test_what_is_no_file_is_told(tmp_path: Path) -> None:
    assert EnvFile.read(tmp_path / "nothing", {}) == EnvFile()
    assert EnvFile.read(tmp_path, {}).mistakes[0].startswith("It is a folder")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert EnvFile.read(tmp_path / "loop", {}).mistakes[0].startswith("It cannot be read: ")
    assert EnvFile.read(Path(os.devnull), {}).mistakes[0].startswith("It is no file")


def test_its_mistakes_are_told_with_those_of_the_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text('PORT=x\nOPENAI_API_KEY="secret-key\n')
    monkeypatch.setenv("DATA_DIR", str(tmp_path))

    with pytest.raises(InvalidSettings) as caught:
        load_settings(home=tmp_path)

    assert str(caught.value).splitlines()[1:] == [
        "  .env: line 2: It is not NAME=value: is a quote open, or text behind one?",
        "  PORT: Not a valid integer. Expected: a whole number from 1 to 65535.",
    ]


def test_what_flask_has_read_of_it_does_not_win(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("JWT_SECRET_KEY='0123456789abcdefghij-${x}-klmnopqrstuvw'\n")
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    monkeypatch.setenv("JWT_SECRET_KEY", "0123456789abcdefghij--klmnopqrstuvw")

    settings = load_settings(home=tmp_path)

    assert settings.accounts.jwt_secret_key == "0123456789abcdefghij-${x}-klmnopqrstuvw"


def test_paths_begin_at_the_project_wherever_a_command_is_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / ".env").write_text("PORT=6009\n")
    monkeypatch.chdir(elsewhere)
    monkeypatch.setenv("DATA_DIR", "instance")

    settings = load_settings(home=tmp_path)

    assert settings.server.data_dir == tmp_path / "instance"
    assert settings.server.port == 5000
    assert list(elsewhere.iterdir()) == [elsewhere / ".env"]


def test_links_between_containers_change_no_setting(tmp_path: Path) -> None:
    links = {
        f"{service}_{what}": value
        for service in ("CHARLA", "REDIS", "POSTGRES", "SUPABASE", "LOCAL", "DATA", "APP", "WEB")
        for what, value in {
            "PORT": "tcp://10.0.0.1:80",
            "SERVICE_HOST": "10.0.0.1",
            "SERVICE_PORT": "80",
            "PORT_80_TCP": "tcp://10.0.0.1:80",
            "PORT_80_TCP_ADDR": "10.0.0.1",
            "NAME": "/a/b",
        }.items()
    }

    assert load(tmp_path, **links) == load(tmp_path)
