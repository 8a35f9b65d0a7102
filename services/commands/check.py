"""Checks whether what is configured can be used: providers and their keys, the database, Redis.

Nothing that it prints holds a key: of a provider it prints only numbers and its own judgement.
"""

from collections.abc import Iterator, Sequence
from time import perf_counter

from services.bootstrap.providers import build_endpoints
from services.commands.findings import Finding, Verdict, tell, told_of_project
from services.domain.errors.codes import FailureCode
from services.domain.errors.upstream import ProviderError
from services.providers.base import Provider
from services.providers.registry import VENDORS
from services.settings.load import load_settings
from services.settings.whole import Settings
from services.telemetry.metrics import Metrics

UNREACHABLE = (FailureCode.UNREACHABLE, FailureCode.TIMEOUT, FailureCode.CUT)


def run() -> None:
    """Check all of it, print the findings, and exit with 1 where something cannot be used."""
    tell(_findings(load_settings()))


def _findings(settings: Settings) -> Iterator[Finding]:
    endpoints = build_endpoints(settings, Metrics())
    for name in VENDORS:
        yield from _told_of_provider(name, endpoints.get(name, ()))
    if settings.scaling.supabase_url:
        yield from told_of_project(settings.scaling)
    if settings.scaling.redis_url:
        yield _told_of_redis(settings.scaling.redis_url)


def _told_of_provider(name: str, endpoints: Sequence[Provider]) -> Iterator[Finding]:
    """Give a line for a provider; where it has several keys or servers, one for each."""
    needs = " or ".join(VENDORS[name].needs)
    if not endpoints:
        yield Finding(Verdict.UNUSED, f"{name}: not configured ({needs})")
    for number, provider in enumerate(endpoints, 1):
        which = f"{name} {number} of {len(endpoints)}" if len(endpoints) > 1 else name
        yield _probed(which, provider, needs)
        provider.close()


def _probed(which: str, provider: Provider, settings: str) -> Finding:
    provider.warm_up()  # the time to load the SDK is not the provider's
    begun = perf_counter()
    try:
        models = provider.list_models()
    except ProviderError as exc:
        time = _time_since(begun)
        return Finding(Verdict.WRONG, f"{which}: {_judged(exc)} ({time}) See {settings}.")
    count = "1 model" if len(models) == 1 else f"{len(models)} models"
    return Finding(Verdict.OK, f"{which}: usable, {count} ({_time_since(begun)})")


def _judged(error: ProviderError) -> str:
    if error.code == FailureCode.UNAUTHORIZED:
        return "refused key."
    if error.code in UNREACHABLE:
        return f"unreachable. {error.detail}"
    return f"not usable. {error.detail}"


def _told_of_redis(url: str) -> Finding:
    from services.redis.check import (  # noqa: PLC0415 - loaded on use
        RedisUnavailable,
        RefusedRedis,
        check,
    )

    try:
        check(url)
    except RefusedRedis as exc:
        return Finding(Verdict.WRONG, f"redis: {exc}")
    except RedisUnavailable:
        return Finding(Verdict.WRONG, "redis: unreachable. See REDIS_URL.")
    return Finding(Verdict.OK, "redis: usable")


def _time_since(begun: float) -> str:
    return f"{perf_counter() - begun:.2f} s"
