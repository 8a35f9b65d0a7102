-- Tenants and the local accounts in them.

create table public.tenants (
  id uuid primary key,
  name text not null,
  created_at timestamptz not null
);
alter table public.tenants enable row level security;
revoke all on public.tenants from public, anon, authenticated, service_role;
grant select, insert, update, delete on public.tenants to service_role;

create table public.users (
  id uuid primary key,
  tenant_id uuid not null references public.tenants (id),
  email text not null,
  email_folded text not null unique,
  name text,
  role text not null check (role in ('admin', 'member')),
  password_hash text not null,
  created_at timestamptz not null
);
create index users_by_tenant on public.users (tenant_id);
alter table public.users enable row level security;
revoke all on public.users from public, anon, authenticated, service_role;
grant select, insert, update, delete on public.users to service_role;

-- One lock for what may happen once in an installation.
create function charla.lock_installation() returns void
language sql set search_path = '' as $$
  select pg_advisory_xact_lock(hashtextextended('charla.installation', 0))
$$;
revoke all on function charla.lock_installation from public, anon, authenticated;
grant execute on function charla.lock_installation to service_role;

-- Gives the installation's tenant, and makes it where there is none.
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

create function public.find_user(p_id uuid default null, p_email_folded text default null)
returns json
language sql stable set search_path = '' as $$
  select row_to_json(u) from public.users as u
  where u.id = p_id or u.email_folded = p_email_folded
$$;
revoke all on function public.find_user from public, anon, authenticated;
grant execute on function public.find_user to service_role;

-- Only while the old hash is still `p_only_if`; says whether it was.
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

-- `set_password` by another password: in the same transaction all other logins of the account end,
-- and so do the links that would choose its password.
create function public.change_password(
  p_id uuid, p_new_hash text, p_only_if text, p_but uuid default null
) returns json
language plpgsql set search_path = '' as $$
begin
  update public.users set password_hash = p_new_hash
  where id = p_id and password_hash = p_only_if;
  if not found then
    return to_json(false);
  end if;
  perform public.revoke_logins(p_user => p_id, p_but => p_but);
  delete from public.account_links where purpose = 'reset' and subject = p_id::text;
  return to_json(true);
end;
$$;
revoke all on function public.change_password from public, anon, authenticated;
grant execute on function public.change_password to service_role;

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
create function public.set_role(p_id uuid, p_role text) returns json
language sql set search_path = '' as $$
  with changed as (update public.users set role = p_role where id = p_id returning id)
  select to_json(exists (select from changed))
$$;
revoke all on function public.set_role from public, anon, authenticated;
grant execute on function public.set_role to service_role;
