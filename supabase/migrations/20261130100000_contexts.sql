-- What goes to a model from a conversation: a message that a filter refused leaves it together with
-- its answer, and 0 messages mean as many as the window holds. A server of the release before this
-- one goes on working: it never asks for 0.

-- The newest messages above a new one that fit into `p_room` tokens, oldest first, from a question
-- on, as `fit_context` chooses them; `p_messages` counts the new one too, 0: as many as fit. Depth,
-- count and tokens are bounded inside the recursion: the cost is the context's, not the session's.
-- Each message costs 4 tokens beside its text. Blank and filtered answers do not count: four
-- messages are looked at for each one that may be kept. What a filter refused leaves with its
-- answer: the question, and those before it that nobody had answered, for the model saw them as
-- one. `counts` are the messages that the model may see, `kept` and `used` their number and their
-- tokens below a row.
create or replace function charla.history(
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

insert into charla.migrations (version) values ('20261130100000');
