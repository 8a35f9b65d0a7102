"""The OpenAPI document, made of the schemas and handlers that serve what it describes."""
