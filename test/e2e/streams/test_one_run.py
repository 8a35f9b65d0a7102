"""The same request, sent many times, makes one run."""

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor

from api.chat_client import REALTIME, Answer, ChatClient, EventReader
from stack.server_process import StartServer
from wires.fixtures import WireServer

TIMES = 10


def test_the_same_post_ten_times_at_once_is_one_run_with_ten_readers(
    start_server: StartServer, wire: WireServer
) -> None:
    server = start_server({"OPENAI_API_KEY": "sk-test", "OPENAI_BASE_URL": wire.base_url})
    client = ChatClient.registered(server.url)
    session = client.new_session()
    path = f"{REALTIME}/sessions/{session}/stream"
    body = {"content": "Hello?", "model": "words-50-10"}
    key, asked_before = str(uuid.uuid4()), wire.seen()["count"]
    together = threading.Barrier(TIMES)

    def post(_: int) -> EventReader:
        together.wait()
        return client.open("POST", path, body, Idempotency_Key=key)

    with ThreadPoolExecutor(TIMES) as pool:
        readers = list(pool.map(post, range(TIMES)))
        answers = list(pool.map(lambda reader: reader.take_into(Answer()), readers))

    assert {reader.status for reader in readers} == {200}
    assert len({reader.headers["X-Run-Id"] for reader in readers}) == 1
    assert wire.seen()["count"] == asked_before + 1
    assert {answer.text for answer in answers} == {" word" * 50}
    assert sorted(answer.frames[0].type for answer in answers) == [*["resume"] * 9, "start"]
    assert len(client.messages(session)) == 2
