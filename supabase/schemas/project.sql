-- The project itself: the schema that PostgREST does not show, the migrations that were applied,
-- and what `flask --app app check-supabase` asks about all the rest.
--
-- What holds for every file here:
-- Ids are UUIDs that the server makes, times are UTC, money is exact. No foreign key points at
-- users: the owner of a row may be an account of Supabase Auth, which has no row here.
-- What the server calls stands in `public` and answers with one JSON value, which no row cap of
-- PostgREST cuts; functions that only other functions call stand in `charla`.
-- What a turn calls is in PL/pgSQL, which keeps its plans: a function in SQL is planned again by
-- every statement that calls it, for 0.05 to 0.8 ms.
-- Old projects grant everything that is new in `public` to everybody, new ones grant nothing to
-- anybody: with its revokes and grants each object is the same in both. Row level security is on
-- for every table; `service_role`, the server's key, passes it by.

create schema charla;
revoke all on schema charla from public, anon, authenticated, service_role;
grant usage on schema charla to service_role;

-- Each migration adds its own version.
create table charla.migrations (
  version text primary key,
  applied_at timestamptz not null default now()
);
alter table charla.migrations enable row level security;
revoke all on charla.migrations from public, anon, authenticated, service_role;
grant select on charla.migrations to service_role;

-- What the server calls to see whether the database answers.
create function public.charla_ping() returns json
language sql stable set search_path = '' as $$
  select null::json
$$;
revoke all on function public.charla_ping from public, anon, authenticated;
grant execute on function public.charla_ping to service_role;

-- How many of these sizes, in their order, make a page of `p_bytes`: at least one, and the one that
-- fills it. Null: as many as there are.
create function charla.fitting(sizes integer[], p_bytes integer) returns integer
language plpgsql immutable set search_path = '' as $$
declare
  used bigint := 0;
  kept integer := 0;
begin
  while kept < cardinality(sizes) and (kept = 0 or p_bytes is null or used < p_bytes) loop
    kept := kept + 1;
    used := used + sizes[kept];
  end loop;
  return kept;
end;
$$;
revoke all on function charla.fitting from public, anon, authenticated;
grant execute on function charla.fitting to service_role;

-- Every function that the server and its commands call.
create function charla.remote_calls() returns text[]
language sql immutable set search_path = '' as $$
  select array['own_tenant', 'add_user', 'find_user', 'set_password', 'set_compared_email',
    'open_login', 'rotate_token', 'login_network_is_known',
    'revoke_logins', 'login_is_live', 'purge_tokens', 'purge_logins', 'find_key', 'create_session',
    'get_session', 'change_session', 'list_sessions', 'search_sessions', 'list_messages', 'begin_turn', 'settle_turn',
    'get_run', 'latest_run', 'run_text', 'run_progress', 'request_stop', 'run_states', 'beat',
    'claim_dead', 'forget_workers', 'delete_hidden', 'delete_session', 'hidden_sessions',
    'purge_keys', 'purge_checkpoints', 'charla_ping', 'charla_status',
    'import_rows', 'import_digests', 'import_collisions', 'set_role', 'add_link', 'find_link',
    'redeem_invitation', 'redeem_reset', 'purge_links', 'change_password']
$$;
revoke all on function charla.remote_calls from public, anon, authenticated;
grant execute on function charla.remote_calls to service_role;

-- Every table, with the columns that a user's own token may select.
create function charla.tables() returns table (name text, shown text[])
language sql immutable set search_path = '' as $$
  values
    ('tenants', array[]::text[]), ('users', '{}'), ('logins', '{}'), ('refresh_tokens', '{}'),
    ('runs', '{}'), ('checkpoints', '{}'), ('workers', '{}'), ('ledger', '{}'),
    ('idempotency_keys', '{}'), ('user_storage', '{}'), ('account_links', '{}'),
    ('sessions', array['id', 'user_id', 'title', 'system_prompt', 'provider', 'model', 'metadata',
      'archived', 'created_at', 'updated_at']),
    ('messages', array['id', 'session_id', 'user_id', 'parent_id', 'role', 'content', 'status',
      'finish_reason', 'provider', 'model', 'usage', 'created_at'])
$$;
revoke all on function charla.tables from public, anon, authenticated;
grant execute on function charla.tables to service_role;

