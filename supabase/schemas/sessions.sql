-- Sessions: the conversations of a user.

-- `metadata` is json, not jsonb: a client gets it back with its keys in the order that it wrote.
-- A deleted session is hidden at once; its row goes last, after all that belongs to it.
create table public.sessions (
  id uuid primary key,
  user_id uuid not null,
  tenant_id uuid not null,
  title text,
  system_prompt text,
  provider text,
  model text,
  metadata json not null,
  archived boolean not null default false,
  deleted boolean not null default false,
  active_leaf uuid,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  title_folded text generated always as (charla.fold(title)) stored
);
create index sessions_by_use on public.sessions (user_id, archived, updated_at, id);
create index deleted_sessions on public.sessions (id) where deleted;
alter table public.sessions enable row level security;
revoke all on public.sessions from public, anon, authenticated, service_role;
grant select, insert, update, delete on public.sessions to service_role;

-- A user's own token reads the user's own sessions, straight from the browser: these columns and no
-- others.
grant select (id, user_id, title, system_prompt, provider, model, metadata, archived, created_at,
  updated_at) on public.sessions to authenticated;
create policy own_sessions on public.sessions for select to authenticated
  using (user_id = (select auth.uid()) and not deleted);

create function charla.session_json(s public.sessions) returns json
language plpgsql stable set search_path = '' as $$
begin
  return json_build_object(
    'id', s.id, 'user_id', s.user_id, 'title', s.title, 'created_at', s.created_at,
    'updated_at', s.updated_at, 'active_run', charla.active_run(s.id),
    'system_prompt', s.system_prompt, 'provider', s.provider, 'model', s.model,
    'metadata', s.metadata, 'archived', s.archived
  );
end;
$$;
revoke all on function charla.session_json from public, anon, authenticated;
grant execute on function charla.session_json to service_role;

create function public.get_session(p_user uuid, p_session uuid) returns json
language plpgsql stable set search_path = '' as $$
begin
  return (
    select charla.session_json(s) from public.sessions as s
    where s.id = p_session and s.user_id = p_user and not s.deleted
  );
end;
$$;
revoke all on function public.get_session from public, anon, authenticated;
grant execute on function public.get_session to service_role;

-- Gives the session, or `{"refused": "key_reused"}`, or `"storage_full"`: the user keeps as many
-- bytes as `p_max_stored` allows.
create function public.create_session(
  p_session json, p_key_hash text default null, p_body_hash text default null,
  p_max_stored bigint default null
) returns json
language plpgsql set search_path = '' as $$
declare
  made public.sessions;
  known json;
begin
  made := json_populate_record(null::public.sessions, p_session);
  if p_key_hash is not null then
    perform charla.lock_user(made.user_id);
    known := public.find_key(made.user_id, p_key_hash);
  end if;
  if known is not null then
    if known ->> 'body_hash' <> p_body_hash then
      return json_build_object('refused', 'key_reused');
    end if;
    return public.get_session(made.user_id, (known ->> 'session_id')::uuid);
  end if;
  if p_max_stored is not null and charla.is_full(made.user_id, p_max_stored) then
    return json_build_object('refused', 'storage_full');
  end if;
  insert into public.sessions (id, user_id, tenant_id, title, system_prompt, provider, model,
    metadata, created_at, updated_at)
  values (made.id, made.user_id, made.tenant_id, made.title, made.system_prompt, made.provider,
    made.model, made.metadata, made.created_at, made.created_at);
  if p_key_hash is not null then
    perform charla.remember_key(
      row(made.user_id, p_key_hash, p_body_hash, made.id, null, made.created_at)
    );
  end if;
  return public.get_session(made.user_id, made.id);
end;
$$;
revoke all on function public.create_session from public, anon, authenticated;
grant execute on function public.create_session to service_role;

-- Writes the members that are given, also those that are null. `{"refused": "storage_full"}`: the
-- user keeps as many bytes as `p_max_stored` allows, and this would not make them fewer.
create function public.change_session(
  p_user uuid, p_session uuid, p_changes json, p_now timestamptz,
  p_max_stored bigint default null
) returns json
language plpgsql set search_path = '' as $$
declare
  given jsonb := p_changes;
  change public.sessions := json_populate_record(null::public.sessions, p_changes);
begin
  if p_max_stored is not null and charla.is_full(p_user, p_max_stored) and exists (
    select from public.sessions as s where s.id = p_session and s.user_id = p_user
      and not s.deleted and charla.bytes_of_session(
        case when given ? 'title' then change.title else s.title end,
        case when given ? 'system_prompt' then change.system_prompt else s.system_prompt end,
        case when given ? 'metadata' then change.metadata else s.metadata end
      ) > charla.bytes_of_session(s.title, s.system_prompt, s.metadata)
  ) then
    return json_build_object('refused', 'storage_full');
  end if;
  update public.sessions as s set
    title = case when given ? 'title' then change.title else s.title end,
    system_prompt =
      case when given ? 'system_prompt' then change.system_prompt else s.system_prompt end,
    provider = case when given ? 'provider' then change.provider else s.provider end,
    model = case when given ? 'model' then change.model else s.model end,
    metadata = case when given ? 'metadata' then change.metadata else s.metadata end,
    archived = case when given ? 'archived' then change.archived else s.archived end,
    updated_at = p_now
  where s.id = p_session and s.user_id = p_user and not s.deleted;
  return public.get_session(p_user, p_session);
end;
$$;
revoke all on function public.change_session from public, anon, authenticated;
grant execute on function public.change_session to service_role;

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
