-- Pages of messages, the newest first. The cost of a page does not grow with its session.

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

-- The content of a message that is being written is what the checkpoints hold.
create function charla.message_json(m public.messages) returns json
language plpgsql stable set search_path = '' as $$
begin
  return json_build_object(
    'id', m.id, 'session_id', m.session_id, 'parent_id', m.parent_id, 'role', m.role,
    'content', case when m.status = 'streaming'
      then charla.text_so_far((select r.id from public.runs as r where r.message_id = m.id))
      else m.content end,
    'status', m.status, 'created_at', m.created_at, 'finish_reason', m.finish_reason,
    'model', m.model, 'provider', m.provider, 'usage', m.usage,
    'cost_amount', m.cost_amount::text, 'cost_currency', m.cost_currency
  );
end;
$$;
revoke all on function charla.message_json from public, anon, authenticated;
grant execute on function charla.message_json to service_role;

-- `p_from` is the newest message of the page, null for the first page. Null: no such session;
-- `{"refused": "invalid_cursor"}`: no such message in it.
create function public.list_messages(
  p_user uuid, p_session uuid, p_tree boolean, p_limit integer, p_from uuid default null
) returns json
language plpgsql stable set search_path = '' as $$
declare
  leaf uuid;
  newest bigint;
  page json;
begin
  select active_leaf into leaf from public.sessions
  where id = p_session and user_id = p_user and not deleted;
  if not found then
    return null;
  end if;
  if p_from is not null then
    select seq into newest from public.messages where id = p_from and session_id = p_session;
    if not found then
      return json_build_object('refused', 'invalid_cursor');
    end if;
  end if;
  if p_tree then
    select json_agg(charla.message_json(m) order by m.seq desc) into page
    from (
      select * from public.messages as m
      where m.session_id = p_session and (newest is null or m.seq <= newest)
      order by m.seq desc limit p_limit
    ) as m;
  else
    -- The depth is bounded inside the recursion.
    with recursive walk (depth, id) as (
      select 1, coalesce(p_from, leaf)
      union all
      select walk.depth + 1, m.parent_id
      from walk join public.messages as m on m.id = walk.id
      where walk.depth < p_limit and m.parent_id is not null
    )
    select json_agg(charla.message_json(m) order by walk.depth) into page
    from walk join public.messages as m on m.id = walk.id;
  end if;
  return json_build_object('messages', coalesce(page, '[]'));
end;
$$;
revoke all on function public.list_messages from public, anon, authenticated;
grant execute on function public.list_messages to service_role;

insert into charla.migrations (version) values ('20261121090500');
