-- Who may touch the tables. Old projects grant everything that is new in `public` to everybody,
-- new ones grant nothing to anybody: what is revoked and granted here makes them the same.
-- Row level security is on everywhere; `service_role`, the server's key, passes it by.

revoke all on schema charla from public, anon, authenticated, service_role;
grant usage on schema charla to service_role;

revoke all on charla.migrations from public, anon, authenticated, service_role;
grant select on charla.migrations to service_role;
alter table charla.migrations enable row level security;

do $$
declare
  name text;
begin
  foreach name in array array['tenants', 'users', 'logins', 'refresh_tokens', 'sessions',
    'messages', 'runs', 'checkpoints', 'workers', 'ledger', 'idempotency_keys']
  loop
    execute format('revoke all on public.%I from public, anon, authenticated, service_role', name);
    execute format('grant select, insert, update, delete on public.%I to service_role', name);
    execute format('alter table public.%I enable row level security', name);
  end loop;
  foreach name in array array['messages_seq_seq', 'runs_seq_seq', 'ledger_seq_seq']
  loop
    execute format('revoke all on sequence public.%I from public, anon, authenticated', name);
    execute format('grant usage, select on sequence public.%I to service_role', name);
  end loop;
end;
$$;

-- A user's own token reads the user's own conversations, straight from the browser: these columns
-- and no others. The text of an answer that is being written is in the stream, not yet here.
grant select (id, user_id, title, system_prompt, provider, model, metadata, archived, created_at,
  updated_at) on public.sessions to authenticated;
grant select (id, session_id, user_id, parent_id, role, content, status, finish_reason, provider,
  model, usage, created_at) on public.messages to authenticated;

create policy own_sessions on public.sessions for select to authenticated
  using (user_id = (select auth.uid()) and not deleted);

-- The inner query is under the policy above: it sees no deleted session.
create policy own_messages on public.messages for select to authenticated
  using (
    user_id = (select auth.uid())
    and exists (select from public.sessions as s where s.id = messages.session_id)
  );

insert into charla.migrations (version) values ('20261121090100');
