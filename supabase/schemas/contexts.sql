-- Contexts: which model a turn asks, and how much of the conversation it is given.

-- The model for a choice, as `Offers.pick` finds it; null: there is none. A model named `*` stands
-- for every name that its provider may know.
create function charla.pick(offers jsonb, p_provider text, p_model text) returns jsonb
language plpgsql immutable set search_path = '' as $$
declare
  by_name jsonb;
begin
  if p_provider is not null and not exists (
    select from jsonb_array_elements(offers -> 'models') as m where m ->> 'provider' = p_provider
  ) then
    return null;
  end if;
  if p_model is null and (p_provider is null or p_provider = offers #>> '{default,provider}') then
    return offers -> 'default';
  end if;
  select m into by_name
  from jsonb_array_elements(offers -> 'models') with ordinality as e (m, n)
  where (p_provider is null or m ->> 'provider' = p_provider)
    and case when p_model is null then m ->> 'name' <> '*' else m ->> 'name' = p_model end
  order by n limit 1;
  if by_name is not null or p_model is null then
    return by_name;
  end if;
  return (
    select jsonb_set(m, '{name}', to_jsonb(p_model))
    from jsonb_array_elements(offers -> 'models') as m
    where m ->> 'name' = '*'
      and m ->> 'provider' = coalesce(p_provider, offers ->> 'default_provider')
    limit 1
  );
end;
$$;
revoke all on function charla.pick from public, anon, authenticated;
grant execute on function charla.pick to service_role;

-- One token for every four bytes, as `estimate_tokens` counts; nothing for no text.
create function charla.tokens(p_text text) returns bigint
language plpgsql immutable set search_path = '' as $$
begin
  return case when p_text is null or p_text = '' then 0
    else greatest(1, (octet_length(p_text) + 3) / 4) end;
end;
$$;
revoke all on function charla.tokens from public, anon, authenticated;
grant execute on function charla.tokens to service_role;

-- The newest messages above a new one that fit into `p_room` tokens, oldest first, from a question
-- on, as `fit_context` chooses them; `p_messages` counts the new one too, 0: as many as fit. Depth,
-- count and tokens are bounded inside the recursion: the cost is the context's, not the session's.
-- Each message costs 4 tokens beside its text. Blank and filtered answers do not count: four
-- messages are looked at for each one that may be kept. What a filter refused leaves with its
-- answer: the question, and those before it that nobody had answered, for the model saw them as
-- one. `counts` are the messages that the model may see, `kept` and `used` their number and their
-- tokens below a row.
create function charla.history(
  p_parent uuid, p_messages integer, p_room bigint, out history json, out tokens bigint
)
language plpgsql stable set search_path = '' as $$
declare
  bound bigint := case p_messages when 0 then p_room / 4 else p_messages - 1 end;
begin
  with recursive walk (depth, id, parent_id, size, refused, counts, kept, used) as (
    select 0::bigint, null::uuid, p_parent, 0::bigint, false, 0, 0::bigint, 0::bigint
    union all
    select walk.depth + 1, m.id, m.parent_id, m.token_estimate + 4,
      m.finish_reason is not distinct from 'content_filter'
        or walk.refused and (m.role = 'user' or btrim(m.content, E' \t\n\r') = ''),
      (btrim(m.content, E' \t\n\r') <> '' and m.finish_reason is distinct from 'content_filter'
        and not (walk.refused and m.role = 'user'))::integer,
      walk.kept + walk.counts, walk.used + walk.counts * walk.size
    from walk join public.messages as m on m.id = walk.parent_id
    where walk.depth < 4 * (bound + 1) and walk.kept + walk.counts < bound
      and walk.used + walk.counts * walk.size <= p_room
  ),
  kept as (
    select walk.depth, m.role, m.content, m.token_estimate
    from walk join public.messages as m on m.id = walk.id
    where walk.counts = 1 and walk.used + walk.size <= p_room
  )
  select
    coalesce(json_agg(json_build_array(role, content, token_estimate) order by depth desc), '[]'),
    coalesce(sum(token_estimate), 0)
  into history, tokens
  from kept
  where depth <= (select max(depth) from kept where role = 'user');
end;
$$;
revoke all on function charla.history from public, anon, authenticated;
grant execute on function charla.history to service_role;

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
