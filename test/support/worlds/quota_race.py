"""Greenlets that race for room in a process patched by gevent; prints their calls as JSON.

python -m gevent.monkey test/support/worlds/quota_race.py WORKERS CALLS [REDIS_URL]

A call is printed as the time at which it arrived upstream (by the clock that all processes of a
machine share) and its tokens. Without an address, a single worker counts in memory.
"""

import json
import random
import sys
import time
from contextlib import ExitStack, closing

import gevent

from services.admission.quotas.base import Quota, Quotas, Wait
from services.admission.quotas.local import LocalQuotas
from services.admission.quotas.shared import SharedQuotas
from services.admission.shared_link import SharedLink, SharedTimes
from services.redis.worker_redis import WorkerRedis

SPAN = 0.4
QUOTA = Quota(requests=40, tokens=1000)
PATIENCE_SECONDS = 60.0


def main(workers: int, calls: int, url: str | None) -> None:
    """Make all calls at the same time."""
    log: list[tuple[float, int]] = []
    with ExitStack() as stack:
        quotas = [stack.enter_context(closing(open_quotas(url))) for _ in range(workers)]
        callers = [gevent.spawn(call, quotas[i % workers], log) for i in range(calls)]
        gevent.joinall(callers, timeout=PATIENCE_SECONDS, raise_error=True)
    sys.stdout.write(json.dumps(log))


def open_quotas(url: str | None) -> Quotas:
    """Open the quotas of one worker."""
    if url is None:
        return LocalQuotas({"p": QUOTA}, SPAN)
    patient = SharedTimes(answer=10)  # a busy machine is not a Redis that is away
    link = SharedLink(WorkerRedis(url), 2, times=patient)
    return SharedQuotas(link, {"p": QUOTA}, SPAN)


def call(quotas: Quotas, log: list[tuple[float, int]]) -> None:
    """Wait for room and use it, as a provider call does; some calls give it back and try again."""
    used = random.randint(1, 60)  # noqa: S311 - load, no secret
    estimated = used + random.randint(0, 40)  # noqa: S311 - the same
    while True:
        answer = quotas.reserve("p", estimated)
        if isinstance(answer, Wait):
            gevent.sleep(min(answer.seconds, 0.05))
        elif random.random() < 0.1:  # noqa: S311 - the same; one of ten
            quotas.cancel(answer)
        else:
            break
    gevent.sleep(random.uniform(0, 0.1))  # noqa: S311 - the same
    log.append((time.monotonic(), used))
    gevent.sleep(random.uniform(0, 0.1))  # noqa: S311 - the same
    quotas.arrived(answer)
    quotas.correct(answer, used)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3] if sys.argv[3:] else None)
