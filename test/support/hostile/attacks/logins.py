"""Attacks on logins and accounts: many that are right, and many that are nearly."""

import secrets

from hostile.attack import Attack, Scene, as_json, request

LOGIN = "/api/auth/login"


def wrong_login(scene: Scene, number: int) -> str:
    """Try a password for an account that may not exist."""
    body = as_json({"email": f"{secrets.token_hex(4)}@example.org", "password": "wrong horse"})
    return scene.ask(number, request("POST", LOGIN, body))


def guessed_login(scene: Scene, number: int) -> str:
    """Try passwords for one account that exists, from many addresses."""
    body = as_json({"email": scene.target.email, "password": secrets.token_hex(8)})
    return scene.ask(number, request("POST", LOGIN, body))


def right_login(scene: Scene, number: int) -> str:
    """Log in with the right password, again and again, from many addresses."""
    body = as_json({"email": scene.target.email, "password": scene.target.password})
    return scene.ask(number, request("POST", LOGIN, body))


def registration(scene: Scene, number: int) -> str:
    """Make a new account."""
    body = as_json({"email": f"{secrets.token_hex(8)}@example.org", "password": "correct horse 77"})
    return scene.ask(number, request("POST", "/api/auth/register", body))


def refresh(scene: Scene, number: int) -> str:
    """Guess a refresh token."""
    body = as_json({"refresh_token": secrets.token_hex(32)})
    return scene.ask(number, request("POST", "/api/auth/refresh", body))


ATTACKS = (
    Attack(
        name="wrong logins",
        does="tries passwords for accounts that do not exist",
        bound="`RATE_LIMIT_LOGIN`, `PASSWORD_QUEUE_SIZE`",
        answers=frozenset({"401 unauthorized", "429 rate_limited", "503 too_many_logins"}),
        act=wrong_login,
        at_once=12,
        pause=1.0,
    ),
    Attack(
        name="guessed passwords",
        does="tries passwords for one account from many addresses",
        bound="`RATE_LIMIT_FAILED_ACCOUNT`, `RATE_LIMIT_FAILED_NETWORK`",
        answers=frozenset({"401 unauthorized", "429 rate_limited", "503 too_many_logins"}),
        act=guessed_login,
        at_once=12,
        pause=1.0,
    ),
    Attack(
        name="right logins",
        does="logs in rightly from many addresses",
        bound="`RATE_LIMIT_LOGIN`, `PASSWORD_QUEUE_SIZE`",
        answers=frozenset({"200", "429 rate_limited", "503 too_many_logins"}),
        act=right_login,
        at_once=12,
        pause=1.0,
    ),
    Attack(
        name="registrations",
        does="makes accounts from many addresses",
        bound="`RATE_LIMIT_REGISTER`, `PASSWORD_QUEUE_SIZE`",
        answers=frozenset({"201", "429 rate_limited", "503 too_many_logins"}),
        act=registration,
        at_once=6,
        pause=1.0,
    ),
    Attack(
        name="guessed refresh tokens",
        does="guesses refresh tokens",
        bound="`RATE_LIMIT_REFRESH`",
        answers=frozenset({"401 unauthorized", "429 rate_limited"}),
        act=refresh,
        at_once=6,
        pause=0.5,
    ),
)
