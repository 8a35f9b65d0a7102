-- Messages: the questions and answers of a session, which form a tree; and how many bytes a user
-- keeps, in sessions and messages.

-- `seq` is the order of creation within a session.
create table public.messages (
  id uuid primary key,
  seq bigint generated always as identity,
  session_id uuid not null references public.sessions (id) on delete cascade,
  user_id uuid not null,
  parent_id uuid,
  role text not null check (role in ('user', 'assistant')),
  content text not null,
  status text not null
    check (status in ('streaming', 'complete', 'stopped', 'interrupted', 'failed')),
  finish_reason text
    check (finish_reason in ('stop', 'length', 'stopped', 'content_filter', 'budget')),
  provider text,
  model text,
  usage jsonb,
  cost_amount numeric,
  cost_currency text,
  token_estimate bigint not null,
  created_at timestamptz not null
);
create index messages_by_session on public.messages (session_id, seq);

-- The list of pending entries is short: the insert that fills it moves it into the tree, which
-- takes milliseconds.
create index messages_by_word on public.messages
  using gin (charla.words_of(user_id, content)) with (gin_pending_list_limit = 256);

alter table public.messages enable row level security;
revoke all on public.messages from public, anon, authenticated, service_role;
grant select, insert, update, delete on public.messages to service_role;
revoke all on sequence public.messages_seq_seq from public, anon, authenticated;
grant usage, select on sequence public.messages_seq_seq to service_role;

-- A user's own token reads these columns of the user's own messages. The text of an answer that is
-- being written is in the stream, not yet here. The inner query is under the policy of the
-- sessions: it sees no deleted session.
grant select (id, session_id, user_id, parent_id, role, content, status, finish_reason, provider,
  model, usage, created_at) on public.messages to authenticated;
create policy own_messages on public.messages for select to authenticated
  using (
    user_id = (select auth.uid())
    and exists (select from public.sessions as s where s.id = messages.session_id)
  );

-- The content of a message that is being written is what the checkpoints hold.
create function charla.message_json(m public.messages) returns json
language plpgsql stable set search_path = '' as $$
begin
  return json_build_object(
    'id', m.id, 'session_id', m.session_id, 'parent_id', m.parent_id, 'role', m.role,
    'content', case when m.status = 'streaming'
      then charla.text_so_far((select r.id from public.runs as r where r.message_id = m.id))
      else m.content end,
    'status', m.status, 'created_at', m.created_at, 'finish_reason', m.finish_reason,
    'model', m.model, 'provider', m.provider, 'usage', m.usage,
    'cost_amount', m.cost_amount::text, 'cost_currency', m.cost_currency
  );
end;
$$;
revoke all on function charla.message_json from public, anon, authenticated;
grant execute on function charla.message_json to service_role;

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

-- Counted where rows are written, however they are written.
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
