-- Reading runs, stopping them, and the leases that keep each in one hand.

create function charla.owned_run(p_user uuid, p_run uuid) returns public.runs
language plpgsql stable set search_path = '' as $$
declare
  found_run public.runs;
begin
  select r.* into found_run from public.runs as r
  join public.sessions as s on s.id = r.session_id and not s.deleted
  where r.id = p_run and r.user_id = p_user;
  return found_run;
end;
$$;
revoke all on function charla.owned_run from public, anon, authenticated;
grant execute on function charla.owned_run to service_role;

create function public.get_run(p_user uuid, p_run uuid) returns json
language sql stable set search_path = '' as $$
  select charla.run_json(r) from charla.owned_run(p_user, p_run) as r where r.id is not null
$$;
revoke all on function public.get_run from public, anon, authenticated;
grant execute on function public.get_run to service_role;

-- Null: there is no such session.
create function public.latest_run(p_user uuid, p_session uuid) returns json
language sql stable set search_path = '' as $$
  select json_build_object('run', (
    select charla.run_json(r) from public.runs as r
    where r.session_id = s.id order by r.seq desc limit 1
  ))
  from public.sessions as s where s.id = p_session and s.user_id = p_user and not s.deleted
$$;
revoke all on function public.latest_run from public, anon, authenticated;
grant execute on function public.latest_run to service_role;

create function public.run_text(p_user uuid, p_run uuid) returns json
language sql stable set search_path = '' as $$
  select to_json(case when r.status = 'streaming' then charla.text_so_far(r.id)
    else (select m.content from public.messages as m where m.id = r.message_id) end)
  from charla.owned_run(p_user, p_run) as r where r.id is not null
$$;
revoke all on function public.run_text from public, anon, authenticated;
grant execute on function public.run_text to service_role;

-- What the checkpoints of an active run hold: those of an ended one were deleted.
create function public.run_progress(p_user uuid, p_run uuid) returns json
language sql stable set search_path = '' as $$
  select json_build_object(
    'seq', (select coalesce(max(c.seq), 0) from public.checkpoints as c where c.run_id = r.id),
    'text', charla.text_so_far(r.id)
  )
  from charla.owned_run(p_user, p_run) as r where r.id is not null
$$;
revoke all on function public.run_progress from public, anon, authenticated;
grant execute on function public.run_progress to service_role;

-- The first request's time stays; a run that has ended stays as it is.
create function public.request_stop(p_user uuid, p_run uuid, p_now timestamptz) returns json
language plpgsql set search_path = '' as $$
begin
  update public.runs set stop_requested_at = coalesce(stop_requested_at, p_now)
  where id = p_run and user_id = p_user and status = 'streaming';
  return public.get_run(p_user, p_run);
end;
$$;
revoke all on function public.request_stop from public, anon, authenticated;
grant execute on function public.request_stop to service_role;

create function public.run_states(p_runs uuid[]) returns json
language sql stable set search_path = '' as $$
  select coalesce(json_agg(charla.run_json(r)), '[]') from public.runs as r
  join public.sessions as s on s.id = r.session_id and not s.deleted
  where r.id = any (p_runs)
$$;
revoke all on function public.run_states from public, anon, authenticated;
grant execute on function public.run_states to service_role;

create function charla.claimed_json(r public.runs) returns json
language sql stable set search_path = '' as $$
  select json_build_object(
    'run', charla.run_json(r), 'text', charla.text_so_far(r.id),
    'top_seq', (select coalesce(max(c.seq), 0) from public.checkpoints as c where c.run_id = r.id),
    'attempt', r.attempt, 'stop_requested', r.stop_requested_at is not null,
    'input_tokens', r.input_tokens, 'price', r.offer -> 'price'
  )
$$;
revoke all on function charla.claimed_json from public, anon, authenticated;
grant execute on function charla.claimed_json to service_role;

-- What `p_worker_id` owns is locked until the end of the call: a claim that comes in between finds
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
      as b (run_id uuid, epoch integer, seq integer, text text, attempt integer)
    join public.runs as r
      on r.id = b.run_id and r.epoch = b.epoch and r.worker_id = me and r.status = 'streaming'
  ), stored as (
    insert into public.checkpoints (run_id, epoch, seq, text)
    select run_id, epoch, seq, text from mine where seq is not null
    on conflict (run_id, epoch, seq) do nothing
  )
  update public.runs as r set attempt = mine.attempt
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

-- The oldest active runs of dead workers move to this one, each to one claimer only.
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

-- Those of these workers that own no active run, after waiting for the begins that are under way.
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

insert into charla.migrations (version) values ('20261121090900');
