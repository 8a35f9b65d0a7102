-- Deletions of sessions, in bounded chunks: a call of the hosted gateway is ended after 8 s.

-- Deletes a chunk of what a hidden session leaves, and its row with the last; true: more is left.
create function public.delete_hidden(p_session uuid, p_limit integer) returns json
language plpgsql set search_path = '' as $$
declare
  room integer := p_limit;
  gone integer;
begin
  if not exists (select from public.sessions where id = p_session and deleted) then
    return to_json(false);
  end if;
  delete from public.idempotency_keys as k where (k.user_id, k.key_hash) in (
    select user_id, key_hash from public.idempotency_keys where session_id = p_session limit room
  );
  get diagnostics gone = row_count;
  room := room - gone;
  delete from public.checkpoints as c where (c.run_id, c.epoch, c.seq) in (
    select c.run_id, c.epoch, c.seq from public.runs as r
    join public.checkpoints as c on c.run_id = r.id where r.session_id = p_session limit room
  );
  get diagnostics gone = row_count;
  room := room - gone;
  delete from public.runs where id in (
    select id from public.runs where session_id = p_session limit room
  );
  get diagnostics gone = row_count;
  room := room - gone;
  delete from public.messages where id in (
    select id from public.messages where session_id = p_session limit room
  );
  get diagnostics gone = row_count;
  if gone = room then
    return to_json(true);
  end if;
  delete from public.sessions where id = p_session;
  return to_json(false);
end;
$$;
revoke all on function public.delete_hidden from public, anon, authenticated;
grant execute on function public.delete_hidden to service_role;

-- Hides a session, and deletes the first chunk of it. Null: there is no such session.
create function public.delete_session(p_user uuid, p_session uuid, p_limit integer) returns json
language plpgsql set search_path = '' as $$
declare
  active uuid;
begin
  perform from public.sessions
  where id = p_session and user_id = p_user and not deleted for update;
  if not found then
    return null;
  end if;
  active := charla.active_run(p_session);
  if active is not null then
    return json_build_object('refused', 'run_active', 'active_run_id', active);
  end if;
  update public.sessions set deleted = true where id = p_session;
  return json_build_object('more', public.delete_hidden(p_session, p_limit));
end;
$$;
revoke all on function public.delete_session from public, anon, authenticated;
grant execute on function public.delete_session to service_role;

-- The sessions whose deletion was broken off, so many at a time.
create function public.hidden_sessions(p_limit integer) returns json
language sql stable set search_path = '' as $$
  select coalesce(json_agg(id), '[]')
  from (select id from public.sessions where deleted order by id limit p_limit) as s
$$;
revoke all on function public.hidden_sessions from public, anon, authenticated;
grant execute on function public.hidden_sessions to service_role;
