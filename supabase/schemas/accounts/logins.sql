-- Logins: one for each time that an account signs in, with the refresh tokens that keep it alive.

-- `revoked_at` is the database's time: each beat asks for what was revoked since the one before.
create table public.logins (
  id uuid primary key,
  user_id uuid not null,
  revoked_at timestamptz,
  created_at timestamptz not null
);
create index logins_by_user on public.logins (user_id);
create index revoked_logins on public.logins (revoked_at) where revoked_at is not null;
alter table public.logins enable row level security;
revoke all on public.logins from public, anon, authenticated, service_role;
grant select, insert, update, delete on public.logins to service_role;

create table public.refresh_tokens (
  token_hash text primary key,
  login_id uuid not null references public.logins (id) on delete cascade,
  issued_at timestamptz not null,
  expires_at timestamptz not null,
  used_at timestamptz
);
create index refresh_tokens_by_login on public.refresh_tokens (login_id);
create index refresh_tokens_by_expiry on public.refresh_tokens (expires_at);
alter table public.refresh_tokens enable row level security;
revoke all on public.refresh_tokens from public, anon, authenticated, service_role;
grant select, insert, update, delete on public.refresh_tokens to service_role;

create function public.open_login(
  p_id uuid, p_user uuid, p_token_hash text, p_issued_at timestamptz, p_expires_at timestamptz
) returns json
language plpgsql set search_path = '' as $$
begin
  insert into public.logins (id, user_id, created_at) values (p_id, p_user, p_issued_at);
  insert into public.refresh_tokens (token_hash, login_id, issued_at, expires_at)
  values (p_token_hash, p_id, p_issued_at, p_expires_at);
  return null;
end;
$$;
revoke all on function public.open_login from public, anon, authenticated;
grant execute on function public.open_login to service_role;

-- `p_issued_at` is the present time. Gives the login; or `{"revoked": ...}`, the login, ended
-- because the token was used again after the grace; or null.
create function public.rotate_token(
  p_old_hash text, p_token_hash text, p_issued_at timestamptz, p_expires_at timestamptz,
  p_grace_seconds double precision
) returns json
language plpgsql set search_path = '' as $$
declare
  old record;
begin
  select t.*, l.user_id into old
  from public.refresh_tokens as t
  join public.logins as l on l.id = t.login_id and l.revoked_at is null
  where t.token_hash = p_old_hash for update;
  if not found then
    return null;
  end if;
  if p_issued_at - old.used_at > make_interval(secs => p_grace_seconds) then
    update public.logins set revoked_at = now() where id = old.login_id;
    return json_build_object('revoked', old.login_id);
  end if;
  if old.expires_at <= p_issued_at then
    return null;
  end if;
  update public.refresh_tokens set used_at = coalesce(used_at, p_issued_at)
  where token_hash = p_old_hash;
  insert into public.refresh_tokens (token_hash, login_id, issued_at, expires_at)
  values (p_token_hash, old.login_id, p_issued_at, p_expires_at);
  return json_build_object('id', old.login_id, 'user_id', old.user_id);
end;
$$;
revoke all on function public.rotate_token from public, anon, authenticated;
grant execute on function public.rotate_token to service_role;

-- Ends a login, or all logins of a user except `p_but`. Gives their ids, also of those that had
-- ended before.
create function public.revoke_logins(
  p_id uuid default null, p_user uuid default null, p_but uuid default null
) returns json
language plpgsql set search_path = '' as $$
begin
  update public.logins set revoked_at = now()
  where revoked_at is null and (id = p_id or (user_id = p_user and id is distinct from p_but));
  return (
    select coalesce(json_agg(id), '[]') from public.logins
    where revoked_at is not null
      and (id = p_id or (user_id = p_user and id is distinct from p_but))
  );
end;
$$;
revoke all on function public.revoke_logins from public, anon, authenticated;
grant execute on function public.revoke_logins to service_role;

create function public.login_is_live(p_id uuid) returns json
language sql stable set search_path = '' as $$
  select to_json(exists (select from public.logins where id = p_id and revoked_at is null))
$$;
revoke all on function public.login_is_live from public, anon, authenticated;
grant execute on function public.login_is_live to service_role;

-- Deletes at most so many expired tokens. A login that has none left is for `purge_logins`.
create function public.purge_tokens(p_before timestamptz, p_limit integer) returns json
language plpgsql set search_path = '' as $$
declare
  purged integer;
begin
  delete from public.refresh_tokens where token_hash in (
    select token_hash from public.refresh_tokens where expires_at < p_before limit p_limit
    for update skip locked
  );
  get diagnostics purged = row_count;
  return to_json(purged);
end;
$$;
revoke all on function public.purge_tokens from public, anon, authenticated;
grant execute on function public.purge_tokens to service_role;

create function public.purge_logins(p_limit integer) returns json
language plpgsql set search_path = '' as $$
declare
  purged integer;
begin
  delete from public.logins where id in (
    select l.id from public.logins as l
    where not exists (select from public.refresh_tokens as t where t.login_id = l.id)
    limit p_limit for update skip locked
  );
  get diagnostics purged = row_count;
  return to_json(purged);
end;
$$;
revoke all on function public.purge_logins from public, anon, authenticated;
grant execute on function public.purge_logins to service_role;
