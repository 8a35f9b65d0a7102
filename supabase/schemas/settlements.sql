-- Settlements: the end of a turn, exactly once.

create type charla.settlement as (
  run_id uuid, epoch integer, status text, content text, token_estimate bigint,
  finish_reason text, provider text, model text, usage jsonb, cost_amount numeric,
  cost_currency text, terminal jsonb, terminal_epoch integer, terminal_seq integer,
  ended_at timestamptz, attempts json
);

-- Writes the attempts into the ledger. The release before this one sends no `code`.
create function charla.book(s charla.settlement, run public.runs) returns void
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

-- Gives "now", "before" or "fenced". The epoch is looked at first: an owner that was fenced hears
-- so even after the run has ended.
create function public.settle_turn(json) returns json
language plpgsql set search_path = '' as $$
declare
  s charla.settlement := json_populate_record(null::charla.settlement, $1);
  run public.runs;
begin
  select * into run from public.runs where id = s.run_id for no key update;
  if not found then
    return to_json('before'::text);
  elsif run.epoch <> s.epoch then
    return to_json('fenced'::text);
  elsif run.ended_at is not null then
    return to_json('before'::text);
  end if;
  update public.messages set content = s.content, status = s.status,
    finish_reason = s.finish_reason, provider = coalesce(s.provider, run.provider),
    model = coalesce(s.model, run.model), usage = s.usage, cost_amount = s.cost_amount,
    cost_currency = s.cost_currency, token_estimate = s.token_estimate
  where id = run.message_id;
  update public.runs set status = s.status, finish_reason = s.finish_reason,
    provider = coalesce(s.provider, run.provider), model = coalesce(s.model, run.model),
    usage = s.usage, cost_amount = s.cost_amount, cost_currency = s.cost_currency,
    terminal = s.terminal, terminal_epoch = s.terminal_epoch, terminal_seq = s.terminal_seq,
    ended_at = s.ended_at
  where id = run.id;
  perform charla.book(s, run);
  delete from public.checkpoints where run_id = run.id;
  return to_json('now'::text);
end;
$$;
revoke all on function public.settle_turn from public, anon, authenticated;
grant execute on function public.settle_turn to service_role;