-- What of the tables is not as these files say: a kind of deviation, and what it concerns.
create function charla.deviations_of_tables() returns table (kind text, what text)
language sql stable set search_path = '' as $$
  with ours as (
    select t.name, t.shown, c.oid, c.relrowsecurity
    from charla.tables() as t
    left join pg_class as c on c.relname = t.name and c.relnamespace = 'public'::regnamespace
  ), visitor as (
    select role from unnest(array['anon', 'authenticated']) as role
  ), columns as (
    select ours.name, visitor.role, a.attname,
      has_column_privilege(visitor.role, ours.oid, a.attnum, 'select') as may_select,
      has_column_privilege(visitor.role, ours.oid, a.attnum, 'insert, update, references')
        as may_write,
      visitor.role = 'authenticated' and a.attname = any (ours.shown) as is_shown
    from ours cross join visitor
    join pg_attribute as a on a.attrelid = ours.oid and a.attnum > 0 and not a.attisdropped
  )
  select 'table_missing', name from ours where oid is null
  union all
  select 'rls_off', name from ours where not relrowsecurity
  union all
  select 'table_closed', name from ours
  where oid is not null and not (
    has_table_privilege('service_role', oid, 'select')
    and has_table_privilege('service_role', oid, 'insert')
    and has_table_privilege('service_role', oid, 'update')
    and has_table_privilege('service_role', oid, 'delete')
  )
  union all
  select 'table_open', format('%s to %s', name, role) from ours cross join visitor
  where has_table_privilege(role, oid, 'delete, truncate, trigger')
  union all
  select 'column_open', format('%s.%s to %s', name, attname, role) from columns
  where may_write or (may_select and not is_shown)
  union all
  select 'column_closed', format('%s.%s', name, attname) from columns
  where is_shown and not may_select
  union all
  select 'policy_unknown', format('%s on %s', p.policyname, p.tablename)
  from pg_policies as p join ours on ours.name = p.tablename
  where p.schemaname = 'public' and p.policyname not in ('own_sessions', 'own_messages')
  union all
  select 'policy_missing', name
  from unnest(array['own_sessions', 'own_messages']) as name
  where not exists (
    select from pg_policies as p where p.schemaname = 'public' and p.policyname = name
      and p.cmd = 'SELECT' and p.roles = array['authenticated'::name]
  )
$$;
revoke all on function charla.deviations_of_tables from public, anon, authenticated;
grant execute on function charla.deviations_of_tables to service_role;

-- The same of the functions.
create function charla.deviations_of_functions() returns table (kind text, what text)
language sql stable set search_path = '' as $$
  with ours as (
    select p.oid, p.proname as name, p.proconfig, p.pronamespace
    from pg_proc as p
    where (p.pronamespace = 'public'::regnamespace and p.proname = any (charla.remote_calls()))
      or p.pronamespace = 'charla'::regnamespace
  )
  select 'function_missing', called from unnest(charla.remote_calls()) as called
  where not exists (
    select from ours where ours.name = called and pronamespace = 'public'::regnamespace
  )
  union all
  select 'function_closed', name from ours
  where not has_function_privilege('service_role', oid, 'execute')
  union all
  select 'function_open', format('%s to %s', name, role)
  from ours cross join unnest(array['anon', 'authenticated']) as role
  where has_function_privilege(role, oid, 'execute')
  union all
  select 'function_loose', name from ours
  where not coalesce(proconfig, '{}') @> array['search_path=""']
$$;
revoke all on function charla.deviations_of_functions from public, anon, authenticated;
grant execute on function charla.deviations_of_functions to service_role;

create function public.charla_status() returns json
language sql stable set search_path = '' as $$
  select json_build_object(
    'now', clock_timestamp(),
    'migrations', (select coalesce(json_agg(version order by version), '[]')
      from charla.migrations),
    'deviations', (
      select coalesce(json_agg(json_build_array(kind, what) order by kind, what), '[]')
      from (
        select * from charla.deviations_of_tables()
        union all
        select * from charla.deviations_of_functions()
      ) as deviation
    )
  )
$$;
revoke all on function public.charla_status from public, anon, authenticated;
grant execute on function public.charla_status to service_role;
