-- Leases: which worker writes which run. A worker keeps all its runs with one beat; when it has
-- died, another worker claims them.

create table public.workers (
  id text primary key,
  counter bigint not null default 0,
  seen_at timestamptz not null
);
alter table public.workers enable row level security;
revoke all on public.workers from public, anon, authenticated, service_role;
grant select, insert, update, delete on public.workers to service_role;

-- A worker that owns a run has a row: beginning a run and claiming one see to it, with a lock that
-- they share. `forget_workers` takes this lock for itself alone.
create function charla.put_on_record(p_worker text) returns void
language plpgsql set search_path = '' as $$
begin
  perform pg_advisory_xact_lock_shared(hashtextextended('charla.worker.' || p_worker, 0));
  insert into public.workers (id, seen_at) values (p_worker, now()) on conflict (id) do nothing;
end;
$$;
revoke all on function charla.put_on_record from public, anon, authenticated;
grant execute on function charla.put_on_record to service_role;

create function charla.claimed_json(r public.runs) returns json
language sql stable set search_path = '' as $$
  select json_build_object(
    'run', charla.run_json(r), 'text', charla.text_so_far(r.id),
    'top_seq', (select coalesce(max(c.seq), 0) from public.checkpoints as c where c.run_id = r.id),
    'attempt', r.attempt, 'calls', r.calls, 'stop_requested', r.stop_requested_at is not null,
    'input_tokens', r.input_tokens, 'price', r.offer -> 'price'
  )
$$;
revoke all on function charla.claimed_json from public, anon, authenticated;
grant execute on function charla.claimed_json to service_role;

-- The runs of the worker are locked until the end of the call: a claim that comes in between finds
-- the pieces of this beat, or this beat finds the run lost.
create function public.beat(jsonb) returns json
language plpgsql set search_path = '' as $$
declare
  me text := $1 ->> 'worker_id';
  since timestamptz := coalesce(($1 ->> 'revoked_since')::timestamptz,
    now() - make_interval(secs => ($1 ->> 'revocation_window_seconds')::double precision));
  reply json;
begin
  insert into public.workers (id, counter, seen_at)
  values (me, 1, ($1 ->> 'now')::timestamptz)
  on conflict (id) do update set counter = workers.counter + 1, seen_at = excluded.seen_at;
  perform from public.runs where worker_id = me and status = 'streaming'
  order by seq for no key update;

  with mine as (
    select b.*, r.attempt as known_attempt
    from jsonb_to_recordset($1 -> 'beats')
      as b (run_id uuid, epoch integer, seq integer, text text, attempt integer, calls jsonb)
    join public.runs as r
      on r.id = b.run_id and r.epoch = b.epoch and r.worker_id = me and r.status = 'streaming'
  ), stored as (
    insert into public.checkpoints (run_id, epoch, seq, text)
    select run_id, epoch, seq, text from mine where seq is not null
    on conflict (run_id, epoch, seq) do nothing
  )
  update public.runs as r set attempt = mine.attempt, calls = mine.calls
  from mine where r.id = mine.run_id and mine.attempt > mine.known_attempt;

  with listed as (
    select b.run_id, b.epoch from jsonb_to_recordset($1 -> 'beats') as b (run_id uuid, epoch integer)
  ), owned as (
    select r from public.runs as r where r.worker_id = me and r.status = 'streaming'
  ), held as (
    select (r).id, (r).stop_requested_at from owned
    join listed on listed.run_id = (r).id and listed.epoch = (r).epoch
  )
  select json_build_object(
    'stop', (select json_agg(id) from held where stop_requested_at is not null),
    'lost', (select json_agg(run_id) from listed where run_id not in (select id from held)),
    'unlisted', (select json_agg(charla.claimed_json(r) order by (r).seq) from owned
      where (r).id not in (select run_id from listed)),
    'others', (select json_object_agg(id, counter) from public.workers where id <> me),
    'revoked', (select json_agg(id) from public.logins
      -- A call takes 8 s at most: none that began before the last beat is still unseen.
      where revoked_at > since - interval '15 seconds'),
    'now', now()
  ) into reply;
  return reply;
end;
$$;
revoke all on function public.beat from public, anon, authenticated;
grant execute on function public.beat to service_role;

-- Moves the oldest active runs of dead workers to this one, each to one claimer only.
create function public.claim_dead(p_worker text, p_dead text[], p_limit integer) returns json
language plpgsql set search_path = '' as $$
declare
  reply json;
begin
  perform charla.put_on_record(p_worker);
  with dead as (
    select id from public.runs
    where status = 'streaming' and worker_id = any (p_dead) and worker_id <> p_worker
    order by seq limit greatest(p_limit, 0) for no key update skip locked
  ), taken as (
    update public.runs as r set worker_id = p_worker, epoch = r.epoch + 1
    from dead where r.id = dead.id returning r
  )
  select json_agg(charla.claimed_json(r) order by (r).seq) into reply from taken;
  return coalesce(reply, '[]');
end;
$$;
revoke all on function public.claim_dead from public, anon, authenticated;
grant execute on function public.claim_dead to service_role;

-- Deletes those of these workers that own no active run, after waiting for the begins that are
-- under way.
create function public.forget_workers(p_workers text[]) returns json
language plpgsql set search_path = '' as $$
begin
  perform pg_advisory_xact_lock(hashtextextended('charla.worker.' || id, 0))
  from (select id from unnest(p_workers) as id order by id) as ids;
  delete from public.workers as w where w.id = any (p_workers) and not exists (
    select from public.runs as r where r.worker_id = w.id and r.status = 'streaming'
  );
  return null;
end;
$$;
revoke all on function public.forget_workers from public, anon, authenticated;
grant execute on function public.forget_workers to service_role;
