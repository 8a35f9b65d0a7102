-- Who may have an account: one-time links that an operator makes, and roles that are given. A
-- server of the release before this one goes on working: it gives `add_user` no role.

drop function public.add_user(uuid, uuid, text, text, text, text, timestamptz);

-- Without a role the first account is the admin, and all others are members. Null: the address is
-- taken.
create function public.add_user(
  p_id uuid, p_new_tenant uuid, p_email text, p_email_folded text, p_name text,
  p_password_hash text, p_created_at timestamptz, p_role text default null
) returns json
language plpgsql set search_path = '' as $$
declare
  made public.users;
begin
  perform charla.lock_installation();
  if exists (select from public.users where email_folded = p_email_folded) then
    return null;
  end if;
  insert into public.users
    (id, tenant_id, email, email_folded, name, role, password_hash, created_at)
  values (
    p_id, (public.own_tenant(p_new_tenant) #>> '{}')::uuid, p_email, p_email_folded, p_name,
    coalesce(p_role, case when exists (select from public.users) then 'member' else 'admin' end),
    p_password_hash, p_created_at
  ) returning * into made;
  return row_to_json(made);
end;
$$;
revoke all on function public.add_user from public, anon, authenticated;
grant execute on function public.add_user to service_role;

create function public.set_role(p_id uuid, p_role text) returns json
language sql set search_path = '' as $$
  with changed as (update public.users set role = p_role where id = p_id returning id)
  select to_json(exists (select from changed))
$$;
revoke all on function public.set_role from public, anon, authenticated;
grant execute on function public.set_role to service_role;

-- `subject` is whom a link is for: the folded address of an invitation (null: anybody), the account
-- of a reset.
create table public.account_links (
  token_hash text primary key,
  purpose text not null check (purpose in ('invitation', 'reset')),
  subject text,
  created_at timestamptz not null,
  expires_at timestamptz not null
);
create index account_links_by_subject on public.account_links (purpose, subject);
create index account_links_by_expiry on public.account_links (expires_at);
alter table public.account_links enable row level security;
revoke all on public.account_links from public, anon, authenticated, service_role;
grant select, insert, update, delete on public.account_links to service_role;

-- Keeps a link in place of the older ones for its subject.
create function public.add_link(
  p_token_hash text, p_purpose text, p_subject text, p_created_at timestamptz,
  p_expires_at timestamptz
) returns json
language plpgsql set search_path = '' as $$
begin
  delete from public.account_links where purpose = p_purpose and subject = p_subject;
  insert into public.account_links (token_hash, purpose, subject, created_at, expires_at)
  values (p_token_hash, p_purpose, p_subject, p_created_at, p_expires_at);
  return null;
end;
$$;
revoke all on function public.add_link from public, anon, authenticated;
grant execute on function public.add_link to service_role;

create function public.find_link(p_purpose text, p_token_hash text, p_now timestamptz)
returns json
language sql stable set search_path = '' as $$
  select row_to_json(l) from public.account_links as l
  where l.token_hash = p_token_hash and l.purpose = p_purpose and l.expires_at > p_now
$$;
revoke all on function public.find_link from public, anon, authenticated;
grant execute on function public.find_link to service_role;

-- Gives the account; or `{"is_taken": true}`, and then the link is still good; or null.
create function public.redeem_invitation(
  p_token_hash text, p_now timestamptz, p_id uuid, p_new_tenant uuid, p_email text,
  p_email_folded text, p_name text, p_password_hash text, p_created_at timestamptz, p_role text
) returns json
language plpgsql set search_path = '' as $$
declare
  made json;
begin
  perform from public.account_links
  where token_hash = p_token_hash and purpose = 'invitation' and expires_at > p_now for update;
  if not found then
    return null;
  end if;
  made := public.add_user(
    p_id, p_new_tenant, p_email, p_email_folded, p_name, p_password_hash, p_created_at, p_role
  );
  if made is null then
    return json_build_object('is_taken', true);
  end if;
  delete from public.account_links where token_hash = p_token_hash;
  return json_build_object('user', made);
end;
$$;
revoke all on function public.redeem_invitation from public, anon, authenticated;
grant execute on function public.redeem_invitation to service_role;

-- Says whether the link was good; then all logins of its account have ended.
create function public.redeem_reset(p_token_hash text, p_now timestamptz, p_new_hash text)
returns json
language plpgsql set search_path = '' as $$
declare
  account uuid;
begin
  delete from public.account_links
  where token_hash = p_token_hash and purpose = 'reset' and expires_at > p_now
  returning subject::uuid into account;
  update public.users set password_hash = p_new_hash where id = account;
  if not found then
    return to_json(false);
  end if;
  perform public.revoke_logins(p_user => account);
  return to_json(true);
end;
$$;
revoke all on function public.redeem_reset from public, anon, authenticated;
grant execute on function public.redeem_reset to service_role;

-- Deletes at most so many expired links.
create function public.purge_links(p_before timestamptz, p_limit integer) returns json
language plpgsql set search_path = '' as $$
declare
  purged integer;
begin
  delete from public.account_links where token_hash in (
    select token_hash from public.account_links where expires_at < p_before limit p_limit
    for update skip locked
  );
  get diagnostics purged = row_count;
  return to_json(purged);
end;
$$;
revoke all on function public.purge_links from public, anon, authenticated;
grant execute on function public.purge_links to service_role;

-- Every function that the server and its commands call.
create or replace function charla.remote_calls() returns text[]
language sql immutable set search_path = '' as $$
  select array['own_tenant', 'add_user', 'find_user', 'set_password', 'set_compared_email',
    'open_login', 'rotate_token', 'login_network_is_known',
    'revoke_logins', 'login_is_live', 'purge_tokens', 'purge_logins', 'find_key', 'create_session',
    'get_session', 'change_session', 'list_sessions', 'search_sessions', 'list_messages', 'begin_turn', 'settle_turn',
    'get_run', 'latest_run', 'run_text', 'run_progress', 'request_stop', 'run_states', 'beat',
    'claim_dead', 'forget_workers', 'delete_hidden', 'delete_session', 'hidden_sessions',
    'purge_keys', 'purge_checkpoints', 'charla_ping', 'charla_status',
    'import_rows', 'import_digests', 'import_collisions', 'set_role', 'add_link', 'find_link',
    'redeem_invitation', 'redeem_reset', 'purge_links']
$$;

-- Every table, with the columns that a user's own token may select.
create or replace function charla.tables() returns table (name text, shown text[])
language sql immutable set search_path = '' as $$
  values
    ('tenants', array[]::text[]), ('users', '{}'), ('logins', '{}'), ('refresh_tokens', '{}'),
    ('runs', '{}'), ('checkpoints', '{}'), ('workers', '{}'), ('ledger', '{}'),
    ('idempotency_keys', '{}'), ('user_storage', '{}'), ('account_links', '{}'),
    ('sessions', array['id', 'user_id', 'title', 'system_prompt', 'provider', 'model', 'metadata',
      'archived', 'created_at', 'updated_at']),
    ('messages', array['id', 'session_id', 'user_id', 'parent_id', 'role', 'content', 'status',
      'finish_reason', 'provider', 'model', 'usage', 'created_at'])
$$;

insert into charla.migrations (version) values ('20261130130000');
