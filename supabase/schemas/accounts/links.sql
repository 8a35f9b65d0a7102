-- One-time links, with which an account is made, or its password is chosen anew.

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
