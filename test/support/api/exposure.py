"""What PostgREST lets a caller do: tries over HTTP everything in the database's catalog."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
from stack.supabase_stack import SupabaseStack

UNRELATED = "PGRST200 "  # no foreign key leads there
NO_SUCH_FUNCTION = "PGRST202 "
ANSWER_SECONDS = 30.0
JSON = "application/json"

OWN_SCHEMAS = """
select nspname as name from pg_namespace
where nspname !~ '^pg_'
  and nspname not in ('information_schema', 'auth', 'extensions', 'supabase_migrations')
order by nspname
"""

# A sequence can be read like a table. Columns that the database alone writes are not writable.
RELATIONS = """
select n.nspname as schema, c.relname as name,
  array_agg(a.attname order by a.attnum) as columns,
  coalesce(array_agg(a.attname order by a.attnum) filter (
    where a.attidentity <> 'a' and a.attgenerated = '' and c.relkind <> 'S'), '{}') as writable
from pg_class as c
join pg_namespace as n on n.oid = c.relnamespace
join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
where n.nspname = any ($1) and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
group by n.nspname, c.relname
order by n.nspname, c.relname
"""

# A parameter without a name takes the whole body, if it is the only one and of one of these types.
FUNCTIONS = """
select n.nspname as schema, p.proname as name, coalesce(named.names, '{}') as parameters,
  case
    when p.prorettype in ('trigger'::regtype, 'event_trigger'::regtype) then null
    when coalesce(cardinality(named.names), 0) = p.pronargs then 'application/json'
    when p.pronargs > 1 then null
    when p.proargtypes[0] in ('json'::regtype, 'jsonb'::regtype) then 'application/json'
    when p.proargtypes[0] = 'text'::regtype then 'text/plain'
    when p.proargtypes[0] = 'bytea'::regtype then 'application/octet-stream'
    when p.proargtypes[0] = 'xml'::regtype then 'text/xml'
  end as takes
from pg_proc as p
join pg_namespace as n on n.oid = p.pronamespace
cross join lateral (
  select array_agg(name) as names
  from unnest(p.proargnames, p.proargmodes) as parameter (name, mode)
  where name <> '' and (mode is null or mode in ('i', 'b', 'v'))
) as named
where n.nspname = any ($1) and p.prokind <> 'a'
order by n.nspname, p.proname
"""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request, what it would do, and how its refusal begins: with a code and a message."""

    deed: str
    method: str
    schema: str
    path: str
    refusal: str
    body: Mapping[str, Any] | None = None
    media_type: str = JSON


@dataclass(frozen=True, slots=True)
class Catalog:
    """All that PostgREST could show of a database, as the database lists it."""

    schemas: Sequence[str]
    relations: Sequence[Mapping[str, Any]] = field(repr=False)
    functions: Sequence[Mapping[str, Any]] = field(repr=False)

    @classmethod
    def of(cls, stack: SupabaseStack) -> "Catalog":
        """Read the catalog of a stack's database."""
        schemas = [row["name"] for row in stack.sql(OWN_SCHEMAS)]
        listed = "{" + ",".join(schemas) + "}"
        return cls(schemas, stack.sql(RELATIONS, listed), stack.sql(FUNCTIONS, listed))

    def attempts(self) -> Iterator[Attempt]:
        """Give everything that can be tried."""
        for relation in self.relations:
            yield from _alone(relation)
            for other in self.relations:
                if other["schema"] == relation["schema"]:  # one request sees one schema
                    yield _through(relation, other)
        for function in self.functions:
            yield _call(function)


def _alone(relation: Mapping[str, Any]) -> Iterator[Attempt]:
    schema, path = relation["schema"], relation["name"]

    def attempt(verb: str, method: str, column: str = "", query: str = "") -> Attempt:
        body = {column: None} if column else {}
        deed = f"{verb} {schema}.{path}" + (f".{column}" if column else "")
        denied = _denied(relation)
        return Attempt(deed, method, schema, path + query, denied, None if query else body)

    yield attempt("read", "GET", query="?select=*")
    yield attempt("insert", "POST")
    yield attempt("delete", "DELETE")
    for column in relation["columns"]:
        yield attempt("read", "GET", column, f"?select={column}")
    for column in relation["writable"]:
        yield attempt("insert", "POST", column)
        yield attempt("update", "PATCH", column)


def _through(relation: Mapping[str, Any], other: Mapping[str, Any]) -> Attempt:
    schema, name = relation["schema"], relation["name"]
    deed = f"read {other['schema']}.{other['name']} through {schema}.{name}"
    refusal = f"{_denied(relation)}|{_denied(other)}|{UNRELATED}"
    return Attempt(deed, "GET", schema, f"{name}?select={other['name']}(*)", refusal)


def _call(function: Mapping[str, Any]) -> Attempt:
    schema, path = function["schema"], f"rpc/{function['name']}"
    refusal = _denied(function) if function["takes"] else NO_SUCH_FUNCTION
    deed = f"call {schema}.{function['name']}"
    body = dict.fromkeys(function["parameters"])
    return Attempt(deed, "POST", schema, path, refusal, body, function["takes"] or JSON)


def _denied(thing: Mapping[str, Any]) -> str:
    # Denied to this object itself: a function that may be called may be denied what it uses.
    schema, name = thing["schema"], thing["name"]
    return rf"42501 permission denied for (schema {schema}|[a-z ]+ {name})$"


class Caller:
    """A caller with the anon key, and perhaps a token, who talks to PostgREST directly."""

    def __init__(self, stack: SupabaseStack, token: str | None = None) -> None:
        """Open a connection; the test closes it."""
        headers = {"apikey": stack.anon_key, "Authorization": f"Bearer {token or stack.anon_key}"}
        base_url = f"{stack.url}/rest/v1/"
        self._http = httpx.Client(base_url=base_url, headers=headers, timeout=ANSWER_SECONDS)

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def allowed(self, catalog: Catalog) -> set[str]:
        """Try everything, and name each attempt that was not refused for lack of a privilege."""
        return {tried.deed for tried in catalog.attempts() if not self._is_refused(tried)}

    def rows(self, path: str) -> list[dict[str, Any]]:
        """Read rows that the caller may read."""
        rows: list[dict[str, Any]] = self._http.get(path).raise_for_status().json()
        return rows

    def shown(self) -> set[str]:
        """List the paths in PostgREST's own description of what the caller may use."""
        return set(self._http.get("").raise_for_status().json()["paths"])

    def _is_refused(self, tried: Attempt) -> bool:
        headers = {
            "Accept-Profile": tried.schema,
            "Content-Profile": tried.schema,
            "Content-Type": tried.media_type,
        }
        body = None if tried.body is None else json.dumps(tried.body)
        answer = self._http.request(tried.method, tried.path, content=body, headers=headers)
        if not answer.is_client_error:
            return False
        problem = answer.json()
        return bool(re.match(tried.refusal, f"{problem['code']} {problem['message']}"))
