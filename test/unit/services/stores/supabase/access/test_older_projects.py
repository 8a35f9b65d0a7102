"""A project that an older release wrote to takes the migrations of this release, and its rows."""

from contextlib import closing

import pytest
from source_tree import ROOT
from stack.private_folder import PrivateFolder
from stack.supabase_postgres import Postgres

OLDER = ("20261121091100", "20261122120000", "20261123090000", "20261130090000")
"""The last migration of each state in which a project may be."""

TALK = """
insert into sessions (id, user_id, tenant_id, metadata, created_at, updated_at)
values (md5('s')::uuid, md5('u')::uuid, md5('t')::uuid, '{}', now(), now());
insert into messages (id, session_id, user_id, parent_id, role, content, status, finish_reason,
  token_estimate, created_at)
select md5(n::text)::uuid, md5('s')::uuid, md5('u')::uuid,
  case when n > 1 then md5((n - 1)::text)::uuid end,
  case n % 2 when 1 then 'user' else 'assistant' end, text, 'complete', reason, 1, now()
from (values (1, 'a', null), (2, 're a', 'stop'), (3, 'bad', null), (4, 'half', 'content_filter'),
  (5, 'b', null), (6, '', null)) as told (n, text, reason)
"""
HISTORY = "select history from charla.history(md5('6')::uuid, $1, 1000)"


@pytest.mark.parametrize("state", OLDER)
def test_what_was_refused_under_an_older_release_leaves_the_context(state: str) -> None:
    files = sorted((ROOT / "supabase" / "migrations").glob("*.sql"))
    with closing(PrivateFolder()) as folder:
        postgres = Postgres(folder, auto_grants=False)
        try:
            postgres.create_project()
            for file in files:
                postgres.apply(file)
                if file.name.startswith(state):
                    postgres.sql(TALK)
            read = [postgres.sql(HISTORY, bound)[0]["history"] for bound in (10, 0)]
        finally:
            postgres.stop()

    assert read == [[["user", "a", 1], ["assistant", "re a", 1], ["user", "b", 1]]] * 2
