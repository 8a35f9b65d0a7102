-- What a session names as its model comes back with a begun turn: the server tells by it whether
-- a person named the model that answers, and then does not hedge it or pass it over.

drop function charla.begun(public.runs, uuid, integer, bigint, text);

-- The reply of a begin: the run, its model, the context without the new message, and what the
-- session names.
create function charla.begun(
  p_run public.runs, p_parent uuid, p_messages integer, p_token_estimate bigint,
  p_session public.sessions
) returns json
language plpgsql stable set search_path = '' as $$
declare
  prompt text := p_session.system_prompt;
  room bigint := (p_run.offer ->> 'window')::bigint - p_run.max_tokens - p_token_estimate - 4
    - case when prompt <> '' then charla.tokens(prompt) + 4 else 0 end;
  fitted record;
begin
  if room < 0 then
    return json_build_object('refused', 'context_too_long', 'model', p_run.offer,
      'max_tokens', p_run.max_tokens, 'system_prompt', prompt);
  end if;
  fitted := charla.history(p_parent, p_messages, room);
  return json_build_object(
    'run', charla.run_json(p_run), 'model', p_run.offer, 'history', fitted.history,
    'history_tokens', fitted.tokens, 'system_prompt', prompt, 'max_tokens', p_run.max_tokens,
    'session_provider', p_session.provider, 'session_model', p_session.model
  );
end;
$$;
revoke all on function charla.begun from public, anon, authenticated;
grant execute on function charla.begun to service_role;

create or replace function charla.begun_before(
  p_run uuid, p_user uuid, p_messages integer, p_token_estimate bigint, p_key_hash text,
  p_body_hash text
) returns json
language plpgsql stable set search_path = '' as $$
declare
  run public.runs;
  session public.sessions;
  key json;
begin
  select * into run from public.runs where id = p_run;
  if found then
    select * into session from public.sessions
    where id = run.session_id and user_id = p_user and not deleted;
    if not found then
      return json_build_object('refused', 'not_found');
    end if;
    return charla.begun(
      run, (select parent_id from public.messages where id = run.user_message_id), p_messages,
      p_token_estimate, session
    );
  end if;
  key := public.find_key(p_user, p_key_hash);
  if key is null then
    return null;
  end if;
  if key ->> 'body_hash' <> p_body_hash then
    return json_build_object('refused', 'key_reused');
  end if;
  select * into run from public.runs where id = (key ->> 'run_id')::uuid;
  if not found then
    return json_build_object('refused', 'key_without_run');
  end if;
  return json_build_object('run', charla.run_json(run), 'model', run.offer, 'history', '[]'::json,
    'system_prompt', null, 'max_tokens', run.max_tokens, 'replayed', true);
end;
$$;

create or replace function public.begin_turn(json) returns json
language plpgsql set search_path = '' as $$
declare
  t charla.turn := json_populate_record(null::charla.turn, $1);
  session public.sessions;
  run public.runs;
  parent uuid;
  active integer;
  reply json;
begin
  perform charla.lock_user(t.user_id);
  reply := charla.begun_before(
    t.run_id, t.user_id, t.context_messages, t.token_estimate, t.key_hash, t.body_hash
  );
  if reply is not null then
    return reply;
  end if;

  if t.new_session is not null then
    session := json_populate_record(null::public.sessions, t.new_session);
  else
    select * into session from public.sessions
    where id = t.session_id and user_id = t.user_id and not deleted for no key update;
    if not found then
      return json_build_object('refused', 'not_found');
    end if;
  end if;
  run.id := charla.active_run(t.session_id);
  if run.id is not null then
    return json_build_object('refused', 'run_active', 'active_run_id', run.id);
  end if;
  reply := charla.refusal_of_parent(t);
  if reply is not null then
    return reply;
  end if;
  parent := case t.parent_rule
    when 'root' then null when 'active_leaf' then session.active_leaf else t.parent_id end;

  run.offer := charla.pick(t.offers,
    case when t.chosen then t.provider else session.provider end,
    case when t.chosen then t.model else session.model end);
  if run.offer is null then
    return json_build_object('refused', 'model_not_available', 'session_provider', session.provider,
      'session_model', session.model);
  end if;
  run := json_populate_record(run, json_build_object(
    'id', t.run_id, 'session_id', t.session_id, 'user_id', t.user_id, 'tenant_id', t.tenant_id,
    'message_id', t.message_id, 'user_message_id', t.user_message_id, 'worker_id', t.worker_id,
    'epoch', 1, 'status', 'streaming', 'provider', run.offer ->> 'provider',
    'model', run.offer ->> 'name', 'created_at', t.created_at
  ));
  run.max_tokens := least(t.max_tokens, (run.offer ->> 'max_output')::bigint);

  reply := charla.begun(run, parent, t.context_messages, t.token_estimate, session);
  if reply ->> 'refused' is not null then
    return reply;
  end if;
  if t.max_active_runs is not null then
    select count(*) into active from public.runs
    where user_id = t.user_id and status = 'streaming';
    if active >= t.max_active_runs then
      return json_build_object('refused', 'too_many_runs', 'active_runs', active);
    end if;
  end if;
  run.input_tokens := charla.tokens(session.system_prompt) + t.token_estimate
    + (reply ->> 'history_tokens')::bigint;
  perform charla.write_turn(t, run, session, parent);
  return reply;
end;
$$;

insert into charla.migrations (version) values ('20261130090000');
