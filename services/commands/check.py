"""Checks whether what is configured can be used: providers and their keys, the database, Redis.

Nothing that it prints holds a key: of a provider it prints only numbers and its own judgement.
"""

from collections.abc import Iterator, Mapping, Sequence
from time import perf_counter

from services.bootstrap.named_models import endings
from services.bootstrap.offers import build_offers
from services.bootstrap.providers import build_endpoints, joined
from services.commands.embedded import told_of_folder
from services.commands.findings import Finding, Verdict, tell, told_of_project
from services.domain.catalog import Offers, today
from services.domain.errors.codes import FailureCode
from services.domain.errors.upstream import ProviderError
from services.providers.base import Provider
from services.providers.models.listed import lists
from services.providers.registry import ON_OWN_MACHINES, VENDORS
from services.settings.load import load_settings, unused_proxies
from services.settings.safety import weak_secrets
from services.settings.whole import InvalidSettings, Settings
from services.telemetry import logs
from services.telemetry.metrics import Metrics

Lists = dict[str, list[str]]
"""The models that each provider lists; one that gave no list is not there."""

UNREACHABLE = (FailureCode.UNREACHABLE, FailureCode.TIMEOUT, FailureCode.CUT)


def run() -> None:
    """Check all of it, print the findings, and exit with 1 where something cannot be used."""
    settings = load_settings()
    logs.configure(settings.logs.level, settings.logs.format or "json")
    tell(_findings(settings))


def _findings(settings: Settings) -> Iterator[Finding]:
    endpoints = build_endpoints(settings, Metrics())
    listed: Lists = {}
    for name in VENDORS:
        yield from _told_of_provider(name, endpoints.get(name, ()), listed)
    if offers := _offers(settings, endpoints, listed):
        yield from _told_of_default(offers, listed)
        for ending in endings(settings, offers, today()):
            yield Finding(Verdict.WARNING, str(ending))
    for found in weak_secrets(settings):
        yield Finding(Verdict.WARNING, f"{found.variable}: {found.problem}")
    if proxies := unused_proxies():
        yield Finding(Verdict.WARNING, proxies)
    if settings.scaling.supabase_url:
        yield from told_of_project(settings.scaling)
    yield from told_of_folder(settings)
    if settings.scaling.redis_url:
        yield _told_of_redis(settings.scaling.redis_url)


def _offers(
    settings: Settings, endpoints: Mapping[str, Sequence[Provider]], listed: Lists
) -> Offers | None:
    """List what may be asked; None: a local server that is away, as is told already, must say."""
    providers = joined(endpoints)
    try:
        return build_offers(settings, providers)
    except InvalidSettings:
        if any(name in providers and name not in listed for name in ON_OWN_MACHINES):
            return None
        raise


def _told_of_default(offers: Offers, listed: Lists) -> Iterator[Finding]:
    """Tell whether the model that answers by default is in its provider's own list."""
    model = offers.default
    if model.provider not in listed:
        return  # why there is no list is told already
    if not listed[model.provider]:
        text = f"default: {model.provider} lists no models; it may know {model.name} all the same."
        yield Finding(Verdict.WARNING, text)
    elif not lists(listed[model.provider], model.name):
        yield Finding(
            Verdict.WRONG,
            f"default: {model.provider} does not list {model.name}, which answers by default. "
            "Set DEFAULT_MODEL to a model that it lists.",
        )


def _told_of_provider(name: str, endpoints: Sequence[Provider], listed: Lists) -> Iterator[Finding]:
    """Give a line for a provider; where it has several keys or servers, one for each."""
    needs = " or ".join(VENDORS[name].needs)
    if not endpoints:
        yield Finding(Verdict.UNUSED, f"{name}: not configured ({needs})")
    for number, provider in enumerate(endpoints, 1):
        which = f"{name} {number} of {len(endpoints)}" if len(endpoints) > 1 else name
        yield _probed(which, provider, needs, listed)
        provider.close()


def _probed(which: str, provider: Provider, settings: str, listed: Lists) -> Finding:
    provider.warm_up()  # the time to load the SDK is not the provider's
    begun = perf_counter()
    try:
        models = provider.list_models()
    except ProviderError as exc:
        time = _time_since(begun)
        return Finding(Verdict.WRONG, f"{which}: {_judged(exc)} ({time}) See {settings}.")
    listed.setdefault(provider.name, []).extend(models)
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
        notes = check(url)
    except RefusedRedis as exc:
        return Finding(Verdict.WRONG, f"redis: not usable: {exc} See REDIS_URL.")
    except RedisUnavailable as exc:
        return Finding(Verdict.WRONG, f"redis: unreachable: {exc}. See REDIS_URL.")
    if notes:
        return Finding(Verdict.WARNING, f"redis: usable, but {'; '.join(notes)}.")
    return Finding(Verdict.OK, "redis: usable")


def _time_since(begun: float) -> str:
    return f"{perf_counter() - begun:.2f} s"
