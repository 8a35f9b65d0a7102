-- The ledger: a row for each attempt of a run, that is each call of a provider, with its price.

-- No foreign key: what was paid for stays on record when its session is deleted. `code` says why a
-- call did not end well; empty: it did, or nobody knows.
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
  code text not null default '',
  unique (run_id, attempt)
);
create index ledger_by_user on public.ledger (user_id, created_at);
create index ledger_by_tenant on public.ledger (tenant_id, created_at);
alter table public.ledger enable row level security;
revoke all on public.ledger from public, anon, authenticated, service_role;
grant select, insert, update, delete on public.ledger to service_role;
revoke all on sequence public.ledger_seq_seq from public, anon, authenticated;
grant usage, select on sequence public.ledger_seq_seq to service_role;

-- The attempts of a run that has ended, in their order.
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
