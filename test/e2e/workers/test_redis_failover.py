"""The main Redis dies, and its Sentinel takes the replica: two real workers go on in seconds."""

import time
from collections.abc import Callable
from pathlib import Path

from api.chat_client import ChatClient
from stack.redis_server import RedisServer, SentinelServer
from stack.server_process import ServerProcess
from stack.supabase_stack import SupabaseStack
from worlds.patience import eventually

LONG = "/long 400 /slow 10"
HEALED_SECONDS = 8.0
"""The Sentinel needs one to find out, and a few to decide."""


def status(client: ChatClient) -> object:
    return client.call("GET", "/ready").json["status"]


def test_streams_go_on_and_the_server_is_ready_again(
    make_redis: Callable[..., RedisServer], supabase: SupabaseStack, tmp_path: Path
) -> None:
    main, replica = make_redis(), make_redis()
    replica.follow(main)
    with SentinelServer(main) as sentinel:
        settings = {
            **supabase.settings(),
            "REDIS_URL": f"redis+sentinel://{sentinel.host}/main/0",
            "WEB_CONCURRENCY": "2",
        }
        with ServerProcess(tmp_path, settings) as server:
            client = ChatClient.registered(server.url)
            assert status(client) == "ready"
            with client.send(client.new_session(), LONG) as first:
                run = first.headers["X-Run-Id"]
                with client.follow(run) as second:
                    for reader in (first, second):
                        assert next(frame for frame in reader if frame.type == "content")

                    main.kill()
                    lost_at = time.monotonic()
                    ends = [list(reader)[-1:] for reader in (first, second)]
            eventually(lambda: status(client) == "ready", HEALED_SECONDS)

            whole = client.read_on(run)
            assert time.monotonic() - lost_at < HEALED_SECONDS + 10
            assert whole.terminal is not None
            assert whole.terminal["type"] == "done"
            assert ends[0][0].type == "done"
            assert replica.command("EXISTS", f"charla:run:{run}") == 1
