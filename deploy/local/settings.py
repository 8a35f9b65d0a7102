"""Print settings with new secrets for the local stack of docker-compose.yml.

Standard library only, so that any python3 runs it:
python3 deploy/local/settings.py > deploy/local/.env
"""

import base64
import hashlib
import hmac
import json
import os
import secrets
import stat
import sys
import time

TEN_YEARS = 10 * 365 * 86400


def service_key(secret: str) -> str:
    """Sign the token with which PostgREST takes a request for the service role's."""
    now = int(time.time())
    claims = {"iss": "supabase", "role": "service_role", "iat": now, "exp": now + TEN_YEARS}
    signed = f"{_part({'alg': 'HS256', 'typ': 'JWT'})}.{_part(claims)}"
    signature = hmac.new(secret.encode(), signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{_coded(signature)}"


def _part(value: dict[str, object]) -> str:
    return _coded(json.dumps(value, separators=(",", ":")).encode())


def _coded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


if __name__ == "__main__":
    jwt_secret = secrets.token_hex(32)
    settings = {
        "SUPABASE_URL": "http://gateway:8000",
        "SUPABASE_KEY": service_key(jwt_secret),
        "SUPABASE_JWT_SECRET": jwt_secret,
        "JWT_SECRET_KEY": secrets.token_urlsafe(48),
        "METRICS_TOKEN": secrets.token_urlsafe(32),
        "REGISTRATION": "open",  # there is no Supabase Auth that could have the users
        "POSTGRES_PASSWORD": secrets.token_hex(16),
    }
    if stat.S_ISREG(os.fstat(sys.stdout.fileno()).st_mode):
        os.fchmod(sys.stdout.fileno(), 0o600)  # the file that it is sent into holds secrets
    sys.stdout.writelines(f"{name}={value}\n" for name, value in settings.items())
