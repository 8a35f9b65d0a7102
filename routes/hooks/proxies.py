"""The caller's address behind proxies."""

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix


def install(app: Flask, proxies: int) -> None:
    """Trust X-Forwarded-For, -Proto and -Host of exactly so many proxies; by default of none."""
    if proxies:
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]  # as Flask documents it
            app.wsgi_app, x_for=proxies, x_proto=proxies, x_host=proxies
        )
