-- Sessions, messages, and the Idempotency-Keys that protect what begins them.

-- Whatever may be done once a user at a time: keys, and the count of active runs.
create function charla.lock_user(p_user uuid) returns void
language plpgsql set search_path = '' as $$
begin
  perform pg_advisory_xact_lock(hashtextextended('charla.user.' || p_user, 0));
end;
$$;
revoke all on function charla.lock_user from public, anon, authenticated;
grant execute on function charla.lock_user to service_role;

create function charla.active_run(p_session uuid) returns uuid
language plpgsql stable set search_path = '' as $$
begin
  return (select id from public.runs where session_id = p_session and status = 'streaming');
end;
$$;
revoke all on function charla.active_run from public, anon, authenticated;
grant execute on function charla.active_run to service_role;

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

-- What a known key made, of a session that is not being deleted; null: not known.
create function public.find_key(p_user uuid, p_key_hash text) returns json
language plpgsql stable set search_path = '' as $$
begin
  return (
    select json_build_object(
      'body_hash', k.body_hash, 'session_id', k.session_id, 'run_id', k.run_id
    )
    from public.idempotency_keys as k
    join public.sessions as s on s.id = k.session_id and not s.deleted
    where k.user_id = p_user and k.key_hash = p_key_hash
  );
end;
$$;
revoke all on function public.find_key from public, anon, authenticated;
grant execute on function public.find_key to service_role;

-- The key of a session that is being deleted may still be there.
create function charla.remember_key(k public.idempotency_keys) returns void
language plpgsql set search_path = '' as $$
begin
  insert into public.idempotency_keys select (k).*
  on conflict (user_id, key_hash) do update set body_hash = excluded.body_hash,
    session_id = excluded.session_id, run_id = excluded.run_id, created_at = excluded.created_at;
end;
$$;
revoke all on function charla.remember_key from public, anon, authenticated;
grant execute on function charla.remember_key to service_role;

-- Gives the session, or `{"refused": "key_reused"}`.
create function public.create_session(
  p_session json, p_key_hash text default null, p_body_hash text default null
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

-- Writes the members that are given, also those that are null.
create function public.change_session(
  p_user uuid, p_session uuid, p_changes json, p_now timestamptz
) returns json
language plpgsql set search_path = '' as $$
declare
  given jsonb := p_changes;
  change public.sessions := json_populate_record(null::public.sessions, p_changes);
begin
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
create function public.list_sessions(
  p_user uuid, p_archived boolean, p_limit integer, p_before timestamptz default null,
  p_before_id uuid default null, p_query text default null
) returns json
language plpgsql stable set search_path = '' as $$
declare
  words text[];
  query tsquery;
  page json;
begin
  if p_query is not null then
    words := (charla.words(p_query))[:32];
    query := charla.query_of(p_user, words);
  end if;
  select json_agg(charla.session_json(s) order by s.updated_at desc, s.id desc) into page
  from (
    select * from public.sessions as s
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
  return coalesce(page, '[]');
end;
$$;
revoke all on function public.list_sessions from public, anon, authenticated;
grant execute on function public.list_sessions to service_role;

insert into charla.migrations (version) values ('20261121090400');
