-- What a user keeps is counted and bounded. A server of the release before goes on working without.

-- Nothing is written between the count of what is there and the first count of what is new.
lock table public.sessions, public.messages in share row exclusive mode;

create table public.user_storage (
  user_id uuid primary key,
  bytes bigint not null
);
alter table public.user_storage enable row level security;
revoke all on public.user_storage from public, anon, authenticated, service_role;
grant select, insert, update, delete on public.user_storage to service_role;

-- A row counts for 512 bytes beside its texts: for itself, its run and its places in the indexes.
create function charla.bytes_of_message(content text) returns bigint
language sql immutable parallel safe set search_path = '' as $$
  select 512 + octet_length($1)::bigint
$$;
revoke all on function charla.bytes_of_message from public, anon, authenticated;
grant execute on function charla.bytes_of_message to service_role;

create function charla.bytes_of_session(title text, system_prompt text, metadata json)
returns bigint
language sql immutable parallel safe set search_path = '' as $$
  select 512 + coalesce(octet_length($1), 0)::bigint + coalesce(octet_length($2), 0)
    + octet_length($3::text)
$$;
revoke all on function charla.bytes_of_session from public, anon, authenticated;
grant execute on function charla.bytes_of_session to service_role;

create function charla.add_stored(p_user uuid, p_bytes bigint) returns void
language sql set search_path = '' as $$
  insert into public.user_storage as s (user_id, bytes) values (p_user, p_bytes)
  on conflict (user_id) do update set bytes = s.bytes + excluded.bytes
$$;
revoke all on function charla.add_stored from public, anon, authenticated;
grant execute on function charla.add_stored to service_role;

create function charla.is_full(p_user uuid, p_most bigint) returns boolean
language plpgsql stable set search_path = '' as $$
begin
  return coalesce(
    (select s.bytes >= p_most from public.user_storage as s where s.user_id = p_user), false
  );
end;
$$;
revoke all on function charla.is_full from public, anon, authenticated;
grant execute on function charla.is_full to service_role;

create function charla.count_messages() returns trigger
language plpgsql set search_path = '' as $$
declare
  sign integer := case tg_op when 'DELETE' then -1 else 1 end;
begin
  perform charla.add_stored(u.user_id, u.bytes)
  from (
    select user_id, sign * sum(charla.bytes_of_message(content))::bigint as bytes
    from counted group by user_id order by user_id
  ) as u;
  return null;
end;
$$;
revoke all on function charla.count_messages from public, anon, authenticated;
grant execute on function charla.count_messages to service_role;

create function charla.count_sessions() returns trigger
language plpgsql set search_path = '' as $$
declare
  sign integer := case tg_op when 'DELETE' then -1 else 1 end;
begin
  perform charla.add_stored(u.user_id, u.bytes)
  from (
    select user_id,
      sign * sum(charla.bytes_of_session(title, system_prompt, metadata))::bigint as bytes
    from counted group by user_id order by user_id
  ) as u;
  return null;
end;
$$;
revoke all on function charla.count_sessions from public, anon, authenticated;
grant execute on function charla.count_sessions to service_role;

create function charla.recount_message() returns trigger
language plpgsql set search_path = '' as $$
begin
  perform charla.add_stored(
    new.user_id, octet_length(new.content)::bigint - octet_length(old.content)
  );
  return null;
end;
$$;
revoke all on function charla.recount_message from public, anon, authenticated;
grant execute on function charla.recount_message to service_role;

create function charla.recount_session() returns trigger
language plpgsql set search_path = '' as $$
begin
  perform charla.add_stored(
    new.user_id,
    charla.bytes_of_session(new.title, new.system_prompt, new.metadata)
      - charla.bytes_of_session(old.title, old.system_prompt, old.metadata)
  );
  return null;
end;
$$;
revoke all on function charla.recount_session from public, anon, authenticated;
grant execute on function charla.recount_session to service_role;

create trigger count_new after insert on public.messages
  referencing new table as counted for each statement execute function charla.count_messages();
create trigger count_deleted after delete on public.messages
  referencing old table as counted for each statement execute function charla.count_messages();
create trigger count_changed after update of content on public.messages
  for each row when (new.content <> old.content) execute function charla.recount_message();
create trigger count_new after insert on public.sessions
  referencing new table as counted for each statement execute function charla.count_sessions();
create trigger count_deleted after delete on public.sessions
  referencing old table as counted for each statement execute function charla.count_sessions();
