-- Messages: the questions and answers of a session, which form a tree.

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

-- A page of messages, the newest first; its cost does not grow with the session. `p_from` is the
-- newest message of the page, null for the first page. Null: no such session;
-- `{"refused": "invalid_cursor"}`: no such message in it.
create function public.list_messages(
  p_user uuid, p_session uuid, p_tree boolean, p_limit integer, p_from uuid default null
) returns json
language plpgsql stable set search_path = '' as $$
declare
  leaf uuid;
  newest bigint;
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
    select json_agg(charla.message_json(m) order by m.seq desc) into page
    from (
      select * from public.messages as m
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
    select json_agg(charla.message_json(m) order by walk.depth) into page
    from walk join public.messages as m on m.id = walk.id;
  end if;
  return json_build_object('messages', coalesce(page, '[]'));
end;
$$;
revoke all on function public.list_messages from public, anon, authenticated;
grant execute on function public.list_messages to service_role;
