-- Runs: a run is one answer, from its begin to its end. The text that is there so far is in its
-- checkpoints.

-- `offer` is the model as it was offered (limits and price) when the run began; `input_tokens` is
-- the estimate of what one call sends. `terminal_epoch` and `terminal_seq` are the place in the
-- log under which readers were told the terminal event. `calls` are the calls of providers that
-- beats told of, and `attempt` is how many they are; null: none was told, or only their number, by
-- a release that knew no other model than the one of the begin.
create table public.runs (
  id uuid primary key,
  seq bigint generated always as identity,
  session_id uuid not null references public.sessions (id) on delete cascade,
  user_id uuid not null,
  tenant_id uuid not null,
  message_id uuid not null unique,
  user_message_id uuid not null,
  worker_id text not null,
  epoch integer not null check (epoch > 0),
  status text not null
    check (status in ('streaming', 'complete', 'stopped', 'interrupted', 'failed')),
  finish_reason text
    check (finish_reason in ('stop', 'length', 'stopped', 'content_filter', 'budget')),
  provider text not null,
  model text not null,
  offer jsonb not null,
  max_tokens bigint not null,
  input_tokens bigint not null,
  held_amount numeric,
  attempt integer not null default 0,
  stop_requested_at timestamptz,
  usage jsonb,
  cost_amount numeric,
  cost_currency text,
  terminal jsonb,
  terminal_epoch integer,
  terminal_seq integer,
  created_at timestamptz not null,
  ended_at timestamptz,
  calls jsonb,
  check ((status = 'streaming') = (ended_at is null)),
  check ((terminal is null) = (ended_at is null)),
  check ((terminal_epoch is null) = (ended_at is null)),
  check ((terminal_seq is null) = (ended_at is null))
);
create index runs_by_session on public.runs (session_id, seq);
create unique index one_active_run_a_session on public.runs (session_id)
  where status = 'streaming';
create index active_runs_by_user on public.runs (user_id) where status = 'streaming';
create index active_runs_by_worker on public.runs (worker_id, seq) where status = 'streaming';
alter table public.runs enable row level security;
revoke all on public.runs from public, anon, authenticated, service_role;
grant select, insert, update, delete on public.runs to service_role;
revoke all on sequence public.runs_seq_seq from public, anon, authenticated;
grant usage, select on sequence public.runs_seq_seq to service_role;

create table public.checkpoints (
  run_id uuid not null references public.runs (id) on delete cascade,
  epoch integer not null,
  seq integer not null,
  text text not null,
  primary key (run_id, epoch, seq)
);
alter table public.checkpoints enable row level security;
revoke all on public.checkpoints from public, anon, authenticated, service_role;
grant select, insert, update, delete on public.checkpoints to service_role;

create function charla.active_run(p_session uuid) returns uuid
language plpgsql stable set search_path = '' as $$
begin
  return (select id from public.runs where session_id = p_session and status = 'streaming');
end;
$$;
revoke all on function charla.active_run from public, anon, authenticated;
grant execute on function charla.active_run to service_role;

create function charla.text_so_far(p_run uuid) returns text
language plpgsql stable set search_path = '' as $$
begin
  return (
    select coalesce(string_agg(text, '' order by epoch, seq), '')
    from public.checkpoints where run_id = p_run
  );
end;
$$;
revoke all on function charla.text_so_far from public, anon, authenticated;
grant execute on function charla.text_so_far to service_role;

create function charla.run_json(r public.runs) returns json
language plpgsql stable set search_path = '' as $$
begin
  return json_build_object(
    'id', r.id, 'session_id', r.session_id, 'user_id', r.user_id, 'message_id', r.message_id,
    'user_message_id', r.user_message_id, 'epoch', r.epoch, 'status', r.status,
    'provider', r.provider, 'model', r.model, 'created_at', r.created_at,
    'finish_reason', r.finish_reason, 'usage', r.usage, 'cost_amount', r.cost_amount::text,
    'cost_currency', r.cost_currency, 'ended_at', r.ended_at, 'terminal', r.terminal,
    'terminal_epoch', r.terminal_epoch, 'terminal_seq', r.terminal_seq
  );
end;
$$;
revoke all on function charla.run_json from public, anon, authenticated;
grant execute on function charla.run_json to service_role;

-- All null: the user has no such run.
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

-- A run with its attempts, of which an active one has none.
create function public.get_run(p_user uuid, p_run uuid) returns json
language sql stable set search_path = '' as $$
  select (
    charla.run_json(r)::jsonb || jsonb_build_object('attempts', charla.attempts_json(r.id))
  )::json
  from charla.owned_run(p_user, p_run) as r where r.id is not null
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

create function public.run_states(p_runs uuid[]) returns json
language sql stable set search_path = '' as $$
  select coalesce(json_agg(charla.run_json(r)), '[]') from public.runs as r
  join public.sessions as s on s.id = r.session_id and not s.deleted
  where r.id = any (p_runs)
$$;
revoke all on function public.run_states from public, anon, authenticated;
grant execute on function public.run_states to service_role;

-- The time of the first request stays; a run that has ended stays as it is.
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

-- Deletes checkpoints of runs that have ended: a beat that came late has left them.
create function public.purge_checkpoints(p_limit integer) returns json
language plpgsql set search_path = '' as $$
declare
  purged integer;
begin
  delete from public.checkpoints where (run_id, epoch, seq) in (
    select c.run_id, c.epoch, c.seq from public.checkpoints as c
    join public.runs as r on r.id = c.run_id and r.status <> 'streaming' limit p_limit
  );
  get diagnostics purged = row_count;
  return to_json(purged);
end;
$$;
revoke all on function public.purge_checkpoints from public, anon, authenticated;
grant execute on function public.purge_checkpoints to service_role;
