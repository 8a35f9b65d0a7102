-- A login opens only while the password that was checked is the account's, and tells which network
-- it came from. A refresh token has one successor, however often it comes within the grace. A
-- server of the release before this one goes on working: what it does not give has a default.

alter table public.logins add column network text;
create index logins_by_network on public.logins (user_id, network) where network is not null;

alter table public.refresh_tokens
  add column next_hash text, add column next_seed text, add column used_with text;

drop function public.open_login(uuid, uuid, text, timestamptz, timestamptz);
drop function public.rotate_token(text, text, timestamptz, timestamptz, double precision);

-- Null: the login was opened. False: the account's hash is not `p_only_if` any more, and nothing was
-- done; with null the account is not looked at. The row is locked: a change of the password waits,
-- and ends this login then.
create function public.open_login(
  p_id uuid, p_user uuid, p_token_hash text, p_issued_at timestamptz, p_expires_at timestamptz,
  p_only_if text default null, p_network text default null
) returns json
language plpgsql set search_path = '' as $$
begin
  if p_only_if is not null then
    perform from public.users where id = p_user and password_hash = p_only_if for share;
    if not found then
      return to_json(false);
    end if;
  end if;
  insert into public.logins (id, user_id, created_at, network)
  values (p_id, p_user, p_issued_at, p_network);
  insert into public.refresh_tokens (token_hash, login_id, issued_at, expires_at)
  values (p_token_hash, p_id, p_issued_at, p_expires_at);
  return null;
end;
$$;
revoke all on function public.open_login from public, anon, authenticated;
grant execute on function public.open_login to service_role;

-- `p_issued_at` is the present time. Gives the login and the seed of the token that follows: the
-- one given, or that of an earlier use; `is_spent`: the token that follows was used as well. Or
-- `{"revoked": ...}`, the login, ended because the token was used again after the grace; or null.
-- After the grace a token may come again with the key of its first use, while what follows it was
-- never used. A server of the release before this one gives no seed: there each use makes a token.
create function public.rotate_token(
  p_old_hash text, p_token_hash text, p_issued_at timestamptz, p_expires_at timestamptz,
  p_grace_seconds double precision, p_seed text default null, p_key text default null
) returns json
language plpgsql set search_path = '' as $$
declare
  old record;
  following public.refresh_tokens;
begin
  select t.*, l.user_id into old
  from public.refresh_tokens as t
  join public.logins as l on l.id = t.login_id and l.revoked_at is null
  where t.token_hash = p_old_hash for update;
  if not found then
    return null;
  end if;
  if p_seed is not null then
    select * into following from public.refresh_tokens where token_hash = old.next_hash;
  end if;
  if p_issued_at - old.used_at > make_interval(secs => p_grace_seconds)
    and (old.used_with = p_key and following.token_hash is not null and following.used_at is null)
      is not true
  then
    update public.logins set revoked_at = now() where id = old.login_id;
    return json_build_object('revoked', old.login_id);
  end if;
  if coalesce(following.expires_at, old.expires_at) <= p_issued_at then
    return null;
  end if;
  if following.token_hash is not null then
    return json_build_object('id', old.login_id, 'user_id', old.user_id, 'seed', old.next_seed,
      'is_spent', following.used_at is not null);
  end if;
  update public.refresh_tokens
  set used_at = coalesce(used_at, p_issued_at), used_with = coalesce(p_key, used_with),
    next_hash = case when p_seed is null then next_hash else p_token_hash end,
    next_seed = coalesce(p_seed, next_seed)
  where token_hash = p_old_hash;
  insert into public.refresh_tokens (token_hash, login_id, issued_at, expires_at)
  values (p_token_hash, old.login_id, p_issued_at, p_expires_at);
  return json_build_object('id', old.login_id, 'user_id', old.user_id, 'seed', coalesce(p_seed, ''),
    'is_spent', false);
end;
$$;
revoke all on function public.rotate_token from public, anon, authenticated;
grant execute on function public.rotate_token to service_role;

-- Whether an account opened a login from a network, that is from one with this digest.
create function public.login_network_is_known(p_user uuid, p_network text) returns json
language sql stable set search_path = '' as $$
  select to_json(exists (
    select from public.logins where user_id = p_user and network = p_network
  ))
$$;
revoke all on function public.login_network_is_known from public, anon, authenticated;
grant execute on function public.login_network_is_known to service_role;

-- Ends a login, or all logins of a user except `p_but`. Gives their ids, also of those that had
-- ended before.
create or replace function public.revoke_logins(
  p_id uuid default null, p_user uuid default null, p_but uuid default null
) returns json
language plpgsql set search_path = '' as $$
begin
  update public.logins set revoked_at = now()
  where revoked_at is null and (id = p_id or (user_id = p_user and id is distinct from p_but));
  update public.logins set network = null
  where network is not null and user_id = p_user and id is distinct from p_but;
  return (
    select coalesce(json_agg(id), '[]') from public.logins
    where revoked_at is not null
      and (id = p_id or (user_id = p_user and id is distinct from p_but))
  );
end;
$$;

-- How an address is compared, written anew by a server that knows better than the one that wrote it.
-- False: it is not `p_only_if` any more, or another account has it.
create function public.set_compared_email(p_id uuid, p_new text, p_only_if text) returns json
language plpgsql set search_path = '' as $$
begin
  update public.users set email_folded = p_new where id = p_id and email_folded = p_only_if;
  return to_json(found);
exception when unique_violation then
  return to_json(false);
end;
$$;
revoke all on function public.set_compared_email from public, anon, authenticated;
grant execute on function public.set_compared_email to service_role;

-- The addresses that are there under another id, and the ids that are there with another address.
-- Two releases may have folded the same address differently: it is compared as it was written too.
create or replace function public.import_collisions(p_rows json) returns json
language sql stable set search_path = '' as $$
  with given as (
    select id, email, email_folded from json_populate_recordset(null::public.users, p_rows)
  ), colliding as (
    select g.email from given as g join public.users as u on u.email_folded = g.email_folded
    where u.id <> g.id
    union
    select g.email from given as g join public.users as u on lower(u.email) = lower(g.email)
    where u.id <> g.id
    union
    select g.email from given as g join public.users as u on u.id = g.id
    where u.email_folded <> g.email_folded and lower(u.email) <> lower(g.email)
  )
  select coalesce(json_agg(email order by email), '[]') from colliding
$$;

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
    'import_rows', 'import_digests', 'import_collisions']
$$;

insert into charla.migrations (version) values ('20261130120000');
