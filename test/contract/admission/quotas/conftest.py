"""The quotas of providers, in memory and in Redis."""

from collections.abc import Iterator
from contextlib import ExitStack, closing

import pytest
from subjects.passing_time import MovedTime, PassingTime
from subjects.quotas import MINUTE, MakeQuotas

from services.admission.quotas.base import Quota, Quotas
from services.admission.quotas.local import LocalQuotas
from services.admission.quotas.shared import SharedQuotas
from services.admission.shared_link import SharedLink
from services.redis.worker_redis import WorkerRedis


@pytest.fixture
def make_quotas(passing: PassingTime, request: pytest.FixtureRequest) -> Iterator[MakeQuotas]:
    """Make quotas of each kind for a provider `p`, with a span of a minute or another span."""
    with ExitStack() as stack:

        def make(quota: Quota, span: float = MINUTE, abandoned: float = 900) -> Quotas:
            limits = {"p": quota}
            if isinstance(passing, MovedTime):
                return LocalQuotas(limits, span, abandoned, passing.clock)
            link = SharedLink(WorkerRedis(request.getfixturevalue("redis_server").url), processes=2)
            return stack.enter_context(closing(SharedQuotas(link, limits, span, abandoned)))

        yield make
