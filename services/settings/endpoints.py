"""Several keys and addresses of one provider, put together."""

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A key and the address it is for; empty key: none is needed; no address: the vendor's."""

    api_key: str = field(default="", repr=False)
    base_url: str | None = None


def endpoints_of(keys: str | None, base_urls: str | None) -> Sequence[Endpoint]:
    """Pair keys with addresses, both separated by commas; a single one goes with all the others.

    Raises ValueError, which tells both numbers, where there are several of each but not as many.
    """
    own_keys, own_urls = _parts(keys), _parts(base_urls)
    if not own_keys and not own_urls:
        return ()
    if len(own_keys) > 1 and len(own_urls) > 1 and len(own_keys) != len(own_urls):
        raise ValueError(
            f"{len(own_urls)} addresses, which is not one for each of the {len(own_keys)} keys"
        )
    count = max(len(own_keys), len(own_urls))
    all_keys = own_keys * count if len(own_keys) == 1 else own_keys or [""] * count
    all_urls: list[str | None] = [*own_urls] or [None]
    all_urls = all_urls * count if len(all_urls) == 1 else all_urls
    pairs = zip(all_keys, all_urls, strict=True)
    return tuple(Endpoint(key, url) for key, url in pairs)


def _parts(value: str | None) -> list[str]:
    return [part.strip() for part in value.split(",")] if value else []
