"""Every error that a client can meet, as one tree.

CharlaError
├── InvalidRequest 422          the request cannot be taken as it is; `errors` names the fields
│   ├── MalformedRequest 400    not JSON, or not an object
│   ├── InvalidCursor 422       a cursor that this server did not make
│   ├── ModelNotAvailable 422   unknown or unconfigured provider or model
│   ├── ContextTooLong 422      the message does not fit the model's window
│   └── KeyReused 422           an Idempotency-Key that was used with another body
├── Unauthorized 401            no token, or a bad one
├── NotFound 404                does not exist, or is not yours
├── Conflict 409
│   ├── EmailTaken 409
│   ├── ExternalAccount 409     another system manages the account
│   └── RunActive 409           the session has an active run: `active_run_id`
├── ContentTooLarge 413
├── TooManyRequests 429         `retry_after` seconds
├── Unavailable 503
│   ├── StoreUnavailable 503
│   ├── Draining 503            the server is shutting down
│   └── TooManyStreams 503
└── ProviderError 502           an upstream failure; see the codes at the class
    └── ProviderTimeout 504

`base` holds the root; `requests`, `conflicts`, `outages` and `upstream` the branches.
"""
