-- Accounts and logins. Remote calls answer with one JSON value, which no row cap of PostgREST cuts.

-- One lock for what may happen once in an installation.
create function charla.lock_installation() returns void
language sql set search_path = '' as $$
  select pg_advisory_xact_lock(hashtextextended('charla.installation', 0))
$$;
revoke all on function charla.lock_installation from public, anon, authenticated;
grant execute on function charla.lock_installation to service_role;

create function public.own_tenant(p_new_id uuid) returns json
language plpgsql set search_path = '' as $$
declare
  found_id uuid;
begin
  select id into found_id from public.tenants order by created_at, id limit 1;
  if found_id is null then
    perform charla.lock_installation();
    select id into found_id from public.tenants order by created_at, id limit 1;
  end if;
  if found_id is null then
    insert into public.tenants (id, name, created_at) values (p_new_id, 'Charla', now());
    found_id := p_new_id;
  end if;
  return to_json(found_id);
end;
$$;
revoke all on function public.own_tenant from public, anon, authenticated;
grant execute on function public.own_tenant to service_role;

-- The first account is the admin. Null: the address is taken.
create function public.add_user(
  p_id uuid, p_new_tenant uuid, p_email text, p_email_folded text, p_name text,
  p_password_hash text, p_created_at timestamptz
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
    case when exists (select from public.users) then 'member' else 'admin' end,
    p_password_hash, p_created_at
  ) returning * into made;
  return row_to_json(made);
end;
$$;
revoke all on function public.add_user from public, anon, authenticated;
grant execute on function public.add_user to service_role;

create function public.find_user(p_id uuid default null, p_email_folded text default null)
returns json
language sql stable set search_path = '' as $$
  select row_to_json(u) from public.users as u
  where u.id = p_id or u.email_folded = p_email_folded
$$;
revoke all on function public.find_user from public, anon, authenticated;
grant execute on function public.find_user to service_role;

create function public.set_password(p_id uuid, p_new_hash text, p_only_if text) returns json
language sql set search_path = '' as $$
  with changed as (
    update public.users set password_hash = p_new_hash
    where id = p_id and password_hash = p_only_if returning id
  )
  select to_json(exists (select from changed))
$$;
revoke all on function public.set_password from public, anon, authenticated;
grant execute on function public.set_password to service_role;

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

-- `issued_at` of the new token is the present time. Gives the login, or what was revoked, or null.
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

-- Ends a login, or all of a user but one; gives the ids, also of those that had ended before.
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

-- At most so many expired tokens; the families that this leaves empty go with the last of them.
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

insert into charla.migrations (version) values ('20261121090300');
