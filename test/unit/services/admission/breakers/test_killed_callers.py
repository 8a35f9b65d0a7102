"""A greenlet that is killed while it asks Redis leaves nothing behind there."""

import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest
from source_tree import ROOT
from stack.redis_server import RedisServer

SETTING = """
from gevent import monkey; monkey.patch_all()
import os, signal, sys, gevent
from redis import Redis
from services.admission.breakers.base import Verdict, BreakerRules
from services.admission.quotas.base import Quota, QuotaLeft
from services.admission.breakers.shared import SharedBreakers
from services.admission.shared_link import SharedLink, SharedTimes
from services.admission.quotas.shared import SharedQuotas
from services.redis.worker_redis import WorkerRedis

url, redis = sys.argv[1], int(sys.argv[2])
links = [SharedLink(WorkerRedis(url), 2, times=SharedTimes(answer=20)) for _ in range(2)]

def kill_while_asking(ask):
    os.kill(redis, signal.SIGSTOP)
    asking = gevent.spawn(ask)
    gevent.sleep(0.1)
    assert not asking.ready()
    asking.kill()
    os.kill(redis, signal.SIGCONT)

def eventually(holds):
    with gevent.Timeout(10):
        while not holds():
            gevent.sleep(0.01)
"""

RESERVING = """
quotas, other = (SharedQuotas(link, {"p": Quota(3, 100)}, 60) for link in links)
quotas.left("p")
kill_while_asking(lambda: quotas.reserve("p", 10))
eventually(lambda: other.left("p").requests == 2)
quotas.left("p")
print(other.left("p") == QuotaLeft(3, 100, 0), links[0].is_apart)
"""

TELLING = """
quotas, other = (SharedQuotas(link, {"p": Quota(3, 100)}, 60) for link in links)
made = quotas.reserve("p", 10)
kill_while_asking(lambda: quotas.correct(made, 70))
quotas.left("p")
print(other.left("p") == QuotaLeft(2, 30, 60), links[0].is_apart)
"""

PROBING = """
rules = BreakerRules(failures=1, open_seconds=0.05)
breakers, other = (SharedBreakers(link, rules, 0) for link in links)
breakers.failed("p", "m")
gevent.sleep(0.1)
kill_while_asking(lambda: breakers.admit("p", "m"))
with Redis.from_url(url) as client:
    eventually(lambda: client.hexists("charla:breaker:p/m", "prober"))
breakers.state("p", "m")
print(other.admit("p", "m") is Verdict.PROBE, links[0].is_apart)
"""


@pytest.mark.parametrize("what", [RESERVING, TELLING, PROBING], ids=["reserve", "tell", "probe"])
def test_what_a_killed_greenlet_asked_for_is_given_back_with_the_next_question(
    make_redis: Callable[..., RedisServer], what: str
) -> None:
    server = make_redis()
    with closing(server.client()) as client:
        info: Any = client.info("server")

    ran = subprocess.run(
        [sys.executable, "-c", SETTING + what, server.url, str(info["process_id"])],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "True False\n", "")
