-- Idempotency-Keys: what a request with a key has made, so that repeating it makes nothing more.

create table public.idempotency_keys (
  user_id uuid not null,
  key_hash text not null,
  body_hash text not null,
  session_id uuid not null references public.sessions (id) on delete cascade,
  run_id uuid,
  created_at timestamptz not null,
  primary key (user_id, key_hash)
);
create index idempotency_keys_by_session on public.idempotency_keys (session_id);
create index idempotency_keys_by_age on public.idempotency_keys (created_at);
alter table public.idempotency_keys enable row level security;
revoke all on public.idempotency_keys from public, anon, authenticated, service_role;
grant select, insert, update, delete on public.idempotency_keys to service_role;

-- One lock for what a user may do one at a time: use keys, and begin runs, which are counted.
create function charla.lock_user(p_user uuid) returns void
language plpgsql set search_path = '' as $$
begin
  perform pg_advisory_xact_lock(hashtextextended('charla.user.' || p_user, 0));
end;
$$;
revoke all on function charla.lock_user from public, anon, authenticated;
grant execute on function charla.lock_user to service_role;

-- What a known key made, of a session that is not being deleted; null: not known.
create function public.find_key(p_user uuid, p_key_hash text) returns json
language plpgsql stable set search_path = '' as $$
begin
  return (
    select json_build_object(
      'body_hash', k.body_hash, 'session_id', k.session_id, 'run_id', k.run_id
    )
    from public.idempotency_keys as k
    join public.sessions as s on s.id = k.session_id and not s.deleted
    where k.user_id = p_user and k.key_hash = p_key_hash
  );
end;
$$;
revoke all on function public.find_key from public, anon, authenticated;
grant execute on function public.find_key to service_role;

-- The key of a session that is being deleted may still be there.
create function charla.remember_key(k public.idempotency_keys) returns void
language plpgsql set search_path = '' as $$
begin
  insert into public.idempotency_keys select (k).*
  on conflict (user_id, key_hash) do update set body_hash = excluded.body_hash,
    session_id = excluded.session_id, run_id = excluded.run_id, created_at = excluded.created_at;
end;
$$;
revoke all on function charla.remember_key from public, anon, authenticated;
grant execute on function charla.remember_key to service_role;

create function public.purge_keys(p_before timestamptz, p_limit integer) returns json
language plpgsql set search_path = '' as $$
declare
  purged integer;
begin
  delete from public.idempotency_keys where (user_id, key_hash) in (
    select user_id, key_hash from public.idempotency_keys where created_at < p_before
    limit p_limit for update skip locked
  );
  get diagnostics purged = row_count;
  return to_json(purged);
end;
$$;
revoke all on function public.purge_keys from public, anon, authenticated;
grant execute on function public.purge_keys to service_role;
