"""Why a certificate was refused, and what helps: told alike of every server that is asked."""

from collections.abc import Iterator

_UNKNOWN_AUTHORITY = frozenset({2, 18, 19, 20, 21})
"""OpenSSL's codes for a chain that leads to no authority that is trusted (x509_vfy.h)."""

_EXPIRED = 10

_TRUST = (
    "Where that authority is your own, set SSL_CERT_FILE to a PEM file with the certificates of all"
    " authorities to trust, that one among them."
)


def refused_certificate(error: BaseException | None) -> str | None:
    """Say in sentences why a certificate was refused; None: an error is of something else.

    The libraries wrap what TLS raises in errors of their own, up to four times.
    """
    for one in _chain(error):
        code = getattr(one, "verify_code", None)
        if code is None:
            continue
        said = getattr(one, "verify_message", "") or "it cannot be verified"
        told = f"The certificate is refused: {str(said).rstrip('.')}."
        if code in _UNKNOWN_AUTHORITY:
            return f"{told} {_TRUST}"
        if code == _EXPIRED:
            return f"{told} Renew it; or this machine's clock is wrong."
        return told
    return None


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    left = [error]
    while left:
        one = left.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        inner = (arg for arg in one.args if isinstance(arg, BaseException))
        left += [one.__context__, one.__cause__, *inner]
