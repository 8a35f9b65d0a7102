-- The provider calls of a run: told by the beats while it lives, booked with a code at its end, and
-- read with it. A server of the release before this one goes on working: what it does not send has
-- a default, and what it does not know is passed over.

-- `code` says why a call did not end well; empty: it did, or nobody knows.
alter table public.ledger add column code text not null default '';

-- The calls that beats told of; `attempt` is how many they are. Null: none was told, or only their
-- number, by a release that knew no other model than the one of the begin.
alter table public.runs add column calls jsonb;

create or replace function charla.book(s charla.settlement, run public.runs) returns void
language plpgsql set search_path = '' as $$
begin
  insert into public.ledger (run_id, user_id, tenant_id, session_id, attempt, provider, model,
    outcome, code, input_tokens, output_tokens, cached_tokens, reasoning_tokens, usage_source,
    amount, currency, created_at)
  select (run).id, (run).user_id, (run).tenant_id, (run).session_id, a.number, a.provider, a.model,
    a.outcome, coalesce(a.code, ''), a.input_tokens, a.output_tokens, a.cached_tokens,
    a.reasoning_tokens, a.source, a.amount, a.currency, (s).ended_at
  from json_to_recordset((s).attempts) as a (
    number integer, provider text, model text, outcome text, code text, input_tokens bigint,
    output_tokens bigint, cached_tokens bigint, reasoning_tokens bigint, source text,
    amount numeric, currency text
  );
end;
$$;
revoke all on function charla.book from public, anon, authenticated;
grant execute on function charla.book to service_role;

create function charla.attempts_json(p_run uuid) returns json
language plpgsql stable set search_path = '' as $$
begin
  return (
    select coalesce(json_agg(json_build_object(
      'number', l.attempt, 'provider', l.provider, 'model', l.model, 'outcome', l.outcome,
      'code', l.code, 'input_tokens', l.input_tokens, 'output_tokens', l.output_tokens,
      'cached_tokens', l.cached_tokens, 'reasoning_tokens', l.reasoning_tokens,
      'source', l.usage_source, 'amount', l.amount::text, 'currency', l.currency
    ) order by l.attempt), '[]')
    from public.ledger as l where l.run_id = p_run
  );
end;
$$;
revoke all on function charla.attempts_json from public, anon, authenticated;
grant execute on function charla.attempts_json to service_role;

-- A run with its provider calls, which an active one has none of.
create or replace function public.get_run(p_user uuid, p_run uuid) returns json
language sql stable set search_path = '' as $$
  select (
    charla.run_json(r)::jsonb || jsonb_build_object('attempts', charla.attempts_json(r.id))
  )::json
  from charla.owned_run(p_user, p_run) as r where r.id is not null
$$;
revoke all on function public.get_run from public, anon, authenticated;
grant execute on function public.get_run to service_role;

create or replace function charla.claimed_json(r public.runs) returns json
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

-- What `p_worker_id` owns is locked until the end of the call: a claim that comes in between finds
-- the pieces of this beat, or this beat finds the run lost.
create or replace function public.beat(jsonb) returns json
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

insert into charla.migrations (version) values ('20261123090000');
