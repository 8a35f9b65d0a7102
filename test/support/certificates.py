"""An authority and a certificate for localhost, made anew for each test process."""

import ssl

import trustme


def server_and_client_tls() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Give the TLS of a server on localhost, and that of a client which trusts it."""
    authority = trustme.CA()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(server)
    client = ssl.create_default_context()
    authority.configure_trust(client)
    return server, client
