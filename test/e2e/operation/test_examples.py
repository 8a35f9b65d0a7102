"""The examples in the documents work as they are, one after the other."""

import re
import subprocess
import uuid

from source_tree import ROOT
from stack.server_process import ServerProcess


def test_the_shell_examples_of_the_streaming_guide_work_in_sequence(
    shared_server: ServerProcess,
) -> None:
    text = (ROOT / "Documentation" / "streaming.md").read_text()
    examples = re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert len(examples) > 3
    given = {
        "BASE": shared_server.url,
        "EMAIL": f"{uuid.uuid4().hex}@example.org",
        "PASSWORD": "seven quiet rivers run north",
        "PATH": "/usr/local/bin:/usr/bin:/bin",
    }
    ran = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", "\n".join(examples)],
        env=given,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "done" in ran.stdout
