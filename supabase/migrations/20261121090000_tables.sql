-- Ids are UUIDs that the server makes, times are UTC, money is exact. Users have no foreign key
-- pointing at them: who owns a row may be an account of Supabase Auth, which has no row here.
-- What is no table and no remote call stands in a schema of its own, which PostgREST does not show.
-- What a turn calls is in PL/pgSQL, which keeps its plans: a function in SQL is planned again by
-- every statement that calls it, for 0.05 to 0.8 ms.

create schema charla;

create table charla.migrations (
  version text primary key,
  applied_at timestamptz not null default now()
);

create table public.tenants (
  id uuid primary key,
  name text not null,
  created_at timestamptz not null
);

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

-- `revoked_at` is the database's time: each beat asks for what was revoked since the one before.
create table public.logins (
  id uuid primary key,
  user_id uuid not null,
  revoked_at timestamptz,
  created_at timestamptz not null
);
create index logins_by_user on public.logins (user_id);
create index revoked_logins on public.logins (revoked_at) where revoked_at is not null;

create table public.refresh_tokens (
  token_hash text primary key,
  login_id uuid not null references public.logins (id) on delete cascade,
  issued_at timestamptz not null,
  expires_at timestamptz not null,
  used_at timestamptz
);
create index refresh_tokens_by_login on public.refresh_tokens (login_id);
create index refresh_tokens_by_expiry on public.refresh_tokens (expires_at);

-- `metadata` is json, not jsonb: a client gets it back with its keys in the order that it wrote.
-- A deleted session is hidden at once; its row goes last, after all that hangs on it.
create table public.sessions (
  id uuid primary key,
  user_id uuid not null,
  tenant_id uuid not null,
  title text,
  system_prompt text,
  provider text,
  model text,
  metadata json not null,
  archived boolean not null default false,
  deleted boolean not null default false,
  active_leaf uuid,
  created_at timestamptz not null,
  updated_at timestamptz not null
);
create index sessions_by_use on public.sessions (user_id, archived, updated_at, id);
create index deleted_sessions on public.sessions (id) where deleted;

-- `seq` is the order of creation within a session.
create table public.messages (
  id uuid primary key,
  seq bigint generated always as identity,
  session_id uuid not null references public.sessions (id) on delete cascade,
  user_id uuid not null,
  parent_id uuid,
  role text not null check (role in ('user', 'assistant')),
  content text not null,
  status text not null
    check (status in ('streaming', 'complete', 'stopped', 'interrupted', 'failed')),
  finish_reason text
    check (finish_reason in ('stop', 'length', 'stopped', 'content_filter', 'budget')),
  provider text,
  model text,
  usage jsonb,
  cost_amount numeric,
  cost_currency text,
  token_estimate bigint not null,
  created_at timestamptz not null
);
create index messages_by_session on public.messages (session_id, seq);

-- `offer` is the model as it was offered (limits and price) when the run began; `input_tokens` is
-- the estimate of what one call sends. `terminal_epoch` and `terminal_seq` are the place in the
-- log under which readers were told the terminal event.
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

create table public.checkpoints (
  run_id uuid not null references public.runs (id) on delete cascade,
  epoch integer not null,
  seq integer not null,
  text text not null,
  primary key (run_id, epoch, seq)
);

create table public.workers (
  id text primary key,
  counter bigint not null default 0,
  seen_at timestamptz not null
);

-- No foreign key: what was paid for stays on record when its session is deleted.
create table public.ledger (
  seq bigint generated always as identity primary key,
  run_id uuid not null,
  attempt integer not null,
  purpose text not null default 'answer',
  user_id uuid not null,
  tenant_id uuid not null,
  session_id uuid not null,
  provider text not null,
  model text not null,
  outcome text not null check (outcome in ('ok', 'failed', 'cancelled')),
  input_tokens bigint not null,
  output_tokens bigint not null,
  cached_tokens bigint not null,
  reasoning_tokens bigint not null,
  usage_source text not null check (usage_source in ('provider', 'estimated')),
  amount numeric,
  currency text,
  created_at timestamptz not null,
  unique (run_id, attempt)
);
create index ledger_by_user on public.ledger (user_id, created_at);
create index ledger_by_tenant on public.ledger (tenant_id, created_at);

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

insert into charla.migrations (version) values ('20261121090000');
