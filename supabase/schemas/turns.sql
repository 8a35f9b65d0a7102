-- Turns: how a turn begins, everything in one call, or nothing. What refuses it is a value, not an
-- error: the server makes the error of it, and its texts stand in one place.

create type charla.turn as (
  run_id uuid, user_message_id uuid, message_id uuid, session_id uuid, user_id uuid,
  tenant_id uuid, worker_id text, content text, token_estimate bigint, title text,
  chosen boolean, provider text, model text, offers jsonb, max_tokens bigint,
  context_messages integer, created_at timestamptz, new_session json, parent_rule text,
  parent_id uuid, key_hash text, body_hash text, max_active_runs integer, max_stored_bytes bigint
);

-- The answer that was given before: to this very run, or to its key; null: neither is known.
create function charla.begun_before(
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
revoke all on function charla.begun_before from public, anon, authenticated;
grant execute on function charla.begun_before to service_role;

-- Null: the turn names no parent, or one that may be followed: an answer of its session.
create function charla.refusal_of_parent(t charla.turn) returns json
language plpgsql stable set search_path = '' as $$
declare
  found_role text;
begin
  if t.parent_rule <> 'given' then
    return null;
  end if;
  select role into found_role from public.messages
  where id = t.parent_id and session_id = t.session_id;
  return case
    when found_role is null then json_build_object('refused', 'parent_not_found')
    when found_role <> 'assistant' then json_build_object('refused', 'parent_is_no_answer')
  end;
end;
$$;
revoke all on function charla.refusal_of_parent from public, anon, authenticated;
grant execute on function charla.refusal_of_parent to service_role;

-- Writes what was decided; the caller holds the locks of the user and of the session.
create function charla.write_turn(
  t charla.turn, run public.runs, new_session public.sessions, p_parent uuid
) returns void
language plpgsql set search_path = '' as $$
begin
  if t.new_session is not null then
    insert into public.sessions (id, user_id, tenant_id, title, system_prompt, provider, model,
      metadata, created_at, updated_at)
    values (new_session.id, new_session.user_id, new_session.tenant_id, new_session.title,
      new_session.system_prompt, new_session.provider, new_session.model, new_session.metadata,
      new_session.created_at, new_session.created_at);
  end if;
  insert into public.messages (id, session_id, user_id, parent_id, role, content, status, provider,
    model, token_estimate, created_at)
  values
    (t.user_message_id, t.session_id, t.user_id, p_parent, 'user', t.content, 'complete', null,
      null, t.token_estimate, t.created_at),
    (t.message_id, t.session_id, t.user_id, t.user_message_id, 'assistant', '', 'streaming',
      run.provider, run.model, 0, t.created_at);
  insert into public.runs (id, session_id, user_id, tenant_id, message_id, user_message_id,
    worker_id, epoch, status, provider, model, offer, max_tokens, input_tokens, created_at)
  values (run.id, run.session_id, run.user_id, run.tenant_id, run.message_id, run.user_message_id,
    run.worker_id, run.epoch, run.status, run.provider, run.model, run.offer, run.max_tokens,
    run.input_tokens, run.created_at);
  update public.sessions
  set active_leaf = t.message_id, updated_at = t.created_at, title = coalesce(title, t.title)
  where id = t.session_id;
  perform charla.put_on_record(t.worker_id);
  if t.key_hash is not null then
    perform charla.remember_key(
      row(t.user_id, t.key_hash, t.body_hash, t.session_id, t.run_id, t.created_at)
    );
  end if;
end;
$$;
revoke all on function charla.write_turn from public, anon, authenticated;
grant execute on function charla.write_turn to service_role;

create function public.begin_turn(json) returns json
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
  if t.max_stored_bytes is not null and charla.is_full(t.user_id, t.max_stored_bytes) then
    return json_build_object('refused', 'storage_full');
  end if;
  run.input_tokens := charla.tokens(session.system_prompt) + t.token_estimate
    + (reply ->> 'history_tokens')::bigint;
  perform charla.write_turn(t, run, session, parent);
  return reply;
end;
$$;
revoke all on function public.begin_turn from public, anon, authenticated;
grant execute on function public.begin_turn to service_role;
