-- Pages end early by their bytes, and a search by its time. A server of the release before this one
-- goes on working: it gets pages as before.

-- How many of these sizes, in their order, make a page of `p_bytes`: at least one, and the one that
-- fills it. Null: as many as there are.
create function charla.fitting(sizes integer[], p_bytes integer) returns integer
language plpgsql immutable set search_path = '' as $$
declare
  used bigint := 0;
  kept integer := 0;
begin
  while kept < cardinality(sizes) and (kept = 0 or p_bytes is null or used < p_bytes) loop
    kept := kept + 1;
    used := used + sizes[kept];
  end loop;
  return kept;
end;
$$;
revoke all on function charla.fitting from public, anon, authenticated;
grant execute on function charla.fitting to service_role;

create or replace function charla.remote_calls() returns text[]
language sql immutable set search_path = '' as $$
  select array['own_tenant', 'add_user', 'find_user', 'set_password', 'open_login', 'rotate_token',
    'revoke_logins', 'login_is_live', 'purge_tokens', 'purge_logins', 'find_key', 'create_session',
    'get_session', 'change_session', 'list_sessions', 'search_sessions', 'list_messages', 'begin_turn', 'settle_turn',
    'get_run', 'latest_run', 'run_text', 'run_progress', 'request_stop', 'run_states', 'beat',
    'claim_dead', 'forget_workers', 'delete_hidden', 'delete_session', 'hidden_sessions',
    'purge_keys', 'purge_checkpoints', 'charla_ping', 'charla_status',
    'import_rows', 'import_digests', 'import_collisions']
$$;

drop function public.list_messages(uuid, uuid, boolean, integer, uuid);
-- A page of messages, the newest first; its cost does not grow with the session. It ends early once
-- it has `p_bytes` of content, and `next` is then the message that begins the next one. `p_from` is
-- the newest message of the page, null for the first page. Null: no such session;
-- `{"refused": "invalid_cursor"}`: no such message in it.
create function public.list_messages(
  p_user uuid, p_session uuid, p_tree boolean, p_limit integer, p_from uuid default null,
  p_bytes integer default null
) returns json
language plpgsql stable set search_path = '' as $$
declare
  leaf uuid;
  newest bigint;
  ids uuid[];
  sizes integer[];
  kept integer;
  page json;
begin
  select active_leaf into leaf from public.sessions
  where id = p_session and user_id = p_user and not deleted;
  if not found then
    return null;
  end if;
  if p_from is not null then
    select seq into newest from public.messages where id = p_from and session_id = p_session;
    if not found then
      return json_build_object('refused', 'invalid_cursor');
    end if;
  end if;
  if p_tree then
    select array_agg(m.id order by m.seq desc), array_agg(m.size order by m.seq desc)
    into ids, sizes
    from (
      select m.id, m.seq, octet_length(m.content) as size from public.messages as m
      where m.session_id = p_session and (newest is null or m.seq <= newest)
      order by m.seq desc limit p_limit
    ) as m;
  else
    -- The depth is bounded inside the recursion.
    with recursive walk (depth, id) as (
      select 1, coalesce(p_from, leaf)
      union all
      select walk.depth + 1, m.parent_id
      from walk join public.messages as m on m.id = walk.id
      where walk.depth < p_limit and m.parent_id is not null
    )
    select array_agg(m.id order by walk.depth),
      array_agg(octet_length(m.content) order by walk.depth)
    into ids, sizes
    from walk join public.messages as m on m.id = walk.id;
  end if;
  kept := charla.fitting(sizes, p_bytes);
  select json_agg(charla.message_json(m) order by shown.place) into page
  from unnest(ids[1:kept]) with ordinality as shown (id, place)
  join public.messages as m on m.id = shown.id;
  return json_build_object('messages', coalesce(page, '[]'), 'next', ids[kept + 1]);
end;
$$;
revoke all on function public.list_messages from public, anon, authenticated;
grant execute on function public.list_messages to service_role;

drop function public.list_sessions(uuid, boolean, integer, timestamptz, uuid, text);
-- The newest sessions before a position; with a query those whose title holds all its words, or
-- one of whose messages holds words that begin with them. A query without a word finds nothing.
-- With `p_bytes` the page ends early once it has so many bytes of prompts and metadata, and the
-- reply tells whether there are more; without it the reply is only the sessions.
create function public.list_sessions(
  p_user uuid, p_archived boolean, p_limit integer, p_before timestamptz default null,
  p_before_id uuid default null, p_query text default null, p_bytes integer default null
) returns json
language plpgsql stable set search_path = '' as $$
declare
  words text[];
  query tsquery;
  ids uuid[];
  sizes integer[];
  kept integer;
  page json;
begin
  if p_query is not null then
    words := (charla.words(p_query))[:32];
    query := charla.query_of(p_user, words);
  end if;
  select array_agg(s.id order by s.updated_at desc, s.id desc),
    array_agg(s.size order by s.updated_at desc, s.id desc)
  into ids, sizes
  from (
    select s.id, s.updated_at,
      coalesce(octet_length(s.system_prompt), 0) + octet_length(s.metadata::text) as size
    from public.sessions as s
    where s.user_id = p_user and s.archived = p_archived and not s.deleted
      and (p_before is null or (s.updated_at, s.id) < (p_before, p_before_id))
      and (
        p_query is null
        or (query is not null and not exists (
          select from unnest(words) as word where strpos(coalesce(s.title_folded, ''), word) = 0
        ))
        or s.id in (
          select m.session_id from public.messages as m
          where m.user_id = p_user and charla.words_of(m.user_id, m.content) @@ query
        )
      )
    order by s.updated_at desc, s.id desc limit p_limit
  ) as s;
  kept := charla.fitting(sizes, p_bytes);
  select json_agg(charla.session_json(s) order by shown.place) into page
  from unnest(ids[1:kept]) with ordinality as shown (id, place)
  join public.sessions as s on s.id = shown.id;
  if p_bytes is null then
    return coalesce(page, '[]');
  end if;
  return json_build_object(
    'sessions', coalesce(page, '[]'), 'more', coalesce(kept < cardinality(ids), false)
  );
end;
$$;
revoke all on function public.list_sessions from public, anon, authenticated;
grant execute on function public.list_sessions to service_role;

-- `list_sessions` with a query: one at a time for each user (`{"refused": "search_busy"}`), and
-- ended after 5 seconds. PostgREST takes the timeout over for the whole call; inside a call it
-- would not count.
create function public.search_sessions(
  p_user uuid, p_archived boolean, p_limit integer, p_query text, p_bytes integer,
  p_before timestamptz default null, p_before_id uuid default null
) returns json
language plpgsql set search_path = '' set statement_timeout = '5s' as $$
begin
  if not pg_try_advisory_xact_lock(hashtextextended('charla.search.' || p_user, 0)) then
    return json_build_object('refused', 'search_busy');
  end if;
  return public.list_sessions(
    p_user, p_archived, p_limit, p_before, p_before_id, p_query, p_bytes
  );
end;
$$;
revoke all on function public.search_sessions from public, anon, authenticated;
grant execute on function public.search_sessions to service_role;

insert into charla.migrations (version) values ('20261130110001');