create trigger count_changed after update of title, system_prompt, metadata on public.sessions
  for each row when (
    new.title is distinct from old.title or new.system_prompt is distinct from old.system_prompt
    or new.metadata::text <> old.metadata::text
  ) execute function charla.recount_session();

insert into public.user_storage (user_id, bytes)
select user_id, sum(bytes) from (
  select user_id, charla.bytes_of_message(content) as bytes from public.messages
  union all
  select user_id, charla.bytes_of_session(title, system_prompt, metadata) from public.sessions
) as there
group by user_id;

create or replace function charla.tables() returns table (name text, shown text[])
language sql immutable set search_path = '' as $$
  values
    ('tenants', array[]::text[]), ('users', '{}'), ('logins', '{}'), ('refresh_tokens', '{}'),
    ('runs', '{}'), ('checkpoints', '{}'), ('workers', '{}'), ('ledger', '{}'),
    ('idempotency_keys', '{}'), ('user_storage', '{}'),
    ('sessions', array['id', 'user_id', 'title', 'system_prompt', 'provider', 'model', 'metadata',
      'archived', 'created_at', 'updated_at']),
    ('messages', array['id', 'session_id', 'user_id', 'parent_id', 'role', 'content', 'status',
      'finish_reason', 'provider', 'model', 'usage', 'created_at'])
$$;

drop function public.create_session(json, text, text);
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

drop function public.change_session(uuid, uuid, json, timestamptz);
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

alter type charla.turn add attribute max_stored_bytes bigint;

create or replace function public.begin_turn(json) returns json
language plpgsql set search_path = '' as $$
declare
  t charla.turn := json_populate_record(null::charla.turn, $1);
  session public.sessions;
  run public.runs;
  parent uuid;
  active integer;
  reply json;
begin
  perform charla.lock_user(t.user_id);
  reply := charla.begun_before(
    t.run_id, t.user_id, t.context_messages, t.token_estimate, t.key_hash, t.body_hash
  );
  if reply is not null then
    return reply;
  end if;

  if t.new_session is not null then
    session := json_populate_record(null::public.sessions, t.new_session);
  else
    select * into session from public.sessions
    where id = t.session_id and user_id = t.user_id and not deleted for no key update;
    if not found then
      return json_build_object('refused', 'not_found');
    end if;
  end if;
  run.id := charla.active_run(t.session_id);
  if run.id is not null then
    return json_build_object('refused', 'run_active', 'active_run_id', run.id);
  end if;
  reply := charla.refusal_of_parent(t);
  if reply is not null then
    return reply;
  end if;
  parent := case t.parent_rule
    when 'root' then null when 'active_leaf' then session.active_leaf else t.parent_id end;

  run.offer := charla.pick(t.offers,
    case when t.chosen then t.provider else session.provider end,
    case when t.chosen then t.model else session.model end);
  if run.offer is null then
    return json_build_object('refused', 'model_not_available', 'session_provider', session.provider,
      'session_model', session.model);
  end if;
  run := json_populate_record(run, json_build_object(
    'id', t.run_id, 'session_id', t.session_id, 'user_id', t.user_id, 'tenant_id', t.tenant_id,
    'message_id', t.message_id, 'user_message_id', t.user_message_id, 'worker_id', t.worker_id,
    'epoch', 1, 'status', 'streaming', 'provider', run.offer ->> 'provider',
    'model', run.offer ->> 'name', 'created_at', t.created_at
  ));
  run.max_tokens := least(t.max_tokens, (run.offer ->> 'max_output')::bigint);

  reply := charla.begun(run, parent, t.context_messages, t.token_estimate, session);
  if reply ->> 'refused' is not null then
    return reply;
  end if;
  if t.max_active_runs is not null then
    select count(*) into active from public.runs
    where user_id = t.user_id and status = 'streaming';
    if active >= t.max_active_runs then
      return json_build_object('refused', 'too_many_runs', 'active_runs', active);
    end if;
  end if;
  if t.max_stored_bytes is not null and charla.is_full(t.user_id, t.max_stored_bytes) then
    return json_build_object('refused', 'storage_full');
  end if;
  run.input_tokens := charla.tokens(session.system_prompt) + t.token_estimate
    + (reply ->> 'history_tokens')::bigint;
  perform charla.write_turn(t, run, session, parent);
  return reply;
end;
$$;

insert into charla.migrations (version) values ('20261130110000');
