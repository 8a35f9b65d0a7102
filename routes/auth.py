"""Accounts and logins."""

from typing import Any

from controllers.auth import AuthController, SignedIn
from controllers.registration import RegistrationController
from routes.hooks.authentication import Guard, current_caller
from routes.hooks.idempotency import HEADER, KEY_FORM, sent_key
from routes.hooks.limits import AddressLimits
from routes.hooks.peer import present_peer
from routes.openapi.blueprint import Blueprint, header_doc, problems_doc
from routes.schemas.auth import (
    LoginSchema,
    MeSchema,
    PasswordChangeSchema,
    PasswordResetSchema,
    RefreshSchema,
    RegistrationSchema,
    RegistrationStateSchema,
    TokensSchema,
)
from services.domain.users import ExternalUser, User


def blueprint(
    auth: AuthController,
    registration: RegistrationController,
    guard: Guard,
    limits: AddressLimits,
) -> Blueprint:
    """Build the blueprint; its prefix is `/api/auth`."""
    blp = Blueprint("auth", __name__, description="Accounts and logins")

    def tokens(signed_in: SignedIn) -> dict[str, object]:
        return {
            "access_token": guard.issue(signed_in.user, signed_in.login_id),
            "refresh_token": signed_in.refresh_token,
            "token_type": "Bearer",
            "expires_in": int(guard.lifetime_seconds),
            "user": signed_in.user,
        }

    @blp.post("/register")
    @limits.register
    @blp.arguments(RegistrationSchema)
    @blp.response(201, TokensSchema)
    @problems_doc(403, 409, 429, 503)
    def register_account(body: dict[str, Any]) -> dict[str, object]:
        """Make an account and log it in.

        Where registration is by invitation, `invite` is the token of one; where it is off, and
        where the invitation is not good, this is a 403. The first account of an installation that
        is not in production is its admin. E-mail addresses are compared as mail servers do: without
        case, and their domains by what the name service knows.
        """
        asked = (body["email"], body["password"], body["name"], body["invite"])
        return tokens(registration.register(*asked, present_peer()))

    @blp.get("/registration")
    @blp.response(200, RegistrationStateSchema)
    def get_registration() -> dict[str, object]:
        """Tell who may make an account here."""
        return {"registration": registration.registration}

    @blp.post("/password/reset")
    @limits.login
    @blp.arguments(PasswordResetSchema)
    @blp.response(200, TokensSchema)
    @problems_doc(403, 429, 503)
    def reset_password(body: dict[str, Any]) -> dict[str, object]:
        """Choose a password by a one-time link, and log in; all other logins of the account end.

        The installation's operator makes the link. One that was used, has expired or was replaced
        by a newer one is a 403, as one is that never was.
        """
        asked = (body["token"], body["password"])
        return tokens(registration.reset_password(*asked, present_peer()))

    @blp.post("/login")
    @limits.login
    @blp.arguments(LoginSchema)
    @blp.response(200, TokensSchema)
    @problems_doc(401, 429, 503)
    def login(body: dict[str, Any]) -> dict[str, object]:
        """Log in with e-mail address and password.

        Guessing is slowed down: where an account was tried too often from elsewhere, a 429 says
        when to come back. From where it was opened before it goes on.
        """
        return tokens(auth.login(body["email"], body["password"], present_peer()))

    @blp.post("/refresh")
    @limits.refresh
    @blp.arguments(RefreshSchema)
    @header_doc(HEADER, KEY_FORM)
    @blp.response(200, TokensSchema)
    @problems_doc(401, 429, 503)
    def refresh_login(body: dict[str, Any]) -> dict[str, object]:
        """Continue a login.

        A refresh token is good once; the answer holds the next one, which is the same however
        often the token comes within a short grace. Later it ends the login, unless it comes with
        the Idempotency-Key of its first use and the next one was never used: then the answer was
        lost.
        """
        return tokens(auth.refresh(body["refresh_token"], sent_key()))

    @blp.post("/logout")
    @guard.required
    @blp.response(204)
    @problems_doc(409)
    def logout() -> None:
        """End this login: its tokens count no more.

        Logins of Supabase Auth end there: for them this is a 409.
        """
        auth.logout(current_caller())

    @blp.get("/me")
    @guard.required
    @blp.response(200, MeSchema)
    def get_account() -> User | ExternalUser:
        """Read the account that the token belongs to."""
        return auth.me(current_caller())

    @blp.post("/password")
    @limits.login
    @guard.required
    @blp.arguments(PasswordChangeSchema)
    @blp.response(204)
    @problems_doc(409, 429)
    def change_password(body: dict[str, Any]) -> None:
        """Change the password; all other logins of the account end.

        Passwords of Supabase Auth are changed there: for its users this is a 409.
        """
        auth.change_password(current_caller(), body["current"], body["new"], present_peer())

    return blp
